"""Synthetic mountains, networks, and a slow reference written straight from the formulas, without the compiled code."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from scipy.ndimage import gaussian_filter, map_coordinates

from phusong.coverage.radio import compute, network, path_kernels, servers
from phusong.coverage.radio.best_server import RadioResult
from phusong.coverage.radio.defaults import usable_levels
from phusong.coverage.radio.link_budget import LinkTerms
from phusong.coverage.radio.terrain import Terrain
from phusong.layers.grid import Grid, Raster
from phusong.layers.patterns import Patterns

ON = date(2012, 12, 31)
EARTH_M = 6_371_000.0 * 4.0 / 3.0
RF_VALIDATION = os.environ.get("PHUSONG_RF_VALIDATION")
STEP_LOGS = sorted(Path(RF_VALIDATION, "p1812").glob("result_*.csv")) if RF_VALIDATION else []


@dataclass(frozen=True)
class StepLog:
    """A step log of P.1812's official profiles, (name, reference) -> value, and the profile it belongs to."""

    value: dict[tuple[str, str], float]
    d_m: np.ndarray
    h_m: np.ndarray
    clutter_m: np.ndarray


def read_step_log(path: Path) -> StepLog:
    """Names in a log may hold commas, so its values are read from the right."""
    value = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#") or not line.strip(" ,"):
            continue
        name, reference, _, number, _ = line.rsplit(",", 4)
        value[name.strip(), reference.strip()] = float(number)
    profile = path.with_name(f"profile_{path.stem.removeprefix('result_').rpartition('_')[0]}.csv")
    lines = [line.rstrip(",") for line in profile.read_text(encoding="utf-8").splitlines()]
    begin = lines.index("{Begin of Profile}")
    count = int(lines[begin + 1].split(",")[1])
    rows = np.array([[float(x) for x in line.split(",")[:4]] for line in lines[begin + 2 : begin + 2 + count]])
    return StepLog(value, rows[:, 0] * 1e3, rows[:, 1].copy(), rows[:, 3].copy())


def make_grid(rows: int, cols: int, *, cell_m: float = 90.0) -> Grid:
    return Grid("EPSG:9212", 540_000.0, 1_850_040.0, cell_m, (rows, cols))


def make_mountains(rows: int = 120, cols: int = 140, *, seed: int = 7) -> Raster:
    rng = np.random.default_rng(seed)
    noise = sum(
        height * width * gaussian_filter(rng.standard_normal((rows, cols)), width)
        for height, width in ((900, 12), (250, 4))
    )
    return Raster(make_grid(rows, cols), np.maximum(noise + 400.0, 0.0).astype(np.float32))


def make_lands() -> dict[str, Raster]:
    """The mountains, low hills of the same shape, rough flat ground and the sea."""
    high = make_mountains()
    rough = np.random.default_rng(1).normal(100.0, 0.5, high.values.shape)
    heights = {"mountains": high.values, "hills": 0.08 * high.values, "flat": rough, "sea": 0.0 * rough}
    return {name: Raster(high.grid, values.astype(np.float32)) for name, values in heights.items()}


def make_network(
    places: list[tuple[float, float]], *, rows: list[dict[str, Any]] | None = None, **common: Any
) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """Sites at places; one omnidirectional 2G sector each unless ``rows`` says otherwise."""
    sites = gpd.GeoDataFrame(
        {"site_id": [f"s{i}" for i in range(len(places))]}, geometry=shapely.points(places), crs="EPSG:9212"
    )
    rows = rows or [{"site_id": name} for name in sites["site_id"]]
    base = {"operator": "A", "technology": "2G", "height_m": 36.0, "azimuth_deg": np.nan} | common
    frame = pd.DataFrame([base | row for row in rows])
    frame["sector_id"] = [f"c{i:03d}" for i in range(len(frame))]
    return sites, frame


def reference_bullington_db(d: np.ndarray, h: np.ndarray, tx: float, rx: float, wave: float, earth: float) -> float:
    """P.1812-7 eqs. (13) to (21) as printed, in km and metres; the ends are the first and last point."""
    dist, di, hi = d[-1] / 1e3, d[1:-1] / 1e3, h[1:-1]
    if len(di) == 0:
        return 0.0
    ce = 1e3 / earth
    stim = np.max((hi + 500 * ce * di * (dist - di) - tx) / di)
    straight = (rx - tx) / dist
    if stim < straight:
        nu = np.max(
            (hi + 500 * ce * di * (dist - di) - (tx * (dist - di) + rx * di) / dist)
            * np.sqrt(0.002 * dist / (wave * di * (dist - di)))
        )
    else:
        srim = np.max((hi + 500 * ce * di * (dist - di) - rx) / (dist - di))
        dbp = (rx - tx + srim * dist) / (stim + srim)
        nu = (tx + stim * dbp - (tx * (dist - dbp) + rx * dbp) / dist) * np.sqrt(
            0.002 * dist / (wave * dbp * (dist - dbp))
        )
    luc = 0.0 if nu <= -0.78 else 6.9 + 20 * np.log10(np.sqrt((nu - 0.1) ** 2 + 1) + nu - 0.1)
    return float(luc + (1 - np.exp(-luc / 6)) * (10 + 0.02 * dist))


def reference_spherical_db(d: float, hte: float, hre: float, ghz: float, earth_km: float, *, vertical: bool) -> float:
    """P.1812-7 eqs. (22) to (36) as printed, over land, in km, m and GHz; the wavelength is 0.299792458 / f."""

    def first_term(a: float) -> float:
        k = 0.036 * (a * ghz) ** (-1 / 3) * ((22 - 1) ** 2 + (18 * 0.003 / ghz) ** 2) ** (-1 / 4)
        k *= (22**2 + (18 * 0.003 / ghz) ** 2) ** 0.5 if vertical else 1
        beta = (1 + 1.6 * k**2 + 0.67 * k**4) / (1 + 4.5 * k**2 + 1.53 * k**4)
        x = 21.88 * beta * (ghz / a**2) ** (1 / 3) * d
        fx = 11 + 10 * np.log10(x) - 17.6 * x if x >= 1.6 else -20 * np.log10(x) - 5.6488 * x**1.425

        def gain(h: float) -> float:
            b = beta * 0.9575 * beta * (ghz**2 / a) ** (1 / 3) * h
            g = 17.6 * (b - 1.1) ** 0.5 - 5 * np.log10(b - 1.1) - 8 if b > 2 else 20 * np.log10(b + 0.1 * b**3)
            return max(g, 2 + 20 * np.log10(k))

        return float(-fx - gain(hte) - gain(hre))

    if d >= np.sqrt(2 * earth_km) * (np.sqrt(0.001 * hte) + np.sqrt(0.001 * hre)):
        return first_term(earth_km)
    c = (hte - hre) / (hte + hre)
    m = 250 * d**2 / (earth_km * (hte + hre))
    b = 2 * np.sqrt((m + 1) / (3 * m)) * np.cos(np.pi / 3 + np.arccos(1.5 * c * np.sqrt(3 * m / (m + 1) ** 3)) / 3)
    d1, d2 = d / 2 * (1 + b), d / 2 * (1 - b)
    hse = ((hte - 500 * d1**2 / earth_km) * d2 + (hre - 500 * d2**2 / earth_km) * d1) / d
    hreq = 17.456 * np.sqrt(d1 * d2 * (0.299792458 / ghz) / d)
    if hse > hreq:
        return 0.0
    return float((1 - hse / hreq) * max(first_term(500 * (d / (np.sqrt(hte) + np.sqrt(hre))) ** 2), 0.0))


def reference_delta_bullington_db(
    d: np.ndarray,
    h: np.ndarray,
    tx: float,
    rx: float,
    wave: float,
    earth: float,
    *,
    vertical: bool = True,
    fine: bool = False,
) -> float:
    """P.1812-7 eqs. (37) to (39) with the smooth surface of eqs. (83) to (89), as printed.

    ``fine``: the smooth Earth of eq. (39) is read in fine steps, not only where the profile has its points.
    """
    if len(d) < 3:
        return 0.0
    km = d / 1e3
    path = km[-1]
    v1 = np.sum(np.diff(km) * (h[1:] + h[:-1]))
    v2 = np.sum(np.diff(km) * (h[1:] * (2 * km[1:] + km[:-1]) + h[:-1] * (km[1:] + 2 * km[:-1])))
    hst, hsr = (2 * v1 * path - v2) / path**2, (v2 - v1 * path) / path**2
    over = h[1:-1] - (tx * (path - km[1:-1]) + rx * km[1:-1]) / path
    if np.max(over) > 0:
        at, ar = np.max(over / km[1:-1]), np.max(over / (path - km[1:-1]))
        hst, hsr = hst - np.max(over) * at / (at + ar), hsr - np.max(over) * ar / (at + ar)
    hte, hre = tx - min(hst, h[0]), rx - min(hsr, h[-1])
    steps = d[-1] * (0.5 - 0.5 * np.cos(np.pi * np.arange(801) / 800)) if fine else d
    smooth = reference_bullington_db(steps, np.zeros_like(steps), hte, hre, wave, earth)
    sphere = reference_spherical_db(path, hte, hre, 0.299792458 / wave, earth / 1e3, vertical=vertical)
    return reference_bullington_db(d, h, tx, rx, wave, earth) + max(sphere - smooth, 0.0)


def reference_pattern_db(azimuth: float, elevation: float, sector: pd.Series, turn_deg: float) -> float:
    """TR 36.814: the direction is turned into the antenna's frame by a rotation matrix."""
    vertical_width, etilt = sector["beamwidth_v_deg"], sector["electrical_tilt_deg"]
    if np.isnan(sector["azimuth_deg"]):
        return float(min(12 * ((-np.degrees(elevation) - etilt) / vertical_width) ** 2, 20))
    phi = azimuth - np.radians(sector["azimuth_deg"] - turn_deg)
    vector = np.array([np.cos(elevation) * np.cos(phi), np.cos(elevation) * np.sin(phi), np.sin(elevation)])
    beta = np.radians(sector["mechanical_tilt_deg"])
    turned = np.array([[np.cos(beta), 0, -np.sin(beta)], [0, 1, 0], [np.sin(beta), 0, np.cos(beta)]]) @ vector
    around = np.degrees(np.arctan2(turned[1], turned[0]))
    up = np.degrees(np.arcsin(turned[2]))
    return float(
        min(
            min(12 * (around / sector["beamwidth_h_deg"]) ** 2, 25)
            + min(12 * ((-up - etilt) / vertical_width) ** 2, 20),
            25,
        )
    )


def reference_level_dbm(elevation: Raster, sector: pd.Series, row: int, col: int, *, turn_deg: float) -> float:
    """Level of one completed sector in one cell, the profile read with scipy's bilinear interpolation."""
    grid = elevation.grid
    z = elevation.values.astype(np.float64)
    tx = np.array([(grid.top_m - sector["y_m"]) / grid.cell_m - 0.5, (sector["x_m"] - grid.left_m) / grid.cell_m - 0.5])
    end = np.array([row, col], dtype=float)
    axis = int(abs(end - tx)[1] >= abs(end - tx)[0])
    low, high = sorted((tx[axis], end[axis]))
    lines = np.arange(np.floor(low) + 1, np.ceil(high))
    share = (lines - tx[axis]) / (end - tx)[axis] if len(lines) else lines
    share = np.concatenate([[0.0], np.sort(share), [1.0]])
    points = tx[:, None] + (end - tx)[:, None] * share
    h = map_coordinates(z, points, order=1, mode="nearest")
    path = float(np.hypot(*(end - tx)) * grid.cell_m)
    top, foot = h[0] + sector["height_m"], h[-1] + 1.5
    wave = 299.792458 / sector["band_mhz"]
    free = 20 * np.log10(4 * np.pi * np.hypot(path, foot - top) / wave)
    azimuth = np.arctan2((end - tx)[1], -(end - tx)[0])
    elevation_angle = np.arctan2(foot - top - path**2 / (2 * EARTH_M), path)
    return float(
        sector["pilot_power_dbm"]
        - sector["feeder_loss_db"]
        + sector["antenna_gain_dbi"]
        - reference_pattern_db(azimuth, elevation_angle, sector, turn_deg)
        - free
        - reference_delta_bullington_db(share * path, h, top, foot, wave, EARTH_M)
    )


def exact_path_loss_db(
    terrain: Terrain,
    mast: tuple[float, float, float, float],
    row: float,
    col: float,
    *,
    mhz: float,
    terminal_m: float = 1.5,
    earth_m: float = EARTH_M,
    spherical: bool = True,
) -> float:
    """Free space and delta-Bullington of one path for itself, with the compiled functions of single paths.

    inf across a void.
    """
    d, h = np.empty((2, max(terrain.by_row.shape)))
    cell_m, wave = terrain.grid.cell_m, 299.792458 / mhz
    n = path_kernels.sample_profile(terrain.by_row, terrain.by_col, mast[0], mast[1], row, col, cell_m, d, h)
    ground = path_kernels.bilinear(terrain.by_row, row, col)
    rx, path = ground + terminal_m, float(np.hypot(row - mast[0], col - mast[1]) * cell_m)
    room = np.empty(max(n, 1))
    root_nu = path_kernels.bullington_root_nu(d, h, n, path, mast[2], rx, earth_m, room)
    if root_nu == np.inf:
        return float("inf")
    loss = 20 * np.log10(4 * np.pi * np.hypot(path, rx - mast[2]) / wave)
    loss += path_kernels.bullington_db(root_nu, np.sqrt(wave), path)
    if spherical:
        *_, low_tx, low_rx = path_kernels.smooth_surface(d, h, n, path, mast[3], ground, mast[2], rx, room)
        above = mast[2] - low_tx, rx - low_rx
        loss += path_kernels.excess_db(d, n, path, *above, earth_m, np.sqrt(wave), True, room, np.zeros_like(room))
    return float(loss)


def assert_small_errors(errors_db: np.ndarray, *, bias_db: float = 0.1) -> None:
    """What maps that are linear between two rays may be off by: of exact paths, on any terrain."""
    size = np.abs(errors_db)
    assert np.isfinite(size).all()
    assert len(size) >= 100
    assert abs(np.mean(errors_db)) <= bias_db
    assert np.median(size) <= 0.15
    assert np.quantile(size, 0.9) <= 1.0
    assert np.quantile(size, 0.99) <= 5.0


OFF = np.minimum(np.arange(360.0), 360.0 - np.arange(360.0))
MEASURED = Patterns(
    names=("wide", "narrow"),
    horizontal_db=np.stack([np.minimum(OFF / 9.0, 18.0), np.minimum(0.02 * OFF**1.7, 30.0)]).astype(np.float32),
    vertical_db=np.stack([np.minimum(OFF / 5.0, 22.0), np.minimum(0.3 * OFF**1.4, 30.0)]).astype(np.float32),
    gain_dbi=np.array([15.0, np.nan]),
    tilt_deg=np.array([0.0, 2.0]),
)
ANTENNAS: tuple[dict[str, Any], ...] = (
    {"azimuth_deg": np.nan},
    {"azimuth_deg": 40.0, "mechanical_tilt_deg": 6.0, "electrical_tilt_deg": 2.0},
    {"azimuth_deg": 200.0, "electrical_tilt_deg": 4.0},
    {"azimuth_deg": 280.0, "pattern": "wide", "mechanical_tilt_deg": 3.0},
    {"azimuth_deg": 100.0, "pattern": "narrow", "electrical_tilt_deg": 5.0},
    {"azimuth_deg": np.nan, "pattern": "wide"},
    {"azimuth_deg": 330.0, "electrical_tilt_deg": 4.0},
)


@dataclass(frozen=True)
class Network:
    """Sites and sectors on their elevation, and maps of them."""

    sites: gpd.GeoDataFrame
    sectors: pd.DataFrame
    elevation: Raster
    terms: LinkTerms = field(default_factory=LinkTerms)
    max_range_m: float = 2_500.0

    def built(self) -> network.Network:
        return network.build_network(
            self.sites,
            self.sectors,
            terrain=Terrain.of(self.elevation),
            on=ON,
            max_range_m=self.max_range_m,
            usable_dbm=usable_levels(None),
            terms=self.terms,
            patterns=MEASURED,
        )

    def run(self, **more: Any) -> RadioResult:
        common: dict[str, Any] = {"where": None, "max_range_m": self.max_range_m}
        common |= {"patterns": MEASURED, "terms": self.terms, "elevation": self.elevation}
        return compute(self.sites, self.sectors, grid=self.elevation.grid, on=ON, **(common | more))


def make_mixed_network(elevation: Raster, *, seed: int = 1, count: int = 12, **more: Any) -> Network:
    """Two operators, two bands of 2G, all kinds of antennas; two sites share a position, one is at a cell centre.

    No site stands on a void, but some beside one.
    """
    rng = np.random.default_rng(seed)
    grid = elevation.grid
    rows, cols = np.nonzero(np.isfinite(gaussian_filter(elevation.values, 0.5, radius=1)))
    picks = rng.choice(len(rows), count, replace=False)
    off = rng.uniform(-0.49, 0.49, (count, 2)) * grid.cell_m
    off[2] = 0.0
    places = np.stack([grid.x_m[cols[picks]], grid.y_m[rows[picks]]], axis=1) + off
    places[3 % count] = places[0]
    plain = {"mechanical_tilt_deg": 0.0, "electrical_tilt_deg": 0.0, "pattern": None}
    sectors = [
        plain
        | {
            "site_id": f"s{i}",
            "operator": "AB"[i % 2],
            "technology": technology,
            "band_mhz": band,
            "height_m": 20.0 + 8.0 * (i % 3),
        }
        | ANTENNAS[int(kind)]
        for i in range(count)
        for technology, band in (("2G", 900.0), ("2G", 1800.0), ("4G", 2600.0))[: 2 + i % 2]
        for kind in rng.choice(len(ANTENNAS), 1 + i % 3, replace=False)
    ]
    return Network(*make_network([(x, y) for x, y in places.tolist()], rows=sectors), elevation, **more)


def assert_same_maps(first: RadioResult, second: RadioResult) -> None:
    """Bit for bit."""
    assert first.maps.keys() == second.maps.keys()
    pd.testing.assert_frame_equal(first.sectors, second.sectors)
    for key, of in first.maps.items():
        for name in ("level_dbm", "server", "second_dbm", "second_server", "above"):
            np.testing.assert_array_equal(getattr(of, name), getattr(second.maps[key], name), err_msg=f"{key} {name}")


@pytest.fixture(
    params=STEP_LOGS
    or [pytest.param(None, marks=pytest.mark.skip(reason="PHUSONG_RF_VALIDATION does not name the official profiles"))],
    ids=lambda path: path.stem if path else "none",
)
def step_log(request: pytest.FixtureRequest) -> StepLog:
    """Every official step log in turn."""
    return read_step_log(request.param)


@pytest.fixture(scope="session")
def mountains() -> Raster:
    return make_mountains()


@pytest.fixture(scope="session")
def lands() -> dict[str, Raster]:
    return make_lands()


@pytest.fixture(scope="session")
def exact_loss() -> Callable[..., float]:
    return exact_path_loss_db


@pytest.fixture(scope="session")
def small_errors() -> Callable[..., None]:
    return assert_small_errors


@pytest.fixture(scope="session")
def reference_bullington() -> Callable[..., float]:
    return reference_bullington_db


@pytest.fixture(scope="session")
def reference_spherical() -> Callable[..., float]:
    return reference_spherical_db


@pytest.fixture(scope="session")
def grid_of() -> Callable[..., Grid]:
    return make_grid


@pytest.fixture(scope="session")
def network_of() -> Callable[..., tuple[gpd.GeoDataFrame, pd.DataFrame]]:
    return make_network


@pytest.fixture(scope="session")
def reference_level() -> Callable[..., float]:
    return reference_level_dbm


@pytest.fixture(scope="session")
def reference_delta_bullington() -> Callable[..., float]:
    return reference_delta_bullington_db


@pytest.fixture(scope="session")
def reference_pattern() -> Callable[..., float]:
    return reference_pattern_db


@pytest.fixture(scope="session")
def small_land(mountains: Raster) -> Raster:
    return Raster(make_grid(44, 52), mountains.values[40:84, 50:102].copy())


@pytest.fixture(scope="session")
def holed_land(small_land: Raster) -> Raster:
    values = small_land.values.copy()
    values[20, 12:30] = np.nan
    values[31:33, 40] = np.nan
    return Raster(small_land.grid, values)


@pytest.fixture(scope="session")
def network_class() -> type[Network]:
    return Network


@pytest.fixture(scope="session")
def mixed_network() -> Callable[..., Network]:
    return make_mixed_network


@pytest.fixture(scope="session")
def measured() -> Patterns:
    return MEASURED


@pytest.fixture(scope="session")
def same_maps() -> Callable[[RadioResult, RadioResult], None]:
    return assert_same_maps


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Fills with the number of bands whenever path losses of a mast are computed."""
    counted: list[int] = []
    real = servers.path_losses

    def counting(*given: Any, **named: Any) -> Any:
        counted.append(named["bands"])
        return real(*given, **named)

    monkeypatch.setattr(servers, "path_losses", counting)
    return counted


@pytest.fixture(scope="session")
def province(mountains: Raster) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """25 sites of two operators, 2G and 3G in two bands, three sectors with tilts, some masts shared."""
    rng = np.random.default_rng(3)
    grid = mountains.grid
    left, bottom, right, top = grid.bounds
    places = [
        (float(x), float(y)) for x, y in zip(rng.uniform(left, right, 25), rng.uniform(bottom, top, 25), strict=True)
    ]
    places[24] = places[3]
    rows = [
        {
            "site_id": f"s{i}",
            "operator": operator,
            "technology": technology,
            "band_mhz": float(band),
            "azimuth_deg": azimuth,
            "height_m": 30.0 + 6.0 * (i % 3),
            "mechanical_tilt_deg": float(i % 4),
            "electrical_tilt_deg": float(i % 3),
        }
        for i in range(25)
        for operator in (("A", "B") if i % 5 == 0 else ("AB"[i % 2],))
        for technology, band in (("2G", 900), ("2G", 1800), ("3G", 2100))
        for azimuth in ((np.nan,) if i % 7 == 6 else (10.0, 130.0, 250.0))
    ]
    return make_network(places, rows=rows)
