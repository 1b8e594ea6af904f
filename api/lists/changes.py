"""The same list at an earlier date: what entered, left, moved or stayed as it was."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from phusong.api.lists.tables import Tables, read_frame
from phusong.coverage.rules.judge import numbers
from phusong.layers.dated.crosswalk import Crosswalk, from_polygons
from phusong.layers.errors import InputError
from phusong.layers.messages import LANGS, Lang, catalogue, say
from phusong.layers.messages.format import day, number, plain
from phusong.layers.readers import read_any
from phusong.layers.vietnamese.order import ranks

Frame = pd.DataFrame
KINDS = ("entered", "left", "moved", "unchanged")
COMPARED = ("communes", "villages", "ranking", "not-assessable")
"""The lists whose rows can be told apart over the years."""
FILES = (".csv", ".parquet", ".gpkg", ".geojson")
HALF = 0.5
"""Part of a commune that must have been on the older list for the commune to count as having been on it, where the
units are others now."""
_SIGNS = {
    "change": "changes",
    "why": "not-assessable",
    "rank_low": "ranking",
    "people_new": "plan",
    "used": "classes",
    "grid_power": "villages",
    "need_index": "communes",
}
"""The list that a file holds, by the first of these columns that it has."""
_SAME = 1e-9  # of a margin: what is nearer is rounding


@dataclass(frozen=True)
class Older:
    """An older list: its rows (columns of its file), its reasons if known, and the results it comes from, if any."""

    rows: Frame
    as_of: date
    reasons: Frame | None = None
    tables: Tables | None = None


@dataclass(frozen=True)
class Changes:
    """What changed between two lists.

    rows      a row a commune or village on either list: ``change`` (one of KINDS), rank, people affected and reasons
              before and now, in the order of KINDS, then of the list
    margins   a row a rule that one of them fails now or failed before: value and margin before and now, their change
    counts    rows of each kind; entered + moved + unchanged are the list now, left + moved + unchanged the older one
    notes     what must be known to read it, in the reader's language
    """

    rows: Frame
    margins: Frame
    counts: Mapping[str, int]
    notes: tuple[str, ...]


def older_of(tables: Tables, rows: Frame, reasons: Frame | None) -> Older:
    """The list of an older run of a study, filtered as the new one is."""
    return Older(rows, tables.as_of, reasons, tables)


def read_older(path: Path, which: str) -> Older:
    """An exported list (CSV, Parquet, GeoPackage or GeoJSON, headings by id or in words).

    InputError for another kind of file, another list, without a column of codes, or without the date of its units.
    """
    if path.suffix.lower() not in FILES:
        raise InputError("list.error.since_file", file=path.name, known=", ".join(FILES))
    frame = read_frame(path) if path.suffix.lower() == ".parquet" else read_any(path).frame
    if frame is None:
        raise InputError("list.error.since_missing", file=path.name)
    frame = frame.rename(columns=_known(frame.columns, which))
    frame = frame.loc[:, ~frame.columns.duplicated()]
    kind = next((name for column, name in _SIGNS.items() if column in frame), which)
    if kind != which:
        raise InputError("list.error.since_other", file=path.name, found=kind, which=which)
    for column in _key(which):
        if column not in frame:
            raise InputError("list.error.since_column", file=path.name, column=column)
    dated = next((name for name in ("valid_on", "as_of") if name in frame and frame[name].notna().any()), None)
    days = set() if dated is None else {pd.Timestamp(str(one)).date() for one in frame[dated].dropna()}
    if len(days) != 1:
        raise InputError("list.error.since_date", file=path.name)
    for name in ("rank", "people_affected"):
        if name in frame:
            frame[name] = pd.to_numeric(frame[name], errors="coerce")
    return Older(frame.astype(dict.fromkeys(_key(which), str)).reset_index(drop=True), days.pop())


def compare(
    which: str, now: Frame, tables: Tables, *, reasons: Frame | None, older: Older, lang: Lang, study: Path
) -> Changes:
    """The list ``now`` against an older one.

    Of units of two dates the communes are followed by their land: a commune was on the older list if at least half of
    it was (by people where villages with population are known, else by area). InputError where that cannot be done.

    A row moved if its rank, one of its margins or the rules it fails are others than before.
    """
    if which not in COMPARED:
        raise InputError("list.error.since_list", which=which, known=", ".join(COMPARED))
    notes: list[str] = []
    before = older.rows
    walk = None
    if older.as_of != tables.as_of:
        walk = _crosswalk(which, tables, older, study=study)
        before = _followed(before, walk)
        parts = say(f"list.note.by_{'people' if walk.weighting not in ('area', 'none') else 'area'}", lang)
        days_ = {"before": day(older.as_of, lang), "now": day(tables.as_of, lang)}
        notes.append(say("list.note.followed", lang, parts=parts, **days_))
    margins = _margins(reasons, older.reasons, now, before, walk)
    rows = _rows(which, now, before, margins, _names(which, tables))
    if reasons is None or older.reasons is None:
        rows["margins_moved"] = np.nan  # not compared, which is not the same as none
    counts = {kind: int((rows["change"] == kind).sum()) for kind in KINDS}
    figures = {kind: number(count, lang) for kind, count in counts.items()}
    notes.insert(
        0, say("list.note.changes", lang, before=number(len(before), lang), now=number(len(now), lang), **figures)
    )
    if older.tables is None:
        notes.append(say("list.note.from_file", lang))
    else:
        notes += _other_rules(tables, older.tables, lang)
    return Changes(rows, margins, counts, tuple(notes))


def _key(which: str) -> tuple[str, ...]:
    return ("code", "rule") if which == "not-assessable" else ("code",)


def _keys(frame: Frame, which: str) -> pd.Index:
    if len(_key(which)) == 1:
        return pd.Index(frame["code"].astype(str))
    return pd.Index([f"{code} {rule}" for code, rule in zip(frame["code"], frame["rule"], strict=True)])


def _rows(which: str, now: Frame, before: Frame, margins: Frame, names: Frame) -> Frame:
    here, there = _keys(now, which), _keys(before, which)
    every = here.append(there[~there.isin(here)])
    at_now, at_before = here.get_indexer(every), there.get_indexer(every)
    is_now, was = at_now >= 0, at_before >= 0
    found: dict[str, Any] = {"code": [text.split(" ")[0] if which == "not-assessable" else text for text in every]}
    for name in ("name", "unit_name", "district", "rule"):
        found[name] = _either(now, before, name, at_now, at_before)
    for name in ("rank", "people_affected"):
        found[f"{name}_before"], found[name] = _figures(before, name, at_before), _figures(now, name, at_now)
    table = pd.DataFrame(found)
    if len(names):
        own = names.reindex(table["code"])
        for name in ("name", "district"):
            table[name] = table[name].where(table[name].notna(), pd.Series(own[name].to_numpy()))
    table["rank_change"] = table["rank_before"] - table["rank"]
    by_code = margins.groupby("code", sort=False)
    table["margins_moved"] = table["code"].map(by_code["moved"].sum()).fillna(0).astype("int64")
    moved = (table["rank_change"].fillna(0) != 0) | (table["margins_moved"] > 0)
    table["change"] = np.select([~was, ~is_now, moved], KINDS[:3], default=KINDS[3])
    if "was_pct" in before:
        table["was_pct"] = _figures(before, "was_pct", at_before)
    kind = table["change"].map({name: place for place, name in enumerate(KINDS)})
    order = pd.DataFrame(
        {"kind": kind, "now": table["rank"], "before": table["rank_before"], "name": ranks(table["name"])}
    ).sort_values(["kind", "now", "before", "name"], kind="stable")
    return table.iloc[order.index.to_numpy()].reset_index(drop=True)


def _margins(now: Frame | None, before: Frame | None, rows: Frame, old_rows: Frame, walk: Crosswalk | None) -> Frame:
    """Value and margin of each rule failed before or now, by code; ``moved``: whether they are others (or one is not).

    Only where both runs tell their reasons; of units of two dates only communes that are the same on both.
    """
    columns = ["code", "name", "rule", "unit", "value_before", "value", "margin_before", "margin", "margin_change"]
    if now is None or before is None:
        return pd.DataFrame({name: [] for name in (*columns, "moved")}).astype({"moved": bool})
    if walk is not None:
        same = walk.pairs[walk.pairs["kind"].isin(["whole", "renamed"])]
        before = before.assign(code=before["code"].map(dict(zip(same["from_code"], same["to_code"], strict=True))))
        now = now[now["code"].isin(same["to_code"])]
    listed = set(rows["code"]) | set(old_rows["code"])
    kept = ["code", "rule", "name", "unit", "value", "margin"]
    both = now.loc[now["code"].isin(listed), kept].merge(
        before.loc[before["code"].isin(listed), kept], on=["code", "rule"], how="outer", suffixes=("", "_before")
    )
    both["name"] = both["name"].where(both["name"].notna(), both["name_before"])
    both["unit"] = both["unit"].where(both["unit"].notna(), both["unit_before"])
    both["margin_change"] = both["margin"] - both["margin_before"]
    size = np.fmax(both["margin"].abs(), both["margin_before"].abs())
    both["moved"] = both["margin_change"].isna() | (both["margin_change"].abs() > _SAME * size)
    return both[[*columns, "moved"]].reset_index(drop=True)


def _crosswalk(which: str, tables: Tables, older: Older, *, study: Path) -> Crosswalk:
    """The units of the older list to those of today, by their outlines; InputError with the way out without them."""
    days_: dict[str, Any] = {"before": older.as_of.isoformat(), "now": tables.as_of.isoformat()}
    if which not in ("communes", "ranking"):
        raise InputError("list.error.since_villages", which=which, study=study, **days_)
    outlines = [None if one is None else one.frame("units") for one in (older.tables, tables)]
    if not all(isinstance(one, gpd.GeoDataFrame) for one in outlines):
        raise InputError("list.error.since_outlines", study=study, which=which, **days_)
    old, new = (gpd.GeoDataFrame(one[["code", "valid_on", "name", "geometry"]]) for one in outlines if one is not None)
    villages = tables.frame("villages")
    weight = None
    if isinstance(villages, gpd.GeoDataFrame) and "population" in villages and villages["population"].notna().any():
        weight = gpd.GeoDataFrame(villages[["population", "geometry"]])
    walk = from_polygons(old, new, weight=weight)
    if walk.pairs.empty:
        raise InputError("units.nothing_common", one=days_["before"], other=days_["now"])
    return walk


def _followed(before: Frame, walk: Crosswalk) -> Frame:
    """The older list told in today's units: those of which at least ``HALF`` was on it, with that part as ``was_pct``.

    Rank and people are known only of communes that are the same on both dates.
    """
    pairs = walk.pairs
    listed = pairs[pairs["from_code"].isin(before["code"].astype(str))]
    shares = listed.groupby("to_code")["share_of_new"].sum()
    codes = shares.index[shares >= HALF - _SAME]
    same = listed[listed["kind"].isin(["whole", "renamed"])].set_index("to_code")["from_code"]
    own = before.set_index(before["code"].astype(str)).reindex(same.reindex(codes))
    found = pd.DataFrame({"code": codes.to_numpy(), "was_pct": 100.0 * shares.reindex(codes).to_numpy()})
    for name in ("rank", "people_affected"):
        if name in own:
            found[name] = own[name].to_numpy()
    return found


def _other_rules(tables: Tables, older: Tables, lang: Lang) -> list[str]:
    """A sentence on rules that are others than before: a list may change because its rules did."""
    now, before = tables.frame("rules"), older.frame("rules")
    if now is None or before is None:
        return []
    one, two = before.set_index("id"), now.set_index("id")
    told = []
    for rule in dict.fromkeys([*one.index, *two.index]):
        if rule not in one.index or rule not in two.index:
            told.append(say(f"list.rule.{'new' if rule in two.index else 'gone'}", lang, rule=rule))
        elif (one["threshold"][rule], one["comparison"][rule]) != (two["threshold"][rule], two["comparison"][rule]):
            at = {
                "before": plain(float(one["threshold"][rule]), lang),
                "now": plain(float(two["threshold"][rule]), lang),
            }
            told.append(say("list.rule.moved", lang, rule=rule, **at))
    return [say("list.note.other_rules", lang, rules="; ".join(told))] if told else []


def _names(which: str, tables: Tables) -> Frame:
    """Names and districts of today's communes by code, for those that left a list whose rows are told by code only."""
    units = tables.frame("units")
    if which == "villages" or units is None:
        return pd.DataFrame()
    return pd.DataFrame(units[["code", "name", "district"]]).set_index("code")


def _either(now: Frame, before: Frame, name: str, at_now: np.ndarray, at_before: np.ndarray) -> pd.Series:
    """A column of the list now, filled from the older one."""
    found = pd.Series([None] * len(at_now), dtype=object)
    for frame, at in ((before, at_before), (now, at_now)):
        if name in frame and len(frame):
            values = frame[name].astype(object).to_numpy()[at]
            found = found.where(at < 0, pd.Series(values, dtype=object))
    return found


def _figures(frame: Frame, name: str, at: np.ndarray) -> np.ndarray:
    values = numbers(frame, name)
    return np.where(at >= 0, values[at], np.nan) if len(values) else np.full(len(at), np.nan)


def _known(headings: Iterable[object], which: str) -> dict[object, str]:
    """The ids of a list's columns whose headings may be in words of any language, with units of measure behind."""
    by_words = {
        entry[lang].casefold(): code.rpartition(".")[2]
        for start in ("list.column.", f"list.column_of.{which}.")
        for code, entry in catalogue().items()
        if code.startswith(start)
        for lang in LANGS
    }
    bare = {heading: re.sub(r"\s*\([^()]*\)\s*$", "", str(heading)).strip().casefold() for heading in headings}
    return {heading: by_words.get(words, str(heading)) for heading, words in bare.items()}
