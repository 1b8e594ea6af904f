"""Which of the cheapest ways between neighbouring places of the sample become roads, and of which class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from heapq import heappop, heappush
from itertools import pairwise
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from phusong.layers.sample.services import capital, seats
from phusong.layers.schema import ROAD_CLASSES

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Pair = tuple[int, int]

ROUND: Final = 2.0  # a way round so many times as dear calls for a road of its own
MAIN_COMMUNES: Final = 4  # communes' seats that a provincial road inside a district leads to


def between_shares(
    costs: csr_array, cost: Floats, source: Ints, nodes: Ints
) -> tuple[dict[Pair, float], dict[Pair, Pair]]:
    """The cheapest way between each two neighbouring shares of a search from ``nodes`` (cells, sorted).

    ``cost`` and ``source`` (cells,) are the search's. By pairs of nodes' numbers, smaller first: its cost, and the two
    cells at which it passes from the one's share to the other's.
    """
    steps = costs.tocoo()
    number = np.full(len(cost), -1)
    number[nodes] = np.arange(len(nodes))
    row, col, step = steps.row, steps.col, steps.data
    known = np.isfinite(cost[row]) & np.isfinite(cost[col]) & (source[row] != source[col])
    row, col, step = row[known], col[known], step[known]
    one, other = number[source[row]], number[source[col]]
    turned = one > other
    row, col = np.where(turned, col, row), np.where(turned, row, col)
    one, other = np.where(turned, other, one), np.where(turned, one, other)
    frame = pd.DataFrame({"one": one, "other": other, "u": row, "v": col, "cost": cost[row] + step + cost[col]})
    frame = frame.sort_values(["cost", "u", "v"], kind="stable").drop_duplicates(["one", "other"])
    pairs = list(zip(frame["one"].tolist(), frame["other"].tolist(), strict=True))
    meets = zip(frame["u"].tolist(), frame["v"].tolist(), strict=True)
    return dict(zip(pairs, frame["cost"].tolist(), strict=True)), dict(zip(pairs, meets, strict=True))


def network(
    units: pd.DataFrame, links: Mapping[Pair, float], nodes: Ints, *, towns: Ints, stops: Sequence[Ints]
) -> dict[Pair, str]:
    """The links that become roads, by their class.

    ``towns``: each unit's seat (cell, -1 without); ``stops``: cells that each drawn main road passes. National are the
    drawn roads; provincial those from the capital to the district seats (national where none is drawn), and from there
    to several communes' seats;
    district those to single ones; commune the others, by which no way round costs more than ``ROUND`` times the link.
    """
    number = {cell: i for i, cell in enumerate(nodes.tolist())}
    used: dict[Pair, str] = {}
    whole = _matrix(links, len(nodes))
    for line in stops:
        for one, other in pairwise(dict.fromkeys(line.tolist())):
            _use(used, _between(whole, number[one], number[other]), "national")
    needed = {number[cell] for cell in towns[towns >= 0].tolist()}
    spanned = _matrix(_spanner(links, len(nodes), needed=needed, used=set(used)), len(nodes))
    main = seats(units)
    centres = [number[cell] for cell in towns[main].tolist() if cell >= 0]
    middle = number.get(int(towns[capital(units)]), centres[0] if centres else 0)
    ways = [_between(spanned, middle, centre) for centre in centres]
    for way in ways:
        _use(used, way, "provincial" if stops else "national")
    district = units["district"].fillna("").tolist()
    seat_of = {district[row]: int(towns[row]) for row in main.tolist()}
    there = [(row, cell) for row, cell in enumerate(towns.tolist()) if cell >= 0 and seat_of[district[row]] >= 0]
    inward = [_between(spanned, number[seat_of[district[row]]], number[cell]) for row, cell in there]
    for step, communes_beyond in Counter(step for way in inward for step in way).items():
        _use(used, [step], "provincial" if communes_beyond >= MAIN_COMMUNES else "district")
    _use(used, zip(*(part.tolist() for part in spanned.nonzero()), strict=True), "commune")
    return used


def _matrix(links: Mapping[Pair, float], n: int) -> csr_array:
    ends = np.array([*links], dtype=np.int64).reshape(-1, 2)
    return csr_array((np.array([*links.values()], dtype=np.float64), (ends[:, 0], ends[:, 1])), shape=(n, n))


def _use(used: dict[Pair, str], steps: Iterable[Pair], word: str) -> None:
    """Note steps as roads; the better class stays."""
    for step in steps:
        if step not in used or ROAD_CLASSES.index(word) < ROAD_CLASSES.index(used[step]):
            used[step] = word


def _between(matrix: csr_array, one: int, other: int) -> list[Pair]:
    """The links of the cheapest way between two nodes; none where there is none."""
    _, before = dijkstra(matrix, directed=False, indices=one, return_predecessors=True)
    steps = []
    while before[other] >= 0:
        back = int(before[other])
        steps.append((min(other, back), max(other, back)))
        other = back
    return steps


def _spanner(links: Mapping[Pair, float], n: int, *, needed: set[int], used: set[Pair]) -> dict[Pair, float]:
    """Links such that no way round one of the others costs more than ``ROUND`` times it (Althöfer et al. 1993,
    doi:10.1007/BF02189308), with all ``used`` ones and without those that end at a node that is not needed."""
    kept = {pair: links[pair] for pair in sorted(used)}
    beside: list[dict[int, float]] = [{} for _ in range(n)]
    for (one, other), cost in kept.items():
        beside[one][other] = beside[other][one] = cost
    for (one, other), cost in sorted(links.items(), key=lambda link: (link[1], link[0])):
        if (one, other) not in kept and not _within(beside, one, other, limit=ROUND * cost):
            kept[one, other] = beside[one][other] = beside[other][one] = cost
    while True:
        degree = np.bincount(np.array([*kept], dtype=np.int64).ravel(), minlength=n)
        loose = [p for p in kept if p not in used and any(degree[k] == 1 and k not in needed for k in p)]
        if not loose:
            return kept
        for pair in loose:
            del kept[pair]


def _within(beside: Sequence[Mapping[int, float]], one: int, other: int, *, limit: float) -> bool:
    """Whether a way between two nodes costs at most ``limit``."""
    heap, done = [(0.0, one)], set()
    while heap:
        cost, here = heappop(heap)
        if here == other:
            return True
        if here in done:
            continue
        done.add(here)
        for near, step in beside[here].items():
            if near not in done and cost + step <= limit:
                heappush(heap, (cost + step, near))
    return False
