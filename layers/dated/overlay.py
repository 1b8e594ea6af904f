"""Two sets of outlines laid over each other exactly: the pieces, which of them are slivers, and what each weighs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import geopandas
import numpy as np
import shapely
from numpy.typing import NDArray

from phusong.layers.cell_shares import Frame, raster_sums
from phusong.layers.grid import Raster

WIDTH_M = 400.0
"""A piece narrower than this may be nothing but two outlines drawn apart. Outlines of communes thinned at about 150 m
differ from others by strips up to some 400 m wide; no part that a decree names was found to be narrower."""
SHARE_PCT = 25.0
"""A piece that is at least this much of one of its two units is real however narrow it is: small wards are narrow."""
TRIFLE_PCT = 1.0
"""A piece that is less than this of both its units is dropped whatever its form."""
KNOWN_SHARE = 0.5
"""A unit is weighed by a raster only if at least this part of its area lies on cells with data."""
_LEAST_M2 = 1.0  # rounding of coordinates
_ROUNDING = 1e-6  # of a unit's area

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Weight: TypeAlias = Raster | geopandas.GeoDataFrame | None


@dataclass(frozen=True)
class Pieces:
    """What two sets of outlines have in common: piece k lies in ``one[k]`` and ``other[k]``, rows of the two sets.

    -1 stands for "in none of that set". ``width_m``: width of the rectangle of the piece's area and perimeter.
    """

    one: Rows
    other: Rows
    shapes: NDArray[np.object_]
    area_m2: Floats
    width_m: Floats
    one_area_m2: Floats
    other_area_m2: Floats

    @property
    def whole(self) -> NDArray[np.bool_]:
        """Pieces that lie in a unit of each set."""
        mask: NDArray[np.bool_] = (self.one >= 0) & (self.other >= 0)
        return mask

    def share_of(self, side: str) -> Floats:
        """Share of each piece in the area of its unit of "one" or "other"; 0 where it lies in none of that set."""
        rows, areas = (self.one, self.one_area_m2) if side == "one" else (self.other, self.other_area_m2)
        share: Floats = np.where(rows >= 0, self.area_m2 / areas[np.maximum(rows, 0)], 0.0)
        return share


def equal_area_crs(units: geopandas.GeoDataFrame) -> str:
    """Lambert's azimuthal equal-area projection about the middle of the units, metres, on WGS 84.

    Areas are exact on the ellipsoid; lengths are off by less than 1 % within 1,000 km of the middle.
    """
    left, bottom, right, top = units.to_crs("EPSG:4326").total_bounds
    lat, lon = round((bottom + top) / 2, 1), round((left + right) / 2, 1)
    return f"+proj=laea +lat_0={lat} +lon_0={lon} +datum=WGS84 +units=m +no_defs"


def outlines(units: geopandas.GeoDataFrame, *, crs: str) -> tuple[NDArray[np.object_], int]:
    """The units' polygons in ``crs``, and how many had to be repaired (rings that cross themselves and the like)."""
    shapes = np.asarray(units.geometry.to_crs(crs).array, dtype=object)
    broken = ~shapely.is_valid(shapes)
    if broken.any():
        shapes[broken] = _polygons(shapely.make_valid(shapes[broken], method="structure", keep_collapsed=False))
    return shapes, int(broken.sum())


def overlap_m2(shapes: NDArray[np.object_]) -> float:
    """Area that lies in two outlines of one set, m2."""
    tree = shapely.STRtree(shapes)
    met = np.hstack(
        [tree.query(shapes, predicate=how) for how in ("overlaps", "covers")]
    )  # equal ones cover each other
    first, second = np.unique(np.sort(met[:, met[0] != met[1]], axis=0), axis=1)
    return float(shapely.area(shapely.intersection(shapes[first], shapes[second])).sum())


def overlay(one: NDArray[np.object_], other: NDArray[np.object_]) -> Pieces:
    """All pieces of two sets of valid polygons in one metric CRS, those in only one of the sets among them.

    Exact intersections, found by an STR tree; what lies in none of the other set is the difference from the outlines
    that meet it, taken where the pieces do not add up to the unit. Pieces under 1 m2 are rounding and left out.
    """
    near, far = shapely.STRtree(other).query(one, predicate="intersects")
    both = _polygons(shapely.intersection(one[near], other[far]))
    met_m2 = shapely.area(both)
    left_one = _differences(one, other, near, far, met_m2=met_m2)
    left_other = _differences(other, one, far, near, met_m2=met_m2)
    shapes = np.concatenate([both, left_one, left_other])
    ones = np.concatenate([near, np.arange(len(one)), np.full(len(other), -1)]).astype(np.int64)
    others = np.concatenate([far, np.full(len(one), -1), np.arange(len(other))]).astype(np.int64)
    area_m2 = shapely.area(shapes)
    keep = area_m2 > _LEAST_M2
    order = np.lexsort((others[keep], ones[keep]))
    at = np.flatnonzero(keep)[order]
    width_m = _widths(area_m2[at], shapely.length(shapes[at]))
    return Pieces(ones[at], others[at], shapes[at], area_m2[at], width_m, shapely.area(one), shapely.area(other))


def real(
    pieces: Pieces, *, width_m: float = WIDTH_M, share_pct: float = SHARE_PCT, trifle_pct: float = TRIFLE_PCT
) -> NDArray[np.bool_]:
    """Which pieces are parts of units, and not the strips left where two sets draw one boundary differently.

    A piece is real if it is ``share_pct`` or more of one of its units, or ``width_m`` or more wide and ``trifle_pct``
    or more of one of them. Every unit keeps its largest piece.
    """
    share_pct_of = 100 * np.maximum(pieces.share_of("one"), pieces.share_of("other"))
    kept: NDArray[np.bool_] = (share_pct_of >= share_pct) | ((pieces.width_m >= width_m) & (share_pct_of >= trifle_pct))
    for rows, areas in ((pieces.one, pieces.one_area_m2), (pieces.other, pieces.other_area_m2)):
        has = np.zeros(len(areas), dtype=bool)
        has[rows[kept & (rows >= 0)]] = True
        bare = np.flatnonzero((rows >= 0) & ~has[rows])
        largest = bare[np.lexsort((-pieces.area_m2[bare], rows[bare]))]
        _, first = np.unique(rows[largest], return_index=True)
        kept[largest[first]] = True
    return kept


def weigh(pieces: Pieces, weight: Weight, *, crs: str) -> tuple[Floats, Floats]:
    """Weight of each piece and the share of its area where the weight is known; all NaN and 0 without ``weight``.

    A raster (persons a cell, in ``crs``) is summed over the exact share of each cell in the piece; points count their
    ``population``, or 1 each where not every point has one. A point on a common boundary counts once.
    """
    count = len(pieces.area_m2)
    if weight is None:
        return np.full(count, np.nan), np.zeros(count)
    if isinstance(weight, Raster):
        return _raster_sums(pieces, weight)
    points = np.asarray(weight.geometry.to_crs(crs).array, dtype=object)
    amounts = np.asarray(weight["population"], dtype=np.float64) if counts_people(weight) else np.ones(len(points))
    point, piece = shapely.STRtree(pieces.shapes).query(points, predicate="intersects")
    best = np.lexsort((piece, ~pieces.whole[piece], point))
    _, first = np.unique(point[best], return_index=True)
    at = best[first]
    sums = np.bincount(piece[at], weights=amounts[point[at]], minlength=count)
    return sums.astype(np.float64), np.ones(count)


def counts_people(points: geopandas.GeoDataFrame) -> bool:
    """Whether every point says how many people it stands for."""
    return "population" in points and bool(points["population"].notna().all())


def _raster_sums(pieces: Pieces, raster: Raster) -> tuple[Floats, Floats]:
    grid = raster.grid
    frame = Frame(grid.left_m, grid.top_m, grid.cell_m, grid.cell_m, grid.shape)
    sums = raster_sums(pieces.shapes, [(0, raster.values)], frame)
    known = np.minimum(sums.known_cells * grid.cell_m**2 / pieces.area_m2, 1.0)
    return np.nan_to_num(sums.total), known


def _differences(
    one: NDArray[np.object_], other: NDArray[np.object_], near: Rows, far: Rows, *, met_m2: Floats
) -> NDArray[np.object_]:
    """Of each outline what lies in none of the others; empty where the pieces add up to it."""
    open_ = np.bincount(near, weights=met_m2, minlength=len(one)) < (1 - _ROUNDING) * shapely.area(one)
    order = np.argsort(near, kind="stable")
    starts = np.searchsorted(near[order], np.arange(len(one) + 1))
    left = np.full(len(one), shapely.Polygon(), dtype=object)
    for i in np.flatnonzero(open_):
        left[i] = shapely.difference(one[i], shapely.union_all(other[far[order[starts[i] : starts[i + 1]]]]))
    return _polygons(left)


def _polygons(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    """The shapes without the lines and points that an overlay leaves where outlines only touch."""
    kinds = shapely.get_type_id(shapes)
    areal = (kinds == shapely.GeometryType.POLYGON) | (kinds == shapely.GeometryType.MULTIPOLYGON)
    for i in np.flatnonzero(~areal):
        parts: list[Any] = [
            each for part in shapely.get_parts(shapes[i]) for each in shapely.get_parts(part) if each.area
        ]
        shapes[i] = shapely.MultiPolygon(parts)
    return shapes


def _widths(area_m2: Floats, perimeter_m: Floats) -> Floats:
    """Short side of the rectangle with this area and perimeter; a quarter of the perimeter where a piece is rounder."""
    half = perimeter_m / 2
    width: Floats = (half - np.sqrt(np.maximum(half**2 - 4 * area_m2, 0.0))) / 2
    return width
