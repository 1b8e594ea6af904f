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

from phusong.coverage.radio import path_kernels, server_kernels
from phusong.coverage.radio.defaults import usable_levels
from phusong.coverage.radio.diffraction import EARTH_RADIUS_M, free_space_loss_db, wavelength_m
from phusong.coverage.radio.link_budget import LinkTerms
from phusong.coverage.radio.margin import over_db
from phusong.coverage.radio.models import Propagation, clearance_along, losses_along, losses_at_mast_db
from phusong.coverage.radio.network import build_network, pattern_table
from phusong.coverage.radio.rays import Loss, ray_to
from phusong.coverage.radio.terrain import Terrain
from phusong.layers.errors import InputError
from phusong.layers.grid import Raster
from phusong.layers.patterns import Patterns


@dataclass(frozen=True)
class Profile:
    """Terrain from transmitter to receiver, both ends included, and the losses; heights in m above sea level.

    ``bulge_m``: rise of the effective Earth over the chord; ``ray_m``: the straight ray; ``fresnel_m``: radius of the
    first Fresnel zone about it. An obstacle stands at ``surface_m + bulge_m``, ``surface_m`` being the ground and the
    clutter on it, but for the two ends. ``nu``: of Bullington's edge, P.526-15 4.5.1; -inf without points between the
    ends. ``diffraction_db`` = ``bullington_db`` + ``spherical_excess_db``, what the spherical Earth adds. Across void
    elevation ground, nu and these three are NaN, and ``line_of_sight`` is None.
    """

    d_m: NDArray[np.float64]
    ground_m: NDArray[np.float64]
    surface_m: NDArray[np.float64]
    bulge_m: NDArray[np.float64]
    ray_m: NDArray[np.float64]
    fresnel_m: NDArray[np.float64]
    free_space_db: float
    diffraction_db: float
    bullington_db: float
    spherical_excess_db: float
    nu: float
    line_of_sight: bool | None

    @property
    def loss_db(self) -> float:
        """Free space and diffraction."""
        return self.free_space_db + self.diffraction_db

    @property
    def clearance_m(self) -> NDArray[np.float64]:
        """Height of the ray above the surface over the effective Earth; negative where that stands in it."""
        return self.ray_m - self.surface_m - self.bulge_m

    @property
    def clearance_zones(self) -> NDArray[np.float64]:
        """The clearance in radii of the first Fresnel zone, NaN at the ends; a single edge has nu = -sqrt(2) of it."""
        between = self.fresnel_m > 0.0
        zones: NDArray[np.float64] = np.full(len(self.d_m), np.nan)
        return np.divide(self.clearance_m, self.fresnel_m, out=zones, where=between)

    @property
    def obstacle(self) -> int | None:
        """The point with the least clearance in Fresnel zones (highest nu); None if none between the ends is known."""
        zones = self.clearance_zones
        return None if np.isnan(zones).all() else int(np.nanargmin(zones))


def profile(
    tx_x_m: float,
    tx_y_m: float,
    rx_x_m: float,
    rx_y_m: float,
    *,
    elevation: Raster | Terrain,
    tx_height_m: float,
    rx_height_m: float,
    band_mhz: float,
    effective_earth_factor: float = 4.0 / 3.0,
    spherical_earth: bool = True,
    vertical: bool = True,
) -> Profile:
    """The profile and losses between two points of the grid's CRS, antennas ``*_height_m`` above ground.

    Sampled where the path crosses lines of cell centres, which is the same both ways and, to a cell centre, as in
    ``compute``; losses by free space and delta-Bullington. A ``Terrain`` may hold clutter, and makes many paths over
    one elevation faster.
    InputError if an end has no elevation or both ends are one point.
    """
    terrain = elevation if isinstance(elevation, Terrain) else Terrain.of(elevation)
    tx_ground, rx_ground = terrain.ground_m(tx_x_m, tx_y_m), terrain.ground_m(rx_x_m, rx_y_m)
    for x_m, y_m, ground in ((tx_x_m, tx_y_m, tx_ground), (rx_x_m, rx_y_m, rx_ground)):
        if np.isnan(ground):
            raise InputError("radio.error.point", x_m=f"{x_m:.0f}", y_m=f"{y_m:.0f}")
    path_m = hypot(rx_x_m - tx_x_m, rx_y_m - tx_y_m)
    if path_m == 0.0:
        raise InputError("radio.error.one_point", x_m=f"{rx_x_m:.0f}", y_m=f"{rx_y_m:.0f}")
    earth_m = effective_earth_factor * EARTH_RADIUS_M
    tx_m, rx_m = tx_ground + tx_height_m, rx_ground + rx_height_m
    d_m, ground_m, surface_m, root_nu, above = _walk(
        terrain,
        (tx_x_m, tx_y_m),
        (rx_x_m, rx_y_m),
        grounds_m=(tx_ground, rx_ground),
        ends_m=(tx_m, rx_m),
        earth_m=earth_m,
    )
    wave = wavelength_m(band_mhz)
    bullington_db, diffraction_db = (
        _loss_db(
            d_m,
            root_nu,
            above=over_smooth,
            path_m=path_m,
            earth_m=earth_m,
            root_wavelength=sqrt(wave),
            vertical=vertical,
        )
        for over_smooth in (None, above if spherical_earth else None)
    )
    d = np.concatenate([[0.0], d_m, [path_m]])
    grounds_m, surfaces_m = (
        np.concatenate([[tx_ground], np.where(h_m < path_kernels.HIGHEST_M, h_m, np.nan), [rx_ground]])
        for h_m in (ground_m, surface_m)
    )
    return Profile(
        d,
        grounds_m,
        surfaces_m,
        d * (path_m - d) / (2.0 * earth_m),
        tx_m + (rx_m - tx_m) * d / path_m,
        np.sqrt(wave * d * (path_m - d) / path_m),
        free_space_loss_db(hypot(path_m, rx_m - tx_m), wavelength_m=wave),
        diffraction_db,
        bullington_db,
        diffraction_db - bullington_db,
        float("nan") if root_nu == inf else root_nu / sqrt(wave),
        None if root_nu == inf else root_nu < 0.0,
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
    terms: LinkTerms | None = None,
    patterns: Patterns | None = None,
    clutter: Raster | None = None,
    max_range_m: float = 20_000.0,
    propagation: Propagation | None = None,
) -> pd.DataFrame:
    """Every sector on air within range of a point, strongest first within a technology; arguments as in ``compute``.

    Columns: technology, operator, sector_id, site_id, band_mhz, distance_m, level_dbm (NaN across void elevation),
    usable (what covering asks), line_of_sight; both NA where the level is not known. Exact for the point; the maps are
    linear between two rays. InputError if the point has no elevation, and as ``build_network``.
    """
    terrain, propagation = Terrain.of(elevation, clutter), propagation or Propagation()
    ground = terrain.ground_m(x_m, y_m)
    if np.isnan(ground):
        raise InputError("radio.error.point", x_m=f"{x_m:.0f}", y_m=f"{y_m:.0f}")
    away = np.hypot(sites.geometry.x.to_numpy() - x_m, sites.geometry.y.to_numpy() - y_m)
    near = sites[away <= max_range_m]
    network = build_network(
        near,
        sectors[sectors["site_id"].isin(near["site_id"])],
        terrain=terrain,
        on=on,
        max_range_m=max_range_m,
        usable_dbm=usable_levels(usable_dbm),
        terms=terms,
        patterns=patterns,
    )
    frame, tables = network.sectors, pattern_table(network.patterns)
    row, col = terrain.position(x_m, y_m)
    level = np.full(len(frame), np.nan)
    distance = np.full(len(frame), np.nan)
    sight = np.zeros(len(frame), dtype=np.bool_)
    for mast in network.masts:
        ray = ray_to(terrain, mast.place, row, col)
        north, east = ((mast.place[0] - row) * terrain.grid.cell_m, (col - mast.place[1]) * terrain.grid.cell_m)
        path_m = hypot(east, north)
        losses = losses_along(ray, bands_mhz=mast.bands_mhz, propagation=propagation)
        if path_m == 0.0:
            at_mast_db = losses_at_mast_db(mast.place, bands_mhz=mast.bands_mhz, propagation=propagation)
            losses = [
                Loss(np.full_like(loss.db, db), loss.per_metre) for loss, db in zip(losses, at_mast_db, strict=True)
            ]
        seen = bool(clearance_along(ray, propagation=propagation)[0, -1] >= 0.0)
        rise_m = ground + propagation.terminal_height_m - mast.place[2]
        up = path_kernels.elevation_angle(path_m, rise_m, propagation.earth_radius_m)
        azimuth = float(np.arctan2(east, north))
        for i, (band, number) in enumerate(zip(mast.band.tolist(), mast.number.tolist(), strict=True)):
            if path_m**2 > mast.sectors[i, server_kernels.RANGE_M2]:
                continue
            distance[number], sight[number] = path_m, seen
            if ray.void_from[0] == ray.count[0]:
                away_db = server_kernels.towards_db(azimuth, up, mast.sectors, i, tables)
                level[number] = mast.sectors[i, server_kernels.EIRP] - losses[band].db[0, -1] - away_db
    table = frame[["technology", "operator", "sector_id", "site_id", "band_mhz"]].assign(
        distance_m=distance, level_dbm=level, line_of_sight=sight
    )
    table = table[np.isfinite(distance)]
    unknown = table["level_dbm"].isna()
    enough = over_db(table["level_dbm"], frame["required_dbm"].reindex(table.index)) >= 0.0
    table.insert(7, "usable", pd.Series(enough, index=table.index, dtype="boolean").mask(unknown))
    table["line_of_sight"] = table["line_of_sight"].astype("boolean").mask(unknown)
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
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float, tuple[float, float]]:
    """Points between the ends (distance, ground, surface), nu * sqrt(wavelength), antennas above the smooth surface."""
    d_m, ground_m, surface_m = np.empty((3, max(terrain.by_row.shape)))
    way = (*terrain.position(*tx), *terrain.position(*rx), terrain.grid.cell_m, d_m)
    n = path_kernels.sample_profile(terrain.by_row, terrain.by_col, *way, ground_m)
    path_kernels.sample_profile(terrain.surface_by_row, terrain.surface_by_col, *way, surface_m)
    d_m, ground_m, surface_m = d_m[:n], ground_m[:n], surface_m[:n]
    path_m = hypot(rx[0] - tx[0], rx[1] - tx[1])
    work = np.empty(max(n, 1))
    root_nu = path_kernels.bullington_root_nu(d_m, surface_m, n, path_m, *ends_m, earth_m, work)
    _, _, low_tx, low_rx = path_kernels.smooth_surface(d_m, ground_m, n, path_m, *grounds_m, *ends_m, work)
    return d_m, ground_m, surface_m, root_nu, (ends_m[0] - low_tx, ends_m[1] - low_rx)


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
    loss_db = path_kernels.bullington_db(root_nu, root_wavelength, path_m)
    if above is None:
        return loss_db
    room = np.empty(max(len(d_m), 1))
    return loss_db + path_kernels.excess_db(
        d_m, len(d_m), path_m, *above, earth_m, root_wavelength, vertical, room, np.zeros_like(room)
    )
