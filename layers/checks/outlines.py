"""How the outlines of units fit together: overlaps, gaps and edges that differ; and their repair, on request only.

All outlines are polygons in one CRS of metres; areas are in m2 of its plane.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Geod
from scipy.spatial import cKDTree

from phusong.layers.errors import CrsError, Fault, InputError
from phusong.layers.places.projection import transformer
from phusong.layers.readers.raw import RawTable

CROWDED = 100
"""Where a quarter of the outlines, or of their edges, meet more others (by their boxes), they are no map of units, and
would take hours to compare."""
_SAMPLE = 100
SLIVER_M2 = 1.0
"""Less is rounding."""
MOST_LISTED = 100
"""So many overlaps and gaps, the largest, are listed one by one; the others as a sum."""
MOST_MENDED_M2 = 100_000.0
"""Pieces up to 10 ha are slips of drawing; whose a larger one is must be asked."""
CHANGES = ["code", "name", "what", "other", "area_m2", "before_m2", "after_m2"]
_MOST_NAMES = 20
_EARTH = Geod(ellps="WGS84")
Shapes = NDArray[np.object_]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Fit:
    """How n outlines fit: what overlaps, what lies between them, and whose edges differ without either.

    ``pairs`` (k, 2): positions of two outlines that overlap, the smaller first, by falling area; ``overlap_m2`` (k,).
    ``gaps`` (g,): polygons that no outline covers and outlines enclose, by falling area; ``beside``: (g,) the positions
    of the outlines that touch each. ``loose`` (l,): outlines whose edges do not match their neighbours' point for
    point, though they neither overlap nor leave a gap of more than SLIVER_M2.
    """

    pairs: Ints
    overlap_m2: Floats
    gaps: Shapes
    beside: tuple[tuple[int, ...], ...]
    loose: Ints

    @property
    def gap_m2(self) -> Floats:
        """Area of each gap."""
        return np.asarray(shapely.area(self.gaps), dtype=np.float64)


def fit(shapes: Shapes) -> Fit:
    """Find overlaps, gaps and differing edges of valid polygons; only outlines with differing edges are overlaid.

    InputError if they are CROWDED: drawn many times over one another.
    """
    shapes = np.asarray(shapes, dtype=object)
    _refuse_crowded(shapely.bounds(shapes))
    _refuse_crowded(_edge_boxes(shapes))
    odd = ~shapely.is_empty(shapely.coverage_invalid_edges(shapes))
    tree = shapely.STRtree(shapes)
    pairs, overlap_m2 = _overlaps(shapes, odd, tree)
    gaps = _gaps(shapes, odd, tree)
    gap, beside = tree.query(gaps, predicate="intersects")
    order = np.lexsort((beside, gap))
    ends = np.searchsorted(gap[order], np.arange(len(gaps) + 1))
    around = tuple(tuple(beside[order[one:end]].tolist()) for one, end in pairwise(ends))
    said = np.zeros(len(shapes), dtype=bool)
    said[pairs.ravel()] = True
    said[beside] = True
    return Fit(pairs, overlap_m2, gaps, around, np.flatnonzero(odd & ~said))


def _refuse_crowded(boxes: Floats) -> None:
    if (beside := _crowd(boxes)) > CROWDED:
        raise InputError("fault.outlines_crowded", count=f"{beside:.0f}", most=CROWDED)


def _crowd(boxes: Floats) -> float:
    """How many others each of a quarter of the boxes (n, 4) meets at least, by a sample."""
    if not len(boxes):
        return 0.0
    left, bottom, right, top = boxes.T
    sample = boxes[np.linspace(0, len(boxes) - 1, min(_SAMPLE, len(boxes))).astype(np.int64)]
    hits = [((left <= x1) & (right >= x0) & (bottom <= y1) & (top >= y0)).sum() - 1 for x0, y0, x1, y1 in sample]
    return float(np.quantile(hits, 0.75))


def _edge_boxes(shapes: Shapes) -> Floats:
    """The box of each edge of the shapes."""
    xy, ring = shapely.get_coordinates(shapely.get_rings(shapes), return_index=True)
    joined = ring[1:] == ring[:-1]
    one, other = xy[:-1][joined], xy[1:][joined]
    return np.ascontiguousarray(np.hstack([np.minimum(one, other), np.maximum(one, other)]).T).T


def _overlaps(shapes: Shapes, odd: NDArray[np.bool_], tree: shapely.STRtree) -> tuple[Ints, Floats]:
    ours = np.flatnonzero(odd)
    one, other = tree.query(shapes[ours], predicate="intersects")
    pairs = np.unique(np.sort(np.column_stack([ours[one], other]), axis=1), axis=0)
    pairs = pairs[pairs[:, 0] < pairs[:, 1]]
    area_m2 = shapely.area(shapely.intersection(shapes[pairs[:, 0]], shapes[pairs[:, 1]]))
    order = np.argsort(-area_m2, kind="stable")
    order = order[area_m2[order] > SLIVER_M2]
    return pairs[order].astype(np.int64), area_m2[order]


def _gaps(shapes: Shapes, odd: NDArray[np.bool_], tree: shapely.STRtree) -> Shapes:
    """Faces of all edges that no outline covers; outlines without differing edges count as their union."""
    faces = _faces(np.append(shapes[odd], shapely.coverage_union_all(shapes[~odd])))
    hit = tree.query(shapely.point_on_surface(faces), predicate="intersects")[0]
    found = faces[np.setdiff1d(np.arange(len(faces)), hit)]
    area_m2 = shapely.area(found)
    order = np.argsort(-area_m2, kind="stable")
    gaps: Shapes = found[order[area_m2[order] > SLIVER_M2]]
    return gaps


def _faces(shapes: Shapes) -> Shapes:
    """What the boundaries of all shapes cut the plane into (without its outside)."""
    lines = shapely.union_all(shapely.boundary(shapes))
    faces: Shapes = shapely.get_parts(shapely.polygonize(shapely.get_parts(lines)))
    return faces


def told(found: Fit, names: Sequence[str], *, file: str, layer: str = "units") -> list[Fault]:
    """Notes on how outlines fit; the MOST_LISTED largest overlaps and gaps each, the rest as a sum."""
    faults = []
    for (one, other), area in zip(found.pairs[:MOST_LISTED], found.overlap_m2[:MOST_LISTED], strict=True):
        params = {"one": names[one], "other": names[other], "area_km2": f"{area / 1e6:.3g}"}
        faults.append(Fault("note.units_overlap", file=file, layer=layer, params=params))
    faults += _rest("note.units_overlaps_more", found.overlap_m2, file=file, layer=layer)
    for around, area in zip(found.beside[:MOST_LISTED], found.gap_m2[:MOST_LISTED], strict=True):
        params = {"names": _named(around, names), "area_km2": f"{area / 1e6:.3g}"}
        faults.append(Fault("note.units_gap", file=file, layer=layer, params=params))
    faults += _rest("note.units_gaps_more", found.gap_m2, file=file, layer=layer)
    if len(found.loose):
        params = {"names": _named(found.loose.tolist(), names)}
        faults.append(Fault("note.units_edges", file=file, layer=layer, params=params))
    return faults


def _rest(code: str, area_m2: Floats, *, file: str, layer: str) -> list[Fault]:
    rest = area_m2[MOST_LISTED:]
    if not len(rest):
        return []
    params = {"count": len(rest), "area_km2": f"{rest.sum() / 1e6:.3g}", "largest_m2": f"{rest[0]:.0f}"}
    return [Fault(code, file=file, layer=layer, params=params)]


def _named(positions: Sequence[int], names: Sequence[str]) -> str:
    said = ", ".join(str(names[i]) for i in positions[:_MOST_NAMES])
    return said if len(positions) <= _MOST_NAMES else f"{said}, … ({len(positions)})"


def broken(shape: Any, *, crs: str) -> dict[str, Any]:
    """Why a polygon is invalid, and what would be left of it mended: its area in km2 (on the WGS 84 ellipsoid for
    degrees, "-" if they are none) and its parts. Nothing is made of numbers that are not finite and of a tangle."""
    if not _is_area(shape) or _tangled(shape):
        return {"reason": shapely.is_valid_reason(shape), "area_km2": "-", "parts": "0"}
    mended, area_m2 = polygons(shapely.make_valid(shape, method="structure")), math.nan
    left, bottom, right, top = shape.bounds
    if not CRS.from_user_input(crs).is_geographic:
        area_m2 = mended.area
    elif -180 <= left <= right <= 180 and -90 <= bottom <= top <= 90:
        area_m2 = abs(_EARTH.geometry_area_perimeter(mended)[0])
    area_km2 = f"{area_m2 / 1e6:.3g}" if math.isfinite(area_m2) else "-"
    parts = str(shapely.get_num_geometries(mended))
    return {"reason": shapely.is_valid_reason(shape), "area_km2": area_km2, "parts": parts}


def polygons(shape: Any) -> Any:
    """The polygons of any shape: one Polygon, or a MultiPolygon (empty if there is none)."""
    parts = shapely.get_parts(shapely.get_parts(shape))  # a collection may hold multi-polygons
    flat = [part for part in parts if part.geom_type == "Polygon" and not part.is_empty]
    return flat[0] if len(flat) == 1 else shapely.MultiPolygon(flat)


@dataclass(frozen=True)
class Cleaned:
    """Units whose outlines were mended, and all that was done.

    ``frame``: the units, every other column as it was. ``changes``: one row each change of a unit's area: ``code``,
    ``name``, ``what`` (mended, snapped, overlap, gap), ``other`` (the unit that an overlap went to), ``area_m2``
    (signed), and the unit's ``before_m2`` and ``after_m2``; a unit's changes add up to the difference. ``left``: what
    was too large to be mended without a decision.
    """

    frame: geopandas.GeoDataFrame
    changes: pd.DataFrame
    left: Fit

    def faults(self, *, file: str, layer: str = "units") -> list[Fault]:
        """What was changed: one remark for all, one for each unit with its area before and after (those whose area
        changed by the largest share first); what is left."""
        if self.changes.empty:
            return told(self.left, self.frame["name"].tolist(), file=file, layer=layer)
        done = self.changes
        sums = done.groupby("what")["area_m2"].agg(["count", "sum"]).reindex(["mended", "snapped", "overlap", "gap"])
        params: dict[str, Any] = {"count": int(done["code"].nunique())}
        for what, (count, area_m2) in zip(sums.index, sums.fillna(0.0).to_numpy(), strict=True):
            params |= {what: int(count), f"{what}_km2": f"{area_m2 / 1e6:.6g}"}
        faults = [Fault("changed.outlines", file=file, layer=layer, params=params)]
        first = done.drop_duplicates("code")
        share = (first["after_m2"] / first["before_m2"] - 1).abs()
        first = first.loc[share.sort_values(ascending=False, kind="stable").index]
        for name, code, *both_m2 in zip(*(first[c] for c in ("name", "code", "before_m2", "after_m2")), strict=True):
            before, after = (f"{area_m2 / 1e6:.6f}" for area_m2 in both_m2)
            params = {"name": name, "code": code, "before_km2": before, "after_km2": after}
            faults.append(Fault("changed.outline", file=file, layer=layer, params=params))
        return [*faults, *told(self.left, self.frame["name"].tolist(), file=file, layer=layer)]


def cleaned(units: geopandas.GeoDataFrame, *, most_m2: float, snap_m: float = 0.0) -> Cleaned:
    """Mend the outlines of units so that they neither overlap nor leave gaps; pieces over ``most_m2`` are not touched.

    1. Invalid polygons are made valid (what a line that crosses itself encloses stays; lines and points go).
    2. Vertices of edges that no neighbour shares move onto another such vertex within ``snap_m``, in all units alike.
    3. Each piece that several units cover, of at most ``most_m2``, goes to the one of them with the longest border
       along it on ground that is its alone; a unit that has no such ground keeps its pieces, and a piece of two such
       units stays with both.
    4. Each gap of at most ``most_m2`` goes to the unit with the longest border along it. Equal borders: the unit that
       comes first. A lake of that size that belongs to no unit is a gap too.

    Every point that was covered stays covered: the total area changes by the overlaps given up and the gaps closed
    alone. Attributes (an official area, say) stay. CrsError if the units are not in metres.
    """
    crs = None if units.crs is None else CRS.from_user_input(units.crs)
    if crs is None or crs.axis_info[0].unit_name != "metre":
        raise CrsError("outlines.not_metres", found="-" if crs is None else crs.to_string())
    drawn = shapely.force_2d(np.asarray(units.geometry.array, dtype=object))
    steps = [("mended", np.array([_valid(shape) for shape in drawn], dtype=object))]
    if snap_m > 0:
        steps.append(("snapped", _snapped(steps[0][1], snap_m)))
    area_m2, done = np.abs(shapely.area(drawn)), []
    for what, shapes in steps:
        now_m2 = shapely.area(shapes)
        moved = np.flatnonzero(~shapely.equals_exact(shapes, drawn, tolerance=0.0))
        done += [(at, what, -1, now_m2[at] - area_m2[at]) for at in moved.tolist()]
        drawn, area_m2 = shapes, now_m2
    now = fit(drawn)
    fits = not (len(now.pairs) or len(now.gaps) or len(now.loose))
    final, given = (drawn, []) if fits else _fitted(drawn, most_m2)
    frame = units.set_geometry(geopandas.GeoSeries(list(final), index=units.index, crs=units.crs))
    return Cleaned(frame, _listed([*done, *given], units, final), now if fits else fit(final))


def mended(
    raw: RawTable, *, crs: str, most_m2: float = MOST_MENDED_M2, snap_m: float = 0.0
) -> tuple[RawTable, pd.DataFrame]:
    """A table of units as read with its outlines ``cleaned`` in ``crs`` (metres), and the changes; before ``validate``.

    The geometry is then in ``crs``; what was done stands in the faults. A row without a polygon, or with a tangle,
    stays as it is, and a table whose CRS is not known too. Units go by their columns ``code`` and ``name``, else by
    their row.
    """
    if raw.geometry is None or raw.crs is None:
        return raw, pd.DataFrame(columns=CHANGES)
    move = transformer(raw.crs, crs).transform
    there = np.array([shape is not None for shape in raw.geometry], dtype=bool)
    shapes = np.full(len(there), None, dtype=object)
    flat = shapely.force_2d(np.asarray(raw.geometry, dtype=object)[there])
    shapes[there] = shapely.transform(flat, lambda xy: np.column_stack(move(xy[:, 0], xy[:, 1])))
    areas = np.array([_is_area(shape) and not _tangled(shape) for shape in shapes], dtype=bool)
    named = {
        column: (raw.frame[column] if column in raw.frame else pd.Series(raw.rows, raw.frame.index)).astype(str)[areas]
        for column in ("code", "name")
    }
    units = geopandas.GeoDataFrame(named, geometry=list(shapes[areas]), crs=crs)
    done = cleaned(units, most_m2=most_m2, snap_m=snap_m)
    shapes[areas] = np.asarray(done.frame.geometry.array, dtype=object)
    return replace(raw, geometry=shapes, crs=crs, faults=(*raw.faults, *done.faults(file=raw.file))), done.changes


def _tangled(shape: Any) -> bool:
    """Whether its edges cross so often that mending it would take hours."""
    return not shape.is_valid and _crowd(_edge_boxes(np.array([shape], dtype=object))) > CROWDED


def _is_area(shape: Any) -> bool:
    """Whether it is a polygon that can be cleaned."""
    polygonal = isinstance(shape, shapely.Polygon | shapely.MultiPolygon) and not shape.is_empty
    return polygonal and bool(np.isfinite(shapely.get_coordinates(shape)).all())


def _listed(done: list[tuple[int, str, int, float]], units: geopandas.GeoDataFrame, final: Shapes) -> pd.DataFrame:
    columns = ["at", "what", "other", "area_m2"]
    changes = pd.DataFrame(done, columns=columns).astype({"at": np.int64, "other": np.int64, "area_m2": np.float64})
    at, other = changes["at"].to_numpy(), changes["other"].to_numpy()
    codes, names = units["code"].to_numpy(), units["name"].to_numpy()
    changes.insert(0, "code", codes[at])
    changes.insert(1, "name", names[at])
    changes["other"] = pd.Series([codes[i] if i >= 0 else None for i in other.tolist()], dtype="str")
    changes["after_m2"] = shapely.area(final)[at]
    changes["before_m2"] = changes["after_m2"] - changes.groupby("at")["area_m2"].transform("sum")
    order = np.argsort(at, kind="stable")
    return changes.iloc[order].reset_index(drop=True)[CHANGES]


def _valid(shape: Any) -> Any:
    return shape if shape.is_valid else polygons(shapely.make_valid(shape, method="structure"))


def _segments(shapes: Shapes) -> tuple[Floats, Ints, Ints, Ints]:
    """Distinct vertices (v, 2), which of them each coordinate is (c,), the two of each edge (e, 2) with the smaller
    first, and the shape of each edge (e,)."""
    rings, of = shapely.get_rings(shapes, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    at, vertices = pd.factorize(xy[:, 0] + 1j * xy[:, 1])
    joined = ring[1:] == ring[:-1]
    ends = np.sort(np.column_stack([at[:-1], at[1:]])[joined], axis=1).astype(np.int64)
    return np.column_stack([vertices.real, vertices.imag]), at, ends, of[ring[1:][joined]].astype(np.int64)


def _snapped(shapes: Shapes, snap_m: float) -> Shapes:
    """The shapes with the vertices of unshared edges brought onto one another where they lie within ``snap_m``."""
    vertices, at, ends, _ = _segments(shapes)
    alone = ~pd.DataFrame(ends).duplicated(keep=False).to_numpy()
    loose = np.unique(ends[alone])
    loose = loose[np.lexsort((vertices[loose, 1], vertices[loose, 0]))]
    near = cKDTree(vertices[loose]).query_pairs(snap_m, output_type="ndarray")
    if not len(near):
        return shapes
    target = np.arange(len(loose))
    for one, other in near[np.lexsort((near[:, 1], near[:, 0]))].tolist():
        if target[one] == one and target[other] == other:
            target[other] = one
    vertices[loose] = vertices[loose[target]]
    moved = shapely.transform(shapes, lambda _: vertices[at])  # coordinates come ring by ring, as in _segments
    return np.array([_valid(shape) for shape in moved], dtype=object)


def _fitted(shapes: Shapes, most_m2: float) -> tuple[Shapes, list[tuple[int, str, int, float]]]:
    """The shapes without overlaps and gaps up to ``most_m2``, and each change (unit, what, other unit, signed area)."""
    faces = _faces(shapes)
    area_m2 = shapely.area(faces)
    face, unit = shapely.STRtree(shapes).query(shapely.point_on_surface(faces), predicate="intersects")
    order = np.lexsort((unit, face))
    face, unit = face[order].astype(np.int64), unit[order].astype(np.int64)
    covers = np.bincount(face, minlength=len(faces))
    first = np.full(len(faces), -1)
    first[face[::-1]] = unit[::-1]
    alone = np.where(covers == 1, first, -1)
    border = _borders(faces)
    has_ground = np.isin(np.arange(len(shapes)), alone)
    done: list[tuple[int, str, int, float]] = []
    owner = first.copy()
    keep = np.ones(len(face), dtype=bool)
    starts = np.searchsorted(face, np.arange(len(faces) + 1))
    for i in np.flatnonzero((covers > 1) & (area_m2 <= most_m2)).tolist():
        owners = unit[starts[i] : starts[i + 1]]
        if (~has_ground[owners]).sum() > 1:  # one of them would be left without any
            continue
        length = _along(border, i, alone)
        best = min(owners.tolist(), key=lambda one: (has_ground[one], -length.get(one, 0.0), one))
        keep[starts[i] : starts[i + 1]] = owners == best
        owner[i] = best
        done += [(one, "overlap", best, -float(area_m2[i])) for one in owners.tolist() if one != best]
    gained: list[tuple[int, int]] = []
    for i in np.flatnonzero((covers == 0) & (area_m2 <= most_m2)).tolist():
        length = _along(border, i, owner)
        if length:
            best = min(length, key=lambda one: (-length[one], one))
            gained.append((i, best))
            done.append((best, "gap", -1, float(area_m2[i])))
    of_face = np.concatenate([face[keep], np.array([i for i, _ in gained], dtype=np.int64)])
    of_unit = np.concatenate([unit[keep], np.array([one for _, one in gained], dtype=np.int64)])
    order = np.argsort(of_unit, kind="stable")
    ends = np.searchsorted(of_unit[order], np.arange(len(shapes) + 1))
    final = np.array(
        [polygons(shapely.coverage_union_all(faces[of_face[order[one:end]]])) for one, end in pairwise(ends)],
        dtype=object,
    )
    same = shapely.equals_exact(shapely.normalize(final), shapely.normalize(shapes), tolerance=0.0)
    final[same] = shapes[same]
    return final, done


def _borders(faces: Shapes) -> dict[int, list[tuple[int, float]]]:
    """Of each face, the faces beside it and the length of each edge between them."""
    vertices, _, ends, of = _segments(faces)
    length = np.hypot(*(vertices[ends[:, 0]] - vertices[ends[:, 1]]).T)
    order = np.lexsort((ends[:, 1], ends[:, 0]))
    ends, of, length = ends[order], of[order], length[order]
    twice = np.flatnonzero((ends[1:] == ends[:-1]).all(axis=1))
    beside: dict[int, list[tuple[int, float]]] = {}
    for one, other, along in zip(of[twice].tolist(), of[twice + 1].tolist(), length[twice].tolist(), strict=True):
        beside.setdefault(one, []).append((other, along))
        beside.setdefault(other, []).append((one, along))
    return beside


def _along(border: dict[int, list[tuple[int, float]]], face: int, owner: Ints) -> dict[int, float]:
    """How long each owner's ground borders on a face, m."""
    length: dict[int, float] = {}
    for other, along in border.get(face, []):
        if owner[other] >= 0:
            length[int(owner[other])] = length.get(int(owner[other]), 0.0) + along
    return length
