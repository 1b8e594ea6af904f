"""What a list is narrowed to: filters as asked for, checked against what the study has, all faults told together."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, get_args

import pandas as pd

from phusong.api.lists.specs import SPECS
from phusong.api.lists.tables import Tables
from phusong.api.search import folded
from phusong.coverage.evidence import MODEL, OBSERVED, RECORD
from phusong.coverage.indicators import CLASSES
from phusong.coverage.rules.pack import Service
from phusong.layers.columns.cells import nearest
from phusong.layers.errors import Fault, InputError
from phusong.layers.messages import LANGS, Lang, Text, has, say
from phusong.layers.messages.format import number
from phusong.layers.vietnamese.spelling import key

STATES = ("none_at_centre", "none_at_cluster", "one_operator")


@dataclass(frozen=True)
class Filters:
    """What was asked for; "" and None are not asked.

    service      only what fails a rule of this service, and only for it
    unit_class   only communes of this class and their villages
    district     only this district, its name with or without tones and kind
    operator     mobile rules judged by this operator's network alone; other services are left out
    rule, basis  only what fails this rule, or on this basis (observed, model, record), and only for it
    state        only villages of this state of signal
    min_people   fewest people affected (or newly covered), persons
    threshold    (rule, value) pairs: judged anew with these thresholds
    """

    service: str = ""
    unit_class: str = ""
    district: str = ""
    operator: str = ""
    rule: str = ""
    basis: str = ""
    state: str = ""
    min_people: float | None = None
    threshold: tuple[tuple[str, float], ...] = ()

    @property
    def asked(self) -> dict[str, Any]:
        """What was asked for, by the filter's name on the command line and in addresses."""
        named = {name_of(field.name): getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in named.items() if value not in ("", None, ())}

    @property
    def judges_anew(self) -> bool:
        """Whether the rules must be judged again."""
        return bool(self.operator or self.threshold)

    def told(self, lang: Lang) -> str:
        """What the list is narrowed to in words, "" if to nothing."""
        words = []
        for name, value in self.asked.items():
            if name != "threshold":  # those narrow nothing: the head tells them beside the run's own
                shown = number(value, lang) if name == "min_people" else _word(name, str(value)).say(lang)
                words.append(say(f"list.told.{name}", lang, value=shown))
        return "; ".join(words)


EVERYTHING = Filters()
"""Nothing asked for: the whole list."""


def name_of(field: str) -> str:
    """The name of a filter outside Python."""
    return "class" if field == "unit_class" else field


def parse_thresholds(texts: Iterable[str]) -> tuple[tuple[str, float], ...]:
    """RULE=VALUE pairs, the value with a decimal point or comma; InputError naming every text that is none."""
    found, faults = [], []
    for text in texts:
        rule, equals, value = (part.strip() for part in text.partition("="))
        try:
            at = float(value.replace(",", "."))
        except ValueError:
            at = math.nan
        if rule and equals and math.isfinite(at):
            found.append((rule, at))
        else:
            faults.append(Fault("list.fault.threshold_form", column="threshold", params={"found": text}, fatal=True))
    if faults:
        raise InputError("list.error.filters", faults=tuple(faults))
    return tuple(found)


def checked(filters: Filters, which: str, tables: Tables) -> Filters:
    """The filters in the study's own spelling.

    InputError with every fault: a filter the list does not take, a word the study does not know (the nearest named), a
    threshold that cannot be judged by.
    """
    faults: list[Fault] = []
    takes = SPECS[which].filters
    for name in filters.asked:
        if name not in takes:
            params = {"option": name, "which": which, "takes": ", ".join(takes)}
            faults.append(Fault("list.fault.not_for", column=name, params=params, fatal=True))
    rules = tables.frame("rules")
    asked_of = tables.frame("reasons") if rules is None else rules
    known_rules = [] if asked_of is None else sorted(set(asked_of["rule" if rules is None else "id"]))
    words: dict[str, Sequence[str]] = {
        "service": get_args(Service),
        "class": CLASSES,
        "basis": (OBSERVED, MODEL, RECORD),
        "state": STATES,
        "rule": known_rules,
        "district": districts(tables) if "district" in filters.asked else (),
        "operator": operators(tables) if "operator" in filters.asked else (),
    }
    same: dict[str, Callable[[str], str]] = {"district": key}
    found: dict[str, str] = {}
    for name, known in words.items():
        value = filters.asked.get(name)
        if value is None or name not in takes:
            continue
        alike = same.get(name, folded)
        match = next((one for one in known if one == value), None)
        match = match or next((one for one in known if folded(value) in _names(name, one)), None)
        match = match or next((one for one in known if alike(one) == alike(value)), None)
        if match is None:
            params = {"found": value, "nearest": near(value, known)}
            faults.append(Fault("list.fault.unknown_word", column=name, params=params, fatal=True))
        else:
            found["unit_class" if name == "class" else name] = match
    if "threshold" in takes:
        faults += _thresholds(filters.threshold, rules)
    if filters.min_people is not None and not (math.isfinite(filters.min_people) and filters.min_people >= 0):
        said: dict[str, Any] = {"found": filters.min_people}
        faults.append(Fault("list.fault.min_people", column="min_people", params=said, fatal=True))
    if faults:
        raise InputError("list.error.filters", faults=tuple(faults))
    return replace(filters, **found)  # type: ignore[arg-type]


def near(word: str, known: Sequence[str]) -> str:
    """The known word most like this one; where none is near, the first dozen of them."""
    by_small = {one.casefold(): one for one in known}
    return by_small.get(nearest(word, by_small) or "", ", ".join(known[:12]) or "-")


def _thresholds(asked: Sequence[tuple[str, float]], rules: pd.DataFrame | None) -> list[Fault]:
    faults = []
    levels = {} if rules is None else dict(zip(rules["id"], rules["level"], strict=True))
    for place, (rule, _) in enumerate(asked):
        if rule not in levels:
            judged = [one for one, level in levels.items() if level in ("unit", "village")]
            params = {"found": rule, "nearest": near(rule, judged)}
            faults.append(Fault("list.fault.unknown_word", column="threshold", params=params, fatal=True))
        elif levels[rule] not in ("unit", "village"):
            faults.append(Fault("list.fault.threshold_level", column="threshold", params={"rule": rule}, fatal=True))
        elif rule in {other for other, _ in asked[:place]}:
            faults.append(Fault("list.fault.threshold_twice", column="threshold", params={"rule": rule}, fatal=True))
    return faults


def districts(tables: Tables) -> list[str]:
    """Names of the study's districts."""
    units = tables.frame("units")
    return [] if units is None else sorted(set(units["district"].dropna().astype(str)) - {""})


def operators(tables: Tables) -> list[str]:
    """Names of the operators with a network in the study."""
    sectors = tables.frame("sectors")
    return [] if sectors is None else sorted(set(sectors["operator"].dropna().astype(str)))


_WORDS = {"class": "map.word", "basis": "map.word", "service": "list.service", "state": "list.signal_state"}


def _names(name: str, code: str) -> set[str]:
    """What a code may be called: itself and its words in each language, without tones."""
    said = f"{_WORDS.get(name, '')}.{code}"
    return {folded(code), *(folded(say(said, lang)) for lang in LANGS if has(said))}


def _word(name: str, value: str) -> Text:
    return Text(f"{_WORDS[name]}.{value}") if name in _WORDS else Text("list.told.as_is", {"value": value})
