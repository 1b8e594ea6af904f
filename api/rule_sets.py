"""Rule packs told and compared: which there are, what one asks, what a study is judged by, and two sets of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from phusong.api.index import index_of
from phusong.api.pipeline import read_study
from phusong.api.rules import rules_of
from phusong.coverage.gaps import find_gaps
from phusong.coverage.indicators import indicator_label
from phusong.coverage.rules.choose import RuleSet
from phusong.coverage.rules.compare import Compared, compare_gaps
from phusong.coverage.rules.pack import Pack, Rule, load_pack, pack_names, parse_pack
from phusong.coverage.rules.reading import nearest
from phusong.layers.errors import Fault, InputError, MissingError, SettingsError
from phusong.layers.messages import Lang, say
from phusong.layers.messages.format import day
from phusong.layers.store import Results
from phusong.layers.study import Study
from phusong.layers.writers.lists import ListColumn, OfficeList, write_office_xlsx
from phusong.layers.writers.tables import write_csv

MADE_FROM = ("units", "villages")
"""Layers whose rows must be those of the run that is judged by other rules."""
FORMATS = (".xlsx", ".csv")


@dataclass(frozen=True)
class Sets:
    """Two sets of packs on one study: their names, their rules and what became of the gaps."""

    study: Study
    first: tuple[str, ...]
    second: tuple[str, ...]
    rules: tuple[RuleSet, RuleSet]
    found: Compared


def packs_of(lang: Lang) -> list[Pack]:
    """The packs that ship."""
    return [load_pack(name, lang) for name in pack_names()]


def pack_of(name: str, lang: Lang) -> Pack:
    """A pack by the path of its file, else a shipped one by name; MissingError, SettingsError if it cannot be used."""
    path = Path(name)
    if path.suffix == ".toml" or path.is_file():
        if not path.is_file():
            raise MissingError("cli.rules.no_file", path=path)
        pack = parse_pack(path.read_bytes(), file=path.name, lang=lang)
        if pack.name != path.stem:
            params = {"found": pack.name, "expected": path.stem}
            fault = Fault("rules.pack_name_other", file=path.name, column="name", fatal=True, params=params)
            raise SettingsError("error.rules.faulty", faults=(fault,), file=path.name)
        return pack
    if name not in pack_names():
        raise MissingError("cli.rules.nothing", found=name, nearest=nearest(name, pack_names()))
    return load_pack(name, lang)


def compare_packs(study: Study, first: Sequence[str], second: Sequence[str]) -> Sets:
    """The gaps of a study's last run by two sets of packs; nothing is written to its results.

    InputError if the layers are no longer those of the run or a set is empty; SettingsError if packs cannot be used.
    """
    if not first or not second:
        raise InputError("cli.rules.empty_set")
    sets = rules_of(study, packs=first), rules_of(study, packs=second)
    results = Results(study.root)
    ran, inputs = results.record().get("inputs", {}), read_study(study)
    changed = [name for name in MADE_FROM if ran.get(name) != inputs.hashes.get(name)]
    if changed:
        raise InputError("cli.rules.changed", layers=", ".join(changed), study=study.root)
    units = pd.read_parquet(results.path("units.parquet"))
    villages = inputs.layers.get("villages")
    village_table = None if villages is None else pd.read_parquet(results.path("villages.parquet"))
    index = index_of(study.settings)
    gaps = [find_gaps(units, village_table, rules=rules, villages=villages, index=index) for rules in sets]
    found = compare_gaps(gaps[0], gaps[1], sets=sets, units=units, villages=village_table)
    return Sets(study, tuple(first), tuple(second), sets, found)


def writable(path: Path) -> Path:
    """The path if its ending is one of ``FORMATS``; InputError else."""
    if path.suffix.lower() not in FORMATS:
        raise InputError("cli.rules.format", found=path.suffix or path.name, known=", ".join(FORMATS))
    return path


def write_sets(sets: Sets, path: Path, lang: Lang) -> Path:
    """A comparison as a workbook (summary, rules, communes, villages) or, as CSV, all places with columns by id."""
    if writable(path).suffix.lower() == ".csv":
        marks = {"as_of": sets.study.settings.units_valid_on.isoformat()}
        marks["data"] = "synthetic" if sets.study.settings.synthetic else ""
        return write_csv(sets.found.places.assign(**marks), path)
    return write_office_xlsx(sheets(sets, lang), path)


def sheets(sets: Sets, lang: Lang) -> tuple[OfficeList, ...]:
    """A comparison as lists of an office: the sides, the rules that make the difference, communes, villages."""
    made = [
        _summary_list(sets, lang),
        _list(sets, lang, "rules", _rules_rows(sets, lang)),
        _list(sets, lang, "unit", _place_rows(sets, "unit", lang)),
    ]
    if (sets.found.places["level"] == "village").any():
        made.append(_list(sets, lang, "village", _place_rows(sets, "village", lang)))
    return tuple(made)


_COLUMNS: dict[str, tuple[tuple[str, str, float], ...]] = {
    "summary": (
        ("level", "text", 14),
        ("side", "text", 30),
        *((name, "number", 14) for name in ("places", "people_first", "people_second", "open_first", "open_second")),
    ),
    "rules": (
        ("level", "text", 14),
        ("rule", "text", 28),
        ("indicator", "text", 36),
        ("asks", "text", 18),
        ("pack", "text", 18),
        ("in_set", "text", 16),
        ("standing", "text", 16),
        *((name, "number", 12) for name in ("fails", "decides", "people_decided")),
    ),
    "unit": (
        ("code", "code", 10),
        ("name", "text", 22),
        ("district", "text", 18),
        ("population", "number", 11),
        ("side", "text", 24),
        ("rules_first", "text", 28),
        ("rules_second", "text", 28),
        *((name, "number", 12) for name in ("people_first", "people_second", "open_first", "open_second")),
    ),
}
_COLUMNS["village"] = (_COLUMNS["unit"][0], _COLUMNS["unit"][1], ("unit_name", "text", 22), *_COLUMNS["unit"][2:])


def _summary_list(sets: Sets, lang: Lang) -> OfficeList:
    rows = [
        (
            say(f"rules.level.{row['level']}", lang),
            said_side(str(row["side"]), lang),
            *(_figure(row, name) for name in ("places", "people_first", "people_second", "open_first", "open_second")),
        )
        for row in sets.found.summary.to_dict("records")
    ]
    return _list(sets, lang, "summary", rows)


def _figure(row: Mapping[Any, Any], name: str) -> object:
    """A cell of a row; people of a set by which there is no gap are none where all its rules could be judged."""
    no_gap = {"people_first": ("second_only", "neither"), "people_second": ("first_only", "neither")}
    if row["side"] in no_gap.get(name, ()):
        return None if row[name.replace("people", "open")] else 0.0
    return _value(row[name])


def _rules_rows(sets: Sets, lang: Lang) -> list[tuple[object, ...]]:
    return [
        (
            say(f"rules.level.{row['level']}", lang),
            str(row["rule"]),
            indicator_label(rule_of(sets, row).indicator, lang),
            rule_of(sets, row).condition(lang),
            str(row["pack"]),
            say(f"rules.compare.in_{row['in_set']}", lang),
            say(f"rules.standing.{row['standing']}", lang),
            *(_value(row[name]) for name in ("fails", "decides", "people_decided")),
        )
        for row in sets.found.rules.to_dict("records")
    ]


def rule_of(sets: Sets, row: Mapping[Any, Any]) -> Rule:
    """The rule of a row of ``Compared.rules``: both sets may have one of its id and ask different things by it."""
    return sets.rules[1 if row["in_set"] == "second" else 0][str(row["rule"])]


def _place_rows(sets: Sets, level: str, lang: Lang) -> list[tuple[object, ...]]:
    """Places that are gaps by at least one set: those of one side only first, by people affected."""
    places = sets.found.places
    own = places[(places["level"] == level) & (places["side"] != "neither")].copy()
    own["order"] = own["side"].map({"first_only": 0, "second_only": 1, "both": 2})
    own["most"] = own[["people_first", "people_second"]].max(axis=1)
    own = own.sort_values(["order", "most", "code"], ascending=[True, False, True])
    names = [name for name, _, _ in _COLUMNS[level]]
    return [
        tuple(said_side(str(row[name]), lang) if name == "side" else _figure(row, name) for name in names)
        for row in own.to_dict("records")
    ]


def _list(sets: Sets, lang: Lang, which: str, rows: list[tuple[object, ...]]) -> OfficeList:
    study = sets.study.settings
    columns = tuple(
        ListColumn(name, say(f"rules.compare.{name}", lang), kind=kind, width=width)  # type: ignore[arg-type]
        for name, kind, width in _COLUMNS[which]
    )
    notes = [say("rules.compare.note", lang), say("rules.compare.note_open", lang)]
    return OfficeList(
        title=say(f"rules.compare.title_{which}", lang),
        columns=columns,
        rows=tuple(rows),
        lang=lang,
        organisation=study.organisation,
        lines=lines_of(sets, lang),
        notes=tuple(notes),
        mark=say("rules.compare.synthetic", lang) if study.synthetic else "",
        sheet=say(f"rules.compare.sheet_{which}", lang),
    )


def lines_of(sets: Sets, lang: Lang) -> tuple[str, ...]:
    """What is compared: study, date, and the packs of each set."""
    settings = sets.study.settings
    return (
        say("rules.compare.of", lang, name=settings.name, day=day(settings.units_valid_on, lang)),
        say("rules.compare.first", lang, packs=", ".join(sets.first)),
        say("rules.compare.second", lang, packs=", ".join(sets.second)),
    )


def said_side(side: str, lang: Lang) -> str:
    """A side in words."""
    return say(f"rules.compare.side_{side}", lang)


def asked_of(rule: Rule, lang: Lang) -> str:
    """Whom a rule asks: all communes, a class or all but a class; and of villages, only where an indicator is yes."""
    words = say("rules.told.all", lang)
    if rule.applies_to != "all":
        code = "all_but" if rule.applies_to.startswith("not ") else "only"
        words = say(
            f"rules.told.{code}", lang, name=say(f"indicator.{rule.applies_to.removeprefix('not ')}.name", lang)
        )
    if rule.asked_where:
        words = say("rules.told.where", lang, whom=words, name=indicator_label(rule.asked_where, lang))
    return words


def days_of(of: Pack | Rule, lang: Lang) -> str:
    """From when to when a pack or rule holds, "" for always."""
    first, last = of.valid_from, of.valid_to
    if first and last:
        return say("rules.told.between", lang, first=day(first, lang), last=day(last, lang))
    if first:
        return say("rules.told.since", lang, first=day(first, lang))
    return say("rules.told.until", lang, last=day(last, lang)) if last else ""


def _value(value: object) -> object:
    return None if value is None or pd.isna(value) else value  # type: ignore[call-overload]
