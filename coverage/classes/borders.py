"""How much of the national border and of the coast each commune has.

The lines of the border and the outlines of communes come from different hands and scales: they run beside one another,
not on one another. So each piece of a line goes to the commune nearest to it, if one is within the tolerance, with the
length that it has when laid on that commune. Communes that meet the line in one point only, with their common boundary
running inland, get (nearly) nothing, however wide the tolerance: where the next commune along the line is not in the
study, its pieces fall on that point. Counting what of an outline lies near the line would give twice the tolerance.
"""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

STEP_M = 50.0
"""Length of the pieces that lines and outlines are cut into, at most; a fifth of the tolerance if that is less."""
LEAST_STEP_M = 5.0
"""No shorter, however small the tolerance."""
SHARED_M = 5.0
"""An outline nearer than this to another commune is shared with it, whatever slivers the outlines leave."""

Floats = NDArray[np.float64]
Shapes = NDArray[np.object_]


@dataclass(frozen=True)
class Borders:
    """Of each commune, float64[n_units]: km of national land border and of coast, and the share (0-100) of its outline
    that is coast. NaN throughout where the layer has no line of that kind."""

    land_km: Floats
    sea_km: Floats
    outline_coast_pct: Floats
    tolerance_m: float


def border_lengths(units: gpd.GeoDataFrame, borders: gpd.GeoDataFrame | None, *, tolerance_m: float) -> Borders:
    """Lengths of border and coast of ``units`` (polygons, metres) by the lines of ``borders`` (same CRS)."""
    n = len(units)
    nothing = np.full(n, np.nan)
    if borders is None:
        return Borders(nothing, nothing, nothing, tolerance_m)
    outlines = units.geometry.to_numpy()
    tree = shapely.STRtree(outlines)
    step_m = _step_m(tolerance_m)
    km: dict[str, Floats] = {}
    coast: Shapes = np.empty(0, dtype=object)
    for kind in ("land_border", "coast"):
        lines = borders.geometry[(borders["kind"] == kind) & borders.geometry.notna()].to_numpy()
        lines = lines[~shapely.is_empty(lines)]
        km[kind] = _nearest_km(lines, tree, n=n, tolerance_m=tolerance_m, step_m=step_m) if len(lines) else nothing
        coast = lines if kind == "coast" else coast
    pct = _coast_pct(outlines, coast, tree, tolerance_m=tolerance_m, step_m=step_m) if len(coast) else nothing
    return Borders(km["land_border"], km["coast"], pct, tolerance_m)


def _step_m(tolerance_m: float) -> float:
    return max(LEAST_STEP_M, min(STEP_M, tolerance_m / 5))


def _nearest_km(lines: Shapes, tree: shapely.STRtree, *, n: int, tolerance_m: float, step_m: float) -> Floats:
    """Length of the lines to which each outline is the nearest, km, as laid on it; a piece equally near to several is
    shared."""
    middle, length_m, _, ends = _pieces(_near(shapely.get_parts(lines), tree, tolerance_m), step_m)
    if not len(middle):
        return np.zeros(n)
    piece, unit = tree.query_nearest(middle, max_distance=tolerance_m)
    alike = np.bincount(piece, minlength=len(middle))[piece]
    outlines = tree.geometries[unit]
    first, last = (shapely.get_coordinates(shapely.shortest_line(outlines, end[piece]))[::2] for end in ends)
    laid_m = np.minimum(length_m[piece], np.hypot(*(last - first).T))
    return np.bincount(unit, weights=laid_m / alike / 1000.0, minlength=n).astype(np.float64)


def _near(lines: Shapes, tree: shapely.STRtree, tolerance_m: float) -> Shapes:
    """The segments of the lines, few points each, whose bounds come within the tolerance of an outline's."""
    at, line = shapely.get_coordinates(lines, return_index=True)
    inside = (line[1:] == line[:-1]) & (at[1:] != at[:-1]).any(axis=1)  # a point given twice is no segment
    segments = shapely.linestrings(np.stack([at[:-1][inside], at[1:][inside]], axis=1))
    left, bottom, right, top = (
        shapely.bounds(segments)[:, k] + (tolerance_m if k > 1 else -tolerance_m) for k in range(4)
    )
    found, _ = tree.query(shapely.box(left, bottom, right, top))
    near: Shapes = segments[np.unique(found)]
    return near


def _coast_pct(outlines: Shapes, coast: Shapes, tree: shapely.STRtree, *, tolerance_m: float, step_m: float) -> Floats:
    """Share of each outline's outer rings that lies within the tolerance of the coast and is not shared."""
    n = len(outlines)
    shore = shapely.STRtree(_near(shapely.get_parts(coast), tree, tolerance_m))
    found = np.zeros(n)
    if not len(shore.geometries):
        return found
    unit, _ = shore.query(outlines, predicate="dwithin", distance=tolerance_m)
    for i in np.unique(unit):
        rings = shapely.get_exterior_ring(shapely.get_parts(outlines[i]))
        middle, length_m, _, _ = _pieces(rings, step_m)
        by_sea = np.zeros(len(middle), dtype=bool)
        by_sea[shore.query(middle, predicate="dwithin", distance=tolerance_m)[0]] = True
        piece, other = tree.query(middle, predicate="dwithin", distance=SHARED_M)
        by_sea[piece[other != i]] = False
        found[i] = 100.0 * length_m[by_sea].sum() / length_m.sum()
    return found


def _pieces(lines: Shapes, step_m: float) -> tuple[Shapes, Floats, NDArray[np.int64], tuple[Shapes, Shapes]]:
    """Lines cut into pieces of at most ``step_m``: middle points, lengths in metres, the line of each, and its ends."""
    fine = shapely.segmentize(lines, step_m)
    at, line = shapely.get_coordinates(fine, return_index=True)
    same = line[1:] == line[:-1]
    start, end = at[:-1][same], at[1:][same]
    middle: Shapes = shapely.points((start + end) / 2)
    return middle, np.hypot(*(end - start).T), line[1:][same], (shapely.points(start), shapely.points(end))
