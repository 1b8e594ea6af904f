"""Lines that meet end to end, as chains: features of one road follow each other, whatever their classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Chains:
    """Lines joined where just two ends meet; loops are chains too.

    ``order``: the lines, chain after chain. ``chain`` of each line, and whether it is passed ``back``wards. ``first``
    and ``last``: where each chain begins and ends in ``order``. ``begins`` and ``ends``: the node at either end of each
    chain; nodes are places where lines end, numbered.
    """

    order: Ints
    chain: Ints
    back: Flags
    first: Ints
    last: Ints
    begins: Ints
    ends: Ints


def chains(lines: NDArray[np.object_]) -> Chains:
    """The chains of lines (LineString, not empty); ends meet where their coordinates are the same."""
    n = len(lines)
    at = np.empty((2 * n, 2))
    for side, which in ((0, 0), (1, -1)):
        at[side::2] = shapely.get_coordinates(shapely.get_point(lines, which))
    node = np.unique(at[:, 0] + 1j * at[:, 1], return_inverse=True)[1].astype(np.int64)
    order, chain, back = _walk(_partners(node))
    first = np.searchsorted(chain[order], np.arange(chain.max(initial=-1) + 1)).astype(np.int64)
    last = np.append(first[1:], n)[: len(first)] - 1
    begins = node[2 * order[first] + back[order[first]]]
    ends = node[2 * order[last] + ~back[order[last]]]
    return Chains(order, chain, back, first, last, begins, ends)


def apart(lines: NDArray[np.object_]) -> Chains:
    """Each line a chain of its own, that meets no other."""
    each = np.arange(len(lines))
    return Chains(each, each, np.zeros(len(lines), dtype=bool), each, each, 2 * each, 2 * each + 1)


def _partners(node: Ints) -> Ints:
    """The end that each end of a line alone meets, -1 where none or several do; ends are 2 x line, + 1 for the last."""
    order = np.argsort(node, kind="stable")
    count = np.bincount(node)
    of_two = order[count[node[order]] == 2].reshape(-1, 2)
    found = np.full(len(node), -1, dtype=np.int64)
    found[of_two[:, 0]], found[of_two[:, 1]] = of_two[:, 1], of_two[:, 0]
    return found


@njit(error_model="numpy", cache=True)
def _walk(partner: Ints) -> tuple[Ints, Ints, Flags]:
    """(lines in order, chain of each line, whether it is passed backwards): from loose ends first, then loops."""
    n = len(partner) // 2
    order, chain, back = np.empty(n, np.int64), np.full(n, -1, np.int64), np.zeros(n, np.bool_)
    done, chains = 0, 0
    for loops in (False, True):
        for start in range(2 * n):
            if chain[start >> 1] >= 0 or (partner[start] >= 0 and not loops):
                continue
            end = start
            while end >= 0 and chain[end >> 1] < 0:
                chain[end >> 1], back[end >> 1] = chains, end & 1
                order[done] = end >> 1
                done += 1
                end = partner[end ^ 1]
            chains += 1
    return order, chain, back
