"""A rule and a rule pack: what a pack file may say, read with every fault reported together."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from string import Formatter
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from phusong.coverage.indicators import CLASSES, INDICATORS, find
from phusong.layers.errors import Fault, MissingError, SettingsError
from phusong.layers.messages import LANGS, Lang
from phusong.layers.messages.format import distinct, number, quantity

Level = Literal["unit", "village", "province"]
Comparison = Literal[">=", "<="]
Service = Literal["mobile", "post", "broadband", "facilities"]
Mark = Literal["P", "C", "K"]

APPLIES_TO = ("all", *CLASSES, *(f"not {name}" for name in CLASSES))
PERCENT = "%"
YES_NO = "yes_no"
_WORDS: dict[str, tuple[str, ...]] = {
    "level": get_args(Level),
    "comparison": get_args(Comparison),
    "service": get_args(Service),
    "mark": get_args(Mark),
    "applies_to": APPLIES_TO,
}
_MOST_PLACES = {"km": 2, "per_100": 2, "persons": 0, "persons_per_point": 0, "points": 0, "clusters": 0}  # else 1
_FIELDS = ("value", "threshold", "short")


@dataclass(frozen=True)
class Rule:
    """One condition on one indicator, as its pack file states it.

    id            unique among all packs of a study
    level         "unit" (commune), "village" or "province"; province rules are targets, the others make gaps
    indicator     id of the indicator judged, declared in phusong.coverage.indicators at that level
    comparison    ">=" at least, "<=" at most
    threshold     in ``unit``; yes/no indicators are judged as 1 and 0
    unit          unit of measure of the indicator, from its declaration ("%", "km", "yes_no", ...)
    applies_to    "all", a class of communes ("mountainous") or all but one ("not mountainous")
    service       "mobile", "post", "broadband" or "facilities"; a study that switches it off skips the rule
    source, mark  where the threshold comes from; P published, C computed from it, K general knowledge (a parameter)
    weight        in the need index of communes, 0 or more; rules of other levels have no part in it
    affected      "all": everyone of the unit; else the id of an indicator in % of people served: the rest is affected
    full_need_at  value at which this rule's need is full (1); for ">=" 0 and for "<=" twice the threshold if not given
    text          {"en", "vi"}: the reason in words, with {value}, {threshold} and {short} (by how much it fails)
    pack          name of the pack it came from
    override      reason of the study's own threshold, "" if the pack's stands
    """

    id: str
    level: Level
    indicator: str
    comparison: Comparison
    threshold: float
    unit: str
    service: Service
    source: str
    mark: Mark
    text: Mapping[str, str]
    applies_to: str = "all"
    weight: float = 1.0
    affected: str = "all"
    full_need_at: float | None = None
    pack: str = ""
    override: str = ""

    def margins(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Signed distances to the threshold in ``unit``: negative where the rule fails, NaN for no data.

        Distances of rounding size (1e-9 of the threshold) are 0: 94.99999999999999 % is 95 %.
        """
        apart = values - self.threshold if self.comparison == ">=" else self.threshold - values
        return np.where(np.abs(apart) <= 1e-9 * max(1.0, abs(self.threshold)), 0.0, apart)

    def margin(self, value: float) -> float:
        """``margins`` of one value."""
        return float(self.margins(np.array(value, dtype=np.float64)))

    @property
    def usable(self) -> bool:
        """Whether the threshold is a number from which the need of a commune can be measured."""
        if not math.isfinite(self.threshold):
            return False
        if self.full_need_at is not None:
            return self.margin(self.full_need_at) < 0
        return self.level != "unit" or self.threshold > 0

    @property
    def need_span(self) -> float:
        """How far below the threshold (or above, for "<=") the need is full; positive."""
        if self.full_need_at is not None:
            return abs(self.full_need_at - self.threshold)
        return abs(self.threshold)

    def sentence(self, value: float, lang: Lang) -> str:
        """The reason in words: "72 % of people have ...; the rule asks for 95 % (23 points short)"."""
        if self.unit == YES_NO:
            shown = {"value": value, "threshold": self.threshold, "short": abs(self.margin(value))}
            return self.text[lang].format(**{key: quantity(part, YES_NO, lang) for key, part in shown.items()})
        places = distinct(value, self.threshold, most=_MOST_PLACES.get(self.unit, 1))
        short_unit = "percentage_points" if self.unit == PERCENT else self.unit
        return self.text[lang].format(
            value=_shown(value, self.unit, lang, places),
            threshold=_shown(self.threshold, self.unit, lang, places),
            short=_shown(abs(self.margin(value)), short_unit, lang, places),
        )


@dataclass(frozen=True)
class Pack:
    """A dated set of rules from one source. ``valid_from`` and ``valid_to`` are inclusive, None is open."""

    name: str
    title: Mapping[str, str]
    source: str
    mark: Mark
    valid_from: date | None
    valid_to: date | None
    rules: tuple[Rule, ...]

    def holds_on(self, on: date) -> bool:
        """Whether the pack is valid on that day."""
        return (self.valid_from is None or self.valid_from <= on) and (self.valid_to is None or on <= self.valid_to)


def pack_names() -> tuple[str, ...]:
    """Names of the packs shipped here, sorted."""
    return tuple(sorted(p.name.removesuffix(".toml") for p in _folder().iterdir() if p.name.endswith(".toml")))


@cache
def load_pack(name: str) -> Pack:
    """One shipped pack; SettingsError with the nearest name if there is none."""
    if name not in pack_names():
        raise SettingsError("error.rules.no_pack", name=name, nearest=nearest(name, pack_names()))
    return parse_pack(_folder().joinpath(f"{name}.toml").read_text(encoding="utf-8"), file=f"{name}.toml")


def parse_pack(text: str, *, file: str) -> Pack:
    """A pack from TOML text; SettingsError carrying every fault found, each with the rule it stands in."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError("error.rules.not_toml", file=file, detail=str(error)) from None
    faults: list[Fault] = []
    reading = _Reading(table, file, "", faults)
    head: dict[str, Any] = {
        "name": reading.text("name"),
        "title": reading.languages("title"),
        "source": reading.text("source"),
        "mark": reading.word("mark", required=True),
        "valid_from": reading.day("valid_from"),
        "valid_to": reading.day("valid_to"),
    }
    entries = reading.tables("rule")
    reading.refuse_others()
    rules = tuple(_rule(entry, number, head, file, faults) for number, entry in enumerate(entries, start=1))
    seen: set[str] = set()
    for rule in rules:
        if rule is not None and rule.id in seen:
            faults.append(Fault("rules.twice", file=file, params={"rule": rule.id}, fatal=True))
        elif rule is not None:
            seen.add(rule.id)
    if faults:
        raise SettingsError("error.rules.faulty", faults=tuple(faults), file=file)
    return Pack(rules=tuple(replace(r, pack=head["name"]) for r in rules if r is not None), **head)


def _rule(entry: dict[str, Any], number: int, head: dict[str, Any], file: str, faults: list[Fault]) -> Rule | None:
    before = len(faults)
    place = str(entry.get("id", f"#{number}"))
    reading = _Reading(entry, file, place, faults)
    level = reading.word("level", required=True)
    found: dict[str, Any] = {
        "id": reading.text("id"),
        "level": level,
        "indicator": reading.text("indicator"),
        "comparison": reading.word("comparison", required=True),
        "threshold": reading.number("threshold", required=True),
        "service": reading.word("service", required=True),
        "source": reading.text("source", default=head["source"]),
        "mark": reading.word("mark", default=head["mark"]),
        "text": reading.languages("text"),
        "applies_to": reading.word("applies_to", default="all"),
        "weight": reading.number("weight", default=1.0 if level == "unit" else 0.0, minimum=0.0),
        "affected": reading.text("affected", default="all"),
        "full_need_at": reading.number("full_need_at"),
    }
    reading.refuse_others()
    if len(faults) > before:
        return None
    units = {key: reading.unit_of(key, found[key], level) for key in ("indicator", "affected") if found[key] != "all"}
    if len(faults) > before:
        return None
    rule = Rule(**found, unit=units["indicator"])
    if units.get("affected", PERCENT) != PERCENT:
        reading.fault("rules.affected", "affected", found=rule.affected)
    if not rule.usable:
        reading.fault("rules.full_need_at", "full_need_at")
    for lang in LANGS:
        if unknown := [name for _, name, _, _ in Formatter().parse(rule.text[lang]) if name and name not in _FIELDS]:
            reading.fault("rules.text_field", f"text.{lang}", field=unknown[0], allowed=", ".join(_FIELDS))
    return rule


class _Reading:
    """One TOML table read key by key: what is wrong is noted as a fault, what is left over is refused."""

    def __init__(self, table: Mapping[str, Any], file: str, rule: str, faults: list[Fault]) -> None:
        self.table = table
        self.file = file
        self.rule = rule
        self.faults = faults
        self.known: list[str] = []

    def fault(self, code: str, key: str, **params: Any) -> None:
        params |= {"key": key, "rule": self.rule or "-"}
        self.faults.append(Fault(code, file=self.file, params=params, fatal=True))

    def _take(self, key: str, kinds: tuple[type, ...], default: Any, required: bool) -> Any:
        self.known.append(key)
        value = self.table.get(key)
        if value is None:
            if default is None and required:
                self.fault("rules.missing_key", key)
            return default
        if not isinstance(value, kinds) or isinstance(value, bool):
            self.fault("rules.wrong_kind", key, found=repr(value))
            return default
        return value

    def text(self, key: str, *, default: str | None = None) -> str:
        value = self._take(key, (str,), default, True)
        if value is not None and not value.strip():
            self.fault("rules.missing_key", key)
        return value or ""

    def word(self, key: str, *, default: str | None = None, required: bool = False) -> str | None:
        value: str | None = self._take(key, (str,), default, required)
        if value is not None and value not in _WORDS[key]:
            self.fault("rules.unknown_word", key, found=value, allowed=", ".join(_WORDS[key]))
        return value

    def number(
        self, key: str, *, default: float | None = None, required: bool = False, minimum: float = -math.inf
    ) -> float | None:
        value = self._take(key, (int, float), default, required)
        if value is not None and not (math.isfinite(value) and value >= minimum):
            self.fault("rules.wrong_kind", key, found=repr(value))
            return default
        return None if value is None else float(value)

    def unit_of(self, key: str, indicator: str, level: str | None) -> str:
        """Unit of measure of a declared indicator; a fault if there is none of that name at the level."""
        try:
            return next(find(indicator, level=one).unit for one in get_args(Level) if one == level)
        except MissingError:
            known = tuple(declared.id for declared in INDICATORS if declared.level == level)
            self.fault("rules.unknown_indicator", key, found=indicator, nearest=nearest(indicator, known))
            return ""

    def day(self, key: str) -> date | None:
        value: date | None = self._take(key, (date,), None, False)
        return value

    def languages(self, key: str) -> dict[str, str]:
        value = self._take(key, (dict,), None, True) or {}
        if value:
            inner = _Reading(value, self.file, f"{self.rule} {key}".strip(), self.faults)
            value = {lang: inner.text(lang) for lang in LANGS}
            inner.refuse_others()
        return value

    def tables(self, key: str) -> list[dict[str, Any]]:
        value = self._take(key, (list,), None, True) or []
        return [entry for entry in value if isinstance(entry, dict)]

    def refuse_others(self) -> None:
        for key in self.table:
            if key not in self.known:
                self.fault("rules.unknown_key", key, nearest=nearest(key, self.known))


def nearest(name: str, known: tuple[str, ...] | list[str]) -> str:
    """The known name most like ``name``; where none is near, the first dozen."""
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    return close[0] if close else ", ".join(known[:12])


def _shown(value: float, unit: str, lang: Lang, places: int) -> str:
    """``value`` in ``unit`` with enough places; trailing zeros go, so 95 stays 95."""
    rounded = float(f"{value:.{places}f}")
    return quantity(rounded, unit, lang, most=places) if unit else number(rounded, lang, decimals=places)


def _folder() -> Any:
    return files("phusong.coverage.rules").joinpath("data")
