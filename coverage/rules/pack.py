"""A rule and a rule pack: what a pack file may say, read with every fault reported together."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from importlib.resources import files
from string import Formatter
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from phusong.coverage.indicators import CLASSES, INDICATORS, Indicator, find
from phusong.coverage.indicators import Level as IndicatorLevel
from phusong.coverage.rules.class_tests import ClassTest, parse_class_tests
from phusong.coverage.rules.reading import Reading, nearest
from phusong.coverage.rules.span import PERCENT, WHOLE, YES_NO, higher, lower, possible, whole
from phusong.layers.errors import Fault, MissingError, SettingsError
from phusong.layers.messages import LANGS, Lang, Text
from phusong.layers.messages.format import distinct, number, quantity
from phusong.layers.toml_lines import key_lines

Level = Literal["unit", "village", "district", "province"]
Comparison = Literal[">=", ">", "<=", "<", "="]
Service = Literal["mobile", "post", "broadband", "facilities"]
Mark = Literal["P", "C", "K"]
Standing = Literal["official", "unverified", "assumption"]

APPLIES_TO = ("all", *CLASSES, *(f"not {name}" for name in CLASSES))
_ID = re.compile(r"[a-z][a-z0-9_]*")
_MOST_PLACES = {"km": 2, "per_100": 2, "persons": 0, "persons_per_point": 0, "points": 0, "clusters": 0}  # else 1
_FIELDS = ("value", "threshold", "short")
_TIMES = {("m", "km"): 0.001, ("km", "m"): 1000.0, ("h", "min"): 60.0, ("s", "min"): 1 / 60, ("share", PERCENT): 100.0}
_TIMES |= {("per_1000", "per_100"): 0.1, ("ha", "km2"): 0.01, ("m2", "km2"): 1e-6, ("kbit/s", "Mbit/s"): 0.001}
_TIMES |= {("Gbit/s", "Mbit/s"): 1000.0}
"""How a threshold in another unit would read in the indicator's: told in the fault, never converted silently."""


class Cited(NamedTuple):
    """Where a rule or pack comes from, in one language: the line printed beside results, the document, where in it."""

    source: str = ""
    document: str = ""
    article: str = ""


def margins_of(values: NDArray[np.float64], threshold: float, comparison: str) -> NDArray[np.float64]:
    """Signed distances of values to a threshold (``Rule.margins``)."""
    apart = values - threshold if comparison in (">=", ">") else threshold - values
    apart = -np.abs(apart) if comparison == "=" else apart
    return np.where(np.abs(apart) <= 1e-9 * max(1.0, abs(threshold)), 0.0, apart)


def failing(margins: NDArray[np.float64], comparison: str) -> NDArray[np.bool_]:
    """Where margins mean that a threshold is not met (``Rule.fails``)."""
    fails: NDArray[np.bool_] = margins <= 0 if comparison in (">", "<") else margins < 0
    return fails


def meets(value: float, threshold: float, comparison: str) -> bool:
    """Whether one value meets a threshold, as rules judge it; no data does not."""
    margin = margins_of(np.array(value, dtype=np.float64), threshold, comparison)
    return not (math.isnan(value) or bool(failing(margin, comparison)))


@dataclass(frozen=True)
class Rule:
    """One condition on one indicator, as its pack file states it.

    id            unique among all packs of a study
    level         "unit" (commune), "village", "district" or "province"; rules of the first two make gaps, the others
                  are targets
    indicator     id of the indicator judged, declared in phusong.coverage.indicators at that level (a district's are
                  those of the province)
    comparison    ">=" at least, ">" more than, "<=" at most, "<" less than, "=" exactly
    threshold     in ``unit``; yes/no indicators are judged as 1 and 0
    unit          unit of measure of the threshold, the same as the indicator's declaration ("%", "km", "yes_no", ...)
    applies_to    "all", a class of communes ("mountainous") or all but one ("not mountainous")
    asked_where   of rules on villages: id of a yes/no indicator of theirs, which must be yes for the rule to ask
                  anything; "" asks all
    service       "mobile", "post", "broadband" or "facilities"; a study that switches it off skips the rule
    source, mark  where the threshold comes from; P published, C computed from it, K general knowledge (a parameter)
    standing      whether the threshold is "official", "unverified" (official as quoted, not checked against the print)
                  or a planner's "assumption"
    document      name of the document that asks it, "" for an assumption; ``article`` where in it, "" where not known
    cited         source, document and article in every language; the three above are those of the pack as read
    valid_from    first and last day on which it is asked, inclusive; None is open
    weight        in the need index of communes, 0 or more; rules of other levels have no part in it
    affected      "all": everyone of the unit; else the id of an indicator in % of people served: the rest is affected
    full_need_at  value at which this rule's need is full (1); for ">=" 0 and for "<=" twice the threshold if not given
    text          {"en", "vi"}: the reason in words, with {value}, {threshold} and {short} (by how much it fails)
    pack          name of the pack it came from
    override      reason of the study's own threshold, "" if the pack's stands
    file, lines   the pack's file and the line of each key in it
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
    asked_where: str = ""
    weight: float = 1.0
    affected: str = "all"
    full_need_at: float | None = None
    standing: Standing = "assumption"
    document: str = ""
    article: str = ""
    valid_from: date | None = None
    valid_to: date | None = None
    pack: str = ""
    override: str = ""
    cited: Mapping[Lang, Cited] = field(default_factory=dict, compare=False, repr=False)
    file: str = field(default="", compare=False)
    lines: Mapping[str, int | None] = field(default_factory=dict, compare=False, repr=False)

    def margins(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Signed distances to the threshold in ``unit``, NaN for no data.

        ">=" and ">": value - threshold; "<=" and "<": threshold - value; "=": -|value - threshold|. Negative where the
        rule fails; ">" and "<" fail at 0 too (``fails``). Distances of rounding size (1e-9 of the threshold) are 0:
        94.99999999999999 % is 95 %.
        """
        return margins_of(values, self.threshold, self.comparison)

    def fails(self, margins: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Where margins mean that the rule is not met; no data never fails."""
        return failing(margins, self.comparison)

    def margin(self, value: float) -> float:
        """``margins`` of one value."""
        return float(self.margins(np.array(value, dtype=np.float64)))

    def met(self, value: float) -> bool | None:
        """Whether a value meets the rule; None for no data."""
        return None if math.isnan(value) else meets(value, self.threshold, self.comparison)

    def holds_on(self, on: date) -> bool:
        """Whether the rule is asked on that day."""
        return (self.valid_from is None or self.valid_from <= on) and (self.valid_to is None or on <= self.valid_to)

    @property
    def usable(self) -> bool:
        """Whether the threshold is a number from which the need of a commune can be measured."""
        if not math.isfinite(self.threshold):
            return False
        if self.full_need_at is not None:
            return self.met(self.full_need_at) is False and self.need_span > 0
        return self.level != "unit" or self.threshold > 0

    @property
    def need_span(self) -> float:
        """How far below the threshold (or above, for "<=" and "<") the need is full; positive."""
        if self.full_need_at is not None:
            return abs(self.full_need_at - self.threshold)
        return abs(self.threshold)

    @property
    def meeting(self) -> tuple[float, bool, float, bool]:
        """The values that meet the rule: least and whether it belongs to them, greatest and whether it does.

        Of units that count whole things the ends are whole; the interval may be empty (``excludes``).
        """
        low, high = possible(self.indicator, self.unit)
        ends = (low, True, high, True)
        at, closed = self.threshold, self.comparison in (">=", "<=", "=")
        if self.comparison in (">=", ">", "="):
            ends = higher(ends, at, closed=closed)
        if self.comparison in ("<=", "<", "="):
            ends = lower(ends, at, closed=closed)
        return whole(ends) if self.unit in WHOLE else ends

    def excludes(self, other: Rule) -> bool:
        """Whether no value meets both rules, or this one alone where both are the same."""
        low, low_in, high, high_in = other.meeting
        joint = lower(higher(self.meeting, low, closed=low_in), high, closed=high_in)
        return joint[0] > joint[2] or (joint[0] == joint[2] and not (joint[1] and joint[3]))

    @property
    def idle(self) -> bool:
        """Whether every value meets the rule, so that it asks nothing."""
        low, high = possible(self.indicator, self.unit)
        return self.meeting == (low, True, high, True)

    def condition(self, lang: Lang) -> str:
        """What is asked in signs: "≥ 95 %", of yes or no "yes"."""
        if self.unit == YES_NO:
            return quantity(self.meeting[0], YES_NO, lang)
        sign = {">=": "≥", "<=": "≤"}.get(self.comparison, self.comparison)
        return f"{sign} {quantity(self.threshold, self.unit, lang)}"

    def told(self, value: float) -> float:
        """A value as its sentence rounds it, with more places where it would read like the threshold."""
        if self.unit == YES_NO:
            return value
        return float(f"{value:.{distinct(value, self.threshold, most=_MOST_PLACES.get(self.unit, 1))}f}")

    def sentence(self, value: float, lang: Lang) -> str:
        """The reason in words: "72 % of people have ...; the rule asks for 95 % (23 points short)".

        What it falls short is that of the value as told, so that the numbers of a sentence add up.
        """
        value = self.told(value)
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
    """A dated set of rules, and of tests of classes, from one document.

    ``valid_from`` and ``valid_to`` are inclusive, None is open.
    """

    name: str
    title: Mapping[Lang, str]
    source: str
    mark: Mark
    standing: Standing
    valid_from: date | None
    valid_to: date | None
    rules: tuple[Rule, ...]
    document: str = ""
    article: str = ""
    classes: tuple[ClassTest, ...] = ()
    cited: Mapping[Lang, Cited] = field(default_factory=dict, compare=False, repr=False)


def pack_names() -> tuple[str, ...]:
    """Names of the packs shipped here, sorted."""
    return tuple(sorted(p.name.removesuffix(".toml") for p in _folder().iterdir() if p.name.endswith(".toml")))


@cache
def load_pack(name: str, lang: Lang = "en") -> Pack:
    """One shipped pack; SettingsError with the nearest name if there is none."""
    if name not in pack_names():
        raise SettingsError("error.rules.no_pack", name=name, nearest=nearest(name, pack_names()))
    return parse_pack(_folder().joinpath(f"{name}.toml").read_text(encoding="utf-8"), file=f"{name}.toml", lang=lang)


def parse_pack(raw: str | bytes, *, file: str, lang: Lang = "en") -> Pack:
    """A pack from TOML; its documents and sources in ``lang`` where the file has them in both languages.

    SettingsError carrying every fault found, each with line, key and the rule it stands in; one refuses the pack.
    """
    text, table = _toml(raw, file)
    faults: list[Fault] = []
    reading = Reading(table, file, key_lines(text), faults)
    head: dict[str, Any] = {"name": reading.text("name"), "title": reading.languages("title")}
    if head["name"] and not _ID.fullmatch(head["name"]):
        reading.fault("rules.bad_id", "name", found=head["name"])
    origin = _origin(reading, {}, lang)
    tables, classes = (reading.tables(key, owner=key) for key in ("rule", "class"))
    reading.refuse_others()
    rules = tuple(rule for inner in tables if (rule := _rule(inner, origin, lang)) is not None)
    faults += clashes(rules)
    tests = parse_class_tests(classes, head=head | origin, lang=lang)
    if not tables and not classes:
        reading.fault("rules.missing_key", "rule")
    if faults:
        raise SettingsError("error.rules.faulty", faults=tuple(faults), file=file)
    return Pack(**head, **origin, rules=tuple(replace(rule, pack=head["name"]) for rule in rules), classes=tests)


def _toml(raw: str | bytes, file: str) -> tuple[str, dict[str, Any]]:
    """The text and its table; SettingsError with the line where it is no TOML."""
    try:
        text = raw.decode("utf-8-sig") if isinstance(raw, bytes) else raw
        return text, tomllib.loads(text)
    except UnicodeDecodeError:
        fault = Fault("rules.not_utf8", file=file, fatal=True)
    except RecursionError:
        fault = Fault("rules.not_toml", file=file, fatal=True, params={"detail": "..."})
    except ValueError as error:  # tomllib's own, and that of a number with thousands of digits
        place = re.search(r"at line (\d+)", str(error))
        row = int(place[1]) if place else None
        fault = Fault("rules.not_toml", file=file, row=row, fatal=True, params={"detail": str(error)})
    raise SettingsError("error.rules.faulty", faults=(fault,), file=file)


def _origin(reading: Reading, head: Mapping[str, Any], lang: Lang) -> dict[str, Any]:
    """Where a pack or rule comes from; what a rule does not say is as in the pack's ``head``."""
    own = not head  # the pack's head itself
    said = {key: reading.cited(key) for key in Cited._fields}
    cited = {
        one: _cited(Cited(*(words.get(one, "") for words in said.values())), head["cited"][one] if head else Cited())
        for one in LANGS
    }
    if own and not cited[lang].source:
        reading.fault("rules.no_document", "document")
    days = {key: reading.day(key) or head.get(key) for key in ("valid_from", "valid_to")}
    if days["valid_from"] and days["valid_to"] and days["valid_from"] > days["valid_to"]:
        key = "valid_from" if "valid_from" in reading.table else "valid_to"
        first, last = days["valid_from"].isoformat(), days["valid_to"].isoformat()
        reading.fault("rules.no_day", key, first=first, last=last)
    return {
        **cited[lang]._asdict(),
        "cited": cited,
        "mark": reading.word("mark", get_args(Mark), default=head.get("mark"), required=own),
        "standing": reading.word("standing", get_args(Standing), default=head.get("standing"), required=own),
        **days,
    }


def _cited(own: Cited, head: Cited) -> Cited:
    """What a rule says of where it comes from, else what its pack's ``head`` does; a source of its own stands alone."""
    if own.source:
        return own
    document = own.document or (head.document if own.article else "")
    source = ", ".join(part for part in (document, own.article) if part)
    return Cited(source, document, own.article) if source else head


def _rule(reading: Reading, head: Mapping[str, Any], lang: Lang) -> Rule | None:
    """The rule of one table, None where it has a fault."""
    before = len(reading.faults)
    level = reading.word("level", get_args(Level), required=True)
    found: dict[str, Any] = {
        "id": reading.text("id"),
        "level": level,
        "indicator": reading.text("indicator"),
        "comparison": reading.word("comparison", get_args(Comparison), required=True),
        "threshold": reading.number("threshold", required=True),
        "unit": reading.text("unit"),
        "service": reading.word("service", get_args(Service), required=True),
        "text": reading.languages("text"),
        "applies_to": reading.word("applies_to", APPLIES_TO, default="all"),
        "asked_where": reading.text("asked_where", default=""),
        "weight": reading.number("weight", default=1.0 if level == "unit" else 0.0, minimum=0.0),
        "affected": reading.text("affected", default="all"),
        "full_need_at": reading.number("full_need_at"),
        **_origin(reading, head, lang),
    }
    reading.refuse_others()
    if found["id"] and not _ID.fullmatch(found["id"]):
        reading.fault("rules.bad_id", "id", found=found["id"])
    for one in LANGS:
        _check_text(reading, found["text"].get(one, ""), f"text.{one}")
    declared = {key: _declared(reading, key, found[key], level) for key in ("indicator", "affected")}
    if declared["indicator"] and found["unit"]:
        _check_unit(reading, found, declared["indicator"])
    if declared["affected"] and declared["affected"].unit != PERCENT:
        reading.fault("rules.affected", "affected", found=found["affected"])
    if found["asked_where"]:
        where = _declared(reading, "asked_where", found["asked_where"], "village")
        if level != "village" or (where and where.kind != YES_NO):
            reading.fault("rules.asked_where", "asked_where", found=found["asked_where"])
    if len(reading.faults) > before:
        return None
    lines = {key: reading.line(key) for key in ("id", *reading.table)}
    rule = Rule(**found, file=reading.file, lines=lines)
    if not rule.usable:
        reading.fault("rules.full_need_at", "full_need_at")
    elif rule.excludes(rule):
        reading.fault("rules.impossible", "threshold", found=Text("rules.asks", _asks(rule)), values=_span_told(rule))
    elif rule.idle:
        reading.fault("rules.idle", "threshold", found=Text("rules.asks", _asks(rule)))
    return None if len(reading.faults) > before else rule


def _check_text(reading: Reading, text: str, key: str) -> None:
    """Whether a text only has the fields it may have."""
    try:
        fields = [part[1:] for part in Formatter().parse(text) if part[1] is not None]
    except ValueError:
        fields = [("{", "", None)]
    for name, layout, conversion in fields:
        if name not in _FIELDS or layout or conversion:
            reading.fault("rules.text_field", key, field=name, allowed=", ".join(_FIELDS))
            return


def _declared(reading: Reading, key: str, indicator: str, level: str | None) -> Indicator | None:
    """The declared indicator of that name at the level; a fault if there is none."""
    if level is None or not indicator or (key == "affected" and indicator == "all"):
        return None
    at: IndicatorLevel = "unit" if level == "unit" else "village" if level == "village" else "province"
    try:
        return find(indicator, level=at)
    except MissingError:
        known = tuple(declared.id for declared in INDICATORS if declared.level == at)
        reading.fault("rules.unknown_indicator", key, found=indicator, nearest=nearest(indicator, known))
        return None


def _check_unit(reading: Reading, found: Mapping[str, Any], declared: Indicator) -> None:
    """Whether the threshold is in the unit of measure of its indicator."""
    unit, expected = found["unit"], declared.unit
    if unit == expected:
        return
    times = _TIMES.get((unit, expected))
    params = {"found": unit, "indicator": declared.id, "expected": expected}
    if times is not None and found["threshold"] is not None:
        threshold = found["threshold"]
        becomes = _written(threshold * times)
        reading.fault("rules.unit_times", "unit", **params, threshold=_written(threshold), becomes=becomes)
    elif unit in _UNITS:
        reading.fault("rules.unit_other", "unit", **params)
    else:
        reading.fault("rules.unit_unknown", "unit", **params)


def clashes(rules: Sequence[Rule]) -> list[Fault]:
    """Faults between rules that are asked together: an id twice with common days; conditions that exclude each other.

    Two rules exclude each other where they have days, level, indicator and possibly communes in common and no value
    meets both.
    """
    faults: list[Fault] = []
    for n, rule in enumerate(rules):
        for other in rules[:n]:
            if not _days_in_common(rule, other):
                continue
            if rule.id == other.id:
                faults.append(_between("rules.twice", "id", rule, other))
            elif (rule.level, rule.indicator) != (other.level, other.indicator):
                continue
            elif not _apart(rule.applies_to, other.applies_to) and rule.excludes(other):
                faults.append(_between("rules.contradiction", "threshold", rule, other))
    return faults


def _between(code: str, key: str, rule: Rule, other: Rule) -> Fault:
    """A fault of two rules, at the second one's line; at its override in the study's settings where it has one."""
    place: dict[str, Any] = {"file": rule.file, "row": rule.lines.get(key), "column": key}
    at = ", ".join(str(part) for part in (other.file, other.lines.get(key)) if part)
    params = {"rule": rule.id, "asks": Text("rules.asks", _asks(rule)), "other": other.id, "at": at or other.pack}
    return Fault(code, **place, fatal=True, params=params | {"other_asks": Text("rules.asks", _asks(other))})


def _asks(rule: Rule) -> dict[str, Any]:
    return {"indicator": rule.indicator, "comparison": rule.comparison, "threshold": _written(rule.threshold)} | {
        "unit": Text("rules.no_unit") if rule.unit == YES_NO else f" {rule.unit}"
    }


def _written(value: float) -> str:
    """A number as a pack file has it, with all its digits."""
    return f"{value:.12g}"


def _days_in_common(one: Rule, other: Rule) -> bool:
    first = max(one.valid_from or date.min, other.valid_from or date.min)
    last = min(one.valid_to or date.max, other.valid_to or date.max)
    return first <= last


def _apart(one: str, other: str) -> bool:
    """Whether no commune can be among both: a class and all but that class."""
    return one == f"not {other}" or other == f"not {one}"


def _span_told(rule: Rule) -> Text:
    """Which values its indicator can have, in words."""
    low, high = possible(rule.indicator, rule.unit)
    if math.isfinite(high):
        return Text("rules.span.between", {"low": _written(low), "high": _written(high)})
    return Text("rules.span.whole" if rule.unit in WHOLE else "rules.span.not_negative")


def _shown(value: float, unit: str, lang: Lang, places: int) -> str:
    """``value`` in ``unit`` with enough places; trailing zeros go, so 95 stays 95."""
    rounded = float(f"{value:.{places}f}")
    return quantity(rounded, unit, lang, most=places) if unit else number(rounded, lang, decimals=places)


def _folder() -> Any:
    return files("phusong.coverage.rules").joinpath("data")


_UNITS = {one.unit for one in INDICATORS} | {unit for pair in _TIMES for unit in pair}
