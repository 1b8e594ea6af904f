"""Exact shortest paths over a grid, compiled: a label-correcting search with buckets, and the check that proves it.

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

BITS = 12
SLOTS = 1 << BITS  # buckets of a level; a bucket of the second level holds a whole first level, and so on
LAST = float((1 << 3 * BITS) - 1)
BLOCK = 64  # cells of a block of a bucket

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
def close_moves(slowness, closed, n_moves):  # type: ignore[no-untyped-def]
    """uint16 (rows, cols): bit k where move k leaves the grid, is closed at either end, or squeezes between two
    impassable cells."""
    rows, cols = slowness.shape
    blocked = np.zeros((rows, cols), dtype=np.uint16)
    if closed is not None:
        for row in range(rows):
            for col in range(cols):
                bits = closed[row, col]
                if bits == 0:
                    continue
                blocked[row, col] |= bits
                for k in range(n_moves):
                    if bits >> k & 1:
                        there, beside = row + DROW[k], col + DCOL[k]
                        if 0 <= there < rows and 0 <= beside < cols:
                            blocked[there, beside] |= np.uint16(1 << OPPOSITE[k])
    for row in range(rows):
        edge = row < 2 or row >= rows - 2
        for col in range(cols):
            if not edge and 2 <= col < cols - 2:
                continue
            for k in range(n_moves):
                if not (0 <= row + DROW[k] < rows and 0 <= col + DCOL[k] < cols):
                    blocked[row, col] |= np.uint16(1 << k)
    for row in range(rows - 1):
        for col in range(cols):
            if slowness[row, col] < np.inf:
                continue
            if col + 1 < cols and not slowness[row + 1, col + 1] < np.inf:
                blocked[row, col + 1] |= np.uint16(1 << 5)
                blocked[row + 1, col] |= np.uint16(1 << 1)
            if col > 0 and not slowness[row + 1, col - 1] < np.inf:
                blocked[row, col - 1] |= np.uint16(1 << 3)
                blocked[row + 1, col] |= np.uint16(1 << 7)
    return blocked


@njit(error_model="numpy", cache=True)
def _push(slot, cell, entries, following, head, fill, free):  # type: ignore[no-untyped-def]
    """Puts a cell into a bucket; ``free[0]`` is the first free block, ``free[1]`` how many there are."""
    if fill[slot] == BLOCK:
        block = free[0]
        free[0] = following[block]
        free[1] -= 1
        following[block] = head[slot]
        head[slot] = block
        fill[slot] = 0
    entries[head[slot] * BLOCK + fill[slot]] = cell
    fill[slot] += 1


@njit(error_model="numpy", cache=True)
def _slot(cost, per_bucket, current):  # type: ignore[no-untyped-def]
    """The bucket of a cost, seen from the current one: the finest level that still tells them apart."""
    number = np.int64(min(cost * per_bucket, LAST))
    if number >> BITS == current >> BITS:
        return number & (SLOTS - 1)
    if number >> 2 * BITS == current >> 2 * BITS:
        return SLOTS + (number >> BITS & (SLOTS - 1))
    return 2 * SLOTS + (number >> 2 * BITS)


@njit(error_model="numpy", cache=True)
def _grown(entries, following, free):  # type: ignore[no-untyped-def]
    """Twice as many blocks."""
    n = len(following)
    more_entries = np.empty(2 * n * BLOCK, dtype=np.int32)
    more_entries[: n * BLOCK] = entries
    more_following = np.empty(2 * n, dtype=np.int32)
    more_following[:n] = following
    for block in range(n, 2 * n):
        more_following[block] = block + 1
    more_following[2 * n - 1] = free[0]
    free[0] = n
    free[1] += n
    return more_entries, more_following


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
    cols,
    cell_m,
    bucket_cost,
    sources,
    link_at,
    link_next,
    link_cost,
):  # type: ignore[no-untyped-def]
    """Least costs from the sources into ``cost``; first and last cell changed, which bound all changed cells.

    ``cost``: flat, all set to one start value, infinity or the number next above the limit. ``nearest``: int32, all -1,
    or None. ``state``: uint8, all NONE, with LINKED where a link starts (``link_at``, sorted, leads to ``link_next``).
    Of equal costs the lower number of the source stands. ``bucket_cost``: width of a bucket; it only matters for speed.

    Cells wait in buckets by cost. A cell taken out is expanded unless it was since its cost last fell; one whose cost
    falls (or whose source does at equal cost) waits anew. So the search ends with every move and link satisfied,
    whatever the width; with buckets no wider than the cheapest move no cell is expanded twice. Costs are least sums of
    floating-point additions from the source outwards, and so do not depend on the order.
    """
    offset = np.empty(N_MOVES, dtype=np.int64)
    near = np.empty(N_MOVES, dtype=np.int64)
    far = np.empty(N_MOVES, dtype=np.int64)
    for k in range(N_MOVES):
        offset[k] = DROW[k] * cols + DCOL[k]
        near[k] = BETWEEN[k, 0, 0] * cols + BETWEEN[k, 0, 1]
        far[k] = BETWEEN[k, 1, 0] * cols + BETWEEN[k, 1, 1]
    head = np.full(3 * SLOTS, -1, dtype=np.int32)
    fill = np.full(3 * SLOTS, BLOCK, dtype=np.int32)
    n_blocks = 256
    entries = np.empty(n_blocks * BLOCK, dtype=np.int32)
    following = np.arange(1, n_blocks + 1).astype(np.int32)
    following[n_blocks - 1] = -1
    free = np.array([0, n_blocks], dtype=np.int64)
    per_bucket = 1.0 / bucket_cost
    first, last = cost.size, -1
    current = np.int64(0)
    for i in range(len(sources)):
        cell = sources[i]
        if state[cell] & WORD == SOURCE or not slowness[cell] < np.inf:
            continue
        cost[cell] = 0.0
        if nearest is not None:
            nearest[cell] = i
        state[cell] = SOURCE | (state[cell] & LINKED)
        if free[1] < 2:
            entries, following = _grown(entries, following, free)
        _push(0, cell, entries, following, head, fill, free)
    while True:
        slot = current & (SLOTS - 1)
        while head[slot] >= 0:
            block, count = head[slot], fill[slot]
            head[slot], fill[slot] = -1, BLOCK
            while block >= 0:
                for i in range(count):
                    cell = np.int64(entries[block * BLOCK + i])
                    flags = state[cell]
                    if flags & DONE:
                        continue
                    state[cell] = flags | DONE
                    first, last = min(first, cell), max(last, cell)
                    while free[1] < N_MOVES:
                        entries, following = _grown(entries, following, free)
                    done = cost[cell]
                    shut = blocked[cell]
                    for k in range(n_moves):
                        if shut >> k & 1:
                            continue
                        other = cell + offset[k]
                        length_m = LENGTH[k] * cell_m
                        if k < N_KING:
                            new = done + king_cost(cell, other, length_m, sign, slowness, pace, elevation_m, directed)
                        else:
                            new = done + knight_cost(
                                cell,
                                cell + near[k],
                                cell + far[k],
                                other,
                                length_m,
                                sign,
                                slowness,
                                pace,
                                elevation_m,
                                directed,
                            )
                        if new <= cost[other]:
                            if new == cost[other]:
                                if nearest is None:
                                    continue
                                if nearest[cell] >= nearest[other]:
                                    continue
                            cost[other] = new
                            if nearest is not None:
                                nearest[other] = nearest[cell]
                            state[other] = OPPOSITE[k] | (state[other] & LINKED)
                            _push(_slot(new, per_bucket, current), other, entries, following, head, fill, free)
                    if flags & LINKED:
                        j = np.searchsorted(link_at, cell)
                        while j < len(link_at) and link_at[j] == cell:
                            other = link_next[j]
                            new = done + link_cost[j]
                            j += 1
                            if new < cost[other] or (
                                nearest is not None and new == cost[other] and nearest[cell] < nearest[other]
                            ):
                                if not slowness[other] < np.inf:
                                    continue
                                cost[other] = new
                                if nearest is not None:
                                    nearest[other] = nearest[cell]
                                state[other] = LINK | (state[other] & LINKED)
                                if free[1] < 2:
                                    entries, following = _grown(entries, following, free)
                                _push(_slot(new, per_bucket, current), other, entries, following, head, fill, free)
                emptied = block
                block, count = following[block], BLOCK
                following[emptied] = free[0]
                free[0] = emptied
                free[1] += 1
        # the next bucket that holds something, of this level or out of the next
        step = (current & (SLOTS - 1)) + 1
        while step < SLOTS and head[step] < 0:
            step += 1
        if step < SLOTS:
            current = (current >> BITS << BITS) | step
            continue
        level = 1
        found = -1
        while level < 3 and found < 0:
            step = (current >> level * BITS & (SLOTS - 1)) + 1
            while step < SLOTS and head[level * SLOTS + step] < 0:
                step += 1
            if step < SLOTS:
                found = level * SLOTS + step
                above = (level + 1) * BITS
                current = (current >> above << above) | (step << level * BITS)
            level += 1
        if found < 0:
            return first, last
        block, count = head[found], fill[found]
        head[found], fill[found] = -1, BLOCK
        while block >= 0:
            while free[1] < BLOCK:
                entries, following = _grown(entries, following, free)
            for i in range(count):
                cell = np.int64(entries[block * BLOCK + i])
                if not state[cell] & DONE:
                    _push(_slot(cost[cell], per_bucket, current), cell, entries, following, head, fill, free)
            emptied = block
            block, count = following[block], BLOCK
            following[emptied] = free[0]
            free[0] = emptied
            free[1] += 1


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

    Shares nothing with the search but the cost of a move: every condition is looked up anew. Arrays of (rows, cols);
    ``link_at``: cell a link of the search leads to, sorted, from ``link_next``. Cells without an offer within the limit
    must hold infinity, impassable ones infinity, void ones NaN.
    """
    rows, cols = cost.shape
    flat_cost, flat_slowness, worst = cost.reshape(-1), slowness.reshape(-1), 0.0
    flat_nearest = None if nearest is None else nearest.reshape(-1)
    flat_elevation = None if elevation_m is None else elevation_m.reshape(-1)
    flat_directed = None if directed is None else directed.reshape(-1)
    source_of = np.full(cost.size, -1, dtype=np.int32)
    for i in range(len(sources) - 1, -1, -1):
        source_of[sources[i]] = i
    link = 0
    for cell in range(cost.size):
        row, col = cell // cols, cell % cols
        best, owner = np.inf, np.int64(-1)
        passable = flat_slowness[cell] < np.inf
        if source_of[cell] >= 0:
            best, owner = 0.0, np.int64(source_of[cell])
        for k in range(n_moves):
            there, beside = row + DROW[k], col + DCOL[k]
            if not (0 <= there < rows and 0 <= beside < cols):
                continue
            if closed is not None and ((closed[row, col] >> k | closed[there, beside] >> OPPOSITE[k]) & 1):
                continue
            other = there * cols + beside
            length_m = LENGTH[k] * cell_m
            if k < N_KING:
                if k & 1 and not (slowness[row, beside] < np.inf or slowness[there, col] < np.inf):
                    continue
                step = king_cost(other, cell, length_m, sign, flat_slowness, pace, flat_elevation, flat_directed)
            else:
                near = (row + BETWEEN[k, 0, 0]) * cols + col + BETWEEN[k, 0, 1]
                far = (row + BETWEEN[k, 1, 0]) * cols + col + BETWEEN[k, 1, 1]
                step = knight_cost(
                    other, far, near, cell, length_m, sign, flat_slowness, pace, flat_elevation, flat_directed
                )
            offer = flat_cost[other] + step
            if flat_nearest is not None and offer == best and offer < np.inf:
                owner = min(owner, np.int64(flat_nearest[other]))
            if offer < best:
                best = offer
                if flat_nearest is not None:
                    owner = np.int64(flat_nearest[other])
        while link < len(link_at) and link_at[link] == cell:
            offer = flat_cost[link_next[link]] + link_cost[link]
            if flat_nearest is not None and offer == best and offer < np.inf:
                owner = min(owner, np.int64(flat_nearest[link_next[link]]))
            if offer < best:
                best = offer
                if flat_nearest is not None:
                    owner = np.int64(flat_nearest[link_next[link]])
            link += 1
        if not passable or not best <= limit:
            best, owner = np.inf, np.int64(-1)
        if np.isnan(flat_slowness[cell]):
            if not np.isnan(flat_cost[cell]):
                return np.inf
        elif best != flat_cost[cell]:
            apart = abs(best - flat_cost[cell])
            if not apart < np.inf:
                return np.inf
            worst = max(worst, apart)
        elif flat_nearest is not None and owner != flat_nearest[cell]:
            return np.inf
    return worst


@njit(error_model="numpy", cache=True)
def flood(reached, blocked, slowness, n_moves, link_at, link_next):  # type: ignore[no-untyped-def]
    """Marks in ``reached`` (bool, flat) every cell that moves and links lead to from a marked one, at any cost."""
    cols = blocked.shape[1]
    shut, slow = blocked.reshape(-1), slowness.reshape(-1)
    stack = np.flatnonzero(reached).astype(np.int32)
    waiting = np.empty(reached.size, dtype=np.int32)
    n = len(stack)
    waiting[:n] = stack
    while n > 0:
        n -= 1
        cell = np.int64(waiting[n])
        for k in range(n_moves):
            if shut[cell] >> k & 1:
                continue
            other = cell + DROW[k] * cols + DCOL[k]
            if reached[other] or not slow[other] < np.inf:
                continue
            if k >= N_KING and not (
                slow[cell + BETWEEN[k, 0, 0] * cols + BETWEEN[k, 0, 1]] < np.inf
                and slow[cell + BETWEEN[k, 1, 0] * cols + BETWEEN[k, 1, 1]] < np.inf
            ):
                continue
            reached[other] = True
            waiting[n] = other
            n += 1
        j = np.searchsorted(link_at, cell)
        while j < len(link_at) and link_at[j] == cell:
            other = link_next[j]
            j += 1
            if not reached[other] and slow[other] < np.inf:
                reached[other] = True
                waiting[n] = other
                n += 1


@njit(error_model="numpy", cache=True)
def predecessor(cell, state, cost, nearest, cols, link_at, link_next, link_cost):  # type: ignore[no-untyped-def]
    """The next cell towards the source; -1 at a source and where nothing is reached."""
    word = state[cell] & WORD
    if word < N_MOVES:
        return cell + DROW[word] * cols + DCOL[word]
    if word == LINK:
        j = np.searchsorted(link_at, cell)
        while j < len(link_at) and link_at[j] == cell:
            other = link_next[j]
            if cost[other] + link_cost[j] == cost[cell] and (nearest is None or nearest[other] == nearest[cell]):
                return other
            j += 1
    return np.int64(-1)


@njit(error_model="numpy", cache=True)
def follow(cell, state, cost, nearest, cols, link_at, link_next, link_cost):  # type: ignore[no-untyped-def]
    """The cells from ``cell`` to its source, both with it, int64; and the path's length in cells."""
    path = np.empty(256, dtype=np.int64)
    path[0] = cell
    n, length = 1, 0.0
    while True:
        other = predecessor(cell, state, cost, nearest, cols, link_at, link_next, link_cost)
        if other < 0:
            return path[:n].copy(), length
        rows_apart, cols_apart = other // cols - cell // cols, other % cols - cell % cols
        length += np.sqrt(np.float64(rows_apart * rows_apart + cols_apart * cols_apart))
        if n == len(path):
            longer = np.empty(2 * n, dtype=np.int64)
            longer[:n] = path
            path = longer
        path[n] = other
        n += 1
        cell = other
