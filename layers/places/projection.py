"""From one coordinate reference system to another: between VN-2000 and WGS 84 always by the same, official operation.

EPSG lists two transformations from VN-2000 to WGS 84, 0.7-0.8 m apart, both stated accurate to 1 m, and PROJ picks one
by the place: an unpinned run uses EPSG:6960 in Quang Tri and EPSG:5194 (an oil company's, for the Mekong delta) in
Dong Thap. Here it is always EPSG:6960: its parameters are those that Decision 05/2007/QD-BTNMT of 2007-02-27 makes
official. It needs no grid and no network; a file's own TOWGS84 numbers for VN-2000 (often with the signs of the
rotations turned) are passed over. The parameters are read from PROJ's database.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Any

import geopandas
import numpy as np
import shapely
from pyproj import CRS, Transformer

VN2000_TO_WGS84 = 6960
"""EPSG code of the operation used in both directions between VN-2000 (EPSG:4756) and WGS 84."""

Bounds = tuple[float, float, float, float]
_EDGE_POINTS = 22
VN2000, WGS84 = "EPSG:4756", "EPSG:4326"
_DATUMS = {
    VN2000: {"vn2000", "vietnam2000", "gcsvn2000", "dvietnam2000"},
    WGS84: {"wgs84", "worldgeodeticsystem1984", "worldgeodeticsystem1984ensemble", "gcswgs1984", "dwgs1984", "wgs1984"},
}


@lru_cache(maxsize=256)
def transformer(source: Any, target: Any) -> Transformer:
    """Brings (x, y) or (lon, lat) of ``source`` to ``target``, each anything pyproj takes for a CRS.

    Between VN-2000 and WGS 84 the pinned operation; elsewhere PROJ's best. A place it cannot reach comes back infinite.
    pyproj.exceptions.CRSError for an unknown CRS.
    """
    text = operation(source, target)
    return Transformer.from_pipeline(text) if text else Transformer.from_crs(source, target, always_xy=True)


def moved_bounds(bounds: Bounds, source: Any, target: Any) -> Bounds:
    """(left, bottom, right, top) of ``source`` as bounds in ``target``, along densified edges.

    Infinite where an edge cannot be shown there.
    """
    left, bottom, right, top = bounds
    steps = np.linspace(0, 1, _EDGE_POINTS)
    across, up = left + steps * (right - left), bottom + steps * (top - bottom)
    x = np.concatenate([across, across, np.full_like(up, left), np.full_like(up, right)])
    y = np.concatenate([np.full_like(across, bottom), np.full_like(across, top), up, up])
    xs, ys = transformer(source, target).transform(x, y)
    return float(np.min(xs)), float(np.min(ys)), float(np.max(xs)), float(np.max(ys))


@lru_cache(maxsize=256)
def operation(source: Any, target: Any) -> str:
    """The pinned PROJ pipeline from ``source`` to ``target`` in (x, y) order, "" where none of VN-2000 is needed."""
    one, other = CRS.from_user_input(source), CRS.from_user_input(target)
    datums = (datum_of(one), datum_of(other))
    if datums not in ((VN2000, WGS84), (WGS84, VN2000)):
        return ""
    inverse = "inv " if datums[0] == WGS84 else ""
    shift = [
        "proj=unitconvert xy_in=deg xy_out=rad",
        "proj=push v_3",
        "proj=cart ellps=WGS84",
        f"{inverse}{_helmert()}",
        "inv proj=cart ellps=WGS84",
        "proj=pop v_3",
        "proj=unitconvert xy_in=rad xy_out=deg",
    ]
    steps = _steps(_unbound(one), datums[0]) + shift + _steps(_unbound(other), datums[1], back=True)
    return "+proj=pipeline " + " ".join("+step " + _plussed(step) for step in steps)


def gdal_operation(source: Any, target: Any) -> str:
    """The same for GDAL's COORDINATE_OPERATION, which takes the axes in the order the CRSs define; "" as above."""
    text = operation(source, target)
    if not text:
        return ""
    before, after = (
        "+step +proj=axisswap +order=2,1 " if CRS.from_user_input(crs).axis_info[0].direction == "north" else ""
        for crs in (source, target)
    )
    steps = text.removeprefix("+proj=pipeline ")
    return f"+proj=pipeline {before}{steps} {after}".strip()


def datum_of(crs: Any) -> str | None:
    """EPSG:4756 for a CRS on VN-2000, EPSG:4326 for one on WGS 84, None for any other."""
    base = _unbound(CRS.from_user_input(crs)).geodetic_crs
    if base is None:
        return None
    names = {_key(base.name), _key(base.datum.name) if base.datum is not None else ""}
    return next((datum for datum, known in _DATUMS.items() if names & known), None)


def in_degrees(shapes: geopandas.GeoSeries) -> geopandas.GeoSeries:
    """Shapes in WGS 84, longitude first."""
    move = transformer(shapes.crs, WGS84).transform
    there = shapes.notna().to_numpy()
    moved = np.full(len(shapes), None, dtype=object)
    moved[there] = shapely.transform(
        np.asarray(shapes.array, dtype=object)[there], lambda xy: np.column_stack(move(xy[:, 0], xy[:, 1]))
    )
    return geopandas.GeoSeries(list(moved), index=shapes.index, crs=WGS84)


def operation_text() -> str:
    """The pinned operation for the run record: code, name, accuracy, parameters and who made them official."""
    pinned = _pinned()
    return (
        f"EPSG:{VN2000_TO_WGS84} {pinned.description} (Decision 05/2007/QD-BTNMT), "
        f"accuracy {pinned.accuracy:g} m: {_helmert()}"
    )


@lru_cache(maxsize=1)
def _pinned() -> Transformer:
    return Transformer.from_pipeline(f"urn:ogc:def:coordinateOperation:EPSG::{VN2000_TO_WGS84}")


def _helmert() -> str:
    """The step with the seven parameters, as the database has them."""
    return next(step for step in _pinned().definition.split(" step ") if step.startswith("proj=helmert")).strip()


def _steps(crs: CRS, base: str, *, back: bool = False) -> list[str]:
    """The steps between ``crs`` and the degrees (lon, lat) it is drawn on; none where it is those."""
    if crs.is_geographic:
        return []
    own = crs.geodetic_crs if datum_of(crs) == base else base
    one, other = (own, crs) if back else (crs, own)
    text = Transformer.from_crs(one, other, always_xy=True).definition.removeprefix("proj=pipeline ").strip()
    return [step.strip() for step in f" {text}".split(" step ") if step.strip() and step.strip() != "noop"]


def _plussed(step: str) -> str:
    return " ".join(word if word.startswith("+") else f"+{word}" for word in step.split())


def _unbound(crs: CRS) -> CRS:
    return crs.source_crs if crs.is_bound and crs.source_crs is not None else crs


def _key(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(c for c in plain if c.isalnum())
