"""What the chapters of the report are made from: the lists of a run in one language, each read once, and its tables."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd

from phusong.api.lists import Tables, build
from phusong.layers.errors import MissingError
from phusong.layers.messages import Lang, say
from phusong.layers.messages.format import number
from phusong.layers.study import Study
from phusong.layers.writers.lists import NO_DATA, ListColumn, OfficeList
from phusong.maps.report.document import Column, Table

LISTS = ("communes", "villages", "targets", "plan", "ranking", "classes", "not-assessable")


@dataclass(frozen=True)
class Facts:
    """A study, the tables of its last run, and the language of the report."""

    study: Study
    tables: Tables
    lang: Lang

    @cached_property
    def lists(self) -> Mapping[str, OfficeList | None]:
        """Each list in one piece, in order of rank; None where the run made none or it is empty."""
        return {which: self._list(which) for which in LISTS}

    @cached_property
    def ranking_about(self) -> Mapping[str, Any] | None:
        """What the ranking says of itself: draws, seed, what moves it; None where the run made none."""
        return self._about("ranking.json")

    @cached_property
    def plan_about(self) -> Mapping[str, Any] | None:
        """What the plan says of itself: its bound, what it costs, who is left; None where the run made none."""
        return self._about("plan_answer.json")

    def _about(self, name: str) -> Mapping[str, Any] | None:
        path = self.study.root / "results" / name
        if not path.is_file():
            return None
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def _list(self, which: str) -> OfficeList | None:
        try:
            found = build(self.tables, which, lang=self.lang, grouped=False).office
        except MissingError:
            return None
        return found if found.rows else None

    def say(self, code: str, **params: Any) -> str:
        """A message of the report."""
        return say(f"province_report.{code}", self.lang, **params)

    def count(self, value: float) -> str:
        """A whole number as the language writes it."""
        return number(value, self.lang)

    def excerpt(self, office: OfficeList, widths: Mapping[str, float], name: str, *, most: int | None = None) -> Table:
        """The first rows of a list in some of its columns, below them the total of the whole list."""
        ids = ids_of(office)
        places = [ids.index(one) for one in widths if one in ids]
        columns = [office.columns[place] for place in places]
        rows = [
            tuple(office.said(row[place], column) for place, column in zip(places, columns, strict=True))
            for row in office.rows[:most]
        ]
        total = next((line for line in office.printed if line.role == "total"), None)
        totals: tuple[int, ...] = ()
        if total is not None and any(column.total for column in columns):
            label = str(total.values[0])
            cells = [
                office.said(total.values[place], column) if column.total else ""
                for place, column in zip(places, columns, strict=True)
            ]
            cells[next((at for at, column in enumerate(columns) if column.id == "name"), 0)] = label
            totals = (len(rows),)
            rows.append(tuple(cells))
        notes = []
        if len(office.rows) > len(rows) - len(totals):
            shown = self.count(len(rows) - len(totals))
            notes.append(self.say("first", shown=shown, count=self.count(len(office.rows))))
        if any(NO_DATA in row for row in rows):
            notes.append(say("list.note.no_data", self.lang, sign=NO_DATA))
        for place, column in zip(places, columns, strict=True):
            unknown = sum(1 for row in office.rows if row[place] is None)
            if totals and column.total and unknown:
                count = self.count(unknown)
                notes.append(say("list.note.partial_sum", self.lang, column=column.heading, count=count))
        return Table(
            tuple(_headed(column, widths[column.id]) for column in columns),
            tuple(rows),
            self.say(f"table.{name}"),
            " ".join(notes),
            totals,
        )


def ids_of(office: OfficeList) -> list[str]:
    """The ids of the columns."""
    return [column.id for column in office.columns]


def column_of(office: OfficeList, name: str) -> list[Any]:
    """The values of a column, empty where the list has none of that name."""
    if name not in ids_of(office):
        return []
    place = ids_of(office).index(name)
    return [row[place] for row in office.rows]


def homes_of(office: OfficeList) -> list[str]:
    """The district of each row, "" where it is in none."""
    return ["" if pd.isna(home) else str(home) for home in column_of(office, "district")]


def frame_of(office: OfficeList) -> pd.DataFrame:
    """The rows as a table by column id."""
    return pd.DataFrame({name: column_of(office, name) for name in ids_of(office)}, dtype=object)


def where(office: OfficeList, name: str, wanted: Callable[[Any], bool]) -> OfficeList:
    """The list with those rows only whose value of a column is wanted; with none where it lacks the column."""
    if name not in ids_of(office):
        return replace(office, rows=())
    kept = [row for row, value in zip(office.rows, column_of(office, name), strict=True) if wanted(value)]
    return replace(office, rows=tuple(kept))


def sum_of(office: OfficeList, name: str, district: str | None = None) -> str:
    """The sum of a column over the list or over one district, written as the list writes it."""
    values = column_of(office, name)
    if district is not None:
        values = [value for value, home in zip(values, homes_of(office), strict=True) if home == district]
    known = [float(value) for value in values if value is not None]
    column = office.columns[ids_of(office).index(name)]
    return office.said(math.fsum(known) if known or not values else None, column)


def standings(rows: pd.DataFrame) -> pd.Series:
    """How sure the threshold of each rule or reason is; "changed" where the study put its own in its place."""
    changed = pd.Series(False, index=rows.index)
    if "override_reason" in rows:
        changed = rows["override_reason"].fillna("").astype(str) != ""
    return rows["standing"].astype(object).mask(changed, "changed")


def _headed(column: ListColumn, width: float) -> Column:
    return Column(column.heading, column.unit, "right" if column.kind in ("number", "plain") else "left", width)


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame by column."""
    return [dict(zip(frame.columns, row, strict=True)) for row in frame.itertuples(index=False)]
