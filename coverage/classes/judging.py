"""Tests of classes against the values of communes or villages: recorded, computed and used flags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.coverage.rules.class_tests import ClassLevel, ClassTest

RECORDED, NONE = "recorded", "none"
DOUBT_PCT = 20.0
"""Shares of derived ground are taken to be right within so many percentage points: a planner's assumption."""

Floats = NDArray[np.float64]
Bounds = Mapping[str, tuple[Floats, Floats]]
"""Least and greatest value of indicators that are not wholly known, by id."""


@dataclass(frozen=True)
class Doubt:
    """What an indicator may be: ``known`` as it stands, ``doubted`` if places whose derived ground is in doubt
    (``DOUBT_PCT``) count as not known, ``unheard`` if all with derived ground do."""

    known: Bounds
    doubted: Bounds
    unheard: Bounds


SURE = Doubt({}, {}, {})


@dataclass(frozen=True)
class Judged:
    """One class of one level: flags (boolean[n], NA) as recorded, computed and used, the basis of the last; the test,
    None if there is none; the answers to its conditions (1, 0, NaN: open); whether the computed verdict rests on
    derived ground, and what it hinges on ("derived", "unknown", "")."""

    official: pd.Series[bool]
    computed: pd.Series[bool]
    used: pd.Series[bool]
    basis: pd.Series[str]
    test: ClassTest | None
    answers: Sequence[Floats]
    derived: NDArray[np.bool_]
    hinges_on: NDArray[np.object_]


_ON_GROUND = ("area_at_200m_pct", "area_slope_15_pct")


def judge_classes(
    level: ClassLevel,
    layer: pd.DataFrame,
    tests: Sequence[ClassTest],
    values: Mapping[str, Floats],
    names: Sequence[str],
    *,
    derived: NDArray[np.bool_] | None = None,
    doubt: Doubt = SURE,
) -> dict[str, Judged]:
    """Every class of ``names`` by its test at ``level``, rows as in ``layer``; ``values``: the indicators by id.

    ``derived``: of which rows the ground is derived. ``doubt``: of the indicators that rest on other places.
    """
    n = len(layer)
    by_class = {one.of: one for one in tests if one.level == level}
    found = {}
    for name in names:
        empty = pd.Series(pd.NA, index=range(n), dtype="boolean")
        official = layer[name].astype("boolean").reset_index(drop=True) if name in layer else empty
        computed, test = empty, by_class.get(name)
        answers: list[Floats] = []
        on_derived = np.zeros(n, dtype=bool)
        hinges = np.full(n, "", dtype=object)
        if test is not None:
            answers = _answers(test, values, doubt.known)
            verdict = test.verdicts(answers)
            computed = _flags(verdict)
            known = ~np.isnan(verdict)
            in_doubt, unsettled, unheard = (
                known & (test.verdicts(_answers(test, values, ends), strict=True) != verdict)
                for ends in (doubt.doubted, doubt.known, doubt.unheard)
            )
            hinges[in_doubt] = "derived"
            hinges[unsettled] = "unknown"
            on_derived = unheard & ~unsettled
            if derived is not None and any(one.indicator in _ON_GROUND for one in test.conditions):
                on_derived = derived & known
                hinges[on_derived & _doubtful(test, values)] = "derived"
        used = official.fillna(computed)
        basis = np.full(n, NONE, dtype=object)
        if test is not None:
            basis[computed.notna()] = f"computed:{test.id}"
        basis[official.notna()] = RECORDED
        found[name] = Judged(official, computed, used, pd.Series(basis, dtype="str"), test, answers, on_derived, hinges)
    return found


def _doubtful(test: ClassTest, values: Mapping[str, Floats]) -> NDArray[np.bool_]:
    """Where a verdict would change if the shares of ground were ``DOUBT_PCT`` points higher or lower."""
    ends = [
        test.verdicts(
            _answers(test, {**values, **{name: values[name] + shift for name in _ON_GROUND if name in values}}, {})
        )
        for shift in (-DOUBT_PCT, DOUBT_PCT)
    ]
    changed: NDArray[np.bool_] = ends[0] != ends[1]
    return changed


def _answers(test: ClassTest, values: Mapping[str, Floats], bounds: Bounds) -> list[Floats]:
    answers = []
    for one in test.conditions:
        if one.indicator in bounds:
            least, most = (one.holds(end) for end in bounds[one.indicator])
            answers.append(np.where(least == most, least, np.nan))
        else:
            answers.append(one.holds(values[one.indicator]))
    return answers


def _flags(verdict: Floats) -> pd.Series[bool]:
    flags = pd.array(verdict == 1.0, dtype="boolean")
    flags[np.isnan(verdict)] = pd.NA
    return pd.Series(flags)
