"""A list from the results of a run: the frame for machines, and the office lists for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from phusong.api.lists.filters import Filters, checked
from phusong.api.lists.frames import OF_GAPS, detail_frame, in_order, list_frame
from phusong.api.lists.specs import REASONS, SPECS, Col
from phusong.api.lists.tables import Tables
from phusong.coverage.rules.pack import nearest
from phusong.layers.errors import InputError
from phusong.layers.messages import Lang, has, say
from phusong.layers.messages.format import day
from phusong.layers.writers.lists import ListColumn, OfficeList


@dataclass(frozen=True)
class Built:
    """A list: its rows for machines, with geometry where there is one, and its sheets for people, the list first."""

    which: str
    frame: pd.DataFrame
    sheets: tuple[OfficeList, ...]

    @property
    def office(self) -> OfficeList:
        """The list itself."""
        return self.sheets[0]


def office_list(
    tables: Tables,
    which: str,
    *,
    lang: Lang,
    filters: Filters = Filters(),  # noqa: B008
    by_name: bool = False,
    grouped: bool = True,
) -> OfficeList:
    """One list as it stands on paper, as ``build`` has it."""
    return build(tables, which, lang=lang, filters=filters, by_name=by_name, grouped=grouped).office


def build(
    tables: Tables,
    which: str,
    *,
    lang: Lang,
    filters: Filters = Filters(),  # noqa: B008
    by_name: bool = False,
    grouped: bool = True,
) -> Built:
    """A list of ``SPECS``, in order of rank within each district (``by_name``: of names), numbered through.

    ``grouped``: with a row and totals for each district, where districts are known; else in one piece.

    Raises:
        InputError: there is no such list, or the filters are not as they should be.
        MissingError: the run made no such list.
    """
    if which not in SPECS:
        raise InputError("list.error.unknown", found=which, nearest=nearest(which, list(SPECS)), known=", ".join(SPECS))
    spec = SPECS[which]
    filters = checked(filters, which, tables)
    frame = list_frame(tables, which, filters=filters, lang=lang, by_name=by_name)
    group = spec.group if grouped and spec.group in frame and _told(frame[spec.group]) else ""
    if not group and spec.group:
        frame = in_order(frame, "", () if by_name else spec.order)
    columns = spec.columns
    head: dict[str, Any] = {
        "lang": lang,
        "organisation": getattr(tables.settings, "organisation", ""),
        "lines": _lines(tables, filters, lang),
        "mark": say("map.ui.synthetic", lang) if tables.synthetic else "",
    }
    notes = _notes(tables, which, filters, lang)
    main = office(
        frame, columns, title=say(f"list.title.{which}", lang), group=group, counted=spec.counted, notes=notes, **head
    )
    sheets = [main]
    if which in OF_GAPS and len(frame):
        detail = detail_frame(tables, which, frame, filters=filters, lang=lang)
        title = say("list.title.reasons", lang, title=main.title)
        sheet = say("list.sheet.reasons", lang)
        sheets.append(office(detail, REASONS, title=title, sheet=sheet, notes=(say("list.note.margin", lang),), **head))
    return Built(which, frame, tuple(sheets))


def office(
    frame: pd.DataFrame,
    columns: Sequence[Col],
    *,
    title: str,
    lang: Lang,
    group: str = "",
    counted: str = "rows",
    **head: Any,
) -> OfficeList:
    """A frame as it stands on paper: codes said in words, columns that tell nothing left out."""
    shown = [col for col in columns if col.id in frame and col.id != group]
    shown = [col for col in shown if not (col.optional and not _told(frame[col.id]))]
    values = [_values(frame[col.id], col, lang) for col in shown]
    return OfficeList(
        title=title,
        columns=tuple(
            ListColumn(
                col.id,
                say(f"list.column.{col.id}", lang),
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
        counted=counted,
        **head,
    )


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
    return tuple(lines)


def _notes(tables: Tables, which: str, filters: Filters, lang: Lang) -> tuple[str, ...]:
    notes = []
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
        sources = list(dict.fromkeys(str(source) for source in own["source"] if not pd.isna(source) and source))
        if sources:
            notes.append(say("list.note.rules", lang, sources="; ".join(sources)))
    notes.append(say("list.note.source", lang, run=_made(tables)))
    return tuple(notes)


def _made(tables: Tables) -> str:
    """The hash of the results, so that whoever holds the paper can find the run."""
    key = str(tables.record.get("steps", {}).get("gaps", {}).get("key", ""))
    return key[:12] or "-"
