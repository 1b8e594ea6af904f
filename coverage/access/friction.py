"""What people move over in a study: ground, land cover, roads, rivers and crossings as one ``Surface``.

Off the roads everybody walks. Roads, bridges, fords and ferries are links between cells (``ways``), for whom rides and
for whom walks. Rivers close the moves that cross them (``barriers``). Speeds are those of the one table (``speeds``).
Without roads the walking model holds: paths that no layer shows lead everywhere, so people walk at their full speed on
a path whatever covers the ground; only water stops them. It is the ``basis`` of a surface and is said on every output.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from phusong.coverage.access.barriers import Barriers, barriers
from phusong.coverage.access.solver import pace_factor
from phusong.coverage.access.speeds import DEFAULT_CLASSES, Speeds, speeds, walked
from phusong.coverage.access.surface import PACE_CODES, Links, Surface
from phusong.coverage.access.ways import Hops, from_bank_to_bank, hops, led_to_banks
from phusong.layers.errors import ComputeError, Fault
from phusong.layers.grid import Grid, Raster

Mode = Literal["walk", "motorbike", "car", "fibre"]
Walking = Literal["tobler", "langmuir"]
Season = Literal["dry", "flooded"]
Basis = Literal["walking_model", "roads"]

M_PER_MIN = 1000.0 / 60.0
"""Metres a minute of 1 km/h."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Friction:
    """A surface in minutes (in metres along a road for fibre), and what it rests on.

    ``basis``: "walking_model" without roads, "roads" with them. ``faults``: notes on what was left out. ``counts``: how
    many cells, links, closed moves and crossings went in, and how many were left out.
    """

    surface: Surface
    mode: Mode
    walking: Walking
    season: Season
    basis: Basis
    faults: tuple[Fault, ...]
    counts: dict[str, int]


def friction(
    grid: Grid,
    *,
    elevation: Raster,
    land_cover: Raster | None = None,
    roads: gpd.GeoDataFrame | None = None,
    rivers: gpd.GeoDataFrame | None = None,
    crossings: gpd.GeoDataFrame | None = None,
    mode: Mode = "walk",
    walking: Walking = "tobler",
    season: Season = "dry",
    table: Speeds | None = None,
) -> Friction:
    """The surface of one way of moving in one season; layers are validated and in the grid's CRS.

    Cells without elevation are void; cells at 0 m or lower are sea and impassable, as where people live. ``flooded``:
    roads and crossings with ``floods`` and all fords are closed, earth roads slower, rivers that only flood then
    (``floods_only``) are barriers too. A road that crosses a river has a bridge there unless its ``bridge`` says no.
    Fibre follows roads and bridges and lies across country, not through rivers.

    Raises:
        ComputeError: a raster is not on the grid.
    """
    for name, raster in (("elevation", elevation), ("land_cover", land_cover)):
        if raster is not None and raster.grid != grid:
            raise ComputeError("error.grid_mismatch", layer=name)
    table = table or speeds()
    flooded = season == "flooded"
    faults: list[Fault] = []
    if rivers is not None and not flooded:
        rivers = rivers[~_yes(rivers, "floods_only")]
    shut = barriers(rivers, grid=grid)
    known_roads = roads is not None and len(roads) > 0
    share = _shares(land_cover, known_roads, table, mode, grid, faults)
    share[shut.water] = 0.0
    level = table["fibre.off_road_cost"] if mode == "fibre" else 1.0 / (table[f"walking.{walking}_kmh"] * M_PER_MIN)
    with np.errstate(divide="ignore"):
        slowness = level / share
    heights = elevation.values
    slowness[heights <= 0] = np.inf
    slowness[np.isnan(heights)] = np.nan
    maker = _Links(shut, np.isfinite(slowness), heights, table, mode, walking, flooded, faults)
    if known_roads:
        maker.roads(gpd.GeoDataFrame(roads))
    if crossings is not None and len(crossings):
        maker.crossings(crossings)
    links = maker.made()
    surface = Surface(
        grid,
        slowness,
        pace="none" if mode == "fibre" else walking,
        elevation_m=None if mode == "fibre" else heights,
        closed=shut.closed if shut.closed.any() else None,
        links=links,
    )
    counts = {
        "cells": int(slowness.size),
        "cells_void": int(np.isnan(slowness).sum()),
        "cells_impassable": int(np.isinf(slowness).sum()),
        "cells_beside_barriers": int((shut.closed > 0).sum()),
        "links": 0 if links is None else len(links.cost),
        **maker.counts,
    }
    basis: Basis = "roads" if known_roads else "walking_model"
    return Friction(surface, mode, walking, season, basis, tuple(faults), counts)


def _yes(table: pd.DataFrame, column: str) -> NDArray[np.bool_]:
    return np.asarray(table[column].astype("boolean").fillna(False), dtype=bool)


def _no(table: pd.DataFrame, column: str) -> NDArray[np.bool_]:
    return np.asarray((~table[column].astype("boolean")).fillna(False), dtype=bool)


def _shares(  # noqa: PLR0917
    land_cover: Raster | None, known_roads: bool, table: Speeds, mode: Mode, grid: Grid, faults: list[Fault]
) -> Floats:
    """Share of the full walking speed of each cell, by land cover; 0 closes it."""
    off_path = table["walking.off_path_share"] if known_roads and mode != "fibre" else 1.0
    found = np.full(grid.shape, off_path)
    if land_cover is None:
        return found
    classes = land_cover.tags.get("classes", DEFAULT_CLASSES)
    shares = table.land_cover(classes)
    codes, cells = np.unique(land_cover.values[~np.isnan(land_cover.values)], return_counts=True)
    unknown = []
    for code, count in zip(codes.astype(np.int64).tolist(), cells.tolist(), strict=True):
        if code not in shares:
            if code != 0:
                unknown.append(f"{code} ({count})")
        elif shares[code] == 0.0:
            found[land_cover.values == code] = 0.0
        elif known_roads and mode != "fibre":
            found[land_cover.values == code] = shares[code]
    if unknown:
        params = {"classes": classes, "listed": ", ".join(unknown)}
        faults.append(Fault("access.note.classes_unknown", file="land_cover.tif", layer="land_cover", params=params))
    return found


class _Links:
    """Collects the links of roads and crossings with their costs."""

    def __init__(  # noqa: PLR0917
        self,
        shut: Barriers,
        passable: NDArray[np.bool_],
        heights: NDArray[np.float32],
        table: Speeds,
        mode: Mode,
        walking: Walking,
        flooded: bool,
        faults: list[Fault],
    ) -> None:
        self.shut, self.passable, self.heights, self.table = shut, passable, heights, table
        self.mode, self.walking, self.flooded, self.faults = mode, walking, flooded, faults
        self.counts = {"roads": 0, "roads_closed": 0, "bridges_of_roads": 0, "road_gaps": 0}
        self.counts |= {"crossings": 0, "crossings_closed": 0, "crossings_unused": 0}
        self._parts: list[tuple[NDArray[np.int64], NDArray[np.int64], Floats, Floats]] = []

    def roads(self, roads: gpd.GeoDataFrame) -> None:
        """Links along every road open in the season to who moves; both ways."""
        shut = _yes(roads, "floods") & self.flooded
        speed = np.array([self._road_kmh(*each) for each in zip(roads["class"], roads["surface"], strict=True)])
        ridden = speed > 0
        afoot = (speed == 0) & np.array([walked(word) for word in roads["class"]], dtype=bool)
        use = np.flatnonzero(~shut & (ridden | afoot))
        self.counts["roads"] = len(use)
        self.counts["roads_closed"] = int(shut.sum())
        if not len(use):
            return
        shapes = np.asarray(roads.geometry.array, dtype=object)
        kinds = pd.DataFrame({"kmh": speed, "gap": _no(roads, "bridge")}).iloc[use]
        for (kmh, gapped), those in kinds.groupby(["kmh", "gap"]):
            # features that end where one other begins are one road
            found = hops(_lines(shapes[those.index]), barriers=self.shut, passable=self.passable)
            gap = found.crosses & bool(gapped)
            self.counts["bridges_of_roads"] += int((found.crosses & ~gap).sum())
            self.counts["road_gaps"] += int(gap.sum())
            self._add(found, keep=~gap, kmh=np.full(len(found.line), float(kmh)))

    def crossings(self, crossings: gpd.GeoDataFrame) -> None:
        """Links over the barrier of every crossing that is open in the season to who moves."""
        floods = _yes(crossings, "floods")
        for k in range(len(crossings)):
            row = crossings.iloc[k]
            kind, name = str(row["kind"]), str(row["crossing_id"])
            if (self.flooded and (floods[k] or kind == "ford")) or (self.mode == "fibre" and kind != "bridge"):
                self.counts["crossings_closed"] += 1
                continue
            found = []
            for shape in _lines_or_points(row.geometry):
                made = led_to_banks(shape, barriers=self.shut, passable=self.passable)
                found += [made] if made is not None else []
            if not found:
                self.counts["crossings_unused"] += 1
                params = {"crossing": name}
                self.faults.append(Fault("access.note.crossing_unused", layer="crossings", row=k + 1, params=params))
                continue
            self.counts["crossings"] += 1
            usual_min = self.table["crossing.ferry.wait_min"] if kind == "ferry" else 0.0
            wait_min = usual_min if pd.isna(row["wait_min"]) else float(row["wait_min"])
            for each in found:
                hop = from_bank_to_bank(each)
                self._add(hop, kmh=np.full(1, self._crossing_kmh(kind)), wait_min=wait_min, kind=kind)

    def made(self) -> Links | None:
        """All links, both ways; None without any."""
        if not self._parts:
            return None
        start, end, cost, length_m = (np.concatenate(part) for part in zip(*self._parts, strict=True))
        return Links(start, end, cost, length_m)

    def _road_kmh(self, word: str, surface: str | float) -> float:
        """Speed of who rides, 0 for who walks, -1 where the road's surface is closed."""
        if self.mode in ("walk", "fibre"):
            return 0.0
        speed = self.table.get(f"road.{word}.{self.mode}_kmh")
        if speed is None:
            return 0.0
        known = isinstance(surface, str)
        name = "earth_flooded" if self.flooded and surface == "earth" else surface if known else "paved"
        return speed * self.table[f"surface.{name}_share"] or -1.0

    def _crossing_kmh(self, kind: str) -> float:
        if kind == "ferry":
            return self.table["crossing.ferry.boat_kmh"]
        if self.mode in ("walk", "fibre"):
            return 0.0
        return self.table[f"crossing.{kind}.{self.mode}_kmh"]

    def _add(
        self,
        found: Hops,
        *,
        kmh: Floats,
        keep: NDArray[np.bool_] | None = None,
        wait_min: float = 0.0,
        kind: str = "",
    ) -> None:
        kept = np.ones(len(found.start), dtype=bool) if keep is None else keep
        start, end, kmh = found.start[kept], found.end[kept], kmh[kept]
        length_m = found.length_m[kept]
        for one, other in ((start, end), (end, start)):
            self._parts.append((one, other, self._cost(one, other, length_m, kmh, kind) + wait_min, length_m))

    def _cost(
        self, start: NDArray[np.int64], end: NDArray[np.int64], length_m: Floats, kmh: Floats, kind: str
    ) -> Floats:
        if self.mode == "fibre":
            return length_m * self.table["fibre.bridge_cost" if kind else "fibre.road_cost"]
        flat, cols = self.heights.reshape(-1).astype(np.float64), self.heights.shape[1]
        apart = np.hypot(end // cols - start // cols, end % cols - start % cols) * self.shut.grid.cell_m
        slope = (flat[end] - flat[start]) / np.maximum(length_m, apart)
        if kind:
            slope[:] = 0.0  # over the water it is level
        level_kmh = self.table[f"walking.{self.walking}_kmh"]
        if kind == "ford":
            level_kmh *= self.table["crossing.ford.walking_share"]
        pace = np.array([pace_factor(PACE_CODES[self.walking], each) for each in slope.tolist()])
        on_foot = length_m / (level_kmh * M_PER_MIN) * pace
        with np.errstate(divide="ignore"):
            return np.where(kmh > 0, length_m / (kmh * M_PER_MIN), on_foot)


def _lines(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    """The shapes as single lines, joined where just two ends meet."""
    parts = shapely.get_parts(shapely.line_merge(shapely.multilinestrings(shapely.get_parts(shapes))))
    parts = shapely.remove_repeated_points(np.atleast_1d(parts))
    return np.asarray(parts[shapely.length(parts) > 0], dtype=object)


def _lines_or_points(shape: shapely.Geometry) -> list[shapely.Geometry]:
    parts = shapely.remove_repeated_points(shapely.get_parts(np.array([shape], dtype=object)))
    return [part if part.length > 0 else shapely.Point(part.coords[0]) for part in parts if not part.is_empty]
