"""Words for what the results hold by id: indicators, units of measure, reasons, notes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from phusong.api.class_models import ClassRow
from phusong.api.models import IndicatorInfo, Reason
from phusong.api.results import Row, Snapshot
from phusong.coverage.indicators import find, indicator_about, indicator_label, indicator_unit
from phusong.layers.errors import MissingError
from phusong.layers.messages import Lang, has, say

CLASSES_FILE = "classes.parquet"


def indicator_infos(results: Snapshot, lang: Lang) -> list[IndicatorInfo]:
    """The declared indicators that stand in the results: of communes, of villages, of the province."""
    operators = results.operators
    columns = {
        "unit": list(results.communes[0]["indicators"]) if results.communes else [],
        "village": list(results.villages[0]["indicators"]) if results.villages else [],
        "province": list(results.provinces),
    }
    infos = []
    for level, names in columns.items():
        for name in names:
            try:
                found = find(name, level=level, operators=operators)  # type: ignore[arg-type]
            except MissingError:
                continue  # a column of the input layer, such as the kind of a commune: /layers tells about it
            infos.append(
                IndicatorInfo(
                    id=name,
                    level=found.level,
                    label=indicator_label(name, lang, operators=operators),
                    about=indicator_about(name, lang, operators=operators),
                    unit=measure(name, lang),
                    kind=found.kind,
                    sources=list(found.sources),
                )
            )
    return infos


def indicator_name(indicator_id: str, lang: Lang) -> str:
    """Name of an indicator in words; the id itself where none is declared."""
    try:
        return indicator_label(indicator_id, lang)
    except MissingError:
        return indicator_id


def measure(indicator_id: str, lang: Lang) -> str:
    """Unit of measure of an indicator in words, empty where it has none."""
    try:
        return "" if find(indicator_id).kind == "yes_no" else indicator_unit(indicator_id, lang)
    except MissingError:
        return ""


def unit_words(unit: str, lang: Lang) -> str:
    """A unit of measure in words, or as it stands where it is a symbol."""
    for code in (f"measure.{unit}", f"api.measure.{unit}"):
        if has(code):
            return say(code, lang)
    return unit


def units_of(rows: Sequence[Row], lang: Lang) -> dict[str, str]:
    """Unit of measure of each figure of these rows that has one."""
    units = {"population": indicator_unit("people", lang)}
    units |= {name: measure(name, lang) for row in rows[:2] for name in row["indicators"]}
    return {name: unit for name, unit in sorted(units.items()) if unit}


def reason_models(results: Snapshot, level: str, codes: Iterable[str], lang: Lang) -> list[Reason]:
    """The reasons of communes or villages, each with its sentence as the run wrote it."""
    return [
        Reason.model_validate(
            {name: row.get(name) for name in Reason.model_fields}
            | {"unit": unit_words(row["unit"] or "", lang), "text": row[f"text_{lang}"]}
        )
        for code in codes
        for row in results.reasons.get((level, code), [])
    ]


def class_rows_of(results: Snapshot, code: str, lang: Lang) -> list[ClassRow]:
    """The classes of one commune; none where the results are of an older run without them."""
    if not results.has(CLASSES_FILE):
        return []
    by_code = cast("dict[str, list[Row]]", results.keep("classes by code", lambda: _by_code(results)))
    return [class_row(row, lang) for row in by_code.get(code, [])]


def class_row(row: Row, lang: Lang) -> ClassRow:
    """A row of the table as the API answers it, with its words in one language."""
    own = {name: row[name] for name in ("level", "code", "name", "class", "value", "threshold", "valid_on")}
    own |= {name: row[name] for name in ("official", "computed", "used")}
    own |= {name: row[name] or None for name in ("test", "unit", "hinges_on", "source")}
    own |= {"agree": {"yes": True, "no": False}.get(row["agree"] or ""), "derived": row["derived"] == "yes"}
    return ClassRow.model_validate(own | {"evidence": row[f"evidence_{lang}"] or ""})


def _by_code(results: Snapshot) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in results.rows(CLASSES_FILE):
        if row["level"] == "unit":
            found.setdefault(row["code"], []).append(row)
    return found
