"""Whole maps of a mast by every model against the path to each cell for itself, on any land."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import hypot, inf
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from phusong.coverage.radio import path_kernels
from phusong.coverage.radio.diffraction import EARTH_RADIUS_M, free_space_loss_db, wavelength_m
from phusong.coverage.radio.itm import Climate, Conditions, TimeLocationSituation, itm_profile
from phusong.coverage.radio.models import (
    HIDDEN_DB,
    MOST_APART_DB,
    Propagation,
    clearance_along,
    losses_along,
    losses_at_mast_db,
)
from phusong.coverage.radio.p1812 import p1812
from phusong.coverage.radio.rays import path_losses, ray_to
from phusong.coverage.radio.site_general import path_loss
from phusong.coverage.radio.terrain import Terrain
from phusong.layers.errors import InputError
from phusong.layers.grid import Raster

EARTH_M = EARTH_RADIUS_M * 4.0 / 3.0
Mast = tuple[float, float, float, float]


def mast_at(terrain: Terrain, row: float, col: float, height_m: float) -> Mast:
    ground = path_kernels.bilinear(terrain.by_row, row, col)
    return float(row), float(col), ground + height_m, ground


def places(raster: Raster) -> dict[str, tuple[float, float]]:
    """A summit, a valley floor and a slope, at a cell centre and off it."""
    highest, lowest = (np.unravel_index(pick(raster.values), raster.values.shape) for pick in (np.argmax, np.argmin))
    steepest = np.unravel_index(np.argmax(np.hypot(*np.gradient(raster.values))[9:-9, 9:-9]), raster.values[9:-9].shape)
    return {
        "summit": (float(highest[0]), float(highest[1])),
        "valley": (lowest[0] + 0.2, lowest[1] + 0.3),
        "slope": (steepest[0] + 9.3, steepest[1] + 9.1),
    }


def map_of(
    terrain: Terrain, mast: Mast, *, mhz: float, propagation: Propagation, range_cells: float = 80.0
) -> np.ndarray:
    """Loss in dB over the whole grid, NaN beyond range."""
    (row0, row1, col0, col1), (tenth_db,) = path_losses(
        terrain,
        mast,
        range_cells=range_cells,
        bands=1,
        losses=partial(losses_along, bands_mhz=[mhz], propagation=propagation),
        at_mast_db=losses_at_mast_db(mast, bands_mhz=[mhz], propagation=propagation),
        most_apart_db=MOST_APART_DB.get(propagation.model, inf),
    )
    loss = np.full(terrain.grid.shape, np.nan)
    loss[row0:row1, col0:col1] = np.where(tenth_db == 0, np.nan, tenth_db / 10.0)
    return loss


def cells_of(loss: np.ndarray, mast: Mast, *, count: int, near: float = 0.5) -> list[tuple[int, int]]:
    """Some cells, the mast's own left out; a share ``near`` of them at all ranges alike, the rest anywhere."""
    rows, cols = np.nonzero(np.isfinite(loss))
    away = np.hypot(rows - mast[0], cols - mast[1])
    rows, cols, away = rows[away > 0.5], cols[away > 0.5], away[away > 0.5]
    rng = np.random.default_rng(1)
    alike = rng.choice(len(rows), int(near * count), p=(1.0 / away) / (1.0 / away).sum())
    some = np.concatenate([alike, rng.choice(len(rows), count - len(alike))])
    return list(zip(rows[some].tolist(), cols[some].tolist(), strict=True))


def points_to(terrain: Terrain, mast: Mast, row: int, col: int) -> tuple[np.ndarray, np.ndarray]:
    """Distances and heights of the path to a cell, both ends included."""
    d, h = np.empty((2, max(terrain.by_row.shape)))
    cell_m = terrain.grid.cell_m
    n = path_kernels.sample_profile(
        terrain.by_row, terrain.by_col, mast[0], mast[1], float(row), float(col), cell_m, d, h
    )
    path = cell_m * hypot(row - mast[0], col - mast[1])
    rx = path_kernels.bilinear(terrain.by_row, float(row), float(col))
    return np.concatenate([[0.0], d[:n], [path]]), np.concatenate([[mast[3]], h[:n], [rx]])


@pytest.mark.parametrize(
    ("mhz", "height_m", "terminal_m"), [(450.0, 15.0, 1.5), (900.0, 36.0, 1.5), (2600.0, 45.0, 10.0)]
)
@pytest.mark.parametrize("land", ["mountains", "hills", "sea"])
def test_delta_bullington_of_cells_is_that_of_their_paths(
    lands, exact_loss, small_errors, land, mhz, height_m, terminal_m
) -> None:
    propagation = Propagation(terminal_height_m=terminal_m)
    terrain = Terrain.of(lands[land])
    for place in places(lands[land]).values():
        mast = mast_at(terrain, *place, height_m)
        loss = map_of(terrain, mast, mhz=mhz, propagation=propagation)
        cells = cells_of(loss, mast, count=700)
        known = [exact_loss(terrain, mast, *cell, mhz=mhz, terminal_m=terminal_m) for cell in cells]
        small_errors(np.array([loss[cell] for cell in cells]) - known)


@pytest.mark.parametrize("mhz", [450.0, 1800.0])
def test_cells_of_30_m_are_as_good(lands, exact_loss, small_errors, mhz) -> None:
    """Mountains as steep as those of 90 m, in finer cells."""
    coarse = lands["mountains"]
    finer = np.kron(coarse.values[30:75, 30:75], np.ones((3, 3)))
    fine = Raster(replace(coarse.grid, cell_m=30.0, shape=finer.shape), gaussian_filter(finer, 2.0).astype(np.float32))
    terrain = Terrain.of(fine)
    for place in places(fine).values():
        mast = mast_at(terrain, *place, 36.0)
        loss = map_of(terrain, mast, mhz=mhz, propagation=Propagation(), range_cells=120.0)
        cells = cells_of(loss, mast, count=700)
        known = [exact_loss(terrain, mast, *cell, mhz=mhz) for cell in cells]
        small_errors(np.array([loss[cell] for cell in cells]) - known)


def test_a_plain_as_elevation_models_show_it_and_pure_noise(grid_of, exact_loss, small_errors) -> None:
    """Low waves over some cells, and noise from each cell to the next: each cell is corrected for its own ground."""
    rng = np.random.default_rng(1)
    grid = grid_of(120, 140)
    wavy = gaussian_filter(rng.standard_normal(grid.shape), 2.0)
    for heights in (1.5 * wavy / wavy.std(), rng.normal(0.0, 0.5, grid.shape)):
        terrain = Terrain.of(Raster(grid, (100.0 + heights).astype(np.float32)))
        mast = mast_at(terrain, 60.3, 70.7, 36.0)
        loss = map_of(terrain, mast, mhz=900.0, propagation=Propagation())
        cells = cells_of(loss, mast, count=900)
        small_errors(np.array([loss[cell] - exact_loss(terrain, mast, *cell, mhz=900.0) for cell in cells]))


# line of sight


@pytest.mark.parametrize("land", ["mountains", "hills", "flat"])
def test_who_is_seen_agrees_with_a_profile_of_every_cell(lands, land) -> None:
    terrain = Terrain.of(lands[land])
    room = np.empty(200)
    for place in places(lands[land]).values():
        mast = mast_at(terrain, *place, 36.0)
        loss = map_of(terrain, mast, mhz=900.0, propagation=Propagation(model="line-of-sight"))
        cells = cells_of(loss, mast, count=3000)
        same = 0
        for row, col in cells:
            d, h = points_to(terrain, mast, row, col)
            n = len(d) - 2
            root_nu = path_kernels.bullington_root_nu(d[1:-1], h[1:-1], n, d[-1], mast[2], h[-1] + 1.5, EARTH_M, room)
            seen = loss[row, col] < 0.5 * HIDDEN_DB
            same += seen == (root_nu < 0.0)
            if seen:
                free = free_space_loss_db(hypot(d[-1], h[-1] + 1.5 - mast[2]), wavelength_m=wavelength_m(900.0))
                assert loss[row, col] == pytest.approx(free, abs=0.5)
        assert same / len(cells) >= 0.99


def test_clearance_says_who_is_seen(mountains) -> None:
    terrain = Terrain.of(mountains)
    mast = mast_at(terrain, 60.3, 70.7, 36.0)
    rng = np.random.default_rng(4)
    seen = 0
    for row, col in rng.integers(0, mountains.grid.shape, (100, 2)):
        d, h = points_to(terrain, mast, row, col)
        clear = (
            h[1:-1] + d[1:-1] * (d[-1] - d[1:-1]) / (2.0 * EARTH_M)
            < mast[2] + (h[-1] + 1.5 - mast[2]) * d[1:-1] / d[-1]
        )
        told = clearance_along(ray_to(terrain, mast, float(row), float(col)), propagation=Propagation())[0, -1]
        assert (told >= 0.0) == clear.all()
        seen += clear.all()
    assert 10 < seen < 90


# P.1812 and ITM


@pytest.mark.parametrize(
    ("land", "time_pct", "location_pct", "delta_n"),
    [
        ("mountains", 50.0, 50.0, 45.0),
        ("mountains", 5.0, 90.0, 60.0),
        ("hills", 50.0, 20.0, 45.0),
        ("sea", 10.0, 50.0, 45.0),
    ],
)
def test_p1812_of_cells_is_that_of_their_paths(lands, small_errors, land, time_pct, location_pct, delta_n) -> None:
    """Below 0.25 km, where the Recommendation begins, only free space is sure to be."""
    terrain = Terrain.of(lands[land])
    air: dict[str, Any] = {"latitude_deg": 16.0, "delta_n": delta_n, "n0": 360.0, "time_pct": time_pct}
    factor = 157.0 / (157.0 - delta_n)
    propagation = Propagation(model="p1812", effective_earth_factor=factor, location_pct=location_pct, **air)
    mast = mast_at(terrain, 60.3, 70.7, 36.0)
    loss = map_of(terrain, mast, mhz=900.0, propagation=propagation)
    errors = []
    for row, col in cells_of(loss, mast, count=400):
        d, h = points_to(terrain, mast, row, col)
        if d[-1] > 250.0:
            ends = {"frequency_mhz": 900.0, "tx_height_m": 36.0, "rx_height_m": 1.5, "vertical": True}
            known = p1812(d / 1e3, h, locations_pct=location_pct, **ends, **air)
            errors.append(loss[row, col] - known.loss_db)
    small_errors(np.array(errors))


@pytest.mark.parametrize(("mhz", "time_pct", "location_pct"), [(900.0, 50.0, 50.0), (3500.0, 90.0, 70.0)])
@pytest.mark.parametrize("land", ["mountains", "hills", "sea"])
def test_itm_of_cells_is_that_of_their_paths(lands, small_errors, land, mhz, time_pct, location_pct) -> None:
    """Seen from cell centres, so that the lines of cell centres read the path at equal steps."""
    terrain = Terrain.of(lands[land])
    propagation = Propagation(model="itm", time_pct=time_pct, location_pct=location_pct)
    errors = []
    for row, col in places(lands[land]).values():
        mast = mast_at(terrain, round(row), round(col), 36.0)
        loss = map_of(terrain, mast, mhz=mhz, propagation=propagation)
        for r, c in cells_of(loss, mast, count=400, near=0.0):
            d, h = points_to(terrain, mast, r, c)
            known = itm_profile(
                h,
                step_m=d[1],
                tx_height_m=36.0,
                rx_height_m=1.5,
                conditions=Conditions(mhz, "vertical", propagation.climate, propagation.n0),
                quantiles=TimeLocationSituation(time_pct, location_pct),
            )
            errors.append(loss[r, c] - known.loss_db)
    small_errors(np.array(errors))


@pytest.mark.parametrize(("time_pct", "location_pct"), [(50.0, 50.0), (90.0, 70.0)])
@pytest.mark.parametrize("land", ["mountains", "hills"])
def test_itm_of_cells_is_near_their_paths_read_finely(lands, small_errors, land, time_pct, location_pct) -> None:
    """Paths are read at equal steps, four to a sample, on the straight lines between the samples of the path.

    They pass over the tops of some peaks, which the rays do not: some 0.08 dB on sharp mountains.
    """
    terrain = Terrain.of(lands[land])
    propagation = Propagation(model="itm", time_pct=time_pct, location_pct=location_pct)
    errors = []
    for place in places(lands[land]).values():
        mast = mast_at(terrain, *place, 36.0)
        loss = map_of(terrain, mast, mhz=900.0, propagation=propagation)
        for row, col in cells_of(loss, mast, count=400, near=0.0):
            d, h = points_to(terrain, mast, row, col)
            if len(d) < 4:
                continue
            at = np.linspace(0.0, d[-1], 4 * len(d) - 3)
            known = itm_profile(
                np.interp(at, d, h),
                step_m=at[1],
                tx_height_m=36.0,
                rx_height_m=1.5,
                conditions=Conditions(900.0, "vertical", propagation.climate, propagation.n0),
                quantiles=TimeLocationSituation(time_pct, location_pct),
            )
            errors.append(loss[row, col] - known.loss_db)
    small_errors(np.array(errors), bias_db=0.15)


@pytest.mark.parametrize(
    ("model", "time_pct", "heeds"), [("itm", 50.0, True), ("itm", 95.0, True), ("delta-bullington", 50.0, False)]
)
def test_the_climate_is_one_of_itm_alone(mountains, model, time_pct: float, heeds: bool) -> None:
    """On paths of tens of kilometres: the climate's curves begin there."""
    terrain = Terrain.of(replace(mountains, grid=replace(mountains.grid, cell_m=900.0)))
    mast = mast_at(terrain, 60.3, 70.7, 36.0)
    here, elsewhere = (
        map_of(terrain, mast, mhz=900.0, propagation=Propagation(model=model, time_pct=time_pct, climate=climate))
        for climate in (Climate.MARITIME_SUBTROPICAL, Climate.CONTINENTAL_TEMPERATE)
    )
    assert (np.nanmax(np.abs(here - elsewhere)) > 0.5) == heeds
    assert heeds or np.array_equal(here, elsewhere, equal_nan=True)


# site-general models


@pytest.mark.parametrize("model", ["free-space", "okumura-hata", "cost231-hata", "rma", "uma"])
def test_site_general_models_are_themselves(lands, model: str) -> None:
    """Linear between two rays, a loss by distance alone is nearly exact; 3GPP's take the terrain's line of sight."""
    mhz = 1800.0 if model == "cost231-hata" else 900.0
    terrain = Terrain.of(lands["sea"])
    mast = (60.3, 70.7, 36.0, 0.0)
    propagation = Propagation(model=model, offset_db=-3.0)  # type: ignore[arg-type]
    loss = map_of(terrain, mast, mhz=mhz, propagation=propagation, range_cells=50.0)
    cells = cells_of(loss, mast, count=200)
    away = np.array([90.0 * hypot(row - mast[0], col - mast[1]) for row, col in cells])
    if model == "free-space":
        known = np.array([free_space_loss_db(hypot(d, 34.5), wavelength_m=wavelength_m(mhz)) for d in away])
    else:
        known = path_loss(
            model.replace("-", "_"),
            away,
            frequency_mhz=mhz,
            base_height_m=36.0,
            terminal_height_m=1.5,
            environment="open",
            line_of_sight=True,
        ).loss_db
    found = np.array([loss[cell] for cell in cells])
    np.testing.assert_allclose(found[away > 300.0], known[away > 300.0] - 3.0, atol=0.1)
    np.testing.assert_allclose(found, known - 3.0, atol=1.0)


def test_3gpp_models_lose_more_where_the_mast_is_not_seen(mountains) -> None:
    terrain = Terrain.of(mountains)
    mast = mast_at(terrain, 60.3, 70.7, 36.0)
    ray_losses = []
    for row, col in np.random.default_rng(3).integers(0, 120, (60, 2)):
        ray = ray_to(terrain, mast, float(row), float(col))
        seen = bool(clearance_along(ray, propagation=Propagation())[0, -1] >= 0.0)
        (loss,) = losses_along(ray, bands_mhz=[900.0], propagation=Propagation(model="rma"))
        away = 90.0 * hypot(row - mast[0], col - mast[1])
        known = path_loss(
            "rma", away, frequency_mhz=900.0, base_height_m=36.0, terminal_height_m=1.5, line_of_sight=seen
        )
        assert loss.db[0, -1] == pytest.approx(float(known.loss_db), abs=0.001)
        ray_losses.append(seen)
    assert 5 < sum(ray_losses) < 55


@pytest.mark.parametrize("k", [0.0, 0.7])
def test_joined_with_the_terrain_the_greater_counts(mountains, k: float) -> None:
    terrain = Terrain.of(mountains)
    mast = mast_at(terrain, 60.3, 70.7, 36.0)
    parts = {
        name: Propagation(model=name)  # type: ignore[arg-type]
        for name in ("okumura-hata", "free-space", "delta-bullington")
    }
    joined = Propagation(model="okumura-hata", terrain_k=k)
    more = 0
    for row, col in np.random.default_rng(5).integers(0, 120, (60, 2)):
        ray = ray_to(terrain, mast, float(row), float(col))
        hata, free, diffracted, both = (
            float(losses_along(ray, bands_mhz=[900.0], propagation=of)[0].db[0, -1]) for of in (*parts.values(), joined)
        )
        assert both == pytest.approx(max(hata, free + k * (diffracted - free)), abs=1e-3)
        more += both > hata + 0.1
    assert (more > 5) == (k > 0.0)


def test_what_is_not_a_model_is_refused_and_each_setting_has_its_own_key() -> None:
    with pytest.raises(InputError, match="line-of-sight"):
        Propagation(model="ray-tracing")  # type: ignore[arg-type]
    plain = Propagation()
    others = [
        replace(plain, **change)
        for change in (
            {"model": "p1812"},
            {"effective_earth_factor": 1.0},
            {"terminal_height_m": 2.0},
            {"spherical_earth": False},
            {"vertical": False},
            {"environment": "urban"},
            {"terrain_k": 1.0},
            {"offset_db": 1.0},
            {"time_pct": 10.0},
            {"location_pct": 90.0},
            {"delta_n": 50.0},
            {"n0": 350.0},
            {"latitude_deg": 20.0},
            {"climate": Climate.DESERT},
        )
    ]
    assert len({of.key for of in (plain, *others)}) == len(others) + 1
    assert Propagation().key == plain.key
