"""Which rules a study is judged by: packs by name, services, dates, and the study's own thresholds and weights."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal, Protocol

import pandas as pd

from phusong.coverage.rules.pack import Level, Pack, Rule, load_pack, nearest
from phusong.layers.errors import Fault, SettingsError

SkipReason = Literal["service_off", "out_of_date"]


class OverrideLike(Protocol):
    """A study's own threshold for one rule, with the reason for it."""

    @property
    def rule(self) -> str: ...
    @property
    def threshold(self) -> float: ...
    @property
    def reason(self) -> str: ...


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
        """One row a rule in force: what it asks, where it comes from and, if the study changed it, why."""
        names = (
            "id",
            "pack",
            "level",
            "service",
            "indicator",
            "applies_to",
            "comparison",
            "threshold",
            "unit",
            "weight",
        )
        rows = [
            {name: getattr(rule, name) for name in (*names, "mark", "source")} | {"override_reason": rule.override}
            for rule in self.rules
        ]
        return pd.DataFrame(rows, columns=[*names, "mark", "source", "override_reason"])

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
) -> RuleSet:
    """The rules of ``packs`` (shipped ones by name) that hold on the day ``on`` for the services switched on.

    ``overrides`` replace thresholds, ``weights`` those of the need index (by rule id). SettingsError, with all faults
    together: unknown pack or rule (nearest known one named), an override without a reason or given twice, a threshold
    or weight that is not a usable number, the same rule id in two packs.
    """
    found = tuple(load_pack(pack) if isinstance(pack, str) else pack for pack in packs)
    rules = {}
    faults: list[Fault] = []
    for pack in found:
        for rule in pack.rules:
            if rule.id in rules:
                faults.append(Fault("rules.twice", params={"rule": rule.id}, fatal=True))
            rules[rule.id] = rule
    rules = _with_overrides(rules, tuple(overrides), faults)
    rules = _with_weights(rules, weights or {}, faults)
    if faults:
        raise SettingsError("error.rules.settings", faults=tuple(faults))
    in_force: list[Rule] = []
    skipped: list[tuple[str, SkipReason]] = []
    valid = {pack.name: pack.holds_on(on) for pack in found}
    for rule in rules.values():
        if not valid[rule.pack]:
            skipped.append((rule.id, "out_of_date"))
        elif rule.service not in services:
            skipped.append((rule.id, "service_off"))
        else:
            in_force.append(rule)
    return RuleSet(found, tuple(in_force), tuple(skipped))


def _with_overrides(
    rules: dict[str, Rule], overrides: tuple[OverrideLike, ...], faults: list[Fault]
) -> dict[str, Rule]:
    changed = dict(rules)
    for override in overrides:
        rule = rules.get(override.rule)
        if rule is None:
            faults.append(_unknown("overrides", override.rule, rules))
            continue
        moved = replace(rule, threshold=float(override.threshold), override=override.reason.strip())
        code = ""
        if not moved.override:
            code = "rules.override_no_reason"
        elif changed[rule.id].override:
            code = "rules.override_twice"
        elif not moved.usable:
            code = "rules.override_threshold"
        if code:
            params = {"rule": rule.id, "threshold": override.threshold}
            faults.append(Fault(code, column="overrides", params=params, fatal=True))
        else:
            changed[rule.id] = moved
    return changed


def _with_weights(rules: dict[str, Rule], weights: Mapping[str, float], faults: list[Fault]) -> dict[str, Rule]:
    changed = dict(rules)
    for rule_id, weight in weights.items():
        if rule_id not in rules:
            faults.append(_unknown("index_weights", rule_id, rules))
        elif not (math.isfinite(weight) and weight >= 0):
            params = {"rule": rule_id, "weight": weight}
            faults.append(Fault("rules.weight", column="index_weights", params=params, fatal=True))
        else:
            changed[rule_id] = replace(rules[rule_id], weight=float(weight))
    return changed


def _unknown(column: str, rule_id: str, rules: Mapping[str, Rule]) -> Fault:
    params = {"rule": rule_id, "nearest": nearest(rule_id, tuple(rules))}
    return Fault("rules.unknown_rule", column=column, params=params, fatal=True)
