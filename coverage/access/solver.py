"""Exact shortest paths over a grid, compiled: a label-correcting search by tiles, and the check that proves it.

Kernels and what they call stand in one file because numba's cache watches only the file of the function it compiles.
Cells are flat (row * cols + col). The search runs outwards from the sources; ``sign`` is -1 where the people move
towards the sources (a step of the search from cell to other is the move other -> cell), +1 where they come from them.
"""

# ruff: noqa: PLR0917  (numba takes plain positional arguments)
from __future__ import annotations

from math import exp

import numpy as np
from numba import njit
from numpy.typing import NDArray

from phusong.coverage.access.moves import BETWEEN, DCOL, DROW, LENGTH, N_KING, N_MOVES, OPPOSITE

Floats = NDArray[np.float64]
Cells = NDArray[np.int64]

# A byte for every cell while the search runs: the move (0-15) to the cell's predecessor or one of these words; flags.
LINK, SOURCE, NONE = 61, 62, 63
WORD, LINKED, DONE = np.uint8(63), np.uint8(64), np.uint8(128)

TILE_BITS = 7  # tiles of 128 x 128 cells: their part of the arrays fits into a processor's cache
SLOTS = 128  # buckets of a window
LINK_BITS = 4  # links are found from every 16th cell

TOBLER = 1
LANGMUIR = 2
LEVEL_S_PER_M, UP_S_PER_M, DOWN_S_PER_M, STEEP_SLOPE = 0.72, 6.0, 1.9998, -0.2125


@njit(error_model="numpy", cache=True)
def pace_factor(pace: int, slope: float) -> float:
    """Time per metre on a slope (rise over horizontal length) over time per metre on the level.

    Tobler (1993): speed 6 exp(-3.5 |slope + 0.05|) km/h. Langmuir (1984) as in r.walk: 0.72 s/m, and per metre of
    height 6 s up, -1.9998 s down to a slope of -0.2125, +1.9998 s down steeper ones.
    """
    if pace == TOBLER:
        return exp(3.5 * (abs(slope + 0.05) - 0.05))
    if slope >= 0.0:
        climb = UP_S_PER_M * slope
    elif slope >= STEEP_SLOPE:
        climb = DOWN_S_PER_M * slope
    else:
        climb = -DOWN_S_PER_M * slope
    return (LEVEL_S_PER_M + climb) / LEVEL_S_PER_M


@njit(error_model="numpy", cache=True)
def king_cost(cell, other, length_m, sign, slowness, pace, elevation_m, directed):  # type: ignore[no-untyped-def]
    """Cost of a king's move: half its length in each end."""
    first, last = slowness[cell], slowness[other]
    if elevation_m is not None and (directed is None or directed[cell] or directed[other]):
        factor = pace_factor(pace, sign * (np.float64(elevation_m[other]) - elevation_m[cell]) / length_m)
        if directed is None or directed[cell]:
            first *= factor
        if directed is None or directed[other]:
            last *= factor
    return 0.5 * length_m * (first + last)


@njit(error_model="numpy", cache=True)
def knight_cost(cell, near, far, other, length_m, sign, slowness, pace, elevation_m, directed):  # type: ignore[no-untyped-def]
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
            return 0.25 * length_m * (ends + middle)
    ends = (slowness[cell] + slowness[other]) * factor
    middle = (slowness[near] + slowness[far]) * factor
    return 0.25 * length_m * (ends + middle)


@njit(error_model="numpy", cache=True)
def _push(slot, cell, item, following, head, free):  # type: ignore[no-untyped-def]
    """Puts a cell at the head of a list; ``free``: the first free node, how many there are."""
    node = free[0]
    free[0] = following[node]
    free[1] -= 1
    item[node] = cell
    following[node] = head[slot]
    head[slot] = node


@njit(error_model="numpy", cache=True)
def _grown(item, following, free):  # type: ignore[no-untyped-def]
    """Twice as many nodes."""
    n = len(item)
    more_items, more_following = np.empty(2 * n, dtype=np.int32), np.empty(2 * n, dtype=np.int32)
    more_items[:n] = item
    more_following[:n] = following
    for node in range(n, 2 * n):
        more_following[node] = node + 1
    more_following[2 * n - 1] = free[0]
    free[0] = n
    free[1] += n
    return more_items, more_following


@njit(error_model="numpy", cache=True)
def search(
    cost,
    nearest,
    state,
    blocked,
    slowness,
    pace,
    elevation_m,
    directed,
    sign,
    n_moves,
    cell_m,
    window,
    sources,
    link_first,
    link_at,
    link_next,
    link_cost,
):  # type: ignore[no-untyped-def]
    """Least costs from the sources into ``cost``; the first and last flat cell changed, which bound all changed ones.

    ``cost``: flat, all of one start value, infinity or the number next above the limit. ``nearest``: int32, all -1; of
    length 0 if not wanted. ``state``: uint8, all NONE, with LINKED where a link starts: ``link_at``, sorted, leads to
    ``link_next``, and ``link_first`` says where to look (``LINK_BITS``). ``blocked``: (rows, cols), as
    ``moves.blocked_moves``. Of equal costs the source of the lowest number stands. ``elevation_m``, ``directed``: None,
    or flat. ``window``: by how much cost a tile is taken further at a time.

    Cells whose cost fell (or whose source did at equal cost) wait in a list of their tile. The tile with the least
    waiting cost is taken ``window`` further: its cells wait in buckets by cost and are expanded in this order; cells of
    other tiles and of later windows wait in the lists. A cell whose cost falls after it was expanded waits anew. So the
    search ends with every move and link satisfied, whatever the tiles and the window, which only matter for speed.
    Costs are least sums of floating-point numbers added from the source outwards: they do not depend on the order.
    """
    rows, cols = blocked.shape
    shut_moves = blocked.reshape(-1)
    allocate = len(nearest) > 0
    offset, length_m = np.empty(N_MOVES, dtype=np.int64), np.empty(N_MOVES)
    near, far = np.empty(N_MOVES, dtype=np.int64), np.empty(N_MOVES, dtype=np.int64)
    for k in range(N_MOVES):
        offset[k] = DROW[k] * cols + DCOL[k]
        length_m[k] = LENGTH[k] * cell_m
        near[k] = BETWEEN[k, 0, 0] * cols + BETWEEN[k, 0, 1]
        far[k] = BETWEEN[k, 1, 0] * cols + BETWEEN[k, 1, 1]
    tile_cols = (cols >> TILE_BITS) + 1
    n_tiles = ((rows >> TILE_BITS) + 1) * tile_cols
    waiting = np.full(n_tiles, np.inf)  # at most the least cost that waits in the tile
    head = np.full(SLOTS + n_tiles, -1, dtype=np.int32)  # lists: the buckets, then the tiles
    item = np.empty(max(1 << 16, 2 * len(sources)), dtype=np.int32)
    following = np.arange(1, len(item) + 1).astype(np.int32)
    free = np.array([0, len(item)], dtype=np.int64)
    first, last = np.int64(cost.size), np.int64(-1)
    for i in range(len(sources)):
        cell = sources[i]
        if state[cell] & WORD == SOURCE or not slowness[cell] < np.inf:
            continue
        cost[cell] = 0.0
        if allocate:
            nearest[cell] = i
        state[cell] = SOURCE | (state[cell] & LINKED)
        tile = (cell // cols >> TILE_BITS) * tile_cols + (cell % cols >> TILE_BITS)
        waiting[tile] = 0.0
        _push(SLOTS + tile, cell, item, following, head, free)
    while True:
        tile = np.int64(0)
        for i in range(1, n_tiles):
            if waiting[i] < waiting[tile]:
                tile = np.int64(i)
        start = waiting[tile]
        if not start < np.inf:
            return first, last
        end = max(start + window, np.nextafter(start, np.inf))
        per_slot = SLOTS / (end - start)
        waiting[tile] = np.inf
        node = head[SLOTS + tile]
        head[SLOTS + tile] = -1
        while node >= 0:  # into the buckets, back into the tile's list, or away
            cell, after = np.int64(item[node]), following[node]
            if state[cell] & DONE:
                following[node] = free[0]
                free[0] = node
                free[1] += 1
            else:
                slot = SLOTS + tile
                if cost[cell] < end:
                    slot = min(np.int64((cost[cell] - start) * per_slot), SLOTS - 1)
                else:
                    waiting[tile] = min(waiting[tile], cost[cell])
                following[node] = head[slot]
                head[slot] = node
            node = after
        for bucket in range(SLOTS):
            while head[bucket] >= 0:
                node = head[bucket]
                head[bucket] = -1
                while node >= 0:
                    cell, after = np.int64(item[node]), following[node]
                    following[node] = free[0]
                    free[0] = node
                    free[1] += 1
                    node = after
                    flags = state[cell]
                    if flags & DONE:
                        continue
                    state[cell] = flags | DONE
                    first, last = min(first, cell), max(last, cell)
                    shut = shut_moves[cell]
                    k = 0
                    j = np.int64(0)
                    if flags & LINKED:
                        j = np.int64(link_first[cell >> LINK_BITS])
                        while link_at[j] < cell:
                            j += 1
                    else:
                        j = np.int64(len(link_at))
                    while True:  # the moves, then the links
                        word = np.uint8(LINK)
                        if k < n_moves:
                            move = k
                            k += 1
                            if shut >> move & 1:
                                continue
                            other = cell + offset[move]
                            word = np.uint8(OPPOSITE[move])
                            if move < N_KING:
                                step = king_cost(
                                    cell, other, length_m[move], sign, slowness, pace, elevation_m, directed
                                )
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
                        elif j < len(link_at) and link_at[j] == cell:
                            other, step = link_next[j], link_cost[j]
                            j += 1
                            if not slowness[other] < np.inf:
                                continue
                        else:
                            break
                        new = cost[cell] + step
                        if not new <= cost[other]:
                            continue
                        if new == cost[other] and not (allocate and nearest[cell] < nearest[other]):
                            continue
                        cost[other] = new
                        if allocate:
                            nearest[other] = nearest[cell]
                        state[other] = word | (state[other] & LINKED)
                        there = (other // cols >> TILE_BITS) * tile_cols + (other % cols >> TILE_BITS)
                        slot = SLOTS + there
                        if there == tile and new < end:
                            slot = min(np.int64((new - start) * per_slot), SLOTS - 1)
                        else:
                            waiting[there] = min(waiting[there], new)
                        if free[1] == 0:
                            item, following = _grown(item, following, free)
                        _push(slot, other, item, following, head, free)


@njit(error_model="numpy", cache=True)
def worst_residual(
    cost,
    nearest,
    slowness,
    closed,
    pace,
    elevation_m,
    directed,
    sign,
    n_moves,
    cell_m,
    limit,
    sources,
    link_at,
    link_next,
    link_cost,
):  # type: ignore[no-untyped-def]
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
def follow(cell, state, cost, nearest, cols, link_at, link_next, link_cost, link_length):  # type: ignore[no-untyped-def]
    """The cells from ``cell`` to its source, both with it; the length of the moves in cells and of the links in m."""
    path = np.empty(256, dtype=np.int64)
    path[0] = cell
    n, cells, links_m = 1, 0.0, 0.0
    while True:
        word = state[cell] & WORD
        if word < N_MOVES:
            cells += LENGTH[word]
            cell += DROW[word] * cols + DCOL[word]
        elif word == LINK:
            j = np.searchsorted(link_at, cell)
            while cost[link_next[j]] + link_cost[j] != cost[cell] or (
                len(nearest) > 0 and nearest[link_next[j]] != nearest[cell]
            ):
                j += 1
            links_m += link_length[j]
            cell = link_next[j]
        else:
            return path[:n].copy(), cells, links_m
        if n > len(state):
            raise ValueError("the steps run in a ring")
        if n == len(path):
            longer = np.empty(2 * n, dtype=np.int64)
            longer[:n] = path
            path = longer
        path[n] = cell
        n += 1
