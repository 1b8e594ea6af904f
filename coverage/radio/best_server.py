"""The radio step: sites and a grid in, best level and best server per technology and operator out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.coverage.radio.defaults import usable_levels
from phusong.coverage.radio.diffraction import EARTH_RADIUS_M
from phusong.coverage.radio.kernels import NO_SERVER_DBM
from phusong.coverage.radio.network import Key, build_network
from phusong.coverage.radio.sweep import Progress, Terrain, best_server, check_grid
from phusong.layers.errors import MissingError
from phusong.layers.grid import Grid, Raster
from phusong.layers.schema import TECHNOLOGIES


@dataclass(frozen=True)
class RadioResult:
    """Received level and serving sector of each (technology, operator) on the grid.

    ``levels``: float32 (rows, cols) dBm in the technology's own quantity; NaN no data, ``NO_SERVER_DBM`` computed but
    no mast in range. ``servers``: int32, row of ``sectors``, -1 none. ``sectors``: those on air, completed. ``counts``:
    sites, sectors, sectors_not_in_service, masts, masts_in_range, cells_wanted, cells_void, pairs, profiles.
    """

    grid: Grid
    levels: Mapping[Key, NDArray[np.float32]]
    servers: Mapping[Key, NDArray[np.int32]]
    sectors: pd.DataFrame
    defaults_used: pd.DataFrame
    usable_dbm: Mapping[str, float]
    counts: Mapping[str, int]

    @property
    def technologies(self) -> tuple[str, ...]:
        """Those on air, 2G first."""
        return tuple(t for t in TECHNOLOGIES if any(key[0] == t for key in self.levels))

    @property
    def operators(self) -> tuple[str, ...]:
        """Those on air, by name."""
        return tuple(sorted({operator for _, operator in self.levels}))

    def best(self, technology: str) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Best level and server over all operators; NaN where none is known to be usable and one is not known."""
        keys = [key for key in self.levels if key[0] == technology]
        if not keys:
            raise MissingError("radio.error.no_technology", technology=technology)
        levels = np.stack([self.levels[key] for key in keys])
        servers = np.stack([self.servers[key] for key in keys])
        known = np.where(np.isnan(levels), -np.inf, levels)
        top = known.max(axis=0)
        # a tie goes to the sector that stands first, whichever operator it is of
        ranked = np.where((known == top) & (servers >= 0), servers, np.iinfo(np.int32).max).min(axis=0)
        server = np.where(ranked == np.iinfo(np.int32).max, -1, ranked).astype(np.int32)
        unknown = np.isnan(levels).any(axis=0) & ~(top >= self.usable_dbm[technology])
        level = np.where(unknown, np.nan, top).astype(np.float32)
        return level, np.where(unknown, -1, server).astype(np.int32)

    def covered(self, technology: str, operator: str | None = None) -> NDArray[np.float32]:
        """1 where the level is usable, 0 where it is not, NaN where there is no data; any operator if none is named."""
        if operator is None:
            level = self.best(technology)[0]
        elif (technology, operator) in self.levels:
            level = self.levels[technology, operator]
        else:
            raise MissingError("radio.error.no_operator", technology=technology, operator=operator)
        usable = (level >= self.usable_dbm[technology]).astype(np.float32)
        return np.where(np.isnan(level), np.float32(np.nan), usable)


def compute(
    sites: gpd.GeoDataFrame,
    sectors: pd.DataFrame,
    *,
    elevation: Raster,
    where: NDArray[np.bool_] | None,
    grid: Grid,
    on: date,
    usable_dbm: Mapping[str, float] | None = None,
    max_range_m: float = 20_000.0,
    effective_earth_factor: float = 4.0 / 3.0,
    terminal_height_m: float = 1.5,
    spherical_earth: bool = True,
    vertical: bool = True,
    progress: Progress | None = None,
) -> RadioResult:
    """Received power of every sector on air by terrain profile, and the best of each technology and operator.

    Level = pilot power - feeder loss + antenna gain - pattern loss - free space (ITU-R P.525) - delta-Bullington
    diffraction (P.526-15 4.5.3, P.1812-7 4.3.4; Bullington's alone unless ``spherical_earth``) of ``vertical`` (else
    horizontal) polarisation over land, over the bilinear profile from mast to cell centre on an Earth of
    ``effective_earth_factor`` times its radius, for cell centres within ``max_range_m`` on the grid. ``sites``,
    ``sectors``: validated layers in the grid's CRS. ``elevation``: on ``grid``, m above sea level, wider than the cells
    wanted by the range if masts beyond them count. ``where``: the cells wanted (all if None). ``on``: sites planned,
    closed or out of service on that day are left out and counted. ``usable_dbm``: overrides a technology. ``progress``:
    called with (done, in all).

    Errors: CrsError if the elevation lies on another grid; InputError for sectors without site or height, a bandwidth
    that is none of the technology's, sites without elevation; ComputeError if work was lost.
    """
    check_grid(elevation, grid)
    terrain = Terrain.of(elevation)
    usable = usable_levels(usable_dbm)
    network = build_network(sites, sectors, terrain=terrain, on=on, max_range_m=max_range_m)
    wanted = np.ones(grid.shape, dtype=np.bool_) if where is None else np.asarray(where, dtype=np.bool_)
    swept = best_server(
        terrain,
        network.masts,
        usable_dbm=np.array([usable[technology] for technology, _ in network.keys], dtype=np.float64),
        where=wanted,
        window=(0, grid.shape[0], 0, grid.shape[1]),
        earth_radius_m=effective_earth_factor * EARTH_RADIUS_M,
        terminal_height_m=terminal_height_m,
        spherical=spherical_earth,
        vertical=vertical,
        progress=progress,
    )
    counts = {
        "sites": int(network.sectors["site_id"].nunique()),
        "sectors": len(network.sectors),
        "sectors_not_in_service": network.not_in_service,
        "masts": len(network.masts.place),
        "masts_in_range": swept.masts_in_range,
        "cells_wanted": int(wanted.sum()),
        "cells_void": int((wanted & np.isnan(elevation.values)).sum()),
        "pairs": swept.pairs,
        "profiles": swept.profiles,
    }
    return RadioResult(
        grid,
        {key: swept.level[i] for i, key in enumerate(network.keys)},
        {key: swept.server[i] for i, key in enumerate(network.keys)},
        network.sectors,
        network.defaults_used,
        usable,
        counts,
    )


__all__ = ["NO_SERVER_DBM", "RadioResult", "compute"]
