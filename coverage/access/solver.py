"""Exact shortest paths over a grid, compiled: a label-correcting search by tiles, and the check that proves it.

Kernels and what they call stand in one file because numba's cache watches only the file of the function it compiles.
Cells are flat (row * cols + col). The search runs outwards from the sources; ``sign`` is -1 where the people move
towards the sources (a step of the search from cell to other is the move other -> cell), +1 where they come from them.
"""

# ruff: noqa: PLR0917  (numba takes plain positional arguments)
from __future__ import annotations

from math import exp
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from phusong.coverage.access.moves import BETWEEN, DCOL, DROW, LENGTH, N_KING, N_MOVES, OPPOSITE

Floats = NDArray[np.float64]
Cells = NDArray[np.int64]
Ints = NDArray[np.int32]
Bytes = NDArray[np.uint8]

# A byte for every cell while the search runs: the move (0-15) to the cell's predecessor or one of these words; flags.
LINK, SOURCE, NONE = 61, 62, 63
WORD, LINKED, DONE = np.uint8(63), np.uint8(64), np.uint8(128)

TILE_BITS = 7  # tiles of 128 x 128 cells: their part of the arrays fits into a processor's cache
SLOTS = 128  # buckets of a window
LINK_BITS = 4  # links are found from every 16th cell

TOBLER = 1
LANGMUIR = 2
LEVEL_S_PER_M, UP_S_PER_M, DOWN_S_PER_M, STEEP_SLOPE = 0.72, 6.0, 1.9998, -0.2125


@njit(error_model="numpy", cache=True, forceinline=True)
def pace_factor(pace: int, slope: float) -> float:
    """Time per metre on a slope (rise over horizontal length) over time per metre on the level.

    Tobler (1993): speed 6 exp(-3.5 |slope + 0.05|) km/h. Langmuir (1984) as in r.walk: 0.72 s/m, and per metre of
    height 6 s up, -1.9998 s down to a slope of -0.2125, +1.9998 s down steeper ones.
    """
    if pace == TOBLER:
        return exp(3.5 * (abs(slope + 0.05) - 0.05))
    per_rise = UP_S_PER_M if slope >= 0.0 else (DOWN_S_PER_M if slope >= STEEP_SLOPE else -DOWN_S_PER_M)
    return 1.0 + slope * (per_rise / LEVEL_S_PER_M)


@njit(error_model="numpy", cache=True, forceinline=True)
def king_cost(
    cell: Any,
    other: Any,
    length_m: float,
    sign: float,
    slowness: Floats,
    pace: int,
    elevation_m: NDArray[np.float32] | None,
    directed: NDArray[np.bool_] | None,
) -> float:
    """Cost of a king's move: half its length in each end."""
    first, last = slowness[cell], slowness[other]
    if elevation_m is not None and (directed is None or directed[cell] or directed[other]):
        factor = pace_factor(pace, sign * (np.float64(elevation_m[other]) - elevation_m[cell]) / length_m)
        if directed is None or directed[cell]:
            first *= factor
        if directed is None or directed[other]:
            last *= factor
    return float(0.5 * length_m * (first + last))


@njit(error_model="numpy", cache=True, forceinline=True)
def knight_cost(
    cell: Any,
    near: Any,
    far: Any,
    other: Any,
    length_m: float,
    sign: float,
    slowness: Floats,
    pace: int,
    elevation_m: NDArray[np.float32] | None,
    directed: NDArray[np.bool_] | None,
) -> float:
    """Cost of a knight's move: a quarter of its length in each end and in the two cells between."""
    ends, middle = 0.0, 0.0
    factor = 1.0
    if elevation_m is not None:
        factor = pace_factor(pace, sign * (np.float64(elevation_m[other]) - elevation_m[cell]) / length_m)
        if directed is not None:
            ends = slowness[cell] * (factor if directed[cell] else 1.0)
            ends += slowness[other] * (factor if directed[other] else 1.0)
            middle = slowness[near] * (factor if directed[near] else 1.0)
            middle += slowness[far] * (factor if directed[far] else 1.0)
            return float(0.25 * length_m * (ends + middle))
    ends = (slowness[cell] + slowness[other]) * factor
    middle = (slowness[near] + slowness[far]) * factor
    return float(0.25 * length_m * (ends + middle))


@njit(error_model="numpy", cache=True, forceinline=True)
def _push(slot: Any, cell: Any, item: Ints, following: Ints, head: Ints, free: Cells) -> None:
    """Puts a cell at the head of a list; ``free``: the first free node, how many there are."""
    node = free[0]
    free[0] = following[node]
    free[1] -= 1
    item[node] = cell
    following[node] = head[slot]
    head[slot] = node


@njit(error_model="numpy", cache=True)
def search(
    cost: Floats,
    nearest: Ints,
    state: Bytes,
    blocked: NDArray[np.uint16],
    slowness: Floats,
    pace: int,
    elevation_m: NDArray[np.float32] | None,
    directed: NDArray[np.bool_] | None,
    sign: float,
    n_moves: int,
    length_m: Floats,
    offset: Cells,
    near: Cells,
    far: Cells,
    window: float,
    link_first: Ints,
    link_at: Cells,
    link_next: Cells,
    link_cost: Floats,
    reserve: int,
    waiting: Floats,
    head: Ints,
    item: Ints,
    following: Ints,
    free: Cells,
    changed: Cells,
) -> bool:
    """Least costs from the sources into ``cost``; False if nodes ran short: give more of them and call again.

    ``cost``: flat, all of one start value, infinity or the number next above the limit, but 0 at the sources, which
    wait in a bucket. ``nearest``: int32, -1 but at the sources; of length 0 if not wanted. ``state``: uint8, NONE but
    at the sources, with LINKED where a link starts: ``link_at``, sorted, leads to ``link_next``, and ``link_first``
    says where to look (``LINK_BITS``). ``blocked``: (rows, cols), ``moves.blocked_moves``. Of equal costs the source of
    the lowest number stands. ``elevation_m``, ``directed``: None, or flat. ``length_m``, ``offset``, ``near``, ``far``:
    of each move its length, its end and, for knight's moves, the cells between, as differences of flat cells.
    ``window``: by how much cost a tile is taken further at a time. ``reserve``: most moves and links of a cell.

    Lists of cells: their first nodes in ``head``, SLOTS buckets, then tiles; a node's cell in ``item``, the next node
    in ``following``; ``free``: first free node, how many there are. ``waiting``: at most the least cost that waits in
    each tile. ``changed``: first and last cell whose cost changed.

    Cells whose cost fell (or whose source did at equal cost) wait in a list of their tile. The tile with the least
    waiting cost is taken ``window`` further: its cells wait in buckets by cost and are expanded in this order; cells of
    other tiles and of later windows wait in the lists. A cell whose cost falls after it was expanded waits anew. So the
    search ends with every move and link satisfied, whatever the tiles and the window, which only matter for speed.
    Costs are least sums of floating-point numbers added from the source outwards: they do not depend on the order.
    """
    cols = blocked.shape[1]
    shut_moves = blocked.reshape(-1)
    tile_cols = (cols >> TILE_BITS) + 1
    allocate = len(nearest) > 0
    while True:
        tile = np.int64(0)
        for i in range(1, len(waiting)):
            if waiting[i] < waiting[tile]:
                tile = np.int64(i)
        start = waiting[tile]
        if not start < np.inf:
            return True
        waiting[tile] = np.inf
        end = max(start + window, start * (1.0 + 1e-15))
        per_slot = min(SLOTS / (end - start), 1e300)  # not infinity, however small the costs are
        node = head[SLOTS + tile]
        head[SLOTS + tile] = -1
        while node >= 0:  # out of the tile's list: into the buckets, back again, or away
            cell, after = np.int64(item[node]), following[node]
            if state[cell] & DONE:
                following[node] = free[0]
                free[0] = node
                free[1] += 1
            else:
                if cost[cell] < end:
                    slot = min(int((cost[cell] - start) * per_slot), SLOTS - 1)
                else:
                    slot = int(SLOTS + tile)
                    waiting[tile] = min(waiting[tile], cost[cell])
                following[node] = head[slot]
                head[slot] = node
            node = after
        for bucket in range(SLOTS):
            while head[bucket] >= 0:
                node = head[bucket]
                head[bucket] = -1
                while node >= 0:
                    if free[1] < reserve:
                        rest = node
                        while following[rest] >= 0:
                            rest = following[rest]
                        following[rest] = head[bucket]
                        head[bucket] = node
                        waiting[tile] = start
                        return False
                    cell, after = np.int64(item[node]), following[node]
                    following[node] = free[0]
                    free[0] = node
                    free[1] += 1
                    node = after
                    flags = state[cell]
                    if flags & DONE:
                        continue
                    state[cell] = flags | DONE
                    changed[0], changed[1] = min(changed[0], cell), max(changed[1], cell)
                    done, owner, shut = cost[cell], np.int32(0), shut_moves[cell]
                    if allocate:
                        owner = nearest[cell]
                    for move in range(n_moves):
                        if shut >> move & 1:
                            continue
                        other = cell + offset[move]
                        if cost[other] < done:  # no move is free
                            continue
                        if move < N_KING:
                            step = king_cost(cell, other, length_m[move], sign, slowness, pace, elevation_m, directed)
                        else:
                            step = knight_cost(
                                cell,
                                cell + near[move],
                                cell + far[move],
                                other,
                                length_m[move],
                                sign,
                                slowness,
                                pace,
                                elevation_m,
                                directed,
                            )
                        new = done + step
                        if new <= cost[other]:
                            if new == cost[other] and (not allocate or nearest[other] <= owner):
                                continue
                            cost[other] = new
                            if allocate:
                                nearest[other] = owner
                            state[other] = np.uint8(OPPOSITE[move]) | (state[other] & LINKED)
                            there = (other // cols >> TILE_BITS) * tile_cols + (other % cols >> TILE_BITS)
                            if there == tile and new < end:
                                slot = min(int((new - start) * per_slot), SLOTS - 1)
                            else:
                                slot = int(SLOTS + there)
                                waiting[there] = min(waiting[there], new)
                            _push(slot, other, item, following, head, free)
                    if flags & LINKED:
                        j = np.int64(link_first[cell >> LINK_BITS])
                        while link_at[j] < cell:
                            j += 1
                        while j < len(link_at) and link_at[j] == cell:
                            other, new = link_next[j], done + link_cost[j]
                            j += 1
                            if new <= cost[other] and slowness[other] < np.inf:
                                if new == cost[other] and (not allocate or nearest[other] <= owner):
                                    continue
                                cost[other] = new
                                if allocate:
                                    nearest[other] = owner
                                state[other] = LINK | (state[other] & LINKED)
                                there = (other // cols >> TILE_BITS) * tile_cols + (other % cols >> TILE_BITS)
                                if there == tile and new < end:
                                    slot = min(int((new - start) * per_slot), SLOTS - 1)
                                else:
                                    slot = int(SLOTS + there)
                                    waiting[there] = min(waiting[there], new)
                                _push(slot, other, item, following, head, free)


@njit(error_model="numpy", cache=True)
def worst_residual(
    cost: Floats,
    nearest: Ints,
    slowness: Floats,
    closed: NDArray[np.uint16] | None,
    pace: int,
    elevation_m: NDArray[np.float32] | None,
    directed: NDArray[np.bool_] | None,
    sign: float,
    n_moves: int,
    cell_m: float,
    limit: float,
    sources: Cells,
    link_at: Cells,
    link_next: Cells,
    link_cost: Floats,
) -> float:
    """Largest difference between a cell's cost and the least its moves and links offer; infinity for a wrong source.

    Shares nothing with the search but the cost of a move: every condition is looked up anew. Rasters are (rows, cols),
    but ``nearest``, flat, of length 0 if it was not kept; ``link_at``, sorted: where a link towards the source starts.
    Cells without an offer within the limit must hold infinity, as impassable ones; void ones NaN.
    """
    rows, cols = cost.shape
    costs, slow, worst = cost.reshape(-1), slowness.reshape(-1), 0.0
    heights = None if elevation_m is None else elevation_m.reshape(-1)
    sloped = None if directed is None else directed.reshape(-1)
    source_of = np.full(cost.size, -1, dtype=np.int32)
    for i in range(len(sources) - 1, -1, -1):
        source_of[sources[i]] = i
    link = 0
    for cell in range(cost.size):
        row, col = cell // cols, cell % cols
        best, owner = np.inf, np.int32(-1)
        if source_of[cell] >= 0:
            best, owner = 0.0, source_of[cell]
        k = 0
        while True:
            if k < n_moves:
                there, beside, move = row + DROW[k], col + DCOL[k], k
                k += 1
                if not (0 <= there < rows and 0 <= beside < cols):
                    continue
                if closed is not None and (closed[row, col] >> move | closed[there, beside] >> OPPOSITE[move]) & 1:
                    continue
                other = there * cols + beside
                if move >= N_KING:
                    near = cell + BETWEEN[move, 0, 0] * cols + BETWEEN[move, 0, 1]
                    far = cell + BETWEEN[move, 1, 0] * cols + BETWEEN[move, 1, 1]
                    step = knight_cost(other, far, near, cell, LENGTH[move] * cell_m, sign, slow, pace, heights, sloped)
                elif move & 1 and not (slowness[row, beside] < np.inf or slowness[there, col] < np.inf):
                    continue
                else:
                    step = king_cost(other, cell, LENGTH[move] * cell_m, sign, slow, pace, heights, sloped)
            elif link < len(link_at) and link_at[link] == cell:
                other, step = link_next[link], link_cost[link]
                link += 1
            else:
                break
            offer = costs[other] + step
            if len(nearest) > 0 and offer < np.inf and (offer < best or (offer == best and nearest[other] < owner)):
                owner = nearest[other]
            best = min(best, offer)
        if not slow[cell] < np.inf or not best <= limit:
            best, owner = np.inf, np.int32(-1)
        if np.isnan(slow[cell]):
            if not np.isnan(costs[cell]):
                return np.inf
        elif best != costs[cell]:
            apart = abs(best - costs[cell])
            if not apart < np.inf:  # reached against not reached, or no number
                return np.inf
            worst = max(worst, apart)
        elif len(nearest) > 0 and owner != nearest[cell]:
            return np.inf
    return worst


@njit(error_model="numpy", cache=True)
def follow(
    cell: Any,
    path: Cells,
    state: Bytes,
    cost: Floats,
    nearest: Ints,
    cols: int,
    link_at: Cells,
    link_next: Cells,
    link_cost: Floats,
    link_length: Floats,
) -> tuple[int, float, float]:
    """How many cells lie from ``cell`` to its source, both with it; the length of the moves, in cells; of the links, m.

    As many of the cells as fit are written into ``path``. -1 cells if the steps run in a ring, as links may whose costs
    are lost in the rounding of the whole.
    """
    cells, moves, links_m = 0, 0.0, 0.0
    while cells <= len(state):
        if cells < len(path):
            path[cells] = cell
        cells += 1
        word = state[cell] & WORD
        if word < N_MOVES:
            moves += LENGTH[word]
            cell += DROW[word] * cols + DCOL[word]
        elif word == LINK:
            low, high = 0, len(link_at)
            while low < high:
                middle = (low + high) // 2
                if link_at[middle] < cell:
                    low = middle + 1
                else:
                    high = middle
            while cost[link_next[low]] + link_cost[low] != cost[cell] or (
                len(nearest) > 0 and nearest[link_next[low]] != nearest[cell]
            ):
                low += 1
            links_m += link_length[low]
            cell = link_next[low]
        else:
            return cells, moves, links_m
    return -1, moves, links_m
