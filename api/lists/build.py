"""A list from the results of a run: the frame for machines, and the office lists for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pandas as pd

from phusong.api.labels import unit_words
from phusong.api.lists.changes import KINDS, Changes
from phusong.api.lists.filters import EVERYTHING, Filters, checked, near
from phusong.api.lists.frames import OF_GAPS, detail_frame, in_order, list_frame
from phusong.api.lists.specs import CHANGES, MARGINS, REASONS, SPECS, Col
from phusong.api.lists.tables import Tables, placed
from phusong.layers.errors import InputError
from phusong.layers.messages import Lang, has, say
from phusong.layers.messages.format import day, number, quantity
from phusong.layers.writers.lists import ListColumn, OfficeList

LEVELS = ("unit", "village")


@dataclass(frozen=True)
class Built:
    """A list: its rows for machines, with geometry where there is one, the same for people, and its sheets on paper."""

    which: str
    frame: pd.DataFrame
    office: OfficeList
    sheets: tuple[OfficeList, ...]


def build(
    tables: Tables,
    which: str,
    *,
    lang: Lang,
    filters: Filters = EVERYTHING,
    by_name: bool = False,
    grouped: bool = True,
) -> Built:
    """A list of ``SPECS``, in order of rank within each district (``by_name``: of names), numbered through.

    ``grouped``: with a row and totals for each district, where districts are known; else in one piece.

    Raises:
        InputError: there is no such list, or the filters are not as they should be.
        MissingError: the run made no such list.
    """
    spec = SPECS[known_list(which)]
    filters = checked(filters, which, tables)
    frame = list_frame(tables, which, filters=filters, lang=lang, by_name=by_name)
    group = spec.group if grouped and spec.group in frame and _told(frame[spec.group]) else ""
    if not group and spec.group:
        frame = in_order(frame, "", () if by_name else spec.order)
    head = _head(tables, filters, lang)
    head["notes"] = _notes(tables, which, frame, filters, lang)
    title = say(f"list.title.{which}", lang)
    main = office(frame, spec.columns, title=title, which=which, group=group, counted=spec.counted, **head)
    sheets = [main]
    if which == "classes":
        sheets = _by_level(frame, spec.columns, which=which, group=group, **head) or sheets
    if which in OF_GAPS and len(frame):
        detail = detail_frame(tables, which, frame, filters=filters, lang=lang)
        title = say("list.title.reasons", lang, title=main.title)
        sheet = say("list.sheet.reasons", lang)
        head["notes"] = (say("list.note.margin", lang),)
        sheets.append(office(detail, REASONS, title=title, sheet=sheet, **head))
    return Built(which, frame, main, tuple(sheets))


def _by_level(frame: pd.DataFrame, columns: Sequence[Col], *, lang: Lang, **head: Any) -> list[OfficeList]:
    """Communes on one sheet and their many villages on another; none of a level without rows."""
    sheets = []
    shown = [col for col in columns if col.id != "level"]
    for level in LEVELS:
        own = frame[frame["level"] == level]
        if len(own):
            words = {part: say(f"list.{part}.classes_{level}", lang) for part in ("title", "sheet")}
            sheets.append(office(own, shown, lang=lang, **words, **head))
    return sheets


def known_list(which: str) -> str:
    """The name of a list there is; InputError naming the nearest."""
    if which not in SPECS:
        raise InputError("list.error.unknown", found=which, nearest=near(which, list(SPECS)), known=", ".join(SPECS))
    return which


def with_changes(
    built: Built, changes: Changes, tables: Tables, *, filters: Filters, before: date, lang: Lang
) -> Built:
    """The list with two more sheets, what changed first and the margins last, and the changes as its rows for machines.

    The rows get the geometry of their commune or village where it stands in today's results.
    """
    head = _head(tables, filters, lang)
    head["lines"] = (*head["lines"], say("list.since", lang, before=day(before, lang)))
    main = built.office
    words = {kind: say(f"list.change.{kind}", lang) for kind in KINDS}
    rows = changes.rows.assign(change=changes.rows["change"].map(words))
    title = say("list.title.changes", lang, title=main.title)
    sheet = say("list.sheet.changes", lang)
    counted = SPECS[built.which].counted
    sheets = [
        office(rows, CHANGES, title=title, group="change", counted=counted, sheet=sheet, notes=changes.notes, **head),
        *built.sheets,
    ]
    moved = changes.margins[changes.margins["moved"]]
    if len(moved):
        moved = moved.assign(unit=["" if unit == "yes_no" else unit_words(unit or "", lang) for unit in moved["unit"]])
        title = say("list.title.margins", lang, title=main.title)
        sheet = say("list.sheet.margins", lang)
        sheets.append(office(moved, MARGINS, title=title, sheet=sheet, notes=(say("list.note.margin", lang),), **head))
    home = tables.frame("villages" if built.which == "villages" else "units")
    marks = {"as_of": tables.as_of.isoformat(), "data": "synthetic" if tables.synthetic else ""}
    return Built(built.which, placed(changes.rows.assign(**marks), home), sheets[0], tuple(sheets))


def _head(tables: Tables, filters: Filters, lang: Lang) -> dict[str, Any]:
    """What stands above every sheet."""
    return {
        "lang": lang,
        "organisation": tables.settings.organisation,
        "lines": _lines(tables, filters, lang),
        "mark": say("map.ui.synthetic", lang) if tables.synthetic else "",
    }


def office(
    frame: pd.DataFrame,
    columns: Sequence[Col],
    *,
    title: str,
    lang: Lang,
    which: str = "",
    group: str = "",
    counted: str = "rows",
    **head: Any,
) -> OfficeList:
    """A frame as it stands on paper: codes said in words, columns that tell nothing left out.

    ``which``: the list, for headings of its own (``list.column_of.<list>.<id>``).
    """
    shown = [col for col in columns if col.id in frame and col.id != group]
    shown = [col for col in shown if not (col.optional and not _told(frame[col.id]))]
    values = [_values(frame[col.id], col, lang) for col in shown]
    return OfficeList(
        title=title,
        columns=tuple(
            ListColumn(
                col.id,
                _heading(col.id, which, lang),
                _measure(col.unit, lang),
                col.kind,
                col.decimals,
                col.width,
                col.total,
            )
            for col in shown
        ),
        rows=tuple(zip(*values, strict=True)) if values else (),
        lang=lang,
        groups=tuple("" if pd.isna(one) else str(one) for one in frame[group]) if group else (),
        group_heading=say(f"list.column.{group}", lang) if group else "",
        counted=counted,
        **head,
    )


def _heading(column: str, which: str, lang: Lang) -> str:
    own = f"list.column_of.{which}.{column}"
    return say(own if has(own) else f"list.column.{column}", lang)


def _told(column: pd.Series) -> bool:
    """Whether a column says anything in any row."""
    return bool((column.notna() & (column.astype(object) != "")).any())


def _values(column: pd.Series, col: Col, lang: Lang) -> list[Any]:
    values = column.astype(object).tolist()
    if not col.words:
        return values
    said = {value: _said(value, col.words, lang) for value in {*values} if isinstance(value, str)}
    return [said.get(value, "") if isinstance(value, str) else "" for value in values]


def _said(codes: str, prefix: str, lang: Lang) -> str:
    """Codes joined by ";" in words; one the catalogue does not know as it stands."""
    parts = [code for code in codes.split(";") if code]
    return "; ".join(say(f"{prefix}.{code}", lang) if has(f"{prefix}.{code}") else code for code in parts)


def _measure(unit: str, lang: Lang) -> str:
    return say(f"measure.{unit}", lang) if unit and has(f"measure.{unit}") else unit


def _lines(tables: Tables, filters: Filters, lang: Lang) -> tuple[str, ...]:
    """What stands below every title: study, date, filters."""
    lines = [say("list.as_of", lang, name=tables.settings.name, day=day(tables.as_of, lang))]
    if told := filters.told(lang):
        lines.append(say("list.filtered", lang, filters=told))
    if filters.threshold:
        lines.append(say("list.judged_anew", lang, thresholds=_thresholds(tables, filters, lang)))
    return tuple(lines)


def _thresholds(tables: Tables, filters: Filters, lang: Lang) -> str:
    """The thresholds asked for beside those of the run, in words."""
    rules = tables.read("rules")
    own = {} if rules is None else {row["id"]: row for row in rules.to_dict("records")}
    told = []
    for rule, asked in filters.threshold:
        unit = str(own[rule]["unit"]) if rule in own else ""
        ran = quantity(float(own[rule]["threshold"]), unit, lang) if rule in own else "?"
        told.append(say("list.told.threshold", lang, rule=rule, ran=ran, value=quantity(asked, unit, lang)))
    return "; ".join(told)


def _notes(tables: Tables, which: str, frame: pd.DataFrame, filters: Filters, lang: Lang) -> tuple[str, ...]:
    notes = _left_out(tables, which, filters, lang)
    if which == "district-targets" and "asked_of" in frame and (frame["asked_of"] == "province").any():
        notes.append(say("list.note.asked_of_province", lang))
    if which == "totals":
        notes.append(say("list.note.counted_once", lang))
    if which == "plan":
        notes.append(say("list.note.plan", lang))
    if which == "ranking" and "in_first_pct" in frame and _told(frame["in_first_pct"]):
        ran = tables.record.get("settings", {}).get("index", {})
        made = {name: ran.get(name, getattr(tables.settings.index, name)) for name in ("first_n", "draws")}
        notes.append(say("list.note.ranking", lang, **{name: number(value, lang) for name, value in made.items()}))
    if filters.threshold:
        notes.append(say("list.note.judged_anew", lang))
    if which in OF_GAPS:
        notes.append(say("list.note.people_affected", lang))
        if filters.operator:
            notes.append(say("list.note.operator", lang, operator=filters.operator))
    rules = tables.frame("rules")
    if rules is not None and which in (*OF_GAPS, "not-assessable", "targets"):
        level = {"communes": "unit", "villages": "village", "targets": "province"}.get(which)
        own = rules if level is None else rules[rules["level"] == level]
        if filters.service:
            own = own[own["service"] == filters.service]
        if filters.rule:
            own = own[own["id"] == filters.rule]
        sources = list(dict.fromkeys(str(source) for source in own["source"] if not pd.isna(source) and source))
        if sources:
            notes.append(say("list.note.rules", lang, sources="; ".join(sources)))
    notes.append(say("list.note.source", lang, run=_made(tables)))
    return tuple(notes)


def _left_out(tables: Tables, which: str, filters: Filters, lang: Lang) -> list[str]:
    """What a filter can tell neither in nor out for want of data: it is not on the list, and must not be forgotten."""
    notes = []
    units = tables.frame("units")
    if which != "classes" and units is not None and filters.unit_class in units:
        count = int(units[filters.unit_class].isna().sum())
        notes += [say("list.note.class_unknown", lang, count=number(count, lang))] if count else []
    if filters.min_people is not None:
        whole = list_frame(tables, which, filters=replace(filters, min_people=None), lang=lang)
        count = int(whole["people_new" if which == "plan" else "people_affected"].isna().sum())
        notes += [say("list.note.people_unknown", lang, count=number(count, lang))] if count else []
    return notes


def _made(tables: Tables) -> str:
    """The hash of the results, so that whoever holds the paper can find the run."""
    key = str(tables.record.get("steps", {}).get("gaps", {}).get("key", ""))
    return key[:12] or "-"
