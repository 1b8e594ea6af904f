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
from pyproj import CRS

from phusong.coverage.access.barriers import Barriers, barriers, centres
from phusong.coverage.access.solver import pace_factor
from phusong.coverage.access.speeds import DEFAULT_CLASSES, Speeds, codes_without_class, speeds, walked
from phusong.coverage.access.surface import PACE_CODES, Links, Surface
from phusong.coverage.access.ways import Hops, hops, led_to_banks
from phusong.layers.errors import ComputeError, CrsError, Fault
from phusong.layers.grid import Grid, Raster

Mode = Literal["walk", "motorbike", "car", "fibre"]
Walking = Literal["tobler", "langmuir"]
Season = Literal["dry", "flooded"]
Basis = Literal["walking_model", "roads"]

M_PER_MIN = 1000.0 / 60.0
"""Metres a minute of 1 km/h."""

CLOSED, UNFIT = -1.0, -2.0
"""In place of a road's speed: its surface closes it; nobody passes it so, such as a motorway on foot."""
ROAD_COUNTS = ("roads", "roads_closed", "roads_unfit", "roads_nowhere", "bridges_of_roads", "road_gaps")
CROSSING_COUNTS = ("crossings", "crossings_closed", "crossings_unused")
MOST_LISTED = 20

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Friction:
    """A surface in minutes (in metres along a road for fibre), and what it rests on.

    ``basis``: "walking_model" without roads, "roads" with them. ``faults``: notes on what was left out. ``counts``:
    cells by kind, links (both ways), and what became of every road and crossing: used, closed (by the season or its
    surface; for fibre, ferries and fords), unfit for who moves, or nowhere (no part of the road in a cell that can be
    passed) and unused (no river or no bank found); and how often a road bridges a river or breaks off at one.
    ``barriers``: the rivers of the season.
    """

    surface: Surface
    mode: Mode
    walking: Walking
    season: Season
    basis: Basis
    faults: tuple[Fault, ...]
    counts: dict[str, int]
    barriers: Barriers


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
    Fibre follows roads and bridges and lies across country, not through rivers; floods do not change it.

    Raises:
        ComputeError: a raster is not on the grid.
        CrsError: a layer is not in its CRS.
    """
    for name, raster in (("elevation", elevation), ("land_cover", land_cover)):
        if raster is not None and raster.grid != grid:
            raise ComputeError("error.grid_mismatch", layer=name)
    for name, layer in (("roads", roads), ("rivers", rivers), ("crossings", crossings)):
        if layer is not None and (layer.crs is None or CRS.from_user_input(layer.crs) != CRS.from_user_input(grid.crs)):
            raise CrsError("error.zones_crs", layer=name, found=str(layer.crs), crs=grid.crs)
    table = table or speeds()
    flooded = season == "flooded" and mode != "fibre"
    faults: list[Fault] = []
    if rivers is not None and not flooded:
        rivers = rivers[~_yes(rivers, "floods_only")]
    shut = barriers(rivers, grid=grid)
    known_roads = roads is not None and bool(roads.intersects(shapely.box(*grid.bounds)).any())
    share, unclassed = _shares(land_cover, known_roads, table, mode, grid, faults)
    share[shut.water] = 0.0
    level = table["fibre.off_road_cost"] if mode == "fibre" else 1.0 / (table[f"walking.{walking}_kmh"] * M_PER_MIN)
    with np.errstate(divide="ignore"):
        slowness = level / share
    heights = elevation.values
    slowness[heights <= 0] = np.inf
    slowness[~np.isfinite(heights)] = np.nan
    maker = _Links(shut, np.isfinite(slowness), heights, table, mode, walking, flooded, faults)
    if roads is not None and len(roads):
        maker.roads(roads)
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
        "cells_without_class": unclassed,
        "cells_beside_barriers": int((shut.closed > 0).sum()),
        "links": 0 if links is None else len(links.cost),
        **maker.counts,
    }
    basis: Basis = "roads" if known_roads else "walking_model"
    return Friction(surface, mode, walking, season, basis, tuple(faults), counts, shut)


def _yes(table: pd.DataFrame, column: str) -> NDArray[np.bool_]:
    return np.asarray(table[column].astype("boolean").fillna(False), dtype=bool)


def _no(table: pd.DataFrame, column: str) -> NDArray[np.bool_]:
    return np.asarray((~table[column].astype("boolean")).fillna(False), dtype=bool)


def _shares(  # noqa: PLR0917
    land_cover: Raster | None, known_roads: bool, table: Speeds, mode: Mode, grid: Grid, faults: list[Fault]
) -> tuple[Floats, int]:
    """(share of the full walking speed of each cell by land cover, 0 closes it; cells whose class is not known)."""
    by_class = known_roads and mode != "fibre"
    found = np.full(grid.shape, table["walking.off_path_share"] if by_class else 1.0)
    if land_cover is None:
        return found, 0
    classes = land_cover.tags.get("classes", DEFAULT_CLASSES)
    shares: dict[float, float] = {float(code): share for code, share in table.land_cover(classes).items()}
    codes, cells = np.unique(land_cover.values, return_counts=True)
    without, unknown = 0, []
    for code, count in zip(codes.tolist(), cells.tolist(), strict=True):
        share = shares.get(code)
        if share is None:
            without += count
            if not (np.isnan(code) or code in codes_without_class(classes)):
                unknown.append(f"{code:g} ({count})")
        elif share == 0.0 or by_class:
            found[land_cover.values == code] = share
    if unknown:
        listed = ", ".join(unknown[:MOST_LISTED]) + (", ..." if len(unknown) > MOST_LISTED else "")
        params = {"classes": classes, "listed": listed}
        faults.append(Fault("access.note.classes_unknown", file="land_cover.tif", layer="land_cover", params=params))
    return found, without


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
        self.counts = dict.fromkeys(ROAD_COUNTS + CROSSING_COUNTS, 0)
        self._parts: list[tuple[NDArray[np.int64], NDArray[np.int64], Floats, Floats]] = []

    def roads(self, roads: gpd.GeoDataFrame) -> None:
        """Links along every road open in the season to who moves; both ways."""
        kinds = [self._road_kmh(*each) for each in zip(roads["class"], roads["surface"], strict=True)]
        speed = np.array(kinds, dtype=np.float64)
        shut = (_yes(roads, "floods") & self.flooded) | (speed == CLOSED)
        unfit = ~shut & (speed == UNFIT)
        use = np.flatnonzero(~shut & ~unfit)
        lines, part = _lines(np.asarray(roads.geometry.array, dtype=object)[use])
        self.counts["roads_closed"], self.counts["roads_unfit"] = int(shut.sum()), int(unfit.sum())
        kmh, bridged = speed[use][part], ~_no(roads, "bridge")[use][part]
        with np.errstate(divide="ignore"):
            rates = np.column_stack([np.where(kmh > 0, 1.0 / (kmh * M_PER_MIN), 0.0), kmh == 0])
        found = hops(lines, barriers=self.shut, passable=self.passable, rates=rates, bridged=bridged)
        stands = np.zeros(len(use), dtype=bool)
        stands[part[found.line_stands]] = True
        self.counts["roads"], self.counts["roads_nowhere"] = int(stands.sum()), int((~stands).sum())
        if not stands.all():
            params = {"count": int((~stands).sum()), "whole": len(roads)}
            self.faults.append(Fault("access.note.roads_nowhere", layer="roads", params=params))
        # a road that touches a river and turns away does not cross it
        met = np.flatnonzero(found.crosses)
        ends = [centres(each[met], grid=self.shut.grid) for each in (found.start, found.end)]
        over = np.zeros(len(found.start), dtype=bool)
        over[met] = self.shut.crossed(shapely.linestrings(np.stack(ends, axis=1)))
        gap = over & found.broken
        self.counts["road_gaps"], self.counts["bridges_of_roads"] = int(gap.sum()), int((over & ~gap).sum())
        found = found[~gap]
        self._add(found, ridden_min=found.sums[:, 0], walked_m=found.sums[:, 1])

    def crossings(self, crossings: gpd.GeoDataFrame) -> None:
        """Links over the barrier of every crossing that is open in the season to who moves."""
        kind = crossings["kind"].astype(str).to_numpy()
        shut = (_yes(crossings, "floods") | (kind == "ford")) & self.flooded
        shut |= (self.mode == "fibre") & (kind != "bridge")
        self.counts["crossings_closed"] = int(shut.sum())
        shapes, part = _lines_or_points(np.asarray(crossings.geometry.array, dtype=object), of=np.flatnonzero(~shut))
        found = led_to_banks(shapes, barriers=self.shut, passable=self.passable)
        used = np.zeros(len(crossings), dtype=bool)
        used[part[found.chain]] = True
        self.counts["crossings"] = int(used.sum())
        wait_min = np.asarray(crossings["wait_min"], dtype=np.float64)
        for word in np.unique(kind[used]).tolist():
            those = kind[part[found.chain]] == word
            self._add_crossings(found[those], word, wait_min[part[found.chain[those]]])
        unused = crossings["crossing_id"].astype(str)[~used & ~shut].tolist()
        self.counts["crossings_unused"] = len(unused)
        if unused:
            listed = ", ".join(unused[:MOST_LISTED]) + (", ..." if len(unused) > MOST_LISTED else "")
            params = {"crossings": listed, "count": len(unused)}
            self.faults.append(Fault("access.note.crossings_unused", layer="crossings", params=params))

    def made(self) -> Links | None:
        """All links, both ways; None without any."""
        if not self._parts:
            return None
        start, end, cost, length_m = (np.concatenate(part) for part in zip(*self._parts, strict=True))
        return Links(start, end, cost, length_m)

    def _road_kmh(self, word: str, surface: str | float) -> float:
        """Speed of who rides, 0 for who walks (or lays fibre), else CLOSED by its surface or UNFIT for who moves."""
        if self.mode == "fibre":
            return 0.0
        speed = None if self.mode == "walk" else self.table.get(f"road.{word}.{self.mode}_kmh")
        if speed is None:
            return 0.0 if walked(word) else UNFIT
        known = isinstance(surface, str)
        name = "earth_flooded" if self.flooded and surface == "earth" else surface if known else "paved"
        return speed * self.table[f"surface.{name}_share"] or CLOSED

    def _add_crossings(self, found: Hops, kind: str, wait_min: Floats) -> None:
        kmh = self.table.get("crossing.ferry.boat_kmh" if kind == "ferry" else f"crossing.{kind}.{self.mode}_kmh")
        usual_min = self.table["crossing.ferry.wait_min"] if kind == "ferry" else 0.0
        ridden_min = np.where(np.isnan(wait_min), usual_min, wait_min)
        walked_m = np.zeros(len(found.start))
        if kmh is not None:
            ridden_min += found.length_m / (kmh * M_PER_MIN)
        else:
            walked_m = found.length_m / (self.table["crossing.ford.walking_share"] if kind == "ford" else 1.0)
        self._add(found, ridden_min=ridden_min, walked_m=walked_m, kind=kind)

    def _add(self, found: Hops, *, ridden_min: Floats, walked_m: Floats, kind: str = "") -> None:
        """Links there and back; over the water (``kind``) it is level."""
        grid, level = self.shut.grid, self.table[f"walking.{self.walking}_kmh"] * M_PER_MIN
        for start, end in ((found.start, found.end), (found.end, found.start)):
            if self.mode == "fibre":
                cost = found.length_m * self.table["fibre.bridge_cost" if kind else "fibre.road_cost"]
            else:
                at = self.heights.reshape(-1).astype(np.float64)
                apart_m = np.hypot(*np.diff([centres(start, grid=grid), centres(end, grid=grid)], axis=0)[0].T)
                slope = (at[end] - at[start]) / np.maximum(found.length_m, apart_m)
                slope[:] = 0.0 if kind else slope
                cost, afoot = ridden_min.copy(), walked_m > 0
                code = PACE_CODES[self.walking]
                pace = np.array([pace_factor(code, each) for each in slope[afoot].tolist()])
                cost[afoot] += walked_m[afoot] / level * pace
            self._parts.append((start, end, cost, found.length_m))


def _lines(shapes: NDArray[np.object_]) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """(single lines of a length, shape each is a part of)."""
    parts, shape = shapely.get_parts(shapes, return_index=True)
    length_m = shapely.length(parts)
    real = np.isfinite(length_m) & (length_m > 0)
    return parts[real], shape[real]


def _lines_or_points(
    shapes: NDArray[np.object_], *, of: NDArray[np.int64]
) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """(single lines of a length and points, shape each is a part of) of some shapes."""
    parts, shape = shapely.get_parts(shapes[of], return_index=True)
    parts, shape = parts[~shapely.is_empty(parts)], of[shape[~shapely.is_empty(parts)]]
    parts = shapely.remove_repeated_points(parts)
    short = shapely.length(parts) == 0
    parts[short] = shapely.points(np.array([part.coords[0][:2] for part in parts[short]]).reshape(-1, 2))
    return parts, shape
