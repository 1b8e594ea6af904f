"""Greedy choice of sites under a budget, with an upper bound on what any choice could reach."""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Choice:
    """The chosen candidates in order, the people each adds, and how good the choice can be at most.

    status         "greedy": a good choice, not proved the best
    people         covered by the choice; never counted twice
    bound_people   no choice within the budget covers more
    gap_pct        100 * (bound - people) / bound: the choice is at most so far from the best; 0 if nothing can be won
    """

    order: tuple[int, ...]
    gains: tuple[float, ...]
    cost_vnd: float
    people: float
    bound_people: float
    status: str = "greedy"

    @property
    def gap_pct(self) -> float:
        """See the class."""
        return 100.0 * (self.bound_people - self.people) / self.bound_people if self.bound_people > 0 else 0.0


def choose(
    covers: csr_array, *, people: Floats, cost_vnd: Floats, budget_vnd: float, min_people: float = 0.0
) -> Choice:
    """Candidates by most new people per VND until the budget or the people are used up, or a single better one.

    ``covers`` (n candidates, m places): nonzero where a candidate covers a place; ``people`` float64[m], 0 or more;
    ``cost_vnd`` float64[n], more than 0. Ties go to the candidate that stands first. A candidate that the rest of the
    budget cannot pay, or that adds no more than ``min_people``, is passed over and the next one tried. A cheap site may
    so use up the money of a dear one that covers more than all that were chosen: then that one alone is the answer. The
    better of the two is never below (1 - 1/e) / 2 of the best (Khuller, Moss and Naor 1999, "The budgeted maximum
    coverage problem"), with ``min_people`` 0.

    Every step computes the marginal gains of all candidates anew (exact, and no rounding adds up). They also give the
    bound: covering people is submodular, so for every set S and the best set O within the budget B
    f(O) <= f(S) + max {sum of marginal gains over S of sites that cost at most B}, which the fractional knapsack
    bounds in turn (Leskovec et al. 2007, "Cost-effective outbreak detection in networks": online bound). The least over
    all steps S holds, and never more than all candidates together cover.
    """
    left = people.astype(np.float64).copy()
    spent = 0.0
    order: list[int] = []
    gains: list[float] = []
    bound = float(people[np.unique(covers.indices)].sum())
    open_ = np.ones(covers.shape[0], dtype=np.bool_)
    while True:
        gain = covers @ left
        bound = min(bound, fsum(gains) + _knapsack(gain, cost_vnd, budget_vnd))
        payable = open_ & (cost_vnd <= budget_vnd - spent) & (gain > min_people)
        if not payable.any():
            break
        best = int(np.argmax(np.where(payable, gain / cost_vnd, -1.0)))
        order.append(best)
        gains.append(float(gain[best]))
        spent += float(cost_vnd[best])
        open_[best] = False
        left[covers.indices[covers.indptr[best] : covers.indptr[best + 1]]] = 0.0
    total = fsum(gains)
    alone = np.where(cost_vnd <= budget_vnd, covers @ people, 0.0)
    if len(alone) and alone.max() > max(total * (1.0 + 1e-9), min_people):  # not by the rounding of the sums
        best = int(np.argmax(alone))
        order, gains, spent, total = [best], [float(alone[best])], float(cost_vnd[best]), float(alone[best])
    return Choice(tuple(order), tuple(gains), spent, total, max(bound, total))


def _knapsack(gain: Floats, cost_vnd: Floats, budget_vnd: float) -> float:
    """The most gain for the budget if parts of sites could be bought."""
    order = np.argsort(-gain / cost_vnd, kind="stable")
    cost = cost_vnd[order]
    before = np.cumsum(cost) - cost
    part = np.clip((budget_vnd - before) / cost, 0.0, 1.0)
    return float((gain[order] * part).sum())
