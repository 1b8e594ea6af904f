"""Rules that judge nothing in a study: told as notes with file, line and key, so that nobody takes them for met."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from datetime import date

import pandas as pd

from phusong.coverage.indicators import PUBLISHED, Level, find
from phusong.coverage.rules.choose import RuleSet
from phusong.coverage.rules.judge import numbers
from phusong.coverage.rules.pack import Rule
from phusong.coverage.targets import figure_areas
from phusong.layers.errors import Fault
from phusong.layers.messages import LANGS, Text

COLUMNS = ("rule", "pack", "file", "line", "key", "note", *(f"text_{lang}" for lang in LANGS))
_EVERYWHERE = frozenset({"units", "elevation", "population", "land_cover", "roads", "rivers", "crossings", "villages"})
"""Sources that tell no indicator alone: ground, ways and people."""
_EVERYWHERE |= {"village_clusters", "village_areas"}


def figured(published: pd.DataFrame | None, on: date) -> set[tuple[str, str]]:
    """What the layer published_figures tells by a day: (level, indicator), of level "province" or "district"."""
    if published is None or not len(published):
        return set()
    known = published[published["as_of"] <= pd.Timestamp(on)]
    levels = figure_areas(known).map(lambda area: "district" if area else "province")
    return set(zip(levels, known["indicator"].astype("str"), strict=True))


def notes_of_layers(
    rules: RuleSet,
    *,
    present: Collection[str],
    units: pd.DataFrame | None,
    figures: Collection[tuple[str, str]] = (),
) -> list[Fault]:
    """Notes on rules that can judge nothing by the layers a study has, before anything is computed.

    ``present``: names of layers and rasters that hold something. ``units``: the communes, with their district and the
    classes recorded of them. ``figures``: published ones (``figured``), which are judged beside what is computed.
    """
    notes = []
    for rule in rules.rules:
        declared = find(rule.indicator, level=_declared_level(rule))
        own = set(declared.sources) - _EVERYWHERE
        if rule.service == "mobile" and rule.level in ("unit", "village"):
            own.add("signal_reports")  # reports from the field may stand for the model
        if rule.level == "village" and "villages" not in present:
            notes.append(_note("no_villages", "level", rule))
        elif rule.level == "district" and units is not None and units["district"].isna().all():
            notes.append(_note("no_districts", "level", rule))
        elif (rule.level, rule.indicator) in figures:
            pass
        elif declared.sources == PUBLISHED:
            notes.append(_note("no_figure", "indicator", rule, indicator=rule.indicator, level=_level_word(rule)))
        elif own and not own & set(present):
            layers = ", ".join(name for name in declared.sources if name in own)
            layers += " / signal_reports" if "signal_reports" in own else ""
            notes.append(_note("no_layers", "indicator", rule, indicator=rule.indicator, layers=layers))
        if units is not None:
            notes += _class_notes(rule, units, computed=True)
    return notes


def rule_notes(
    rules: RuleSet,
    *,
    units: pd.DataFrame,
    villages: pd.DataFrame | None,
    districts: pd.DataFrame | None = None,
    province: Mapping[str, float] | None = None,
    figures: Collection[tuple[str, str]] = (),
) -> list[Fault]:
    """Notes on rules in force that judge nothing by the tables of a run, each with file, line and key.

    ``units``, ``villages``, ``districts``: indicators and, of the first two, classes in use; ``province``: those of the
    province, ``figures`` the published ones (``figured``), which are judged beside them. A table that is None was not
    computed, and nothing is said of it but of villages, which are then missing.
    """
    notes = []
    for rule in rules.rules:
        table = {"unit": units, "village": villages, "district": districts}.get(rule.level)
        if rule.level == "village" and (table is None or not len(table)):
            notes.append(_note("no_villages", "level", rule))
        elif rule.level == "district" and table is not None and not len(table):
            notes.append(_note("no_districts", "level", rule))
        elif (rule.level, rule.indicator) not in figures and _no_values(rule, table, province):
            only = find(rule.indicator, level=_declared_level(rule)).sources == PUBLISHED
            why = "no_figure" if only else "no_values"
            notes.append(_note(why, "indicator", rule, indicator=rule.indicator, level=_level_word(rule)))
        if rule.level in ("unit", "village"):
            own = rule.level == "village" and table is not None and rule.applies_to.removeprefix("not ") in table
            notes += _class_notes(rule, table if own else units, computed=False)
    return notes


def notes_table(notes: Collection[Fault]) -> pd.DataFrame:
    """Notes as a table: columns ``COLUMNS``, the sentence in every language."""
    rows = [
        {
            "rule": note.params["rule"],
            "pack": note.params["pack"],
            "file": note.file,
            "line": note.row,
            "key": note.column,
            "note": note.code.rsplit(".", 1)[-1],
            **{f"text_{lang}": Text(note.code, note.params).say(lang) for lang in LANGS},
        }
        for note in notes
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    words = [column for column in COLUMNS if column != "line"]
    return table.assign(**{name: table[name].astype("str") for name in words}, line=table["line"].astype("Int64"))


def _declared_level(rule: Rule) -> Level:
    return "unit" if rule.level == "unit" else "village" if rule.level == "village" else "province"


def _level_word(rule: Rule) -> Text:
    return Text(f"rules.level.{rule.level}")


def _no_values(rule: Rule, table: pd.DataFrame | None, province: Mapping[str, float] | None) -> bool:
    if rule.level == "province":
        return province is not None and math.isnan(province.get(rule.indicator, math.nan))
    return table is not None and bool(pd.isna(numbers(table, rule.indicator)).all())


def _class_notes(rule: Rule, units: pd.DataFrame | None, *, computed: bool) -> list[Fault]:
    """A note where no commune (or village) is among those a rule asks, or of none is it known.

    ``computed``: whether classes may still be computed where the table does not say them.
    """
    if rule.applies_to == "all" or units is None or not len(units):
        return []
    name = rule.applies_to.removeprefix("not ")
    told = {"name": Text(f"indicator.{name}.name"), "level": _level_word(rule)}
    member = numbers(units, name)
    known = ~pd.isna(member)
    if not known.any():
        return [] if computed else [_note("class_unknown", "applies_to", rule, **told)]
    asked = 0.0 if rule.applies_to.startswith("not ") else 1.0
    if not known.all() or (member == asked).any():
        return []
    code = "class_everybody" if asked == 0.0 else "class_nobody"
    return [_note(code, "applies_to", rule, **told)]


def _note(reason: str, key: str, rule: Rule, **params: object) -> Fault:
    params |= {"rule": rule.id, "pack": rule.pack}
    return Fault(f"note.rules.{reason}", file=rule.file, row=rule.lines.get(key), column=key, params=params)
