"""The chapters on how far the figures can be relied on: classes, ranking, methods, sources, limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.api.labels import indicator_name
from phusong.api.layer_info import LayerBook
from phusong.api.provincial.facts import Facts, column_of, ids_of, rows_of, standings, where
from phusong.api.ranking_report import basis_lines
from phusong.layers.messages import Lang, has, say
from phusong.layers.messages.format import day, number, plain, quantity, vnd
from phusong.layers.writers.lists import NO_DATA
from phusong.maps.report.document import Block, Bullets, Column, Paragraph, Table

MOST_RANKED, MOST_DIFFERENT = 25, 8
FLAGS = ("official", "computed", "used")


def classes(facts: Facts) -> list[Block]:
    """How many communes and villages are of each class, recorded and computed, and where the two differ.

    Counted are all that were looked at, so that a class nobody has is told; nothing recorded or computed is no data.
    """
    frame, office = facts.tables.frame("classes"), facts.lists["classes"]
    if frame is None or frame.empty:
        return []
    rows = []
    for (level, word), own in frame.groupby(["level", "class"], sort=False):
        flags = {
            name: pd.to_numeric(own[name], errors="coerce").to_numpy(dtype=float, na_value=np.nan) for name in FLAGS
        }
        counts = [_yes(facts, flags[name]) for name in FLAGS]
        counts.append(_yes(facts, np.abs(flags["official"] - flags["computed"])))
        name = say(f"map.word.{word}", facts.lang) if has(f"map.word.{word}") else str(word)
        rows.append((name, _level(facts, str(level)), *counts, facts.count(int(np.isnan(flags["used"]).sum()))))
    columns = (
        Column(say("list.column.class", facts.lang), width=2.2),
        Column(say("list.column.level", facts.lang)),
        *(Column(say(f"list.column.{name}", facts.lang), align="right") for name in (*FLAGS, "differs")),
        Column(facts.say("column.unknown"), align="right"),
    )
    note = say("list.note.no_data", facts.lang, sign=NO_DATA) if any(NO_DATA in row for row in rows) else ""
    found: list[Block] = [Table(columns, tuple(rows), facts.say("table.classes"), note)]
    if office is None:
        return found
    differ = where(office, "differs", lambda value: value is True) if "differs" in ids_of(office) else None
    if differ is not None and differ.rows:
        widths = {"level": 0.8, "name": 1.6, "district": 1.4, "class": 1.5, "official": 0.9, "computed": 0.9}
        found.append(facts.excerpt(differ, {**widths, "evidence": 4.5}, "classes_differ", most=MOST_DIFFERENT))
    return found


def _yes(facts: Facts, flags: NDArray[np.float64]) -> str:
    """How many are 1; the sign for no data where none is known."""
    return NO_DATA if np.isnan(flags).all() else facts.count(int((flags == 1.0).sum()))


def ranking(facts: Facts) -> list[Block]:
    """Every commune whose place among the first hangs on a choice, what moves it, and which components say the same.

    The intervals of the first communes stand in their list.
    """
    office, about = facts.lists["ranking"], facts.ranking_about
    if office is None or about is None:
        return []
    basis, *more = basis_lines(dict(about), facts.lang)
    widths = {"rank": 1.0, "name": 1.7, "district": 1.4, "need_index": 1.1, "rank_low": 0.9, "rank_high": 0.9}
    widths |= {"in_first_pct": 1.2, "depends_on": 3.2}
    found: list[Block] = [Paragraph(basis)]
    hang = where(office, "depends_on", bool)
    if hang.rows:
        found.append(facts.excerpt(hang, widths, "ranking", most=MOST_RANKED))
    else:
        found.append(Paragraph(facts.say("ranking_sure", first=facts.count(about["first_n"]))))
    figures = ("draws", "mean_places", "most_places", "first_n_depends")
    choices = sorted(about["choices"].items(), key=lambda one: (one[0] == "together", -one[1]["mean_places"]))
    rows = tuple(
        (
            say(f"ranking.choice.{choice}", facts.lang),
            *(number(moves[name], facts.lang, decimals=1 if name == "mean_places" else 0) for name in figures),
        )
        for choice, moves in choices
    )
    heads = [say(f"ranking.choices.{name}", facts.lang, n=about["first_n"]) for name in ("choice", *figures)]
    first, *others = (head[:1].upper() + head[1:] for head in heads)
    columns = (Column(first, width=2.0), *(Column(head, align="right") for head in others))
    if rows:
        found.append(Table(columns, rows, say("ranking.choices.title", facts.lang)))
    if more:
        found.append(Bullets(tuple(more)))
    return [*found, Paragraph(facts.say("ranking_note"), "note")]


def methods(facts: Facts) -> list[Block]:
    """How the figures came about, and the rules they are judged by."""
    settings, lang = facts.tables.settings, facts.lang
    people = sorted({str(one) for one in _units_column(facts, "people_method")} - {"", "nan", "None"})
    told = [
        facts.say("method.no_data"),
        facts.say(
            "method.grid",
            cell=quantity(settings.cell_m, "m", lang),
            crs=settings.crs,
            date=day(facts.tables.as_of, lang),
        ),
        *(say(f"people_method.{method}", lang) for method in people if has(f"people_method.{method}")),
        facts.say("method.radio", model=settings.radio.model),
        facts.say("method.gaps"),
        facts.say(
            "method.need",
            aggregation=say(f"ranking.aggregation.{settings.index.aggregation}", lang),
            normalisation=say(f"ranking.normalisation.{settings.index.normalisation}", lang),
        ),
        facts.say("method.plan", budget=vnd(settings.plan.budget_vnd, lang)),
    ]
    for rule in settings.rules.overrides:
        told.append(
            facts.say("method.override", rule=rule.rule, threshold=plain(rule.threshold, lang), why=rule.reason)
        )
    rules = _rules(facts)
    return [Bullets(tuple(told)), *([rules] if rules is not None else [])]


def _units_column(facts: Facts, name: str) -> list[Any]:
    units = facts.tables.frame("units")
    return [] if units is None or name not in units else list(units[name])


def _rules(facts: Facts) -> Table | None:
    rules = facts.tables.frame("rules")
    if rules is None or rules.empty:
        return None
    standing = "standing" in rules
    columns = [
        Column(say("list.column.indicator", facts.lang), width=2.6),
        Column(facts.say("column.condition"), width=1.2),
        Column(facts.say("column.for_whom"), width=1.0),
        Column(facts.say("column.weight"), align="right", width=0.95),
        Column(facts.say("column.in_force"), width=1.6),
        *([Column(say("list.column.standing", facts.lang), width=1.7)] if standing else []),
        Column(say("list.column.document", facts.lang), width=2.6),
    ]
    rows = []
    for row in rows_of(rules.assign(standing=standings(rules)) if standing else rules):
        cells = [
            indicator_name(row["indicator"], facts.lang),
            _condition(row["comparison"], row["threshold"], row["unit"], facts.lang),
            _of_whom(facts, row),
            plain(float(row["weight"]), facts.lang) if row["weight"] > 0 else "",
            _in_force(facts, row.get("valid_from"), row.get("valid_to")),
        ]
        if standing:
            cells.append(_standing(facts, row["standing"]))
        rows.append((*cells, _document(row, facts.lang)))
    return Table(tuple(columns), tuple(rows), facts.say("table.rules"))


def _in_force(facts: Facts, start: Any, end: Any) -> str:
    """From when to when a rule holds; "" where it says neither."""
    if pd.isna(start) and pd.isna(end):
        return ""
    if pd.isna(start):
        return facts.say("until", day=day(end, facts.lang))
    if pd.isna(end):
        return facts.say("since", day=day(start, facts.lang))
    return f"{day(start, facts.lang)} – {day(end, facts.lang)}"


def _document(row: Mapping[str, Any], lang: Lang) -> str:
    """The document and article of a rule; where it names none, its source; in ``lang`` where the run kept it so."""
    document, article, source = (
        next((str(row[one]) for one in (f"{name}_{lang}", name) if row.get(one)), "")
        for name in ("document", "article", "source")
    )
    return ", ".join(part for part in (document, article) if part) or source


def _level(facts: Facts, level: str) -> str:
    code = f"list.level.{level}"
    return say(code, facts.lang) if has(code) else facts.say(f"level.{level}")


def _standing(facts: Facts, standing: Any) -> str:
    code = f"list.standing.{standing}"
    return say(code, facts.lang) if has(code) else ""


def _of_whom(facts: Facts, row: Mapping[str, Any]) -> str:
    """The level of a rule and, where it does not ask all of it, of which places it asks."""
    level = _level(facts, row["level"])
    applies_to, asked_where = (str(row.get(name) or "") for name in ("applies_to", "asked_where"))
    if applies_to in ("", "all") and not asked_where:
        return level
    return f"{level}: {_for_whom(facts, applies_to or 'all', asked_where)}"


def _for_whom(facts: Facts, applies_to: str, asked_where: str) -> str:
    words = facts.say("all_units")
    if applies_to != "all":
        inverse, name = applies_to.startswith("not "), applies_to.removeprefix("not ")
        words = say(f"map.word.{name}", facts.lang) if has(f"map.word.{name}") else name
        words = facts.say("not_class", name=words) if inverse else words
    if asked_where:
        words = say("rules.told.where", facts.lang, whom=words, name=indicator_name(asked_where, facts.lang))
    return words


def sources(facts: Facts) -> list[Block]:
    """Every layer with its dates and where it comes from."""
    rows = []
    for layer in LayerBook(facts.study).facts():
        dates = sorted(layer.as_of)
        ends = dict.fromkeys([dates[0], dates[-1]]) if dates else {}
        rows.append(
            (
                say(f"layer.{layer.name}.title", facts.lang) if has(f"layer.{layer.name}.title") else layer.name,
                "" if layer.rows is None else facts.count(layer.rows),
                " – ".join(day(one, facts.lang) for one in ends),
                "; ".join(layer.sources),
            )
        )
    if not rows:
        return []
    columns = (
        Column(facts.say("column.layer"), width=1.8),
        Column(facts.say("column.rows"), align="right", width=0.8),
        Column(facts.say("column.dates"), width=1.3),
        Column(say("list.column.source", facts.lang), width=5.0),
    )
    return [Table(columns, tuple(rows), facts.say("table.sources"))]


def limits(facts: Facts) -> list[Block]:
    """What the figures cannot say, and what could not be judged."""
    record = facts.tables.record
    told = [facts.say("limit.synthetic")] if facts.tables.synthetic else []
    told += [facts.say("limit.model"), facts.say("limit.people"), *_assumed(facts), facts.say("limit.plan")]
    used = record.get("steps", {}).get("radio", {}).get("counts", {}).get("defaults_used")
    if used:
        told.append(facts.say("limit.defaults", count=facts.count(used)))
    if record.get("faults"):
        told.append(facts.say("limit.faults", count=facts.count(record["faults"])))
    unknown = facts.lists["not-assessable"]
    if unknown is None:
        return [Bullets(tuple(told))]
    pairs = Counter(zip(column_of(unknown, "level"), column_of(unknown, "indicator"), strict=True))
    columns = (
        Column(say("list.column.indicator", facts.lang), width=5.0),
        Column(say("list.column.level", facts.lang)),
        Column(facts.say("column.unknown"), align="right"),
    )
    rows = [(name, level, facts.count(count)) for (level, name), count in pairs.items()]
    rows.append((facts.say("total_sites"), "", facts.count(len(unknown.rows))))
    table = Table(columns, tuple(rows), facts.say("table.not_assessed"), totals=(len(rows) - 1,))
    return [Bullets(tuple(told)), table]


def _assumed(facts: Facts) -> list[str]:
    """The rules whose threshold is no verified official figure."""
    rules = facts.tables.frame("rules")
    if rules is None or rules.empty:
        return []
    sure = standings(rules) == "official" if "standing" in rules else rules["mark"] == "P"
    names = [indicator_name(one, facts.lang) for one in rules.loc[~sure, "indicator"]]
    if not names:
        return []
    counts = {"count": facts.count(len(names)), "all": facts.count(len(rules))}
    return [facts.say("limit.assumption", **counts, names="; ".join(dict.fromkeys(names)))]


def _condition(comparison: str, threshold: float, unit: str, lang: Lang) -> str:
    asked = quantity(float(threshold), unit, lang)
    if unit == "yes_no":
        return asked
    return f"{ {'>=': '≥', '<=': '≤'}.get(comparison, comparison) } {asked}"
