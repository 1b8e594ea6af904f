"""Real mountains: maps of path loss against the path to each cell for itself on the Chimborazo."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.enums import Resampling
from rasterio.warp import reproject, transform_bounds

from phusong.coverage.radio import path_kernels
from phusong.coverage.radio.itm import Conditions, TimeLocationSituation, itm_profile
from phusong.coverage.radio.models import MOST_APART_DB, Propagation, losses_along, losses_at_mast_db
from phusong.coverage.radio.rays import path_losses, ray_to
from phusong.coverage.radio.terrain import Terrain
from phusong.layers.grid import Grid, Raster

FOLDER = os.environ.get("PHUSONG_DATA")
FILE = Path(FOLDER or ".", "chimborazo_dem_srtm3.tif")

pytestmark = pytest.mark.skipif(not (FOLDER and FILE.exists()), reason="PHUSONG_DATA does not name the real elevation")


@pytest.fixture(scope="module")
def chimborazo() -> Callable[[float], Raster]:
    """27 km about its middle, in cells of so many metres."""

    def read(cell_m: float) -> Raster:
        with rasterio.open(FILE) as source:
            middle = transform_bounds(source.crs, "EPSG:32717", *source.bounds)
            x_m, y_m = (middle[0] + middle[2]) / 2, (middle[1] + middle[3]) / 2
            grid = Grid.covering(
                (x_m - 13_500.0, y_m - 13_500.0, x_m + 13_500.0, y_m + 13_500.0), crs="EPSG:32717", cell_m=cell_m
            )
            values = np.full(grid.shape, np.nan, dtype=np.float32)
            reproject(
                rasterio.band(source, 1),
                values,
                dst_transform=grid.transform,
                dst_crs=grid.crs,
                dst_nodata=np.nan,
                resampling=Resampling.bilinear,
            )
        assert np.isfinite(values).all()
        assert np.ptp(values) > 1_000.0
        return Raster(grid, values)

    return read


def sites(elevation: Raster) -> list[tuple[float, float]]:
    """The summit, the lowest valley and places that fall as they do, in rows and cols."""
    values = elevation.values
    rng = np.random.default_rng(5)
    ends = [np.unravel_index(pick(values), values.shape) for pick in (np.argmax, np.argmin)]
    return [(r + 0.3, c - 0.2) for r, c in ends] + rng.uniform(3.0, np.array(values.shape) - 4.0, (6, 2)).tolist()


@pytest.mark.parametrize(("cell_m", "mhz"), [(90.0, 900.0), (90.0, 2600.0), (30.0, 1800.0)])
def test_maps_are_the_path_to_every_cell(chimborazo, exact_loss, small_errors, cell_m: float, mhz: float) -> None:
    """All sites together; on a bare summit alone, where shadows are sharp all round, a cell in a hundred is worse."""
    elevation = chimborazo(cell_m)
    terrain = Terrain.of(elevation)
    rng = np.random.default_rng(7)
    errors = []
    for row, col in sites(elevation):
        ground = path_kernels.bilinear(terrain.by_row, row, col)
        mast = (row, col, ground + 36.0, ground)
        (row0, _, col0, _), (tenth_db,) = path_losses(
            terrain,
            mast,
            range_cells=15_000.0 / cell_m,
            bands=1,
            losses=partial(losses_along, bands_mhz=[mhz], propagation=Propagation()),
            at_mast_db=losses_at_mast_db(mast, bands_mhz=[mhz], propagation=Propagation()),
        )
        cells = rng.permutation(np.argwhere(tenth_db > 0))[:600]
        known = [exact_loss(terrain, mast, float(r + row0), float(c + col0), mhz=mhz) for r, c in cells]
        errors.append(tenth_db[tuple(cells.T)] / 10.0 - known)
        assert np.median(np.abs(errors[-1])) <= 0.15
        assert np.quantile(np.abs(errors[-1]), 0.9) <= 1.0
        assert np.quantile(np.abs(errors[-1]), 0.99) <= 10.0
    small_errors(np.concatenate(errors))


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize(("cell_m", "mhz"), [(90.0, 900.0), (90.0, 2600.0), (50.0, 900.0), (30.0, 900.0)])
def test_itm_maps_are_the_path_to_every_cell(
    chimborazo, small_errors, cell_m: float, mhz: float, centred: bool
) -> None:
    """From cell centres the path is that of ``itm_profile``; from elsewhere its first step is short."""
    elevation = chimborazo(cell_m)
    terrain = Terrain.of(elevation)
    propagation = Propagation(model="itm")
    rng = np.random.default_rng(7)
    errors = []
    for row, col in sites(elevation):
        row, col = (float(round(row)), float(round(col))) if centred else (row, col)  # noqa: PLW2901
        ground = path_kernels.bilinear(terrain.by_row, row, col)
        mast = (row, col, ground + 36.0, ground)
        losses = partial(losses_along, bands_mhz=[mhz], propagation=propagation)
        (row0, _, col0, _), (tenth_db,) = path_losses(
            terrain,
            mast,
            range_cells=15_000.0 / cell_m,
            bands=1,
            losses=losses,
            at_mast_db=losses_at_mast_db(mast, bands_mhz=[mhz], propagation=propagation),
            most_apart_db=MOST_APART_DB["itm"],
        )
        for r, c in rng.permutation(np.argwhere(tenth_db > 0))[:250]:
            if (r + row0, c + col0) == (row, col):
                continue
            ray = ray_to(terrain, mast, float(r + row0), float(c + col0))
            known_db = float(losses(ray)[0].db[0, -1])
            if centred:
                path = itm_profile(
                    np.append(ground, ray.ground[0]),
                    step_m=ray.step_m[0],
                    tx_height_m=36.0,
                    rx_height_m=1.5,
                    conditions=Conditions(mhz, "vertical", propagation.climate, propagation.n0),
                    quantiles=TimeLocationSituation(),
                )
                assert known_db == pytest.approx(path.loss_db, abs=1e-3)
            errors.append(tenth_db[r, c] / 10.0 - known_db)
    small_errors(np.array(errors))


def test_the_path_to_a_cell_is_the_formulas_as_printed(chimborazo, exact_loss, reference_delta_bullington) -> None:
    elevation = chimborazo(90.0)
    terrain = Terrain.of(elevation)
    rng = np.random.default_rng(3)
    wave = 299.792458 / 900.0
    over = []
    for row, col in sites(elevation):
        ground = path_kernels.bilinear(terrain.by_row, row, col)
        mast = (row, col, ground + 36.0, ground)
        for r, c in rng.integers(0, elevation.grid.shape, (10, 2)):
            d, h = np.empty((2, 400))
            n = path_kernels.sample_profile(terrain.by_row, terrain.by_col, row, col, float(r), float(c), 90.0, d, h)
            path = 90.0 * np.hypot(r - row, c - col)
            rx = float(elevation.values[r, c]) + 1.5
            d, h = np.concatenate([[0.0], d[:n], [path]]), np.concatenate([[ground], h[:n], [rx - 1.5]])
            known = reference_delta_bullington(d, h, mast[2], rx, wave, 6_371_000.0 * 4.0 / 3.0)
            over.append(known)
            known += 20.0 * np.log10(4.0 * np.pi * np.hypot(path, rx - mast[2]) / wave)
            assert exact_loss(terrain, mast, float(r), float(c), mhz=900.0) == pytest.approx(known, abs=1e-6)
    assert np.ptp(over) > 40.0
