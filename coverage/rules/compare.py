"""Two sets of rules on one study: who is a gap by the first, the second, both or neither, and which rules decide it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from phusong.coverage.gaps import Gaps
from phusong.coverage.rules.choose import RuleSet
from phusong.coverage.rules.pack import Rule

SIDES = ("both", "first_only", "second_only", "neither")
PLACE_COLUMNS = (
    *("level", "code", "valid_on", "name", "unit_code", "unit_name", "district", "population", "side"),
    *("rules_first", "rules_second", "people_first", "people_second", "rank_first", "rank_second"),
    *("open_first", "open_second"),
)
SUMMARY_COLUMNS = ("level", "side", "places", "people_first", "people_second", "open_first", "open_second")
RULE_COLUMNS = ("level", "rule", "pack", "service", "in_set", "standing", "fails", "decides", "people_decided")
_LEVELS = ("unit", "village")


@dataclass(frozen=True)
class Compared:
    """What ``compare_gaps`` found.

    places    one row a commune or village, columns ``PLACE_COLUMNS``: its side of ``SIDES``; the rules it fails in one
              set only (ids joined by ";"); people affected and rank by each set where it is a gap there; how many rules
              of each set could not be judged of it (``open``): a place without a gap is fine only where that is 0
    summary   one row a level and side, columns ``SUMMARY_COLUMNS``; people in persons; ``open``: places with rules that
              could not be judged
    rules     one row a rule, columns ``RULE_COLUMNS``: places that fail it, those where it decides (its set has a gap
              there, the other none, and it is the only rule failed) and their people affected. A rule is in both sets
              only where both ask the same by it; where they share but its id, each has its row
    """

    places: pd.DataFrame
    summary: pd.DataFrame
    rules: pd.DataFrame


def compare_gaps(
    first: Gaps,
    second: Gaps,
    *,
    sets: tuple[RuleSet, RuleSet],
    units: pd.DataFrame,
    villages: pd.DataFrame | None,
) -> Compared:
    """The gaps of one study by two sets of rules side by side.

    ``first``, ``second``: ``find_gaps`` of the same ``units`` and ``villages`` (indicators; code, name, and of villages
    unit_code) by the rules of ``sets``. A rule of both sets fails in both; what makes the difference are the others,
    and those that ask something else by the same id, as a threshold moved does.
    """
    parts = [_places("unit", first, second, units, units)]
    if villages is not None and len(villages):
        parts.append(_places("village", first, second, villages, units))
    places = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    return Compared(places, _summary(places), _rules(places, first, second, sets))


def _places(level: str, first: Gaps, second: Gaps, frame: pd.DataFrame, units: pd.DataFrame) -> pd.DataFrame:
    codes = pd.Index(frame["code"])
    of_unit = codes if level == "unit" else pd.Index(frame["unit_code"])
    home = units.set_index("code")
    table = pd.DataFrame(
        {
            "level": level,
            "code": codes,
            "valid_on": home["valid_on"].reindex(of_unit).to_numpy(),
            "name": frame["name"].to_numpy(),
            "unit_code": of_unit,
            "unit_name": home["name"].reindex(of_unit).to_numpy(),
            "district": home["district"].reindex(of_unit).to_numpy(),
            "population": np.asarray(frame["people"], dtype=np.float64) if level == "unit" else np.nan,
        }
    )
    failed = [_failed(gaps, level, codes) for gaps in (first, second)]
    for side, gaps in (("first", first), ("second", second)):
        own = (gaps.units if level == "unit" else gaps.villages).set_index("code")
        table[f"people_{side}"] = own["people_affected"].reindex(codes).to_numpy(dtype=np.float64)
        table[f"rank_{side}"] = own["rank"].reindex(codes).astype("Int64").to_numpy()
        if level == "village":
            table["population"] = table["population"].fillna(
                pd.Series(own["population"].reindex(codes).to_numpy(dtype=np.float64))
            )
        waiting = gaps.not_judged.loc[gaps.not_judged["level"] == level, "code"].value_counts()
        table[f"open_{side}"] = waiting.reindex(codes).fillna(0).astype(np.int64).to_numpy()
    gap = [np.array([bool(rules) for rules in one], dtype=bool) for one in failed]
    table["side"] = np.select([gap[0] & gap[1], gap[0], gap[1]], SIDES[:3], SIDES[3])
    for side, own_rules, others in (("first", failed[0], failed[1]), ("second", failed[1], failed[0])):
        table[f"rules_{side}"] = [
            ";".join(rule for rule in mine if rule not in theirs)
            for mine, theirs in zip(own_rules, others, strict=True)
        ]
    return table[list(PLACE_COLUMNS)]


def _failed(gaps: Gaps, level: str, codes: pd.Index) -> list[tuple[str, ...]]:
    """The rules each place fails, in the order of the rules."""
    own = gaps.reasons[gaps.reasons["level"] == level]
    found: dict[str, tuple[str, ...]] = {
        str(code): tuple(rules) for code, rules in own.groupby("code", sort=False)["rule"]
    }
    return [found.get(str(code), ()) for code in codes]


def _summary(places: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for level in _LEVELS:
        own = places[places["level"] == level]
        for side in SIDES if len(own) else ():
            there = own[own["side"] == side]
            rows.append(
                {"level": level, "side": side, "places": len(there)}
                | {
                    f"people_{one}": there[f"people_{one}"].sum(min_count=min(1, len(there)))
                    for one in ("first", "second")
                }
                | {f"open_{one}": int((there[f"open_{one}"] > 0).sum()) for one in ("first", "second")}
            )
    return pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS))


def asked_by(rule: Rule) -> tuple[object, ...]:
    """What decides whether a place fails a rule, and how many people then; the same in two sets, it is one rule."""
    what = (rule.level, rule.indicator, rule.comparison, rule.threshold)
    return (rule.id, *what, rule.applies_to, rule.asked_where, rule.affected)


def _rules(places: pd.DataFrame, first: Gaps, second: Gaps, sets: tuple[RuleSet, RuleSet]) -> pd.DataFrame:
    of_place = places.set_index(["level", "code"])
    asked = [{asked_by(rule) for rule in rules.rules} for rules in sets]
    rows = []
    for side, gaps, rules, other in (("first", first, sets[0], asked[1]), ("second", second, sets[1], asked[0])):
        alone = gaps.reasons.groupby(["level", "code"])["rule"].transform("size") == 1
        for rule in rules.rules:
            shared = asked_by(rule) in other
            if rule.level not in _LEVELS or (side == "second" and shared):
                continue
            mine = gaps.reasons["rule"] == rule.id
            there = gaps.reasons[mine & alone]
            keys = pd.MultiIndex.from_arrays([there["level"], there["code"]])
            decided = of_place.reindex(keys)
            decided = decided[decided["side"] == f"{side}_only"]
            rows.append(
                {
                    "level": rule.level,
                    "rule": rule.id,
                    "pack": rule.pack,
                    "service": rule.service,
                    "in_set": "both" if shared else side,
                    "standing": rule.standing,
                    "fails": int(mine.sum()),
                    "decides": len(decided),
                    "people_decided": float(decided[f"people_{side}"].sum()),
                }
            )
    return pd.DataFrame(rows, columns=list(RULE_COLUMNS))
