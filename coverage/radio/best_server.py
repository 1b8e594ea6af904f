"""The radio step: sites and a grid in; levels, best and second-best servers per technology, operator and band out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.coverage.radio import server_kernels
from phusong.coverage.radio.defaults import usable_levels
from phusong.coverage.radio.itm_rays import warning_counts
from phusong.coverage.radio.link_budget import LinkTerms
from phusong.coverage.radio.margin import margin_db
from phusong.coverage.radio.models import Propagation
from phusong.coverage.radio.network import BandKey, Key, Mast, Network, build_network, pattern_table
from phusong.coverage.radio.required import coverage_probability_pct
from phusong.coverage.radio.server_kernels import NO_SERVER_DBM
from phusong.coverage.radio.servers import Progress, Served, Store, Surroundings, enter, mast_losses, near
from phusong.coverage.radio.terrain import Terrain, check_grid
from phusong.layers.errors import MissingError
from phusong.layers.grid import Grid, Raster
from phusong.layers.patterns import Patterns
from phusong.layers.schema import TECHNOLOGIES

F32 = NDArray[np.float32]


@dataclass(frozen=True)
class ServerMap:
    """Arrays (rows, cols) of one technology and operator: the two strongest masts of each cell, and how many serve.

    ``level_dbm``, ``second_dbm``: float32 in the technology's own quantity; NaN no data, ``NO_SERVER_DBM`` computed but
    no (second) mast in range. ``server``, ``second_server``: int32 row of the result's ``sectors``, -1 none; a mast
    stands there with its strongest sector. ``above``: int32, masts that bring the level their sector must have to cover
    the cell; -1 no data.
    """

    level_dbm: F32
    server: NDArray[np.int32]
    second_dbm: F32
    second_server: NDArray[np.int32]
    above: NDArray[np.int32]


@dataclass(frozen=True)
class Basis:
    """What the lists of a result were computed from; another result with the same basis can go on from them."""

    around: Surroundings
    where: NDArray[np.bool_]
    keys: tuple[BandKey, ...]
    masts: tuple[Mast, ...]
    served: Served

    def carries(self, around: Surroundings, where: NDArray[np.bool_], keys: tuple[BandKey, ...]) -> bool:
        """Whether lists for those cells, maps and surroundings can be made from these."""
        mine, theirs = self.around.terrain, around.terrain
        return (
            self.around.propagation == around.propagation
            and self.keys == keys
            and mine.grid == theirs.grid
            and np.array_equal(self.around.patterns, around.patterns)
            and np.array_equal(self.where, where)
            and (
                mine is theirs
                or (
                    np.array_equal(mine.by_row, theirs.by_row)
                    and np.array_equal(mine.surface_by_row, theirs.surface_by_row)
                )
            )
        )


@dataclass(frozen=True)
class RadioResult:
    """Received level and servers of each technology and operator on the grid.

    ``maps``: by technology, operator and None, and by each of its bands (MHz) where there are several. ``sectors``:
    those on air, completed. ``required_dbm``: level that covers by technology (usable level and margins); a sector's
    own stands in its column required_dbm. ``counts``: sites, sectors, sectors_not_in_service, masts, cells_wanted,
    cells_void, pairs (of cell and mast); of itm its paths. ``warnings``: on how many of them ITM raised each warning.
    """

    grid: Grid
    maps: Mapping[BandKey, ServerMap]
    sectors: pd.DataFrame
    defaults_used: pd.DataFrame
    usable_dbm: Mapping[str, float]
    required_dbm: Mapping[str, float]
    counts: Mapping[str, int]
    warnings: Mapping[str, int] = field(default_factory=dict)
    basis: Basis | None = field(default=None, repr=False, compare=False)

    @property
    def levels(self) -> dict[Key, F32]:
        """Best level of each technology and operator."""
        return {(t, o): of.level_dbm for (t, o, band), of in self.maps.items() if band is None}

    @property
    def servers(self) -> dict[Key, NDArray[np.int32]]:
        """Best server of each technology and operator."""
        return {(t, o): of.server for (t, o, band), of in self.maps.items() if band is None}

    @property
    def technologies(self) -> tuple[str, ...]:
        """Those on air, 2G first."""
        return tuple(t for t in TECHNOLOGIES if any(key[0] == t for key in self.maps))

    @property
    def operators(self) -> tuple[str, ...]:
        """Those on air, by name."""
        return tuple(sorted({operator for _, operator, _ in self.maps}))

    def bands(self, technology: str, operator: str) -> dict[float, ServerMap]:
        """The maps of each band, MHz, of a technology and operator."""
        own = {band: of for (t, o, band), of in self.maps.items() if (t, o) == (technology, operator) and band}
        if own:
            return own
        whole = self._of(technology, operator)
        rows = self.sectors[(self.sectors["technology"] == technology) & (self.sectors["operator"] == operator)]
        return {float(rows["band_mhz"].iloc[0]): whole}

    def covered(self, technology: str, operator: str | None = None) -> F32:
        """1 where the server's level is what it must be, 0 where not, NaN no data; any operator if none is named."""
        margin = margin_db(self, technology, operator)
        return np.where(np.isnan(margin), margin, (margin >= 0.0).astype(np.float32))

    def serving(self, technology: str, operator: str | None = None) -> NDArray[np.int32]:
        """How many masts cover a cell, -1 no data; over all operators (a mast of two counts twice) if none is named."""
        keys = [key for key in self.levels if key[0] == technology] if operator is None else [(technology, operator)]
        counts = np.stack([self._of(*key).above for key in keys])
        return np.where((counts < 0).any(axis=0), -1, counts.sum(axis=0)).astype(np.int32)

    def probability_pct(
        self,
        technology: str,
        operator: str | None = None,
        *,
        band_mhz: float | None = None,
        terms: LinkTerms | None = None,
    ) -> F32:
        """Probability, %, that a place in the cell has what covering asks, given the spread of ``terms``; NaN no data.

        Of the best server alone; the most of all operators if none is named. ``band_mhz``: one of several bands of the
        operator, all of them if None.
        """
        terms = terms or LinkTerms()
        if operator is None:
            keys = [key for key in self.levels if key[0] == technology]
            each = np.stack([self.probability_pct(*key, terms=terms) for key in keys])
            return np.where(np.isnan(each).any(axis=0), np.float32(np.nan), each.max(axis=0))
        margin = margin_db(self, technology, operator, band_mhz=band_mhz)
        return coverage_probability_pct(margin, required_dbm=-terms.fading_db, sigma_db=terms.spread_db)

    def _of(self, technology: str, operator: str, band_mhz: float | None = None) -> ServerMap:
        if (technology, operator, band_mhz) not in self.maps:
            raise MissingError("radio.error.no_operator", technology=technology, operator=operator)
        return self.maps[technology, operator, band_mhz]


def compute(
    sites: gpd.GeoDataFrame,
    sectors: pd.DataFrame,
    *,
    elevation: Raster,
    where: NDArray[np.bool_] | None,
    grid: Grid,
    on: date,
    usable_dbm: Mapping[str, float] | None = None,
    terms: LinkTerms | None = None,
    patterns: Patterns | None = None,
    clutter: Raster | None = None,
    max_range_m: float = 20_000.0,
    propagation: Propagation | None = None,
    kept: int = 3,
    store: Store | None = None,
    before: RadioResult | None = None,
    progress: Progress | None = None,
) -> RadioResult:
    """Received power of every sector on air, and the best masts of each technology, operator and band.

    Level = pilot power - feeder loss + antenna gain - pattern loss - basic transmission loss of ``propagation``, for
    cell centres within ``max_range_m`` on the grid; the loss is exact along rays from each mast and linear between two
    of them (``rays``), in 0.1 dB. ``sites``, ``sectors``: validated layers in the grid's CRS. ``elevation``: on
    ``grid``, m above sea level, wider than the cells wanted by the range if masts beyond them count; ``clutter``:
    heights of what stands on it, m. ``where``: the cells wanted (all if None). ``on``: sites planned, closed or out of
    service on that day are left out and counted. ``usable_dbm``: overrides a technology; ``terms``: what a covered
    place is asked to have beyond it. ``patterns``: of the sectors that name one. ``kept``: best masts kept for each
    cell, 2 or more. ``store``: path losses by content, taken from it and put into it. ``before``: a result for almost
    the same sites; only masts that changed are computed, with the same outcome. ``progress``: (masts done, in all).

    Errors: CrsError if a raster lies on another grid; InputError for sectors without site or height, a bandwidth that
    is none of the technology's, sites without elevation; ComputeError if work was lost.
    """
    check_grid(elevation, grid)
    basis, propagation = None if before is None else before.basis, propagation or Propagation()
    same = basis is not None and basis.around.terrain.holds(elevation, clutter)
    terrain = basis.around.terrain if basis is not None and same else Terrain.of(elevation, clutter)
    wanted = np.ones(grid.shape, dtype=np.bool_) if where is None else np.asarray(where, dtype=np.bool_)
    if wanted.shape != grid.shape:
        raise ValueError(f"where {wanted.shape} does not fit the grid {grid.shape}")
    network = build_network(
        sites,
        sectors,
        terrain=terrain,
        on=on,
        max_range_m=max_range_m,
        usable_dbm=usable_levels(usable_dbm),
        terms=terms,
        patterns=patterns,
    )
    around = Surroundings(terrain, propagation, pattern_table(network.patterns), store)
    served = None
    if before is not None and before.basis is not None:
        served = _go_on(before, network, around=around, where=wanted, kept=kept)
    if served is None:
        served = enter(
            Served.empty(wanted, keys=len(network.keys), kept=kept, voids=terrain.voids, warned=propagation.warned),
            network.masts,
            around=around,
            progress=progress,
        )
    elif progress is not None:
        progress(len(network.masts), len(network.masts))
    counts = {
        "sites": int(network.sectors["site_id"].nunique()),
        "sectors": len(network.sectors),
        "sectors_not_in_service": network.not_in_service,
        "masts": len(network.masts),
        "cells_wanted": int(wanted.sum()),
        "cells_void": int((wanted & np.isnan(elevation.values)).sum()),
        "pairs": served.pairs,
    }
    warnings: dict[str, int] = {}
    if len(served.warned):
        counts["paths"] = int(served.warned[0])
        warnings = {str(flag.name): count for flag, count in warning_counts(served.warned).items()}
    least = network.sectors["required_dbm"].to_numpy(dtype=np.float32)
    void = np.isnan(elevation.values)
    return RadioResult(
        grid,
        {key: _server_map(served, i, least_dbm=least, void=void) for i, key in enumerate(network.keys)},
        network.sectors,
        network.defaults_used,
        network.usable_dbm,
        network.required_dbm,
        counts,
        warnings,
        Basis(around, wanted, network.keys, network.masts, served),
    )


def _go_on(
    before: RadioResult,
    network: Network,
    *,
    around: Surroundings,
    where: NDArray[np.bool_],
    kept: int,
) -> Served | None:
    """The lists of ``before`` with the masts that are gone taken out and the new ones entered; None if it cannot be.

    Where a list has run out, or the way to a leaving mast crosses a void, all masts enter it anew.
    """
    basis = before.basis
    if basis is None or basis.served.level.shape[1] != kept or not basis.carries(around, where, network.keys):
        return None
    old_ids, new_ids = before.sectors["sector_id"].to_numpy(), network.sectors["sector_id"].to_numpy()
    old = {_identity(mast, old_ids): mast for mast in basis.masts}
    new = {_identity(mast, new_ids): mast for mast in network.masts}
    gone = [mast for name, mast in old.items() if name not in new]
    come = [mast for name, mast in new.items() if name not in old]
    if len(gone) + len(come) > len(new) // 4 + 2:
        return None
    last = basis.served
    served = replace(
        last, level=last.level.copy(), server=last.server.copy(), above=last.above.copy(), doubt=last.doubt.copy()
    )
    served = enter(served, gone, around=around, leaving=True)
    if not np.array_equal(old_ids, new_ids):
        number = pd.Index(new_ids).get_indexer(pd.Index(old_ids)).astype(np.int32)
        renumbered = np.concatenate([number, np.array([server_kernels.UNKNOWN, server_kernels.NONE], dtype=np.int32)])
        for key in range(served.server.shape[0]):
            for place in range(kept):
                served.server[key, place] = renumbered[served.server[key, place]]
    served = enter(served, come, around=around)
    anew = np.zeros(where.shape, dtype=np.bool_)
    anew[where] = (served.server[:, :2] == server_kernels.UNKNOWN).any(axis=(0, 1))
    for mast in gone if around.terrain.voids else []:
        (row0, row1, col0, col1), tenth_db, _ = mast_losses(mast, around=around)
        anew[row0:row1, col0:col1] |= where[row0:row1, col0:col1] & (tenth_db < 0).any(axis=0)
    if anew.any():
        cells = anew[where]
        served.level[:, :, cells], served.server[:, :, cells] = NO_SERVER_DBM, server_kernels.NONE
        served.above[:, cells] = 0
        if around.terrain.voids:
            served.doubt[:, cells] = -np.inf
        served = enter(served, near(new.values(), anew, cell_m=around.terrain.grid.cell_m), around=around, only=anew)
    return served


def _identity(mast: Mast, sector_ids: NDArray[np.object_]) -> tuple[object, ...]:
    """What makes a mast the same in two networks with the same maps."""
    names = tuple(sector_ids[mast.number].tolist())
    return mast.place, mast.bands_mhz, names, mast.sectors.tobytes(), mast.band.tobytes(), mast.key.tobytes()


def _server_map(served: Served, key: int, *, least_dbm: F32, void: NDArray[np.bool_]) -> ServerMap:
    """The lists of one map as arrays over the grid."""
    whole = bool(served.where.all())
    any_void = bool(void.any())

    def over_grid(values: NDArray[Any], empty: float) -> NDArray[Any]:
        if whole and not any_void:
            return values.reshape(served.where.shape)  # the very list: nobody writes to it any more
        out = np.full(served.where.shape, empty, dtype=values.dtype)
        out[served.where] = values
        out[void] = empty
        return out

    above = served.above[key].astype(np.int32)
    arrays: list[NDArray[Any]] = []
    for place in (0, 1):
        level, server = served.level[key, place], served.server[key, place]
        if served.doubt.shape[1]:
            least = np.append(least_dbm, np.float32(np.inf))[server]  # -1, none, is the last
            unknown = (served.doubt[key] > level) & (level < least)
            level, server = np.where(unknown, np.float32(np.nan), level), np.where(unknown, np.int32(-1), server)
            if place == 0:
                above[unknown] = -1
        arrays += [over_grid(level, np.nan), over_grid(server, -1)]
    level_dbm, server, second_dbm, second_server = arrays
    return ServerMap(level_dbm, server, second_dbm, second_server, over_grid(above, -1))


__all__ = ["NO_SERVER_DBM", "RadioResult", "ServerMap", "compute"]
