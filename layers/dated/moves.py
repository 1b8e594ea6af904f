"""How one column goes over a crosswalk: sums, rates, figures computed anew, flags, words. Null is never 0."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.layers.dated.crosswalk import OF_PEOPLE, Crosswalk
from phusong.layers.dated.overlay import Floats, Rows

Mask = NDArray[np.bool_]
_Rows = tuple[NDArray[np.object_], NDArray[np.object_], NDArray[np.object_], Floats, NDArray[np.object_]]


@dataclass(frozen=True)
class Parts:
    """The pairs of a crosswalk that a table needs: every part of every new unit that holds a part of a row.

    ``row``: the table's row, -1 where the old unit is not in the table or there is none; ``target``: index in
    ``targets``. ``share`` and ``area_share``: of the old unit, NaN where not known; ``sole``: the part is all of it.
    ``beyond``: rows of the table that lie in no new unit, wholly or in part; ``strange``: rows whose code the crosswalk
    does not know.
    """

    codes: NDArray[np.object_]  # of the table's rows
    row: Rows
    target: Rows
    targets: NDArray[np.object_]
    target_names: NDArray[np.object_]
    from_code: NDArray[np.object_]
    share: Floats
    share_of_new: Floats
    area_share: Floats
    area_km2: Floats
    people: Floats  # NaN where the crosswalk was not weighed by people
    sole: Mask
    beyond: Mask
    strange: Mask

    @property
    def to_code(self) -> NDArray[np.object_]:
        """Code of the new unit of each part."""
        return self.targets[self.target]

    @cached_property
    def number(self) -> Rows:
        """How many parts each new unit has."""
        return np.bincount(self.target, minlength=len(self.targets)).astype(np.int64)

    def count(self, mask: Mask) -> Rows:
        """How many of the parts marked each new unit has."""
        return np.bincount(self.target[mask], minlength=len(self.targets)).astype(np.int64)

    def sums(self, values: Floats) -> Floats:
        """Sum over the parts of each new unit."""
        return np.bincount(self.target, weights=values, minlength=len(self.targets)).astype(np.float64)

    def from_codes(self) -> list[str]:
        """The codes of each new unit's parts that the table has, set off by ";"."""
        there = self.row >= 0
        codes = pd.Series(self.from_code[there]).groupby(self.target[there]).agg(";".join)
        return codes.reindex(range(len(self.targets))).tolist()


@dataclass(frozen=True)
class Moved:
    """A column on the new units, which of them are estimated, incomplete, or unknown though a part is known, and what
    was not moved."""

    values: Any
    estimated: Mask
    incomplete: Mask
    unknown: Mask
    listed: pd.DataFrame


def parts_of(codes: pd.Series[Any], crosswalk: Crosswalk) -> Parts:
    """The parts that a table of these codes needs; a row without code is strange.

    What of a new unit lies in no old one, and holds people, villages or land by the crosswalk's weights, is a part too:
    one without code, of which nothing is known.
    """
    own = codes.astype("str")
    row_of = {code: i for i, code in enumerate(own) if isinstance(code, str) and code}
    pairs = crosswalk.pairs
    there = np.array([code in row_of for code in pairs["from_code"]], dtype=bool)
    needed = pairs["to_code"][there]
    left = crosswalk.unmatched_to
    left = left[left["code"].isin(needed) & (left["share"] > 0)]
    columns = {"code": "to_code", "name": "to_name", "share": "share_of_new", "area_km2": "area_km2"}
    bare = left[list(columns)].rename(columns=columns).assign(from_code="", old_by="")
    pairs = pairs[pairs["to_code"].isin(needed)]
    pairs = pd.concat([pairs, bare], ignore_index=True) if len(bare) else pairs
    pairs = pairs.sort_values(["to_code", "from_code"], kind="stable")
    row = np.array([row_of.get(code, -1) for code in pairs["from_code"]], dtype=np.int64)
    target, targets = pd.factorize(pairs["to_code"], sort=True)
    names = pairs.assign(target=target).drop_duplicates("target").sort_values("target")["to_name"]
    known = set(crosswalk.from_codes)
    people = crosswalk.weighting in OF_PEOPLE
    number = {
        name: pairs[name].to_numpy(dtype=np.float64)
        for name in ("share_of_old", "share_of_new", "area_share_of_old", "area_km2", "weight")
    }
    return Parts(
        own.to_numpy(dtype=object),
        row,
        target.astype(np.int64),
        np.asarray(targets, dtype=object),
        names.to_numpy(dtype=object),
        pairs["from_code"].to_numpy(dtype=object),
        number["share_of_old"],
        number["share_of_new"],
        number["area_share_of_old"],
        number["area_km2"],
        number["weight"] if people else np.full(len(pairs), np.nan),
        (pairs["old_by"] == "whole").to_numpy(),
        own.isin(crosswalk.unmatched_from["code"]).to_numpy(dtype=bool),
        np.array([code not in known for code in own], dtype=bool),
    )


def times(values: Floats, share: Floats, *, known: Mask) -> Floats:
    """``values * share`` where ``known``, NaN elsewhere; nothing of anything and any part of nothing are 0."""
    product = np.where(known, values * share, np.nan)
    product[(known & (values == 0)) | (share == 0)] = 0.0
    return np.asarray(product, dtype=np.float64)


def total(values: Floats, parts: Parts, *, share: Floats, fill: bool, unknown_as: str = "share_unknown") -> Moved:
    """A figure that is summed: each part gets its share of the old unit's, each new unit the sum of its parts.

    A part is unknown if the old unit's figure is, or its share (``unknown_as`` is then the reason). Then the new unit
    has no figure and its known parts are listed; with ``fill`` it has their sum. What lies in no new unit is listed.
    """
    at = np.maximum(parts.row, 0)
    there = parts.row >= 0
    value = _values(values, parts)
    amount = times(value, share, known=there)
    unknown = np.isnan(amount)
    lacking, having = parts.count(unknown) > 0, parts.count(~unknown) > 0
    blocked = lacking & having
    held = ~unknown & lacking[parts.target] & (amount != 0) & (not fill)
    result = parts.sums(np.where(unknown, 0.0, amount))
    result[lacking & ~(having & fill)] = np.nan
    placeless = there & unknown & ~np.isnan(value)
    blind = unknown & ~placeless & blocked[parts.target]
    placed = np.bincount(at[there & ~unknown], weights=amount[there & ~unknown], minlength=len(values))
    shared = np.bincount(at[there], weights=np.nan_to_num(share[there]), minlength=len(values))
    known_rows = ~np.isin(np.arange(len(values)), at[placeless])
    left = np.where(parts.beyond & known_rows, np.maximum(1.0 - shared, 0.0), 0.0)
    beyond = np.where(left > 0, np.nan_to_num(values) * left, 0.0)
    rows = [
        _listed(parts, held, value=value, amount=amount, reason="part_unknown"),
        _listed(parts, blind, value=value, amount=np.full(len(value), np.nan), reason=_blind(parts)),
        _listed_rows(parts, np.unique(at[placeless]), values=values, amount=values - placed, reason=unknown_as),
        _listed_rows(parts, np.flatnonzero(beyond != 0), values=values, amount=beyond, reason="outside"),
        _strange(parts, values, values),
    ]
    estimated = (parts.count(~parts.sole & ~unknown & (amount != 0)) > 0) & np.isfinite(result)
    return Moved(result, estimated, blocked & fill, lacking & ~(having & fill) & _told(parts, values), _stack(rows))


def rate(values: Floats, parts: Parts, *, weights: Floats, fill: bool) -> Moved:
    """A rate: the mean of the parts' rates by ``weights``, their own denominators; each part has its old unit's rate.

    Parts of weight 0 take no part. Where all parts have the same rate no weight is needed. Otherwise a part whose rate
    or weight is unknown leaves the new unit without one, and its parts are listed; with ``fill`` those known count.
    """
    weight = np.where(parts.number[parts.target] == 1, 1.0, weights)
    value = _values(values, parts)
    told, in_it = ~np.isnan(value), weight != 0  # a weight that is not known is in it
    known, unknown = in_it & told, in_it & ~told
    lacking, having = parts.count(unknown) > 0, parts.count(known) > 0
    low, high = _extremes(parts, value, known)
    equal = (low == high) & (~lacking | np.bool_(fill))
    weightless = (parts.count(known & np.isnan(weight)) > 0) | ~having
    usable = known & ~np.isnan(weight)
    sums = parts.sums(np.where(usable, weight, 0.0))
    products = parts.sums(np.where(usable, value, 0.0) * np.where(usable, weight, 0.0))
    mean = np.divide(products, sums, out=np.full(len(sums), np.nan), where=sums > 0)
    result = np.where(equal, low, np.where((lacking & ~np.bool_(fill)) | weightless, np.nan, mean))
    dropped = (parts.count(told) > 0) & np.isnan(result)
    at = dropped[parts.target]
    nothing = np.full(len(value), np.nan)
    why = np.where(weightless[parts.target], "no_denominator", "part_unknown")
    rows = [
        _listed(parts, at & told, value=value, amount=nothing, reason=why),
        _listed(parts, at & unknown, value=value, amount=nothing, reason=_blind(parts)),
        _strange(parts, values, None),
    ]
    estimated = (parts.count(known & ~parts.sole) > 0) & np.isfinite(result)
    return Moved(result, estimated, lacking & np.isfinite(result), dropped, _stack(rows))


def computed(values: Floats, parts: Parts, one: Moved, other: Moved, *, radius: bool) -> Moved:
    """A / B of two carried columns, or sqrt(A / (pi B)); a unit that stayed whole keeps its own figure.

    No figure where A or B is unknown or B is 0. A loss is listed once a new unit if a part had a figure.
    """
    base = np.asarray(other.values, dtype=np.float64)
    fraction = np.divide(one.values, base, out=np.full(len(base), np.nan), where=base > 0)
    result = np.sqrt(fraction / np.pi) if radius else fraction
    at = np.flatnonzero((parts.number[parts.target] == 1) & parts.sole)
    own = values[parts.row[at]]
    result[parts.target[at]] = own
    kept = np.zeros(len(base), dtype=bool)
    kept[parts.target[at]] = True
    value = _values(values, parts)
    lost = _told(parts, values) & np.isnan(result) & (base != 0)
    nothing = np.full(len(value), np.nan)
    rows = [
        _listed(parts, lost[parts.target] & ~np.isnan(value), value=value, amount=nothing, reason="part_unknown"),
        _strange(parts, values, None),
    ]
    estimated = (one.estimated | other.estimated) & np.isfinite(result) & ~kept
    return Moved(result, estimated, (one.incomplete | other.incomplete) & np.isfinite(result), lost, _stack(rows))


def flag(values: Floats, parts: Parts, *, rule: str) -> Moved:
    """A yes or no (1, 0, NaN) by a stated rule; what the rule cannot say is listed part by part.

    ``any``: yes if a whole part says yes, no if all parts say no (of a split unit's yes it is not known in which part).
    ``all``: yes if all parts say yes, no if a whole part says no. ``agree``: as all parts say. ``majority``: as parts
    with more than half of the new unit's people (villages, area) say.
    """
    value = _values(values, parts)
    yes, no, unknown = value == 1, value == 0, np.isnan(value)
    all_yes, all_no = parts.count(yes) == parts.number, parts.count(no) == parts.number
    guessed = parts.count(~parts.sole) > 0
    if rule == "any":
        is_yes, is_no = parts.count(yes & parts.sole) > 0, all_no
        guessed = np.zeros(len(all_no), dtype=bool)
    elif rule == "all":
        is_yes, is_no = all_yes, parts.count(no & parts.sole) > 0
        guessed = np.zeros(len(all_no), dtype=bool)
    elif rule == "agree":
        is_yes, is_no = all_yes, all_no
    else:
        half = 0.5 * (1 + 1e-12)
        is_yes = all_yes | (parts.sums(np.where(yes, np.nan_to_num(parts.share_of_new), 0.0)) > half)
        is_no = all_no | (parts.sums(np.where(no, np.nan_to_num(parts.share_of_new), 0.0)) > half)
        guessed = guessed | ~(all_yes | all_no)
    result = pd.array(is_yes, dtype="boolean")
    open_ = ~(is_yes | is_no)
    result[open_] = pd.NA
    lost = open_ & (parts.count(~unknown) > 0)
    at = lost[parts.target]
    otherwise = "somewhere" if rule in ("any", "all") else "differ"
    why = np.where((parts.count(unknown) > 0)[parts.target], "part_unknown", otherwise)
    nothing = np.full(len(value), np.nan)
    rows = [
        _listed(parts, at & ~unknown, value=_words(value), amount=nothing, reason=why),
        _listed(parts, at & unknown, value=None, amount=nothing, reason=_blind(parts)),
        _strange(parts, _words(values), None),
    ]
    return Moved(result, guessed & ~open_, np.zeros(len(lost), dtype=bool), lost, _stack(rows))


def same(cells: pd.Series[Any], parts: Parts) -> Moved:
    """Words and dates: kept if all parts of the new unit say the same, listed part by part otherwise."""
    there = parts.row >= 0
    label = _values(pd.factorize(cells)[0].astype(np.float64), parts)
    label[label < 0] = np.nan
    known = ~np.isnan(label)
    low, high = _extremes(parts, label, known)
    lacking, having = parts.count(~known) > 0, parts.count(known) > 0
    kept = (low == high) & ~lacking
    first = pd.Series(parts.row[there]).groupby(parts.target[there]).first().to_numpy()
    cells = cells.reset_index(drop=True)
    if getattr(cells.dtype, "kind", "") in ("i", "u"):  # whole numbers that can be missing
        cells = cells.astype("Int64")
    values = cells.reindex(np.where(kept, first, -1)).reset_index(drop=True)
    lost = having & ~kept
    shown = cells.to_numpy(dtype=object)[np.maximum(parts.row, 0)]
    nothing = np.full(len(label), np.nan)
    why = np.where(lacking[parts.target], "part_unknown", "differ")
    rows = [
        _listed(parts, lost[parts.target] & known, value=shown, amount=nothing, reason=why),
        _listed(parts, lost[parts.target] & ~known, value=None, amount=nothing, reason=_blind(parts)),
        _strange(parts, cells.to_numpy(dtype=object), None),
    ]
    none = np.zeros(len(kept), dtype=bool)
    return Moved(values, none, none, lost, _stack(rows))


def _values(values: Floats, parts: Parts) -> Floats:
    """Of each part the figure of its row; NaN where the table has no such row."""
    found: Floats = np.where(parts.row >= 0, values[np.maximum(parts.row, 0)], np.nan)
    return found


def _words(flags: Floats) -> NDArray[np.object_]:
    return np.array([None if np.isnan(one) else "yes" if one else "no" for one in flags], dtype=object)


def _told(parts: Parts, values: Floats) -> Mask:
    """New units of which some part has a figure in the table."""
    told: Mask = parts.count(~np.isnan(_values(values, parts))) > 0
    return told


def _extremes(parts: Parts, values: Floats, mask: Mask) -> tuple[Floats, Floats]:
    """Smallest and largest of the values marked, of each new unit; NaN where there are none."""
    grouped = pd.Series(values[mask]).groupby(parts.target[mask])
    index = range(len(parts.targets))
    low, high = grouped.min().reindex(index), grouped.max().reindex(index)
    return np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)


def _blind(parts: Parts) -> NDArray[np.object_]:
    nowhere = np.where(parts.from_code == "", "uncovered", "no_row")
    return np.where(parts.row >= 0, "no_data", nowhere).astype(object)


def _listed(parts: Parts, mask: Mask, *, value: Any, amount: Floats, reason: Any) -> _Rows:
    """The parts marked, each with what it holds and why it was not moved."""
    at = np.flatnonzero(mask)
    values, reasons = (np.broadcast_to(np.asarray(each, dtype=object), mask.shape)[at] for each in (value, reason))
    return parts.from_code[at], parts.to_code[at], values, amount[at], reasons


def _listed_rows(parts: Parts, rows: Rows, *, values: Any, amount: Floats, reason: str) -> _Rows:
    """Rows of the table that are listed as a whole, with all new units they may belong to."""
    targets = [";".join(parts.to_code[parts.row == row]) for row in rows]
    reasons = np.full(len(rows), reason, dtype=object)
    found = np.asarray(values, dtype=object)[rows]
    return parts.codes[rows], np.array(targets, dtype=object), found, amount[rows], reasons


def _strange(parts: Parts, values: Any, amounts: Floats | None) -> _Rows:
    told = np.flatnonzero(parts.strange & ~pd.isna(np.asarray(values, dtype=object)))
    amount = np.full(len(parts.codes), np.nan) if amounts is None else amounts
    return _listed_rows(parts, told, values=values, amount=amount, reason="unknown_code")


def _stack(rows: list[_Rows]) -> pd.DataFrame:
    names = ("from_code", "to_code", "value", "amount", "reason")
    columns = dict(zip(names, (np.concatenate(each) for each in zip(*rows, strict=True)), strict=True))
    return pd.DataFrame(columns)
