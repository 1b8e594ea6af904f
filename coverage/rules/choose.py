"""Which rules a study is judged by: packs by name, services, dates, and the study's own thresholds and weights."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal, Protocol

import pandas as pd

from phusong.coverage.rules.pack import Cited, Level, Pack, Rule, clashes, load_pack, pack_names
from phusong.coverage.rules.reading import nearest
from phusong.layers.errors import Fault, SettingsError
from phusong.layers.messages import LANGS, Lang

SkipReason = Literal["service_off", "out_of_date"]


class OverrideLike(Protocol):
    """A study's own threshold for one rule, with the reason for it."""

    @property
    def rule(self) -> str: ...
    @property
    def threshold(self) -> float: ...
    @property
    def reason(self) -> str: ...


_DAYS = ("valid_from", "valid_to")
_TABLE = (
    *("id", "pack", "level", "service", "indicator", "applies_to", "asked_where", "comparison"),
    *("threshold", "unit", "weight", "standing", "document", "article", *_DAYS, "mark", "source"),
)

_PARTS = ("source", "document")
_CITED = tuple(f"{part}_{lang}" for part in _PARTS for lang in LANGS)


@dataclass(frozen=True)
class RuleSet:
    """The rules in force, in pack order, and those left out: (rule id, "service_off" or "out_of_date")."""

    packs: tuple[Pack, ...]
    rules: tuple[Rule, ...]
    skipped: tuple[tuple[str, SkipReason], ...] = ()

    def of(self, level: Level) -> tuple[Rule, ...]:
        """The rules of one level."""
        return tuple(rule for rule in self.rules if rule.level == level)

    def table(self) -> pd.DataFrame:
        """One row a rule in force: what it asks, where it comes from (also in each language) and, if the study changed
        it, why."""
        rows = [
            {name: getattr(rule, name) for name in _TABLE} | _cited(rule) | {"override_reason": rule.override}
            for rule in self.rules
        ]
        table = pd.DataFrame(rows, columns=[*_TABLE, *_CITED, "override_reason"])
        return table.assign(**{day: pd.to_datetime(table[day]).astype("datetime64[s]") for day in _DAYS})

    def __getitem__(self, rule_id: str) -> Rule:
        for rule in self.rules:
            if rule.id == rule_id:
                return rule
        raise KeyError(rule_id)


def choose_rules(
    packs: Iterable[str | Pack],
    *,
    on: date,
    services: Collection[str] = ("mobile", "post", "broadband", "facilities"),
    overrides: Iterable[OverrideLike] = (),
    weights: Mapping[str, float] | None = None,
    lang: Lang = "en",
) -> RuleSet:
    """The rules of ``packs`` (shipped ones by name, with sources in ``lang``) asked on the day ``on``, for the services
    switched on.

    ``overrides`` replace thresholds, ``weights`` those of the need index (by rule id). SettingsError, with all faults
    together: a pack given twice, unknown pack or rule (nearest known one named), an override without a reason or given
    twice, a threshold or weight that is not a usable number, a rule id in two packs on common days, rules in force that
    no value can meet together, weights of communes' rules that sum to zero. Faults of settings carry their dotted name.
    """
    faults: list[Fault] = []
    found = _packs(packs, lang, faults)
    written = [rule for pack in found for rule in pack.rules]
    known = tuple(dict.fromkeys(rule.id for rule in written))
    faults += [fault for fault in clashes(written) if fault.code == "rules.twice"]
    asked = {rule.id: rule for rule in written if rule.holds_on(on)}
    moved = tuple(overrides)
    asked = _with_overrides(asked, known, moved, faults)
    asked = _with_weights(asked, known, weights or {}, faults)
    in_force = tuple(rule for rule in asked.values() if rule.service in services)
    if not faults:
        faults += [_placed(fault, moved) for fault in clashes(in_force)]
        faults += _weightless(in_force)
    if faults:
        raise SettingsError("error.rules.settings", faults=tuple(faults))
    skipped: dict[str, SkipReason] = {name: "service_off" if name in asked else "out_of_date" for name in known}
    here = {rule.id for rule in in_force}
    return RuleSet(found, in_force, tuple((name, why) for name, why in skipped.items() if name not in here))


def _cited(rule: Rule) -> dict[str, str]:
    """Source and document of a rule in each language: the columns ``_CITED``."""
    own = Cited(rule.source, rule.document, rule.article)
    return {f"{part}_{lang}": getattr(rule.cited.get(lang, own), part) for part in _PARTS for lang in LANGS}


def _packs(packs: Iterable[str | Pack], lang: Lang, faults: list[Fault]) -> tuple[Pack, ...]:
    """The packs named or given, each once."""
    found: dict[str, Pack] = {}
    for number, given in enumerate(packs):
        column = f"rules.packs.{number}"
        if isinstance(given, str) and given not in pack_names():
            params = {"name": given, "nearest": nearest(given, pack_names())}
            faults.append(Fault("error.rules.no_pack", column=column, params=params, fatal=True))
            continue
        pack = load_pack(given, lang) if isinstance(given, str) else given
        if pack.name in found:
            faults.append(Fault("rules.pack_twice", column=column, params={"name": pack.name}, fatal=True))
        found[pack.name] = pack
    return tuple(found.values())


def _with_overrides(
    rules: dict[str, Rule], known: Sequence[str], overrides: tuple[OverrideLike, ...], faults: list[Fault]
) -> dict[str, Rule]:
    changed = dict(rules)
    for number, override in enumerate(overrides):
        column = f"rules.overrides.{number}"
        rule = rules.get(override.rule)
        if rule is None:  # of no pack, or not asked on the study's date
            if override.rule not in known:
                faults.append(_unknown(f"{column}.rule", override.rule, known))
            continue
        moved = replace(rule, threshold=float(override.threshold), override=override.reason.strip())
        code = key = ""
        if not moved.override:
            code, key = "rules.override_no_reason", "reason"
        elif changed[rule.id].override:
            code, key = "rules.override_twice", "rule"
        elif not moved.usable or moved.excludes(moved) or moved.idle:
            code, key = "rules.override_threshold", "threshold"
        if code:
            params = {"rule": rule.id, "threshold": f"{override.threshold:.12g}", "unit": rule.unit}
            faults.append(Fault(code, column=f"{column}.{key}", params=params, fatal=True))
        else:
            changed[rule.id] = moved
    return changed


def _with_weights(
    rules: dict[str, Rule], known: Sequence[str], weights: Mapping[str, float], faults: list[Fault]
) -> dict[str, Rule]:
    changed = dict(rules)
    for rule_id, weight in weights.items():
        column = f"rules.index_weights.{rule_id}"
        if rule_id not in known:
            faults.append(_unknown(column, rule_id, known))
        elif not (math.isfinite(weight) and weight >= 0):
            params = {"rule": rule_id, "weight": weight}
            faults.append(Fault("rules.weight", column=column, params=params, fatal=True))
        elif rule_id in rules:
            changed[rule_id] = replace(rules[rule_id], weight=float(weight))
    return changed


def _placed(fault: Fault, overrides: Sequence[OverrideLike]) -> Fault:
    """A clash of two rules at the override that makes it, if there is one."""
    for number, override in enumerate(overrides):
        if override.rule in (fault.params["rule"], fault.params["other"]):
            return replace(fault, file="", row=None, column=f"rules.overrides.{number}.threshold")
    return fault


def _weightless(rules: Sequence[Rule]) -> list[Fault]:
    """A fault where there are rules of communes and none has a weight: no need could be told."""
    weighed = [rule for rule in rules if rule.level == "unit"]
    if not weighed or sum(rule.weight for rule in weighed) > 0:
        return []
    params = {"rules": ", ".join(rule.id for rule in weighed)}
    return [Fault("rules.no_weight", column="rules.index_weights", params=params, fatal=True)]


def _unknown(column: str, rule_id: str, known: Sequence[str]) -> Fault:
    params = {"rule": rule_id, "nearest": nearest(rule_id, known)}
    return Fault("rules.unknown_rule", column=column, params=params, fatal=True)
