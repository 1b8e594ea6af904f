"""Where the rows of a file lie: the reading of its coordinates that fits the places they name, or none.

A reading is a CRS, an order of the axes and a form of the numbers. Every possible one is weighed (``evidence``) by how
many rows it puts into the unit they name, with TOLERANCE_M, else into the province with MARGIN_M. The best is taken if
it fits LEAST_SHARE of the rows and is CERTAIN; otherwise the file is refused and the readings are listed.

Two readings 220 m apart (VN-2000 degrees or UTM taken for WGS 84) or a few hundred (UTM for TM-3 of the same meridian)
fit units of kilometres equally well: only many rows near the edges of the units they name tell them apart. Degrees are
therefore WGS 84 unless declared otherwise, which a note says; metres of such twins are refused without a CRS.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError as ProjError

from phusong.layers.checks.validate import DEGREES, METRES
from phusong.layers.errors import CrsError, Fault, InputError
from phusong.layers.messages import Text
from phusong.layers.places.dms import Cells, read_cells, read_numbers, read_pairs
from phusong.layers.places.evidence import (
    CERTAIN,
    FAR_M,
    MARGIN_M,
    SAME_M,
    Ground,
    Places,
    Rated,
    Sample,
    distance_m,
    surety,
    weigh,
)
from phusong.layers.places.projection import VN2000, WGS84, Bounds
from phusong.layers.places.ways import Numbers, Way, box_in, candidates, crs_name, is_degrees, ways
from phusong.layers.rasters import crs_text
from phusong.layers.readers.raw import RawTable
from phusong.layers.schema import Layer

__all__ = ["LEAST_SHARE", "Places", "placed"]

LEAST_SHARE = 0.8
"""A reading is taken if at least this share of the rows fits; the others may be wrong in themselves."""
SYSTEMATIC = 0.2
"""Share of the rows outside their units above which another CRS that puts them inside is no chance."""
LISTED = 5
"""How many readings a refusal names."""
POSITION = "position"
_BEYOND_M = 20_000.0 - MARGIN_M  # a row without unit so far out is looked at again
_WORLD = (-180.0, -90.0, 180.0, 90.0)
_ANYWHERE = (-np.inf, -np.inf, np.inf, np.inf)


@dataclass(frozen=True)
class _Table:
    """The two columns of coordinates of a table, or the shapes' middles."""

    first: Cells
    second: Cells
    headings: tuple[str, ...]  # none: shapes
    says_degrees: bool  # the headings say lon and lat
    unused: tuple[str, ...] = ()  # headings of other coordinates the table has, too


def placed(raw: RawTable, layer: Layer, *, places: Places, crs: str | None = None) -> RawTable:
    """The table with ``geometry`` (points, where coordinates were columns) and ``crs`` set.

    ``crs`` is the user's word and is followed; what the file itself declares is refused if another reading fits clearly
    better. Both are reported with the distance they move the points. Without ``places.named`` the units the rows name
    are taken from the layer's column that refers to units. A row that cannot be read, or that fits only under another
    reading, has no geometry and a fault. InputError if no reading is sure; CrsError for an unknown CRS.
    """
    table = None if layer.geometry == "none" else _table(raw)
    if table is None or (table.first.blank & table.second.blank).all():
        return raw
    user = _known(crs)
    declared = user or _known(raw.crs)
    places = _named(places, raw, layer)
    ground = Ground.of(places)
    if ground is None:
        way = _unaided(raw, table, declared=declared)
        unread = [(i, _unread(raw, table, way, i)) for i in _unread_rows(table, way).tolist()]
        changed = _changes(raw, table, way, _ANYWHERE, declared)
        return _result(raw, layer, table, way, _ANYWHERE, rejected=unread, notes=changed)
    homes = ground.homes(places.named, len(raw.rows))
    also = _as_they_stand(declared) if declared else []
    if table.says_degrees:
        also += _as_they_stand(WGS84)
    sample = Sample.of(table.first, table.second, homes, ground)
    rated = weigh(sample, also=also)
    notes: list[Fault] = []
    if declared:
        chosen, notes = _declared(raw, rated, sample, declared=declared, binding=user is not None)
    else:
        chosen = _undeclared(raw, table, rated)
        notes = _twins(raw, rated, chosen)
    way, box = chosen.way, box_in(chosen.way.crs, ground.box)
    others = [way.crs] if user else [way.crs, *(other for other in candidates(ground.box) if other != way.crs)]
    rejected = _odd_rows(raw, table, homes, ground=ground, way=way, box=box, others=others)
    notes = [_said(raw, chosen, sample), *_changes(raw, table, way, box, declared), *notes]
    return _result(raw, layer, table, way, box, rejected=rejected, notes=notes)


def _undeclared(raw: RawTable, table: _Table, rated: list[Rated]) -> Rated:
    """The best reading if it is sure. Degrees headed as such may lie elsewhere (a list of the whole country)."""
    if not rated or not rated[0].near.any():
        raise InputError("coordinates.nowhere", faults=_list(raw, rated), file=raw.file)
    best = rated[0]
    headed = table.says_degrees and best.way in _as_they_stand(WGS84)
    if best.confidence < CERTAIN or (best.share < LEAST_SHARE and not headed):
        raise InputError("coordinates.undecided", faults=_list(raw, rated), file=raw.file)
    return best


def _declared(
    raw: RawTable, rated: list[Rated], sample: Sample, *, declared: str, binding: bool
) -> tuple[Rated, list[Fault]]:
    """The reading in the declared CRS and what speaks against it; InputError if there is none or the file is wrong."""
    own = [one for one in rated if one.way.crs == declared] or _same_places(rated, sample, crs=declared)
    params: dict[str, Any] = {"file": raw.file, "found": crs_name(declared)}
    if not own:
        raise InputError("coordinates.not_in_crs", faults=_list(raw, rated), **params)
    away_m = {one: sample.ground.away_m(one.x_m, one.y_m) for one in own}
    chosen = max(own, key=lambda one: (int(one.near.sum()), -away_m[one]))
    plain = next((one for one in own if one.way.plain), None)
    as_near = [one for one in own if one is not chosen and away_m[one] < away_m[chosen] + FAR_M]
    if plain in as_near and surety(chosen, plain, sample.homes) < CERTAIN:
        chosen = plain  # as it stands, unless the places say otherwise
    elif chosen is not plain and any(
        surety(chosen, one, sample.homes) < CERTAIN for one in as_near if distance_m(one, chosen) >= FAR_M
    ):
        raise InputError("coordinates.undecided", faults=_list(raw, own), file=raw.file)
    for other in rated:
        if other.way.crs == declared or surety(other, chosen, sample.homes) < CERTAIN:
            continue
        moved_m = distance_m(other, chosen)
        told = params | {"other": crs_name(other.way.crs), "distance": _distance(moved_m), "option": _option(other.way)}
        told |= {"share_pct": _pct(chosen.share), "other_share_pct": _pct(other.share)}
        if moved_m < FAR_M:
            return chosen, [_fault(raw, "note.crs_doubtful", **told)]
        if other.share < LEAST_SHARE:
            continue
        if not binding:
            raise InputError("coordinates.crs_contradicts", faults=_list(raw, rated), **told)
        return chosen, [_fault(raw, "note.crs_contradicts", **told)]
    return chosen, []


def _same_places(rated: list[Rated], sample: Sample, *, crs: str) -> list[Rated]:
    """The readings that are in ``crs`` just the same (OGC:CRS84 for WGS 84), said in it."""
    box = box_in(crs, sample.ground.box)
    found = []
    for one in (one for one in rated if is_degrees(one.way.crs) == is_degrees(crs)):
        same = sample.rate(replace(one.way, crs=crs), box=box)
        if distance_m(same, one) <= SAME_M:
            found.append(replace(same, moved_m=one.moved_m, confidence=one.confidence))
    return found


def _unaided(raw: RawTable, table: _Table, *, declared: str | None) -> Way:
    """The one plain way that puts all rows where the CRS is used, where nothing is known of the place."""
    crs = declared or (WGS84 if table.says_degrees or (table.headings and len(table.headings) == 1) else None)
    if crs is None:
        raise InputError("coordinates.no_crs", file=raw.file)
    area = CRS.from_user_input(crs).area_of_use
    box = _around(crs, area.bounds if area is not None else _WORLD)
    fits = []
    for way in (replace(way, swapped=swapped) for swapped in (False, True) for way in _as_they_stand(crs)):
        x, y = way.read(table.first, table.second, box=box)
        read = np.isfinite(x) & np.isfinite(y)
        inside = (x >= box[0]) & (x <= box[2]) & (y >= box[1]) & (y <= box[3])
        if read.any() and inside[read].mean() >= LEAST_SHARE:
            fits.append((int(inside.sum()), way))
    most = max((count for count, _ in fits), default=0)
    best = [way for count, way in fits if count == most]
    if len(table.headings) != 1:  # two columns, or shapes: the order is told
        best = [way for way in best if not way.swapped] or best
    if len({way.swapped for way in best}) != 1:
        raise InputError("coordinates.no_evidence", file=raw.file, found=crs_name(crs))
    return best[0]


def _odd_rows(
    raw: RawTable,
    table: _Table,
    homes: NDArray[np.int64],
    *,
    ground: Ground,
    way: Way,
    box: Bounds,
    others: list[str],
) -> list[tuple[int, Fault]]:
    """Rows that cannot be read, and rows that fit only under another reading, a fault for each."""
    x, y = way.read(table.first, table.second, box=box)
    x_m, y_m = ground.metres(x, y, crs=way.crs)
    near, _ = ground.fits(x_m, y_m, homes)
    filled = ~(table.first.blank & table.second.blank)
    read = np.isfinite(x_m)
    doubtful = filled & ~near
    far = np.flatnonzero(doubtful & read & (homes < 0))
    if len(far):  # no unit named: only what lies far from all of them is looked at again
        away_m = shapely.distance(ground.reach, shapely.points(x_m[far], y_m[far]))
        doubtful[far[away_m < _BEYOND_M]] = False
    rows = np.flatnonzero(doubtful)
    instead = _otherwise(table, homes, rows, (x_m[rows], y_m[rows]), ground=ground, others=others)
    faults = []
    for i, other in zip(rows.tolist(), instead, strict=True):
        found = _found(raw, table, i)
        if other is not None:
            params = {"found": found, "expected": _text(way), "other": _text(other)}
            faults.append((i, _fault(raw, "fault.place_reads_otherwise", at=i, table=table, **params)))
        elif not read[i]:
            faults.append((i, _unread(raw, table, way, i)))
    return faults


def _unread_rows(table: _Table, way: Way) -> NDArray[np.int64]:
    """The rows with coordinates that cannot be read in this way."""
    x, y = way.read(table.first, table.second, box=_ANYWHERE)
    filled = ~(table.first.blank & table.second.blank)
    return np.flatnonzero(filled & ~(np.isfinite(x) & np.isfinite(y)))


def _unread(raw: RawTable, table: _Table, way: Way, i: int) -> Fault:
    half = bool(table.first.blank[i] != table.second.blank[i])
    code = "fault.place_half" if half else "fault.place_unreadable"
    return _fault(raw, code, at=i, table=table, found=_found(raw, table, i), expected=_text(way))


def _otherwise(
    table: _Table,
    homes: NDArray[np.int64],
    rows: NDArray[np.int64],
    places_m: tuple[Numbers, Numbers],
    *,
    ground: Ground,
    others: list[str],
) -> list[Way | None]:
    """For each row the commonest other way that puts it bare inside the unit it names, or into the province, if any."""
    answers: list[Way | None] = [None] * len(rows)
    if not len(rows):
        return answers
    first, second, own = table.first.take(rows), table.second.take(rows), homes[rows]
    for crs in others:
        box = box_in(crs, ground.box)
        for way, x, y in ways(first, second, crs=crs, box=box, least=0.0):
            if "pointed" in (way.east, way.north):
                continue
            open_rows = np.array([answer is None for answer in answers])
            inside = open_rows & (x >= box[0]) & (x <= box[2]) & (y >= box[1]) & (y <= box[3])
            if not inside.any():
                continue
            at = np.flatnonzero(inside)
            x_m, y_m = ground.metres(x[at], y[at], crs=crs)
            near, bare = ground.fits(x_m, y_m, own[at])
            apart = np.hypot(x_m - places_m[0][at], y_m - places_m[1][at])
            good = np.where(own[at] >= 0, bare, near) & ~(apart < FAR_M)
            for i in at[good].tolist():
                answers[i] = way
    return _beyond_chance(answers, ground.contains(*places_m), own=others[0])


def _beyond_chance(answers: list[Way | None], here: NDArray[np.bool_], *, own: str) -> list[Way | None]:
    """Without what chance explains: a row that lies in the province as it is, and in another CRS in the unit it names,
    is more likely to name the wrong unit, unless SYSTEMATIC of such rows say the same CRS."""
    for crs in {way.crs for way in answers if way is not None and way.crs != own}:
        rows = [i for i, way in enumerate(answers) if here[i] and way is not None and way.crs == crs]
        if len(rows) < SYSTEMATIC * here.sum():
            for i in rows:
                answers[i] = None
    return answers


def _result(
    raw: RawTable,
    layer: Layer,
    table: _Table,
    way: Way,
    box: Bounds,
    *,
    rejected: list[tuple[int, Fault]],
    notes: list[Fault],
) -> RawTable:
    """The table with its geometry in the way's CRS; rows with a fault have none."""
    if table.unused:
        unused = _fault(raw, "note.coordinates_unused", found=", ".join(table.unused), used=", ".join(table.headings))
        notes = [*notes, unused]
    faults = [replace(fault, layer=layer.name) for fault in (*notes, *(fault for _, fault in rejected))]
    if raw.geometry is not None:
        geometry = np.array(raw.geometry, dtype=object)
        if not way.plain:
            geometry = shapely.transform(
                shapely.force_2d(geometry),
                lambda xy: np.column_stack(way.read(read_numbers(xy[:, 0]), read_numbers(xy[:, 1]), box=box)),
            )
    else:
        x, y = way.read(table.first, table.second, box=box)
        geometry = np.full(len(x), None, dtype=object)
        whole = np.isfinite(x) & np.isfinite(y)
        geometry[whole] = shapely.points(x[whole], y[whole])
    geometry[[i for i, _ in rejected]] = None
    return replace(raw, geometry=geometry, crs=way.crs, faults=(*raw.faults, *faults))


def _table(raw: RawTable) -> _Table | None:
    """The coordinates of a table or of its shapes; None if it has none."""
    if raw.geometry is not None:
        shapes = shapely.centroid(np.asarray(raw.geometry, dtype=object))
        x, y = shapely.get_x(shapes), shapely.get_y(shapes)
        return _Table(read_numbers(x), read_numbers(y), (), False)
    headings = {str(name).strip().casefold(): name for name in raw.frame.columns}
    pairs = [(pair, pair in DEGREES) for pair in DEGREES + METRES if all(name in headings for name in pair)]
    tables = []
    for pair, degrees in pairs:
        names = (headings[pair[0]], headings[pair[1]])
        first, second = (read_cells(raw.frame[name].tolist()) for name in names)
        tables.append(_Table(first, second, (str(names[0]), str(names[1])), degrees))
    if POSITION in headings:
        name = headings[POSITION]
        tables.append(_Table(*read_pairs(raw.frame[name].tolist()), (str(name),), False))
    if not tables:
        return None
    best = max(tables, key=lambda one: int((~one.first.blank & ~one.second.blank).sum()))
    others = [one for one in tables if not (one.first.blank & one.second.blank).all()]
    unused = dict.fromkeys(name for one in others for name in one.headings if name not in best.headings)
    return replace(best, unused=tuple(unused))


def _named(places: Places, raw: RawTable, layer: Layer) -> Places:
    column = next((name for name, (target, _) in layer.refers.items() if target == "units"), "unit_code")
    if places.named is not None or column not in raw.frame:
        return places
    return replace(places, named=raw.frame[column].to_numpy(dtype=object))


def _known(crs: str | None) -> str | None:
    if crs is None:
        return None
    try:
        known = crs_text(crs)
        on_earth = CRS.from_user_input(known).geodetic_crs is not None
    except ProjError as error:
        raise CrsError("read.unknown_crs", found=crs) from error
    if not on_earth:  # a drawing's own axes
        raise CrsError("coordinates.crs_of_no_place", found=crs_name(known))
    return known


def _as_they_stand(crs: str) -> list[Way]:
    """The columns in their order, numbers and degree marks as they stand, with decimal point or comma."""
    form = "degrees" if is_degrees(crs) else "metres"
    return [Way(crs, False, form, form), Way(crs, False, f"{form}_comma", f"{form}_comma")]


def _around(crs: str, degrees: Bounds) -> Bounds:
    """The area a CRS is used in, with a degree or 100 km around."""
    left, bottom, right, top = box_in(crs, degrees)
    margin = 1e5 if not is_degrees(crs) else 0.0 if degrees == _WORLD else 1.0
    return left - margin, bottom - margin, right + margin, top + margin


def _fault(raw: RawTable, code: str, *, at: int | None = None, table: _Table | None = None, **params: Any) -> Fault:
    row = None if at is None else int(raw.rows[at])
    column = "" if table is None else ", ".join(table.headings)
    return Fault(code, raw.file, "", raw.sheet, row, column, params=params)


def _list(raw: RawTable, rated: list[Rated]) -> tuple[Fault, ...]:
    """The best readings that fit any row, with their shares, and how each is chosen: by its CRS, if first in it."""
    faults: list[Fault] = []
    named: set[str] = set()
    for one in ([one for one in rated if one.near.any()] or rated)[:LISTED]:
        code = "note.reading_form" if one.way.crs in named else "note.reading"
        named.add(one.way.crs)
        params: dict[str, Any] = {
            "share_pct": _pct(one.share),
            "distance": _distance(one.moved_m),
            "option": _option(one.way),
        }
        faults.append(_fault(raw, code, reading=_text(one.way), **params))
    return tuple(faults)


def _said(raw: RawTable, chosen: Rated, sample: Sample) -> Fault:
    """How the coordinates were read and how well it fits."""
    named = int((sample.homes >= 0).sum())
    return _fault(
        raw,
        "note.coordinates_read",
        reading=_text(chosen.way),
        fitting=int(chosen.near.sum()),
        count=len(chosen.near),
        named=named,
        confidence_pct=f"{min(99.9, 100 * chosen.confidence):.1f}",
    )


def _changes(raw: RawTable, table: _Table, way: Way, box: Bounds, declared: str | None) -> list[Fault]:
    """That coordinates were read otherwise than they stand there, with an example."""
    marked = np.isfinite(table.first.marked) | np.isfinite(table.second.marked)
    if way.plain and (declared is not None or way.crs == WGS84) and not marked.any():
        return []
    x, y = way.read(table.first, table.second, box=box)
    whole = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    i, places = int(whole[0]), 6 if is_degrees(way.crs) else 1
    made = f"{x[i]:.{places}f}, {y[i]:.{places}f}"
    params: dict[str, Any] = {"count": len(whole), "found": _found(raw, table, i), "expected": _text(way), "made": made}
    return [_fault(raw, "changed.coordinates", table=table, **params)]


def _twins(raw: RawTable, rated: list[Rated], chosen: Rated) -> list[Fault]:
    """What lies too near the chosen reading for units of kilometres to show: that degrees were taken for WGS 84, or
    which zones of the same meridian were put off by the rows near the edges of their units."""
    faults = []
    for other in (one for one in rated if one is not chosen and distance_m(one, chosen) < FAR_M):
        params: dict[str, Any] = {"distance": _distance(distance_m(other, chosen)), "option": _option(other.way)}
        if chosen.way.crs == WGS84:
            if other.way.crs == VN2000 and other.way.form == chosen.way.form:
                faults.append(_fault(raw, "note.datum_unseen", **params))
        elif not is_degrees(chosen.way.crs):
            faults.append(_fault(raw, "note.twin", other=crs_name(other.way.crs), **params))
    return faults


def _text(way: Way) -> Text:
    """A way in words."""
    if way.east == way.north:
        form = Text(f"coordinates.form.{way.east}")
    else:
        both = {"east": Text(f"coordinates.form.{way.east}"), "north": Text(f"coordinates.form.{way.north}")}
        form = Text("coordinates.form_both", both)
    code = "coordinates.swapped" if way.swapped else "coordinates.as_headed"
    return Text(code, {"form": form, "crs": crs_name(way.crs)})


def _found(raw: RawTable, table: _Table, i: int) -> str:
    if not table.headings:
        return f"{table.first.point[i]:.9g}, {table.second.point[i]:.9g}"
    return "; ".join(_cell(raw.frame[name].iloc[i]) for name in raw.frame.columns if str(name) in table.headings)


def _cell(value: Any) -> str:
    return "-" if pd.isna(value) or not str(value).strip() else str(value)


def _option(way: Way) -> str:
    return f"--crs {way.crs}" if way.crs.startswith("EPSG:") else "--crs"


def _distance(distance_m_: float) -> str:
    if not np.isfinite(distance_m_):
        return "-"
    return f"{distance_m_ / 1000:.1f} km" if distance_m_ >= 1000 else f"{distance_m_:.0f} m"


def _pct(share: float) -> str:
    return f"{100 * share:.1f}"
