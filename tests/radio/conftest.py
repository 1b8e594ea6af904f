"""Synthetic mountains, networks, and a slow reference written straight from the formulas, without the compiled code."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from scipy.ndimage import gaussian_filter, map_coordinates

from phusong.layers.grid import Grid, Raster

ON = date(2012, 12, 31)
EARTH_M = 6_371_000.0 * 4.0 / 3.0


def make_grid(rows: int, cols: int, *, cell_m: float = 90.0) -> Grid:
    return Grid("EPSG:9212", 540_000.0, 1_850_040.0, cell_m, (rows, cols))


def make_mountains(rows: int = 120, cols: int = 140, *, seed: int = 7) -> Raster:
    rng = np.random.default_rng(seed)
    noise = sum(
        height * width * gaussian_filter(rng.standard_normal((rows, cols)), width)
        for height, width in ((900, 12), (250, 4))
    )
    return Raster(make_grid(rows, cols), np.maximum(noise + 400.0, 0.0).astype(np.float32))


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
        - reference_bullington_db(share * path, h, top, foot, wave, EARTH_M)
    )


@pytest.fixture(scope="session")
def mountains() -> Raster:
    return make_mountains()


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
def reference_pattern() -> Callable[..., float]:
    return reference_pattern_db


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
