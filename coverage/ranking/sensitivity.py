"""How far the places hang on choices: every choice drawn anew, each alone and all together.

Uncertainty analysis of a composite indicator as M. Saisana, A. Saltelli and S. Tarantola, J. R. Statist. Soc. A 168
(2005) 307-323, and step 7 of the OECD and JRC Handbook (2008) have it: the output is the place, not the index.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import NDArray

from phusong.coverage.ranking.index import (
    AGGREGATIONS,
    NORMALISATIONS,
    SAME,
    Aggregation,
    Floats,
    Index,
    Measured,
    Normalisation,
    component_needs,
    lack,
    normalised,
    prepared,
    weighted,
    whole_numbers,
)

Choice = Literal["weights", "thresholds", "normalisation", "aggregation", "population", "coverage"]
CHOICES: tuple[Choice, ...] = get_args(Choice)
TOGETHER = "together"
"""Stands where no choice alone moves a commune over the line, but all of them do."""
LOW_PCT, HIGH_PCT = 5, 95
"""The share of the draws up to the first and the last place of the interval."""
_PLACE_BITS = 18

Places = NDArray[np.int32]
Draws = NDArray[np.float32]


@dataclass(frozen=True)
class Variation:
    """What is drawn. Weights and thresholds evenly between their value less and plus the share; the others evenly among
    their alternatives, the declared one included; coverage as ``varied_shares`` has it."""

    vary: tuple[Choice, ...] = CHOICES
    draws: int = 1000
    seed: int = 2012
    first_n: int = 20
    weight_spread_pct: float = 50.0
    threshold_shift_pct: float = 10.0


@dataclass(frozen=True)
class Sensitivity:
    """``table``: columns rank_low, rank_high (Int64), in_first_pct, depends (yes, no; "" without a place), depends_on;
    rows as measured.

    ``moves``: a choice that could be varied -> how many alternatives or draws, mean and greatest move of a place, and
    how many communes enter or leave the first N. ``left_out``: choices asked for of which there is nothing to vary.
    """

    table: pd.DataFrame
    moves: Mapping[str, Mapping[str, float]]
    left_out: tuple[str, ...] = ()


class _State(NamedTuple):
    """One draw: what the index is computed with."""

    weights: Floats
    factors: Floats | None = None
    normalisation: Normalisation = "shortfall"
    aggregation: Aggregation = "arithmetic"
    population: str = ""
    coverage: int = -1


def sensitivity(
    of: Measured,
    index: Index,
    *,
    rank: Floats,
    variation: Variation,
    populations: Mapping[str, Floats] | None = None,
    coverage: Mapping[int, Draws] | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> Sensitivity:
    """Places of every commune under the choices named in ``variation.vary``.

    ``rank``: its place by the declared choices, float64[n], NaN where it has none: it gets none here. Communes of the
    same need stand in that order. ``populations``: values (n, r) of ``of`` if people are placed by another source, by
    its name. ``coverage``: by component, the change of its value in percentage points, (draws, n).
    What is not known stays so in every draw, and a change that is not known is none.

    Same input, same seed: same answer; each choice has its own stream of random numbers, so that leaving one out does
    not change the others. 5 % of the draws place a commune before ``rank_low``, 5 % behind ``rank_high``.
    """
    populations, coverage = populations or {}, coverage or {}
    work = _Work(of, index, populations, coverage, rank)
    weights = of.weights
    base = _State(weights, normalisation=index.normalisation, aggregation=index.aggregation)
    usable = _usable(of, variation, populations, coverage)
    varied: tuple[Choice, ...] = tuple(one for one in variation.vary if one in usable)
    drawn = {one: _draw(one, of, variation, populations) for one in varied}
    n, first_n = len(rank), variation.first_n
    ranked = ~np.isnan(rank)
    place = np.where(ranked, rank, n + 1).astype(np.int32)
    declared_first = ranked & (place <= first_n)

    moves: dict[str, dict[str, float]] = {}
    depends: list[list[str]] = [[] for _ in range(n)]

    def look(name: str, states: list[_State], *, few: bool) -> Places:
        """Places in each state; notes how far they move and who crosses the line of the first N."""
        places = work.places(states)
        inside = (places <= first_n).mean(axis=0)
        over = ranked & (
            (inside > 0) & (inside < 1) if few else (100.0 * inside > LOW_PCT) & (100.0 * inside < HIGH_PCT)
        )
        over |= ranked & (declared_first != (inside >= 0.5))
        apart = np.abs(places[:, ranked] - place[ranked])
        moves[name] = {
            "draws": len(states),
            "mean_places": round(float(apart.mean()), 6) if apart.size else 0.0,
            "most_places": int(apart.max(initial=0)),
            "first_n_depends": int(over.sum()),
        }
        for row in np.flatnonzero(over):
            depends[row].append(name)
        return places

    options = _options(of, populations)
    steps = len(varied) + 1
    for k, one in enumerate(varied):
        values = options.get(one, drawn[one])
        look(one, [_with(base, one, value) for value in values], few=one in options)
        progress((k + 1) / steps)
    together = [_all(base, drawn, d) for d in range(variation.draws)] if varied else [base]
    places = look(TOGETHER, together, few=False)
    for names in depends:
        if len(names) > 1 and names[-1] == TOGETHER:
            names.pop()
    ordered = np.sort(np.ascontiguousarray(places.T), axis=1)
    low, high = (ordered[:, _at(pct, len(places))].astype(np.int64) for pct in (LOW_PCT, HIGH_PCT))
    table = pd.DataFrame(
        {
            "rank_low": whole_numbers(low, known=ranked),
            "rank_high": whole_numbers(high, known=ranked),
            "in_first_pct": np.where(ranked, 100.0 * (places <= first_n).mean(axis=0), np.nan),
            "depends": np.where(ranked, np.where([bool(names) for names in depends], "yes", "no"), ""),
            "depends_on": pd.Series([";".join(names) for names in depends], dtype="str"),
        }
    )
    progress(1.0)
    return Sensitivity(table, moves, tuple(one for one in variation.vary if one not in usable))


def _at(pct: int, draws: int) -> int:
    """Index of the least of so many ordered draws that at least ``pct`` of a hundred do not exceed."""
    return -(-pct * draws // 100) - 1


def _usable(
    of: Measured, variation: Variation, populations: Mapping[str, Floats], coverage: Mapping[int, Draws]
) -> set[str]:
    """Choices of which something can be varied."""
    carries = [one for one in of.components if one.weight > 0]
    found = {
        "weights": len(carries) > 1 and variation.weight_spread_pct > 0,
        "thresholds": any(one.shifts for one in carries) and variation.threshold_shift_pct > 0,
        "normalisation": bool(carries),
        "aggregation": len(carries) > 1,
        "population": bool(populations),
        "coverage": bool(coverage),
    }
    return {name for name, usable in found.items() if usable}


def normalisations(of: Measured) -> tuple[Normalisation, ...]:
    """Those that the components allow: a shortfall needs a threshold."""
    whole = all(np.isfinite(one.threshold) for one in of.components)
    return NORMALISATIONS if whole else NORMALISATIONS[1:]


def _draw(one: Choice, of: Measured, variation: Variation, populations: Mapping[str, Floats]) -> list[object]:
    """What the draws take of a choice, one after the other."""
    rng = np.random.default_rng([variation.seed, CHOICES.index(one)])
    draws, size = variation.draws, len(of.components)
    if one == "weights":
        spread = variation.weight_spread_pct / 100.0
        return list(of.weights * rng.uniform(1.0 - spread, 1.0 + spread, (draws, size)))
    if one == "thresholds":
        shift = variation.threshold_shift_pct / 100.0
        factors = rng.uniform(1.0 - shift, 1.0 + shift, (draws, size))
        return list(np.where([c.shifts for c in of.components], factors, 1.0))
    if one == "coverage":
        return list(range(draws))
    options = _options(of, populations)[one]
    return [options[k] for k in rng.integers(0, len(options), draws)]


def _options(of: Measured, populations: Mapping[str, Floats]) -> dict[str, tuple[str, ...]]:
    """The alternatives of the choices that have a few; people as placed by the study are ""."""
    return {
        "normalisation": normalisations(of),
        "aggregation": AGGREGATIONS,
        "population": ("", *sorted(populations)),
    }


_FIELD: Mapping[str, str] = {"thresholds": "factors"}
"""Where a draw of a choice stands in a state, if not under the choice's name."""


def _with(state: _State, one: str, value: object) -> _State:
    change: dict[str, Any] = {_FIELD.get(one, one): value}
    return state._replace(**change)


def _all(base: _State, drawn: Mapping[Choice, list[object]], d: int) -> _State:
    state = base
    for one, values in drawn.items():
        state = _with(state, one, values[d])
    return state


@dataclass
class _Work:
    """Places under a state; needs that many states share are kept."""

    of: Measured
    index: Index
    populations: Mapping[str, Floats]
    coverage: Mapping[int, Draws]
    rank: Floats
    kept: dict[tuple[str, str, str], Floats] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.order = np.argsort(np.where(np.isnan(self.rank), np.inf, self.rank), kind="stable")
        self.ranked = int((~np.isnan(self.rank)).sum())
        self.numbers = np.arange(1, self.ranked + 1, dtype=np.int32)
        self.values = {"": np.asfortranarray(self.of.value)}
        self.moved = {r: np.nan_to_num(change) for r, change in self.coverage.items()}
        known = ~np.isnan(self.of.value)
        for name, value in self.populations.items():
            # no source makes a figure known or unknown that was not so before
            self.values[name] = np.asfortranarray(np.where(known & ~np.isnan(value), value, self.of.value))

    def places(self, states: list[_State]) -> Places:
        """Place of each commune in each state, (states, n); n + 1 for those without one."""
        found = np.full((len(states), len(self.rank)), len(self.rank) + 1, dtype=np.int32)
        for k, state in enumerate(states):
            self.place(weighted(self.parts(state), state.weights, state.aggregation), found[k])
        return found

    def place(self, need: Floats, out: Places) -> None:
        """Places by falling need, in the order of the declared choices where needs are the same (``SAME``)."""
        order = self.order[: self.ranked]
        keys = _keys(need, order)
        keys.sort()
        out[order[keys & ((1 << _PLACE_BITS) - 1)]] = self.numbers

    def parts(self, state: _State) -> Floats:
        """Needs (n, r) in a state, as ``weighted`` adds them; not to be written to."""
        name = (state.normalisation, state.aggregation, state.population)
        if name not in self.kept:
            source = Measured(self.of.components, self.values[state.population], self.of.asked)
            self.kept[name] = prepared(component_needs(source, state.normalisation), state.aggregation)
        whole = self.kept[name]
        changed = {} if state.coverage < 0 else dict.fromkeys(self.moved)
        if state.factors is not None:
            changed |= dict.fromkeys(np.flatnonzero(state.factors != 1.0).tolist())
        if not changed:
            return whole
        parts = whole.copy(order="F")
        for r in changed:
            one, value = self.of.components[r], self.values[state.population][:, r]
            if state.coverage >= 0 and r in self.moved:
                value = np.clip(value + self.moved[r][state.coverage], 0.0, 100.0)
            threshold = one.threshold if state.factors is None else one.shifted(float(state.factors[r]))
            needs = normalised(lack(one, value, threshold), state.normalisation, span=one.span(threshold))
            parts[:, r] = prepared(needs, state.aggregation)
        return parts


@njit(error_model="numpy", cache=True)
def _keys(need: Floats, order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Whole numbers that rise as the need falls, and with the declared order where needs are the same."""
    keys = np.empty(len(order), dtype=np.int64)
    for k in range(len(order)):
        share = need[order[k]]
        share = 0.0 if np.isnan(share) else share
        keys[k] = (np.int64(np.rint((1.0 - share) * SAME)) << _PLACE_BITS) | k
    return keys
