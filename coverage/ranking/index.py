"""The need index of a commune: one number from 0 to 100 out of declared components, by declared choices.

The steps and their names follow the OECD and JRC Handbook on Constructing Composite Indicators (2008): normalisation
(its step 5), weighting and aggregation (step 6). What is normalised is what a commune *lacks*: 0 where a rule is met.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import NDArray
from scipy.special import ndtr

from phusong.coverage.rules.judge import Judgement, numbers
from phusong.coverage.rules.pack import Rule

Normalisation = Literal["shortfall", "minmax", "rank", "zscore"]
Aggregation = Literal["arithmetic", "geometric"]
Better = Literal["more", "less", "exact"]
NORMALISATIONS: tuple[Normalisation, ...] = get_args(Normalisation)
AGGREGATIONS: tuple[Aggregation, ...] = get_args(Aggregation)
FLOOR = 0.01
"""What is left of a component at full need in the geometric mean: one component alone never decides everything."""
ROUNDING = 1e-9
"""Distances of this share of a threshold are none, as in ``Rule.margins``."""
SAME = 2.0**30
"""Needs are counted in so many steps from none to full: what differs by rounding alone (1e-9) is the same need."""
_COUNTED = ("yes_no", "points", "clusters", "sites", "bts", "operators", "communes")

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Component:
    """One part of the index: an indicator, which way is better, and from where to where the need grows.

    id         of its rule, or of its indicator where the study declares its own components
    indicator  id of a unit indicator
    unit       its unit of measure
    weight     0 or more, relative to the others
    better     "more", "less", or "exact": the nearer to the threshold
    threshold  value from which there is no need, in ``unit``; NaN: the best value there is
    full_at    value at which the need is full; None: 0 for "more", twice the threshold for the others
    """

    id: str
    indicator: str
    unit: str
    weight: float
    better: Better
    threshold: float = np.nan
    full_at: float | None = None

    @property
    def shifts(self) -> bool:
        """Whether a slightly different threshold means anything: not for yes/no and things that are counted."""
        return self.unit not in _COUNTED and bool(np.isfinite(self.threshold)) and self.threshold != 0.0

    def span(self, threshold: float) -> float:
        """How far from ``threshold`` the need is full; NaN where that is not said. A stated span keeps its length."""
        if self.full_at is not None:
            return abs(self.full_at - self.threshold)
        return abs(threshold)

    def shifted(self, factor: float) -> float:
        """The threshold times ``factor``; that of a share or score ends at 100, if it does not lie beyond already."""
        moved = self.threshold * factor
        return min(moved, max(100.0, self.threshold)) if self.unit in ("%", "of_100") else moved

    @staticmethod
    def of(rule: Rule) -> Component:
        """The component that a rule makes."""
        better: Better = "more" if rule.comparison.startswith(">") else "less" if rule.comparison[0] == "<" else "exact"
        return Component(
            rule.id, rule.indicator, rule.unit, rule.weight, better, float(rule.threshold), rule.full_need_at
        )


@dataclass(frozen=True)
class Index:
    """The declared choices. ``components``: the study's own; without them each rule on communes is one."""

    aggregation: Aggregation = "arithmetic"
    normalisation: Normalisation = "shortfall"
    components: tuple[Component, ...] = ()


@dataclass(frozen=True)
class Measured:
    """What n communes have of r components; arrays are (n, r).

    value  in the component's unit, NaN where it is not known or not asked
    asked  whether the component asks anything of the commune
    """

    components: tuple[Component, ...]
    value: Floats
    asked: Bools

    @property
    def weights(self) -> Floats:
        """Declared weights, float64[r]."""
        return np.array([one.weight for one in self.components], dtype=np.float64)


def measured(indicators: pd.DataFrame, judgement: Judgement, index: Index) -> Measured:
    """The values that the index rests on: of the study's own components, else of the rules as judged."""
    if not index.components:
        value = np.where(np.isnan(judgement.margin), np.nan, judgement.value)
        return Measured(tuple(Component.of(rule) for rule in judgement.rules), value, judgement.applies)
    columns = [numbers(indicators, one.indicator) for one in index.components]
    value = np.stack(columns, axis=1)
    return Measured(index.components, value, np.ones(value.shape, dtype=np.bool_))


def need_table(indicators: pd.DataFrame, judgement: Judgement, index: Index | None = None) -> pd.DataFrame:
    """Columns ``need_index`` (0-100), ``judged_weight_pct`` (0-100), ``need_<id>`` (0-1) a component; a row a commune.

    ``need_index`` is the mean of the needs that could be judged, by their weights; NaN where none with a weight could.
    ``judged_weight_pct``: how much of the weight of the components that apply could be judged.
    """
    index = index or Index()
    of = measured(indicators, judgement, index)
    needs = component_needs(of, index.normalisation)
    weights = of.weights
    judged = (~np.isnan(needs) * weights).sum(axis=1)
    asked = (of.asked * weights).sum(axis=1)
    share = np.divide(judged, asked, out=np.full(len(asked), np.nan), where=asked > 0)
    return pd.DataFrame(
        {
            "need_index": 100.0 * combine(needs, weights, index.aggregation),
            "judged_weight_pct": 100.0 * np.minimum(share, 1.0),
            **{f"need_{one.id}": needs[:, r] for r, one in enumerate(of.components)},
        }
    )


def order_by_need(need_index: Floats, *, people_affected: Floats, codes: pd.Series[str]) -> NDArray[np.int64]:
    """Rows from the greatest need (0-100) on, those without one last. Ties (``SAME``): people affected, then code."""
    need = np.rint(need_index / 100.0 * SAME)
    keys = pd.DataFrame({"need": need, "people": np.nan_to_num(people_affected), "code": codes.to_numpy()})
    ordered = keys.sort_values(["need", "people", "code"], ascending=[False, False, True], kind="stable")
    return ordered.index.to_numpy(dtype=np.int64)


def ranks_by_need(need_index: Floats, *, people_affected: Floats, codes: pd.Series[str]) -> pd.arrays.IntegerArray:
    """Place of each commune as ``order_by_need`` has it, 1 the greatest need, Int64; NA without a need."""
    order = order_by_need(need_index, people_affected=people_affected, codes=codes)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(1, len(order) + 1)
    return whole_numbers(rank, known=~np.isnan(need_index))


def whole_numbers(values: NDArray[np.int64], *, known: Bools) -> pd.arrays.IntegerArray:
    """Whole numbers as Int64, NA where not known."""
    return pd.arrays.IntegerArray(np.where(known, values, 0).astype(np.int64), ~known)


def component_needs(of: Measured, normalisation: Normalisation) -> Floats:
    """Need of each component, 0-1, (n, r); NaN where it is not known."""
    needs = np.empty(of.value.shape, order="F")
    for r, one in enumerate(of.components):
        needs[:, r] = normalised(lack(one, of.value[:, r], one.threshold), normalisation, span=one.span(one.threshold))
    return needs


def lack(component: Component, value: Floats, threshold: float) -> Floats:
    """How far each value falls short of the threshold, in the component's unit: 0 where it does not, NaN unknown.

    Without a threshold the best value there is stands in.
    """
    if np.isnan(threshold):
        known = value[~np.isnan(value)]
        best = (max if component.better == "more" else min)(known) if len(known) else 0.0
        threshold = float(best)
    sign = {"more": 1.0, "less": -1.0, "exact": 0.0}[component.better]
    return _short(value, threshold, sign, ROUNDING * max(1.0, abs(threshold)))


@njit(error_model="numpy", cache=True)
def _short(value: Floats, threshold: float, sign: float, rounding: float) -> Floats:
    """Distances below (sign 1) or above (-1) the threshold, or either way (0); 0 within the rounding."""
    short = np.empty(len(value))
    for i in range(len(value)):
        apart = threshold - value[i]
        apart = abs(apart) if sign == 0.0 else sign * apart
        short[i] = 0.0 if apart <= rounding else apart
    return short


def normalised(short: Floats, normalisation: Normalisation, *, span: float = np.nan) -> Floats:
    """What is lacking as a need from 0 to 1; NaN stays. Handbook (2008), step 5, with the lack in place of the value.

    shortfall  min(1, lack / span): full need is declared, and does not hang on the other communes
    minmax     (lack - least) / (most - least)
    rank       share of the other communes that lack less
    zscore     Phi((lack - mean) / standard deviation), Phi the normal distribution function

    The last three compare with the other communes; where all lack the same they tell nobody apart and are 0.
    """
    return _NORMALISED[normalisation](short, span)


def _shortfall(short: Floats, span: float) -> Floats:
    return np.minimum(1.0, short / span) if span > 0 else np.where(short > 0, 1.0, short)


def _minmax(short: Floats, span: float) -> Floats:
    known = short[~np.isnan(short)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    return (short - low) / (high - low) if high > low else 0.0 * short


def _rank(short: Floats, span: float) -> Floats:
    rows = np.flatnonzero(~np.isnan(short))
    order = rows[np.argsort(short[rows], kind="stable")]
    ordered = short[order]
    if len(order) < 2 or ordered[0] == ordered[-1]:
        return 0.0 * short
    place = np.arange(len(order))
    place[1:][ordered[1:] == ordered[:-1]] = 0  # the same lack as the one before: the place of the first of them
    less = np.full(len(short), np.nan)
    less[order] = np.maximum.accumulate(place) / (len(order) - 1)
    return less


def _zscore(short: Floats, span: float) -> Floats:
    known = short[~np.isnan(short)]
    spread = float(known.std()) if len(known) else 0.0
    if not spread > 0 or known.min() == known.max():
        return 0.0 * short
    return np.asarray(ndtr((short - known.mean()) / spread), dtype=np.float64)


_NORMALISED: Mapping[str, Callable[[Floats, float], Floats]] = {
    "shortfall": _shortfall,
    "minmax": _minmax,
    "rank": _rank,
    "zscore": _zscore,
}


def combine(needs: Floats, weights: Floats, aggregation: Aggregation) -> Floats:
    """Needs (n, r) by weights (r,) as one number from 0 to 1, float64[n]; NaN where nothing is known.

    arithmetic  sum(w s) / sum(w) over the known needs s: a great need is made up for by small ones
    geometric   [1 - prod((1 - (1 - f) s)^(w / sum w))] / (1 - f): the geometric mean of what is *not* lacking, with the
                floor f = ``FLOOR``; a great need is made up for less, so this is never below the arithmetic mean
                (Handbook, step 6)
    """
    return weighted(prepared(needs, aggregation), weights, aggregation)


def prepared(needs: Floats, aggregation: Aggregation) -> Floats:
    """Needs as ``weighted`` adds them: themselves, or the logarithms of what is not lacking."""
    return needs if aggregation == "arithmetic" else np.asarray(np.log1p(-(1.0 - FLOOR) * needs))


def weighted(parts: Floats, weights: Floats, aggregation: Aggregation) -> Floats:
    """The index out of ``prepared`` needs (n, r)."""
    mean = _mean(np.ascontiguousarray(parts.T), weights)
    return mean if aggregation == "arithmetic" else np.asarray((0.0 - np.expm1(mean)) / (1.0 - FLOOR))


@njit(error_model="numpy", cache=True)
def _mean(parts: Floats, weights: Floats) -> Floats:
    """Weighted mean over the known parts (r, n), added in the order of the components whatever the threads."""
    total, whole = np.zeros(parts.shape[1]), np.zeros(parts.shape[1])
    for r in range(len(weights)):
        part, weight = parts[r], weights[r]
        for i in range(len(part)):
            known = not np.isnan(part[i])
            total[i] += weight * part[i] if known else 0.0
            whole[i] += weight if known else 0.0
    for i in range(len(total)):
        total[i] = total[i] / whole[i] if whole[i] > 0.0 else np.nan
    return total
