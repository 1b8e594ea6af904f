"""Gaps judged anew for one list: with other thresholds, or by the network of one operator alone.

The frames of indicators are those of the run; nothing is computed again but the judgement, so that "what if the
threshold were 90 %" has its answer in a second. Nothing is written to the results.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from phusong.api.index import index_of
from phusong.api.lists.filters import Filters, operators
from phusong.api.lists.tables import Tables, placed
from phusong.coverage.gaps import find_gaps
from phusong.coverage.indicators import operator_slugs
from phusong.coverage.rules.choose import RuleSet
from phusong.coverage.rules.judge import numbers
from phusong.layers.errors import Fault, InputError, MissingError
from phusong.layers.schema import TECHNOLOGIES

Frame = pd.DataFrame
_MARKS = ("geometry", "as_of", "data")


def judged_anew(tables: Tables, filters: Filters, *, rules: RuleSet, villages: Frame | None) -> Tables:
    """The tables with gaps, gap_villages, reasons, not_judged, need and rules as the filters' thresholds and operator
    make them; the sensitivity of the ranking, which knows the old thresholds only, is left out.

    ``rules``: those in force in the study; ``villages``: its layer, rows as in the run. The filters are checked ones.
    InputError if a rule cannot be judged by its new threshold; MissingError if the run has no indicators.
    """
    units, own = tables.frame("units"), tables.frame("villages")
    if units is None:
        raise MissingError("list.error.no_list", which="units")
    rules = _with_thresholds(rules, filters.threshold)
    unit_table, village_table = _bare(units), None if own is None else _bare(own)
    if filters.operator:
        rules = _of_mobile(rules)
        slug = operator_slugs(operators(tables))[filters.operator]
        unit_table = _units_of(unit_table, slug)
        village_table = None if village_table is None else _villages_of(village_table, filters.operator)
    found = find_gaps(
        unit_table,
        village_table,
        rules=rules,
        villages=None if village_table is None else villages,
        index=None if filters.operator else index_of(tables.settings),
    )
    gap_villages = _of_one(found.villages) if filters.operator else found.villages
    frames: dict[str, Frame | None] = {
        "gaps": placed(found.units, units),
        "gap_villages": gap_villages if own is None else placed(gap_villages, own),
        "reasons": found.reasons,
        "not_judged": found.not_judged,
        "need": found.need,
        "rules": rules.table(),
        "ranking": None,
    }
    marks = {"as_of": tables.as_of.isoformat(), "data": "synthetic" if tables.synthetic else ""}
    marked = {stem: None if frame is None else frame.assign(**marks) for stem, frame in frames.items()}
    return replace(tables, changed={**tables.changed, **marked})


def _with_thresholds(rules: RuleSet, asked: Sequence[tuple[str, float]]) -> RuleSet:
    wanted = dict(asked)
    moved = tuple(replace(rule, threshold=wanted[rule.id]) if rule.id in wanted else rule for rule in rules.rules)
    faults = tuple(
        Fault("list.fault.threshold_unusable", column="threshold", params=_params(rule.id, rule.threshold), fatal=True)
        for rule in moved
        if rule.id in wanted and not rule.usable
    )
    missing = set(wanted) - {rule.id for rule in moved}
    faults += tuple(
        Fault("list.fault.unknown_word", column="threshold", params={"found": one, "nearest": "-"}, fatal=True)
        for one in sorted(missing)
    )
    if faults:
        raise InputError("list.error.filters", faults=faults)
    return replace(rules, rules=moved)


def _params(rule: str, value: float) -> dict[str, Any]:
    return {"rule": rule, "value": f"{value:g}"}


def _of_mobile(rules: RuleSet) -> RuleSet:
    """The rules that one network alone can meet or fail: not that there be several operators."""
    own = tuple(
        rule for rule in rules.rules if rule.service == "mobile" and "operators_at_centre" not in rule.indicator
    )
    return replace(rules, rules=own)


def _units_of(units: Frame, slug: str) -> Frame:
    """People covered as one operator covers them: by technology, and of any technology by the one that reaches most."""
    changed = {}
    best = np.full(len(units), np.nan)
    for technology in (one.lower() for one in TECHNOLOGIES):
        share = numbers(units, f"people_covered_{technology}_{slug}_pct")
        best = np.fmax(best, share)
        changed[f"people_covered_{technology}_pct"] = share
    changed["people_covered_any_pct"] = best
    return units.assign(**changed)


def _villages_of(villages: Frame, operator: str) -> Frame:
    """Signal at the centre as one operator has it; what is known of any operator only is no data."""
    named = villages["operators_at_centre"] if "operators_at_centre" in villages else pd.Series(pd.NA, villages.index)
    here = [pd.NA if pd.isna(names) else operator in str(names).split(";") for names in named]
    unknown = {
        name: np.nan
        for name in villages.columns
        if name.startswith(("observed_", "clusters_uncovered", "observed_clusters", "centre_covered_"))
    }
    dated = {name: pd.NaT for name in unknown if name.endswith("as_of")}
    changed: dict[str, Any] = {**unknown, **dated, "centre_covered_any": pd.array(here, dtype="boolean")}
    return villages.assign(**changed)


def _of_one(villages: Frame) -> Frame:
    """The villages without what counts operators or looks for the nearest mast of any of them."""
    everything = np.ones(len(villages), dtype=np.bool_)
    words = {name: "" for name in ("operators", "nearest_site") if name in villages}
    figures = [name for name in ("operators_count", "nearest_site_km") if name in villages]
    return villages.assign(**words, **{name: villages[name].mask(everything) for name in figures})


def _bare(frame: Frame) -> Frame:
    return pd.DataFrame(frame.drop(columns=[name for name in _MARKS if name in frame]))
