"""A table of the units of one date carried to those of another: what can be moved is moved, what cannot is listed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

import geopandas
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.layers.dated import moves
from phusong.layers.dated.crosswalk import Crosswalk, Dropped
from phusong.layers.dated.kinds import PEOPLE, ColumnKind, kinds_of
from phusong.layers.dated.moves import Moved, Parts
from phusong.layers.dated.overlay import Floats
from phusong.layers.dated.units import date_of, units_on
from phusong.layers.errors import Fault, InputError

Partial = Literal["none", "sum"]
OWN_COLUMNS = ("code", "valid_on", "name", "from_codes")
"""Columns of a carried frame before the table's: who the new unit is, and which units of the table it is made of."""
MARKS = ("from_codes", "estimated", "incomplete")
"""Columns of a table that was carried before, by which it is known as one."""
LARGEST = 1e15
"""No figure of a unit is larger; up to it whole numbers are exact."""
LISTED_COLUMNS = ("column", "from_code", "to_code", "value", "amount", "reason")


@dataclass(frozen=True)
class ColumnReport:
    """What became of one column; ``total``, ``moved``, ``listed``: of what is summed (moved + listed = total) or NaN.

    ``estimated``: how many new units hold a value that rests on the share of a split unit; ``unknown``: how many hold
    none because a part of them is unknown or could not be placed.
    """

    column: str
    kind: str
    total: float
    moved: float
    listed: float
    estimated: int
    unknown: int


@dataclass(frozen=True)
class CarryReport:
    """How a table was carried: the dates, the rows in and out, each column, and what the crosswalk rests on."""

    from_valid_on: date
    to_valid_on: date
    rows_in: int
    rows_out: int
    weighting: str
    dropped: Dropped
    columns: tuple[ColumnReport, ...]
    notes: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Carried:
    """A table on other units, what could not be moved, and the account of both.

    ``frame``: ``OWN_COLUMNS``, the table's columns, then ``estimated`` and ``incomplete``: the names of the columns
    whose value there rests on a weighted split, or is the sum of the known parts only. ``listed``: ``LISTED_COLUMNS``;
    ``amount`` is what was not moved of a summed column, ``reason`` a code of ``carry.reason``.
    """

    frame: pd.DataFrame
    listed: pd.DataFrame
    report: CarryReport

    def on(self, units: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
        """All units of the new date with the carried figures and their outlines, empty where the table says nothing.

        A unit that has figures and no outline (of a descent that names others than the map has) comes last, without
        one. The units' CRS; InputError if they are of another date.
        """
        if date_of(units) != self.report.to_valid_on:
            units = units_on(units, self.report.to_valid_on)
        whole = units[["code", "valid_on", "name", units.geometry.name]]
        figures = self.frame.drop(columns=["valid_on", "name"])
        shown = whole.merge(figures, on="code", how="left", sort=False)
        bare = self.frame[~self.frame["code"].isin(units["code"])]
        if bare.empty:
            return shown
        rows = geopandas.GeoDataFrame(bare.assign(**{whole.geometry.name: None}), geometry=whole.geometry.name)
        return pd.concat([shown, rows.set_crs(units.crs)[list(shown.columns)]], ignore_index=True)


def carry(
    table: pd.DataFrame,
    crosswalk: Crosswalk,
    *,
    kinds: Mapping[str, str] | None = None,
    per: Sequence[str] = (),
    partial: Partial = "none",
) -> Carried:
    """Carry a table with a column ``code`` (units of the crosswalk's first date) to the units of its second.

    ``kinds`` says how columns are carried where the declared kinds (``kinds.kinds_of``) do not; a column without kind
    is listed. ``per``: columns that are the key together with ``code`` (``as_of`` of a table of several years), carried
    as they are. Null is never 0: a new unit of which a part is unknown has no value and the known parts are listed, or
    with ``partial="sum"`` it has their sum (mean, for rates), marked incomplete.

    Raises:
        InputError: no row, no column ``code``, a unit twice, an unknown kind, one for a column that the new units have
            themselves, text where a number is needed, or a number beyond ``LARGEST``.
    """
    if "code" not in table:
        raise InputError("carry.no_code", names=", ".join(map(str, table.columns)))
    if table.empty:
        raise InputError("carry.empty")
    keys = ["code", *per]
    if table.duplicated(keys).any():
        twice = table.loc[table.duplicated(keys), keys].iloc[0]
        raise InputError("carry.code_twice", found=", ".join(map(str, twice)), columns=", ".join(keys))
    columns = [str(name) for name in table.columns if name not in keys]
    own = [name for name in kinds or () if name.casefold() in (*OWN_COLUMNS, *MARKS, "geometry", "fid")]
    if own:
        raise InputError("carry.own_column", column=own[0])
    found = kinds_of(columns, given={name: kind for name, kind in (kinds or {}).items() if name not in per})
    groups = [table] if not per else [group for _, group in table.groupby(list(per), sort=True, dropna=False)]
    done = [_carry_group(group.reset_index(drop=True), crosswalk, found, per, partial) for group in groups]
    frame = pd.concat([one.frame for one in done], ignore_index=True)
    listed = pd.concat([one.listed for one in done], ignore_index=True)
    notes = [Fault("note.column_not_carried", column=name) for name, kind in found.items() if kind is None]
    identity = (*OWN_COLUMNS, *MARKS) if set(MARKS) <= set(columns) else OWN_COLUMNS[:3]
    dropped = [name for name, kind in found.items() if str(kind) == "drop" and name not in {*identity, *(kinds or ())}]
    if dropped:
        notes.append(Fault("note.columns_dropped", params={"names": ", ".join(dropped)}))
    reports = tuple(_together([one.reports[name] for one in done]) for name in columns if name in done[0].reports)
    report = CarryReport(
        crosswalk.from_valid_on,
        crosswalk.to_valid_on,
        len(table),
        len(frame),
        crosswalk.weighting,
        crosswalk.dropped,
        reports,
        (*crosswalk.notes, *notes),
    )
    return Carried(frame, listed, report)


@dataclass(frozen=True)
class _Group:
    frame: pd.DataFrame
    listed: pd.DataFrame
    reports: dict[str, ColumnReport]


def _carry_group(
    table: pd.DataFrame,
    crosswalk: Crosswalk,
    kinds: Mapping[str, ColumnKind | None],
    per: Sequence[str],
    partial: Partial,
) -> _Group:
    parts = moves.parts_of(table["code"], crosswalk)
    moved: dict[str, Moved] = {}
    listed: list[pd.DataFrame] = []
    reports: dict[str, ColumnReport] = {}
    order = sorted(kinds, key=lambda name: getattr(kinds[name], "kind", "") in ("ratio", "radius"))
    for name in order:
        kind = kinds[name]
        if kind is None or kind.kind == "drop":
            continue
        done = _move(table, name, kind, parts=parts, done=moved, fill=partial == "sum")
        moved[name] = _inherited(table, {name, *kind.needs}, done, parts=parts)
        if len(moved[name].listed):
            listed.append(moved[name].listed.assign(column=name)[list(LISTED_COLUMNS)])
        reports[name] = _report(name, kind, table[name], moved[name])
    carried = [name for name in table.columns if name in moved]
    frame = pd.DataFrame(
        {
            "code": parts.targets,
            "valid_on": np.datetime64(crosswalk.to_valid_on, "s"),
            "name": parts.target_names,
            "from_codes": parts.from_codes(),
            **{name: [table[name].iloc[0]] * len(parts.targets) for name in per},
            **{name: moved[name].values for name in carried},
            **{
                mark: _marks(carried, {name: getattr(moved[name], mark) for name in carried}, len(parts.targets))
                for mark in ("estimated", "incomplete")
            },
        }
    ).astype({"code": "str", "name": "str", "from_codes": "str"} | {name: table[name].dtype for name in per})
    empty = pd.DataFrame({name: pd.Series(dtype="object") for name in LISTED_COLUMNS})
    rows = pd.concat(listed, ignore_index=True) if listed else empty
    return _Group(frame, rows.assign(**{name: table[name].iloc[0] for name in per}), reports)


def _move(
    table: pd.DataFrame, name: str, kind: ColumnKind, *, parts: Parts, done: Mapping[str, Moved], fill: bool
) -> Moved:
    """One column on the new units."""
    if kind.numeric:
        values = _numbers(table[name], name)
        if kind.kind in ("extensive", "places"):
            if kind.kind == "places":
                share = np.where(parts.sole, 1.0, np.nan)
                return moves.total(values, parts, share=share, fill=fill, unknown_as="place_unknown")
            share = parts.area_share if kind.of == "area" else parts.share
            return moves.total(values, parts, share=share, fill=fill)
        if kind.kind == "intensive":
            weights = _denominators(table, kind.of, parts)
            return moves.rate(values, parts, weights=weights, fill=fill)
        one, other = (_resolved(column, done) for column in kind.pair)
        if one is None or other is None:
            return moves.rate(values, parts, weights=np.full(len(parts.row), np.nan), fill=False)
        return moves.computed(values, parts, done[one], done[other], radius=kind.kind == "radius")
    if kind.kind == "flag":
        return moves.flag(_flags(table[name], name), parts, rule=kind.of)
    return moves.same(table[name], parts)


def _inherited(table: pd.DataFrame, names: set[str], moved: Moved, *, parts: Parts) -> Moved:
    """A figure of units whose own was estimated or incomplete when the table was carried before is so still."""
    if not set(MARKS) <= set(table.columns):
        return moved
    there = np.asarray(pd.notna(moved.values), dtype=bool)
    for mark in ("estimated", "incomplete"):
        told = [not names.isdisjoint(cell.split(", ")) for cell in table[mark].fillna("").astype(str)]
        at = (parts.row >= 0) & np.asarray(told, dtype=bool)[parts.row]
        moved = replace(moved, **{mark: getattr(moved, mark) | ((parts.count(at) > 0) & there)})
    return moved


def _denominators(table: pd.DataFrame, of: str, parts: Parts) -> Floats:
    """What each part of a rate weighs: its people, its area in km2, or its share of a column; NaN where not known."""
    column = next((name for name in PEOPLE if name in table), None) if of == "people" else of
    if of == "area":
        if np.isfinite(parts.area_km2).any():
            return parts.area_km2
        column = "area_km2"
    if column in table:
        share = parts.area_share if of == "area" else parts.share
        return moves.times(_numbers(table[column], str(column))[parts.row], share, known=parts.row >= 0)
    return parts.people if of == "people" else np.full(len(parts.row), np.nan)


def _resolved(name: str, done: Mapping[str, Moved]) -> str | None:
    names = PEOPLE if name in PEOPLE else (name,)
    return next((one for one in names if one in done), None)


def _numbers(cells: pd.Series[Any], name: str) -> Floats:
    try:
        numbers = pd.to_numeric(cells).astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise InputError("carry.not_numbers", column=name, reason=str(error)) from error
    huge = np.abs(numbers) > LARGEST
    if huge.any():
        raise InputError("carry.not_numbers", column=name, reason=f"{numbers[huge][0]:g}")
    return np.asarray(numbers, dtype=np.float64)


def _flags(cells: pd.Series[Any], name: str) -> Floats:
    """1, 0 and NaN."""
    try:
        flags = cells.astype("boolean")
    except (TypeError, ValueError) as error:
        raise InputError("carry.not_flags", column=name, reason=str(error)) from error
    return np.asarray(flags.astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)


def _report(name: str, kind: ColumnKind, cells: pd.Series[Any], moved: Moved) -> ColumnReport:
    summed = kind.kind in ("extensive", "places")
    nan = float("nan")
    total = math.fsum(_known(_numbers(cells, name))) if summed else nan
    out = math.fsum(_known(np.asarray(moved.values, dtype=np.float64))) if summed else nan
    listed = math.fsum(_known(np.asarray(moved.listed["amount"], dtype=np.float64))) if summed else nan
    return ColumnReport(name, str(kind), total, out, listed, int(moved.estimated.sum()), int(moved.unknown.sum()))


def _known(numbers: Floats) -> Floats:
    return numbers[np.isfinite(numbers)]


def _together(reports: Sequence[ColumnReport]) -> ColumnReport:
    first = reports[0]
    sums = (math.fsum(getattr(one, part) for one in reports) for part in ("total", "moved", "listed"))
    total, moved, listed = sums
    estimated, unknown = (sum(getattr(one, part) for one in reports) for part in ("estimated", "unknown"))
    return ColumnReport(first.column, first.kind, total, moved, listed, estimated, unknown)


def _marks(names: Sequence[str], masks: Mapping[str, NDArray[np.bool_]], count: int) -> pd.Series[str]:
    return pd.Series([", ".join(name for name in names if masks[name][i]) for i in range(count)], dtype="str")
