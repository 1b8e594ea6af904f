"""Crosswalks from an official table of descent, checked against and weighed by those from outlines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from phusong.layers.columns.cells import CellError, read_cell
from phusong.layers.dated.crosswalk import Crosswalk, kinds, no_units, same_names, tidy
from phusong.layers.dated.units import CODES, texts_of
from phusong.layers.errors import Fault, InputError
from phusong.layers.readers import RawTable, read_any
from phusong.layers.schema import Column

SEPARATOR = ";"
_CODE = Column("code", "text", nullable=False)
_SHARES = ("share_of_old", "share_of_new", "area_share_of_old", "area_share_of_new")


def from_lineage(
    table: pd.DataFrame,
    *,
    from_valid_on: date,
    to_valid_on: date,
    from_code: str = "gso_code",
    to_code: str = "code_2025",
    from_name: str | None = "name",
    to_name: str | None = "name_2025",
    file: str = "",
    numbers: Sequence[int] | None = None,
) -> Crosswalk:
    """The crosswalk of a table with one row an old unit, its new unit's code in ``to_code``, several set off by ";".

    Names may be missing (None). A descent says who came from whom: the shares of an old unit with several successors
    are not known (NaN) until ``weighed`` takes them from outlines.

    Raises:
        InputError: a column is missing, an old unit stands twice, or a code is empty (a fault each, with its row of
            ``numbers``, else row 2 the first).
    """
    missing = [name for name in (from_code, to_code) if name not in table]
    if missing:
        raise InputError("units.no_column", file=file, wanted=missing[0], names=", ".join(map(str, table.columns)))
    rows, faults = [], []
    seen: dict[str, int] = {}
    heads = (from_code, to_code, from_name, to_name)
    columns = [table[head].tolist() if head in table else [None] * len(table) for head in heads]
    numbers = range(2, len(table) + 2) if numbers is None else numbers
    for row, (old, news, name, new_name) in zip(numbers, zip(*columns, strict=True), strict=True):
        try:
            code = read_cell(old, _CODE)
            successors = [read_cell(part, _CODE) for part in str(read_cell(news, _CODE)).split(SEPARATOR)]
        except CellError as error:
            faults.append(Fault(error.code, file, "units", row=row, fatal=True, params=error.params))
            continue
        if code in seen:
            params = {"found": code, "first_row": seen[code]}
            faults.append(Fault("fault.lineage_twice", file, "units", row=row, fatal=True, params=params))
            continue
        seen[code] = row
        names = _as_many(new_name if isinstance(new_name, str) else "", successors)
        for successor, called in dict(zip(successors, names, strict=True)).items():
            rows.append((code, name if isinstance(name, str) else "", successor, called))
    if faults:
        raise InputError("units.unusable", faults=tuple(faults), file=file)
    pairs = pd.DataFrame(rows, columns=["from_code", "from_name", "to_code", "to_name"])
    pairs["to_name"] = pairs["to_name"].where(pairs["to_name"] != "")
    pairs["to_name"] = pairs["to_name"].fillna(pairs.groupby("to_code")["to_name"].transform("first"))
    pairs["basis"] = "lineage"
    return Crosswalk(from_valid_on, to_valid_on, _whole(pairs), "none", no_units(), no_units())


def read_lineage(path: str | Path, *, from_valid_on: date, to_valid_on: date) -> Crosswalk:
    """``from_lineage`` of a file (CSV, XLSX) that lists units with their successors.

    The codes of a date stand under ``code_<year>`` and the names under ``name_<year>``; those of the units that the
    file lists may stand under ``units.CODES`` and ``name``. A file may have several dates: from one of its later dates
    to another it tells through the units it lists; of a row with several units of both, which does not say which became
    which, each may have become each, and a note says so. Either way round. InputError if the file has not both dates.
    """
    raw = read_any(path)
    listed = next((name for name in CODES if name in raw.frame), None)
    heads: list[str | None] = [f"code_{day.year}" for day in (from_valid_on, to_valid_on)]
    heads = [head if head in raw.frame else listed for head in heads]
    missing = next((day for day, head in zip((from_valid_on, to_valid_on), heads, strict=True) if head is None), None)
    if missing is not None or heads[0] == heads[1]:
        wanted = f"code_{(missing or to_valid_on).year}"
        raise InputError("units.no_column", file=raw.file, wanted=wanted, names=", ".join(map(str, raw.frame.columns)))
    names = ["name" if head == listed else str(head).replace("code_", "name_") for head in heads]
    turned = heads[1] == listed
    days, codes = [from_valid_on, to_valid_on], list(map(str, heads))
    for both in (days, codes, names) if turned else ():
        both.reverse()
    (before, after), (from_code, to_code), (from_name, to_name) = days, codes, names
    table, numbers, notes = raw.frame, raw.rows.tolist(), list[Fault]()
    if from_code != listed:
        table, numbers, notes = _of_a_later_date(raw, from_code, to_code, from_name, to_name)
    walk = from_lineage(
        table,
        from_valid_on=before,
        to_valid_on=after,
        from_code=from_code,
        to_code=to_code,
        from_name=from_name,
        to_name=to_name,
        file=raw.file,
        numbers=numbers,
    )
    return replace(walk.back() if turned else walk, notes=tuple(notes))


def _of_a_later_date(
    raw: RawTable, from_code: str, to_code: str, from_name: str, to_name: str
) -> tuple[pd.DataFrame, list[int], list[Fault]]:
    """One row a unit of a date that is not the listed units' own, with all units that the rows which name it became;
    the row it is named first in; a note on each row that does not say which became which."""
    frame = raw.frame.reindex(columns=[from_code, to_code, from_name, to_name])
    cells = [texts_of(frame.iloc[:, i]).fillna("").tolist() for i in range(4)]
    found: dict[str, tuple[int, str, dict[str, str]]] = {}
    notes = []
    for row, olds, news, called, became in zip(raw.rows.tolist(), *cells, strict=True):
        one, other = olds.split(SEPARATOR), news.split(SEPARATOR)
        if len(one) > 1 and len(other) > 1:
            params = {"found": f"{olds} / {news}"}
            notes.append(Fault("note.lineage_unclear", raw.file, "units", row=row, params=params))
        for code, name in zip(one, _as_many(called, one), strict=True):
            known = found.setdefault(code.strip(), (row, name, {}))[2]
            known |= dict(zip(map(str.strip, other), _as_many(became, other), strict=True))
    rows = [(code, SEPARATOR.join(new), name, SEPARATOR.join(new.values())) for code, (_, name, new) in found.items()]
    table = pd.DataFrame(rows, columns=[from_code, to_code, from_name, to_name])
    return table, [row for row, _, _ in found.values()], notes


def _as_many(names: str, codes: list[str]) -> list[str]:
    """Names set off by ";", one a code; empty ones where they are not as many."""
    found = names.split(SEPARATOR)
    return [name.strip() for name in found] if len(found) == len(codes) else [""] * len(codes)


def weighed(lineage: Crosswalk, polygons: Crosswalk) -> Crosswalk:
    """The pairs of the descent with the shares that the outlines give them; units it lacks come from the outlines.

    The shares of a unit of the descent are those of the outlines for the pairs that it names, brought to a sum of 1.
    Where the outlines lack one of these pairs, the unit's shares stay unknown. InputError if the dates differ.
    """
    _same_dates(lineage, polygons)
    if lineage.told_by == "new":
        return weighed(lineage.back(), polygons.back()).back()
    keys = ["from_code", "to_code"]
    rest = polygons.pairs[~polygons.pairs["from_code"].isin(lineage.pairs["from_code"])]
    pairs = pd.concat([lineage.pairs, rest], ignore_index=True)
    measured = polygons.pairs.set_index(keys).reindex(pd.MultiIndex.from_frame(pairs[keys])).reset_index(drop=True)
    pairs["weight"], pairs["area_km2"] = measured["weight"], measured["area_km2"]
    for side, by in (("from_code", "old"), ("to_code", "new")):
        descent = pairs[side].isin(lineage.pairs[side])
        sole = pairs.groupby(side)["from_code"].transform("size") == 1
        for share in (f"share_of_{by}", f"area_share_of_{by}"):
            total = measured[share].groupby(pairs[side]).transform(lambda part: part.sum(skipna=False))
            summed = (measured[share] / total.where(total > 0)).mask(sole, 1.0)
            pairs[share] = summed.where(descent, measured[share])
        how = measured[f"{by}_by"].mask(measured[f"{by}_by"] == "whole", polygons.weighting)
        how = how.where(pairs[f"share_of_{by}"].notna(), "").mask(sole, "whole")
        pairs[f"{by}_by"] = how.where(descent, measured[f"{by}_by"])
    pairs["kind"] = kinds(
        (pairs["old_by"] == "whole").to_numpy(), (pairs["new_by"] == "whole").to_numpy(), same_name=same_names(pairs)
    )
    left, new = (
        frame[~frame["code"].isin(lineage.pairs[side])].reset_index(drop=True)
        for frame, side in ((polygons.unmatched_from, "from_code"), (polygons.unmatched_to, "to_code"))
    )
    return replace(polygons, pairs=tidy(pairs), unmatched_from=left, unmatched_to=new, told_by="old")


@dataclass(frozen=True)
class Comparison:
    """Two crosswalks side by side, over the old units both know.

    ``units``: how many these are; ``same_targets``: those with exactly the same new units in both; ``same_main``: those
    whose largest part goes to the same new unit (of a descent without shares: to one of its new units). ``differing``:
    one row a pair that only one of them has: from_code, from_name, to_code, to_name, only_in ("one" or "other"),
    share_of_old (NaN where not known) and area_km2.
    """

    units: int
    same_targets: int
    same_main: int
    pairs_one: int
    pairs_other: int
    pairs_both: int
    only_one: tuple[str, ...]  # old units that the other lacks
    only_other: tuple[str, ...]
    differing: pd.DataFrame


def compare(one: Crosswalk, other: Crosswalk) -> Comparison:
    """How far two crosswalks between the same dates agree, and every pair on which they differ, largest share first.

    A descent is compared in its own direction, from the units it lists.
    """
    _same_dates(one, other)
    if one.told_by == "new":
        return compare(one.back(), other.back())
    keys = ["from_code", "to_code"]
    known_one, known_other = set(one.pairs["from_code"]), set(other.pairs["from_code"])
    common = known_one & known_other
    a, b = (walk.pairs[walk.pairs["from_code"].isin(common)] for walk in (one, other))
    pairs_a, pairs_b = (set(zip(pairs[keys[0]], pairs[keys[1]], strict=True)) for pairs in (a, b))
    differing = []
    for label, pairs, elsewhere in (("one", a, pairs_b), ("other", b, pairs_a)):
        lacking = [key not in elsewhere for key in zip(pairs[keys[0]], pairs[keys[1]], strict=True)]
        columns = ["from_code", "from_name", "to_code", "to_name", "share_of_old", "area_km2"]
        differing.append(pairs.loc[lacking, columns].assign(only_in=label))
    table = pd.concat(differing).sort_values(["share_of_old", "from_code", "to_code"], ascending=[False, True, True])
    odd = {code for code, _ in pairs_a ^ pairs_b}
    mains_a, mains_b = _mains(a), _mains(b)
    same_main = sum(bool(mains_a[code] & mains_b[code]) for code in common)
    return Comparison(
        len(common),
        len(common - odd),
        same_main,
        len(pairs_a),
        len(pairs_b),
        len(pairs_a & pairs_b),
        tuple(sorted(known_one - known_other)),
        tuple(sorted(known_other - known_one)),
        table.reset_index(drop=True),
    )


def _mains(pairs: pd.DataFrame) -> dict[str, set[str]]:
    """The new unit with the largest share of each old one; all of them where shares are not known."""
    largest = pairs.groupby("from_code")["share_of_old"].transform("max")
    main = pairs[pairs["share_of_old"].isna() | (pairs["share_of_old"] == largest)]
    return {str(code): set(codes) for code, codes in main.groupby("from_code")["to_code"]}


def _whole(pairs: pd.DataFrame) -> pd.DataFrame:
    """The pairs with the shares that follow from the descent alone: 1 where there is one successor or ancestor."""
    sole_old = (pairs.groupby("from_code")["to_code"].transform("size") == 1).to_numpy()
    sole_new = (pairs.groupby("to_code")["from_code"].transform("size") == 1).to_numpy()
    for name, sole in zip(_SHARES, (sole_old, sole_new, sole_old, sole_new), strict=True):
        pairs[name] = np.where(sole, 1.0, np.nan)
    pairs["old_by"], pairs["new_by"] = (np.where(sole, "whole", "") for sole in (sole_old, sole_new))
    pairs["kind"] = kinds(sole_old, sole_new, same_name=same_names(pairs))
    return tidy(pairs)


def _same_dates(one: Crosswalk, other: Crosswalk) -> None:
    mine, theirs = ((walk.from_valid_on, walk.to_valid_on) for walk in (one, other))
    if mine != theirs:
        raise InputError("units.crosswalk_dates", one=" - ".join(map(str, mine)), other=" - ".join(map(str, theirs)))
