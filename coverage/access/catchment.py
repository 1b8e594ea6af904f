"""Supply shared among the people who can reach it: floating catchment measures on sparse pairs in reach.

With supply S_j, people P_i and the weight W_ij of the travel between them (0 beyond the limit):

- ``2sfca`` (Luo and Wang 2003): R_j = S_j / sum_i W_ij P_i, A_i = sum_j W_ij R_j, with W 1 within the limit.
- ``e2sfca`` (Luo and Qi 2009): the same with a weight that falls with the travel, in steps or continuously.
- ``3sfca`` (Wan, Zou and Sternberg 2012): people choose: G_ij = W_ij / sum_k W_ik, R_j = S_j / sum_i G_ij W_ij P_i,
  A_i = sum_j G_ij W_ij R_j.
- ``m2sfca`` (Delamater 2013): A_i = sum_j W_ij S_j W_ij / sum_k W_kj P_k: far supply is used less.

In the first three the supply with demand in reach is shared out whole: sum_i A_i P_i = sum_j S_j; in the last at most.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Method = Literal["2sfca", "e2sfca", "3sfca", "m2sfca"]


@dataclass(frozen=True)
class Pairs:
    """Who reaches what: place of demand, point of supply and the travel between them, each pair once.

    ``demand``, ``supply``: int32[n], sorted by supply, then demand. ``cost``: float64[n], minutes or another cost.
    ValueError if the arrays differ in length, a pair stands twice or out of order, or a cost is negative,
    infinite or unknown.
    """

    demand: Ints
    supply: Ints
    cost: Floats
    n_demand: int
    n_supply: int

    def __post_init__(self) -> None:
        if not len(self.demand) == len(self.supply) == len(self.cost):
            raise ValueError("pairs of different lengths")
        if not _in_order(self.demand, self.supply, self.n_demand, self.n_supply):
            raise ValueError("pairs must be sorted by supply, then demand, each once and inside the tables")
        if not (np.isfinite(self.cost) & (self.cost >= 0)).all():
            raise ValueError("a cost is negative, infinite or unknown")


@dataclass(frozen=True)
class Step:
    """Weights by zones of travel: ``weights[k]`` up to and with ``limits[k]``, 0 beyond the last limit.

    ValueError if the limits do not rise or a weight is outside 0 to 1.
    """

    limits: tuple[float, ...]
    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.limits or len(self.limits) != len(self.weights):
            raise ValueError("every limit has one weight")
        if not all(b > a for a, b in zip((0.0, *self.limits), self.limits, strict=False)):
            raise ValueError("limits must rise from above 0")
        if not all(0 <= weight <= 1 for weight in self.weights):
            raise ValueError("weights are shares, 0 to 1")

    @property
    def limit(self) -> float:
        """Farthest travel that counts."""
        return self.limits[-1]

    def __call__(self, cost: Floats) -> Floats:
        """Weight of each cost, 0-1."""
        weight = np.zeros(cost.shape)
        for limit, value in zip(reversed(self.limits), reversed(self.weights), strict=True):
            weight[cost <= limit] = value
        return weight


@dataclass(frozen=True)
class Gaussian:
    """Weight (exp(-(c/limit)^2 / 2) - exp(-1/2)) / (1 - exp(-1/2)): 1 at once, 0 at the limit (Dai 2010, eq. 3)."""

    limit: float

    def __post_init__(self) -> None:
        if not (self.limit > 0 and math.isfinite(self.limit)):
            raise ValueError("the limit is a positive number")

    def __call__(self, cost: Floats) -> Floats:
        """Weight of each cost, 0-1."""
        least = math.exp(-0.5)
        weight = (np.exp(-0.5 * (cost / self.limit) ** 2) - least) / (1 - least)
        return np.where(cost <= self.limit, np.maximum(weight, 0.0), 0.0)


Decay = Step | Gaussian


@dataclass(frozen=True)
class Catchment:
    """Access by catchments.

    ``access``: float64[n_demand], supply a person; NaN: nothing in reach; 0: nothing of weight there.
    ``ratio``: float64[n_supply], supply a weighted person; NaN: no demand in reach. ``unreached``: int64, those points.
    ``supplied``: sum of access x people; ``reached_supply``: the supply it came from; ``unreached_supply``: the rest.
    """

    access: Floats
    ratio: Floats
    unreached: NDArray[np.int64]
    supplied: float
    reached_supply: float
    unreached_supply: float


def two_step(pairs: Pairs, *, demand: Floats, supply: Floats, decay: Decay, method: Method = "e2sfca") -> Catchment:
    """Access of every place by one of the floating catchment measures (formulas and sources: see the module).

    ``demand``: people of each place; ``supply``: places, seats or points of each point; finite and not negative, 0 is
    allowed. ``decay``: weight of the travel; ``2sfca`` counts everything within its limit as 1. ValueError if the
    tables do not fit the pairs or hold a negative or unknown number.
    """
    for name, table, n in (("demand", demand, pairs.n_demand), ("supply", supply, pairs.n_supply)):
        if table.shape != (n,):
            raise ValueError(f"{name} has shape {table.shape}, the pairs know {n}")
        if not (np.isfinite(table) & (table >= 0)).all():
            raise ValueError(f"{name} holds a negative or unknown number")
    if method == "2sfca":
        decay = Step((decay.limit,), (1.0,))
    weight = decay(pairs.cost)
    if method == "3sfca":
        # what a person at i gives to j is chosen by G, so that G W takes the place of W
        whole = np.bincount(pairs.demand, weights=weight, minlength=pairs.n_demand).astype(np.float64)
        weight = _chosen(weight, pairs.demand, whole)
    near = pairs.cost <= decay.limit
    access, ratio = _shared(pairs.demand, pairs.supply, weight, near, demand, supply, method == "m2sfca")
    lost = np.isnan(ratio)
    return Catchment(
        access,
        ratio,
        np.flatnonzero(lost),
        supplied=float(np.nansum(access * demand)),
        reached_supply=float(supply[~lost].sum()),
        unreached_supply=float(supply[lost].sum()),
    )


@njit(error_model="numpy", cache=True)
def _in_order(demand: Ints, supply: Ints, n_demand: int, n_supply: int) -> bool:
    for k in range(len(demand)):
        if not (0 <= demand[k] < n_demand and 0 <= supply[k] < n_supply):
            return False
        if k and (supply[k] < supply[k - 1] or (supply[k] == supply[k - 1] and demand[k] <= demand[k - 1])):
            return False
    return True


@njit(error_model="numpy", cache=True)
def _chosen(weight: Floats, demand: Ints, whole: Floats) -> Floats:
    """G W of each pair: W^2 over the sum of W at its place, 0 where that is 0."""
    found = np.zeros(len(weight))
    for k in range(len(weight)):
        if weight[k] > 0:
            found[k] = weight[k] * weight[k] / whole[demand[k]]
    return found


@njit(error_model="numpy", cache=True)
def _shared(  # noqa: PLR0917
    demand: Ints,
    supply: Ints,
    weight: Floats,
    near: NDArray[np.bool_],
    people: Floats,
    size: Floats,
    twice: bool,
) -> tuple[Floats, Floats]:
    """(access, ratio): both steps, supply by supply; ``twice`` weighs the second step by the square (M2SFCA)."""
    access = np.full(len(people), np.nan)
    ratio = np.full(len(size), np.nan)
    k = 0
    while k < len(demand):
        point = supply[k]
        end = k
        asked = 0.0
        while end < len(demand) and supply[end] == point:
            asked += weight[end] * people[demand[end]]
            end += 1
        if asked > 0:
            ratio[point] = size[point] / asked
        for pair in range(k, end):
            if near[pair]:
                share = weight[pair] * ratio[point] if asked > 0 else 0.0
                got = share * weight[pair] if twice else share
                access[demand[pair]] = got if np.isnan(access[demand[pair]]) else access[demand[pair]] + got
        k = end
    return access, ratio
