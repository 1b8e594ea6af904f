"""One place or one path: the servers at a point, and the terrain profile from a mast to a point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from math import hypot, inf, sqrt

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.coverage.radio import kernels
from phusong.coverage.radio.defaults import usable_levels
from phusong.coverage.radio.diffraction import EARTH_RADIUS_M, free_space_loss_db, wavelength_m
from phusong.coverage.radio.network import build_network
from phusong.coverage.radio.sweep import Terrain
from phusong.layers.errors import InputError
from phusong.layers.grid import Raster


@dataclass(frozen=True)
class Profile:
    """Terrain from transmitter to receiver, both ends included, and the losses; heights in m above sea level.

    ``bulge_m``: rise of the effective Earth over the chord; ``ray_m``: the straight ray; ``fresnel_m``: radius of the
    first Fresnel zone about it. An obstacle stands at ``ground_m + bulge_m``.
    """

    d_m: NDArray[np.float64]
    ground_m: NDArray[np.float64]
    bulge_m: NDArray[np.float64]
    ray_m: NDArray[np.float64]
    fresnel_m: NDArray[np.float64]
    free_space_db: float
    diffraction_db: float
    line_of_sight: bool


def profile(
    tx_x_m: float,
    tx_y_m: float,
    rx_x_m: float,
    rx_y_m: float,
    *,
    elevation: Raster,
    tx_height_m: float,
    rx_height_m: float,
    band_mhz: float,
    effective_earth_factor: float = 4.0 / 3.0,
    spherical_earth: bool = True,
    vertical: bool = True,
) -> Profile:
    """The profile and losses between two points of the grid's CRS, antennas ``*_height_m`` above ground.

    Sampled as in the sweep, losses as in ``compute``; a path across void elevation has NaN there and a NaN
    ``diffraction_db``. InputError if an end has no elevation or both ends are one point.
    """
    terrain = Terrain.of(elevation)
    tx_ground, rx_ground = terrain.ground_m(tx_x_m, tx_y_m), terrain.ground_m(rx_x_m, rx_y_m)
    for x_m, y_m, ground in ((tx_x_m, tx_y_m, tx_ground), (rx_x_m, rx_y_m, rx_ground)):
        if np.isnan(ground):
            raise InputError("radio.error.point", x_m=f"{x_m:.0f}", y_m=f"{y_m:.0f}")
    path_m = hypot(rx_x_m - tx_x_m, rx_y_m - tx_y_m)
    if path_m == 0.0:
        raise InputError("radio.error.one_point", x_m=f"{rx_x_m:.0f}", y_m=f"{rx_y_m:.0f}")
    earth_m = effective_earth_factor * EARTH_RADIUS_M
    tx_m, rx_m = tx_ground + tx_height_m, rx_ground + rx_height_m
    d_m, h_m, root_nu, above = _walk(
        terrain,
        (tx_x_m, tx_y_m),
        (rx_x_m, rx_y_m),
        grounds_m=(tx_ground, rx_ground),
        ends_m=(tx_m, rx_m),
        earth_m=earth_m,
    )
    wave = wavelength_m(band_mhz)
    d = np.concatenate([[0.0], d_m, [path_m]])
    heights = np.concatenate([[tx_ground], np.where(h_m < 1.0e9, h_m, np.nan), [rx_ground]])
    return Profile(
        d,
        heights,
        d * (path_m - d) / (2.0 * earth_m),
        tx_m + (rx_m - tx_m) * d / path_m,
        np.sqrt(wave * d * (path_m - d) / path_m),
        free_space_loss_db(hypot(path_m, rx_m - tx_m), wavelength_m=wave),
        _loss_db(
            d_m,
            root_nu,
            above=above if spherical_earth else None,
            path_m=path_m,
            earth_m=earth_m,
            root_wavelength=sqrt(wave),
            vertical=vertical,
        ),
        root_nu < 0.0,
    )


def level_at(
    x_m: float,
    y_m: float,
    *,
    sites: gpd.GeoDataFrame,
    sectors: pd.DataFrame,
    elevation: Raster,
    on: date,
    usable_dbm: Mapping[str, float] | None = None,
    max_range_m: float = 20_000.0,
    effective_earth_factor: float = 4.0 / 3.0,
    terminal_height_m: float = 1.5,
    spherical_earth: bool = True,
    vertical: bool = True,
) -> pd.DataFrame:
    """Every sector on air within range of a point, strongest first within a technology; arguments as in ``compute``.

    Columns: technology, operator, sector_id, site_id, band_mhz, distance_m, level_dbm (NaN across void elevation),
    usable (NA where the level is not known), line_of_sight. At a cell centre the highest level is the raster's.
    InputError if the point has no elevation.
    """
    terrain = Terrain.of(elevation)
    ground = terrain.ground_m(x_m, y_m)
    if np.isnan(ground):
        raise InputError("radio.error.point", x_m=f"{x_m:.0f}", y_m=f"{y_m:.0f}")
    away = np.hypot(sites.geometry.x.to_numpy() - x_m, sites.geometry.y.to_numpy() - y_m)
    near = sites[away <= max_range_m]
    network = build_network(
        near, sectors[sectors["site_id"].isin(near["site_id"])], terrain=terrain, on=on, max_range_m=max_range_m
    )
    masts, frame = network.masts, network.sectors
    usable = usable_levels(usable_dbm)
    earth_m = effective_earth_factor * EARTH_RADIUS_M
    rx_m = ground + terminal_height_m
    level = np.full(len(frame), np.nan)
    distance = np.full(len(frame), np.nan)
    sight = np.zeros(len(frame), dtype=np.bool_)
    for mast, (tx_m, tx_ground) in enumerate(masts.place[:, 2:].tolist()):
        first, last = int(masts.first_sector[mast]), int(masts.first_sector[mast + 1])
        tx_x_m, tx_y_m = (float(frame[name].iloc[int(masts.rank[first])]) for name in ("x_m", "y_m"))
        east, north = x_m - tx_x_m, y_m - tx_y_m
        path_m = hypot(east, north)
        d_m, _, root_nu, above = _walk(
            terrain,
            (tx_x_m, tx_y_m),
            (x_m, y_m),
            grounds_m=(tx_ground, ground),
            ends_m=(tx_m, rx_m),
            earth_m=earth_m,
        )
        elevation_angle = kernels.elevation_angle(path_m, rx_m - tx_m, earth_m)
        for s in range(first, last):
            row = int(masts.rank[s])
            sector = masts.sectors[s]
            if path_m**2 > sector[kernels.RANGE_M2]:
                continue
            distance[row], sight[row] = path_m, root_nu < 0.0
            if root_nu == inf:
                continue
            level[row] = (
                sector[kernels.EIRP]
                - kernels.slant_db(path_m**2, rx_m - tx_m)
                - kernels.attenuation_db(
                    float(np.arctan2(east, north)),
                    elevation_angle,
                    *(float(sector[i]) for i in range(kernels.AZIMUTH, kernels.SECTOR_COLUMNS)),
                )
                - _loss_db(
                    d_m,
                    root_nu,
                    above=above if spherical_earth else None,
                    path_m=path_m,
                    earth_m=earth_m,
                    root_wavelength=float(sector[kernels.ROOT_WAVELENGTH]),
                    vertical=vertical,
                )
            )
    table = frame[["technology", "operator", "sector_id", "site_id", "band_mhz"]].assign(
        distance_m=distance, level_dbm=level, line_of_sight=sight
    )
    table = table[np.isfinite(distance)]
    least = np.array([usable[technology] for technology in table["technology"]], dtype=np.float64)
    enough = (table["level_dbm"] >= least).astype("boolean")
    table.insert(7, "usable", enough.mask(table["level_dbm"].isna()))
    order = ["technology", "level_dbm", "sector_id"]
    ranked: pd.DataFrame = table.sort_values(order, ascending=[True, False, True], ignore_index=True)
    return ranked


def _walk(
    terrain: Terrain,
    tx: tuple[float, float],
    rx: tuple[float, float],
    *,
    grounds_m: tuple[float, float],
    ends_m: tuple[float, float],
    earth_m: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64], float, tuple[float, float]]:
    """Points between the ends (distances, heights), nu * sqrt(wavelength), antennas above the smooth surface."""
    d_m, h_m = np.empty(max(terrain.by_row.shape)), np.empty(max(terrain.by_row.shape))
    n = kernels.sample_profile(
        terrain.by_row, terrain.by_col, *terrain.position(*tx), *terrain.position(*rx), terrain.grid.cell_m, 1, d_m, h_m
    )
    path_m = hypot(rx[0] - tx[0], rx[1] - tx[1])
    work = np.empty(max(n, 1))
    root_nu = kernels.bullington_root_nu(d_m, h_m, n, path_m, *ends_m, earth_m, work)
    _, _, low_tx, low_rx = kernels.smooth_surface(d_m, h_m, n, path_m, *grounds_m, *ends_m, work)
    return d_m[:n], h_m[:n], root_nu, (ends_m[0] - low_tx, ends_m[1] - low_rx)


def _loss_db(
    d_m: NDArray[np.float64],
    root_nu: float,
    *,
    above: tuple[float, float] | None,
    path_m: float,
    earth_m: float,
    root_wavelength: float,
    vertical: bool,
) -> float:
    """Diffraction of a walked path, with the spherical-Earth term if ``above`` is known; NaN across a void."""
    if root_nu == inf:
        return float("nan")
    loss_db = kernels.bullington_db(root_nu, root_wavelength, path_m)
    if above is None:
        return loss_db
    room = np.empty(max(len(d_m), 1))
    return loss_db + kernels.excess_db(
        d_m, len(d_m), path_m, *above, earth_m, root_wavelength, vertical, room, np.zeros_like(room)
    )
