"""Components that say nearly the same: their weights add up without anybody having meant it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

from phusong.coverage.ranking.index import Measured, lack

STRONG = 0.8
"""From this correlation of ranks on, without regard to its sign, two components are told of."""
FEWEST = 10
"""Communes that must be known in both."""


class Pair(NamedTuple):
    """Two components, Spearman's correlation of what communes lack in them, and over how many communes."""

    first: str
    second: str
    spearman: float
    communes: int


def correlated(of: Measured, *, strong: float = STRONG, fewest: int = FEWEST) -> list[Pair]:
    """Pairs with weights whose lacks rise or fall together, the strongest first.

    Spearman's coefficient: the correlation of mean ranks over the communes where both are known.
    """
    lacks = [lack(one, of.value[:, r], one.threshold) for r, one in enumerate(of.components)]
    found = []
    for a, first in enumerate(of.components):
        for b, second in enumerate(of.components[:a]):
            both = ~np.isnan(lacks[a]) & ~np.isnan(lacks[b])
            if not (first.weight > 0 and second.weight > 0 and both.sum() >= fewest):
                continue
            x, y = rankdata(lacks[a][both]), rankdata(lacks[b][both])
            if x.min() == x.max() or y.min() == y.max():
                continue
            r = float(np.corrcoef(x, y)[0, 1])
            if abs(r) >= strong:
                found.append(Pair(second.id, first.id, round(r, 6), int(both.sum())))
    return sorted(found, key=lambda pair: (-abs(pair.spearman), pair.first, pair.second))
