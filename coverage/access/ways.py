"""Roads, bridges, fords and ferries as links between cells of the grid.

A line is cut where it passes from cell to cell and where it meets a barrier. Each piece stands at the centre of its own
cell if that can be passed; beside a barrier, at the nearest of the nine centres around it that can be passed and are
seen from the piece's middle without crossing. Pieces in water, in a void or outside the grid stand nowhere. Links join
the stands of a road in their order, over features and over such pieces, and have the length of the road between the
places nearest to these centres, so that winding roads keep their length, roads side by side stay apart, and nobody
steps from a road to the other bank.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely
from numba import njit
from numpy.typing import NDArray

from phusong.coverage.access.barriers import Barriers, centres
from phusong.coverage.access.chains import Chains, apart, chains
from phusong.layers.grid import Grid

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Shapes = NDArray[np.object_]

NEAR_CELLS = 1.5
"""How far from a barrier, in cells, a crossing may be drawn."""
BANK_CELLS = (1.5, 3.0, 6.0, 12.0, 24.0)
"""How far beyond its ends, in cells, a crossing is led to find a bank."""
LEAST_M = 0.1
"""Length of a link between two stands whose nearest places on the line are one, such as the two banks of a brook."""
TRIFLE_M = 1e-6
"""A shorter piece is rounding: its middle may lie on either side."""
AT_ONCE = 100_000
"""Pieces or lines of sight in memory together, about."""


@dataclass(frozen=True)
class Hops:
    """Links before they have a cost, in one direction.

    ``start``, ``end``: flat cells int64[n]; ``length_m``: float64[n] along the lines; ``sums``: float64 (n, k), the
    rates of the lines times the length on each. ``crosses``: it meets a barrier on the way; ``broken``: it meets one on
    a line without bridges. ``chain``: which road of
    several lines, counted from 0, and ``span_m`` (n, 2) where on it a hop begins and ends; -1 and NaN over a junction.
    ``line_stands``: bool, a line each: whether its road stands anywhere.
    """

    start: Ints
    end: Ints
    length_m: Floats
    sums: Floats
    crosses: Flags
    broken: Flags
    chain: Ints
    span_m: Floats
    line_stands: Flags

    def __getitem__(self, kept: Flags | Ints) -> Hops:
        """Some of the hops."""
        return Hops(
            self.start[kept],
            self.end[kept],
            self.length_m[kept],
            self.sums[kept],
            self.crosses[kept],
            self.broken[kept],
            self.chain[kept],
            self.span_m[kept],
            self.line_stands,
        )


@dataclass(frozen=True)
class _Pieces:
    """Pieces of the lines within one cell, line by line: ``begin_m`` along the line, ``start_m`` and ``run_m`` (n, 2),
    ``met`` int64: meetings with a barrier on all lines up to the piece's begin."""

    line: Ints
    begin_m: Floats
    start_m: Floats
    run_m: Floats
    met: Ints


def hops(
    lines: Shapes,
    *,
    barriers: Barriers,
    passable: Flags,
    rates: Floats | None = None,
    bridged: Flags | None = None,
    join: bool = True,
) -> Hops:
    """The links along lines (LineString, longer than 0, in the grid's CRS).

    ``rates``: (n lines, k), what a metre of each costs, for ``Hops.sums``. ``bridged``: whether a line that meets a
    barrier has a bridge there; all have by default. ``join``: lines that meet end to end are one road, and roads that
    meet join; else each line is a road apart.
    """
    n = len(lines)
    rates = np.zeros((n, 0)) if rates is None else rates
    gapped = np.zeros(n, dtype=bool) if bridged is None else ~bridged
    joined = chains(lines) if join else apart(lines)
    parts, totals = [_no_stops(rates.shape[1])], [np.zeros((0, rates.shape[1] + 3))]
    for those in _batches(lines, joined, cell_m=barriers.grid.cell_m):
        turned = lines[those].copy()
        turned[joined.back[those]] = shapely.reverse(turned[joined.back[those]])
        given = joined.chain[those], rates[those], gapped[those]
        stops, total = _stops(turned, *given, barriers=barriers, passable=passable)
        parts.append(stops)
        totals.append(total)
    stops = _Stops(*(np.concatenate(part) for part in zip(*parts, strict=True)))
    stands = np.zeros(len(joined.first), dtype=bool)
    stands[stops.chain] = True
    found, chain, span_m = _along(stops)
    if join:
        over = _over_junctions(stops, joined, np.concatenate(totals))
        found = _both(found, over)
        chain = np.append(chain, np.full(len(over[0]), -1))
        span_m = np.concatenate([span_m, np.full((len(over[0]), 2), np.nan)])
    start, end, sums, marks = found
    crosses, broken = marks[:, 0] > 0, marks[:, 1] > 0
    return Hops(start, end, sums[:, 0], sums[:, 1:], crosses, broken, chain, span_m, stands[joined.chain])


def _batches(lines: Shapes, joined: Chains, *, cell_m: float) -> Iterator[Ints]:
    """The lines in their order, some whole chains at a time, so that the memory for their pieces is bounded."""
    if not len(lines):
        return
    pieces = shapely.get_num_coordinates(lines) + shapely.length(lines) / cell_m
    batch = np.cumsum(np.add.reduceat(pieces[joined.order], joined.first)) // AT_ONCE
    first = np.flatnonzero(np.diff(batch, prepend=-1.0))
    for begin, after in pairwise([*joined.first[first].tolist(), len(lines)]):
        yield joined.order[begin:after]


def _stops(
    lines: Shapes, chain: Ints, rates: Floats, gapped: Flags, *, barriers: Barriers, passable: Flags
) -> tuple[_Stops, Floats]:
    """(stops of some chains, sums and meetings over each of them); lines in the order and direction of their chains."""
    n = len(lines)
    pieces = _pieces(lines, barriers=barriers)
    stand = stands(pieces.start_m + 0.5 * pieces.run_m, barriers=barriers, passable=passable)
    length_m = np.hypot(*pieces.run_m.T)
    line_met = np.bincount(pieces.line, weights=np.diff(pieces.met, prepend=0), minlength=n)
    line_m = np.bincount(pieces.line, weights=length_m, minlength=n)
    before, total = _before(np.column_stack([line_m, line_m[:, None] * rates, line_met, line_met * gapped]), chain)

    kept = np.flatnonzero((stand >= 0) & (length_m > TRIFLE_M))
    line, stand, length_m, run_m = pieces.line[kept], stand[kept], length_m[kept], pieces.run_m[kept]
    met = pieces.met[kept] - (np.cumsum(line_met) - line_met)[line]
    met_here = before[line, -2:] + np.column_stack([met, met * gapped[line]])
    # where each piece is nearest to the centre it stands at
    away = centres(stand, grid=barriers.grid) - pieces.start_m[kept]
    share = np.clip((away * run_m).sum(axis=1) / length_m**2, 0.0, 1.0)
    far = np.hypot(*(away - share[:, None] * run_m).T)
    place = pieces.begin_m[kept] + share * length_m
    # neighbours of one chain at one stand are one stop, where the chain is nearest to the centre
    new = np.ones(len(line), dtype=bool)
    new[1:] = (chain[line][1:] != chain[line][:-1]) | (stand[1:] != stand[:-1])
    opens = np.flatnonzero(new)
    closes = np.append(opens[1:], len(new))[: len(opens)] - 1
    best = np.lexsort((far, np.cumsum(new)))[opens]
    own = np.column_stack([np.ones(n), rates])[line[best]]
    sums = before[line[best], :-2] + own * place[best, None]
    return _Stops(chain[line[opens]], stand[opens], sums, met_here[opens], met_here[closes], own), total


class _Stops(NamedTuple):
    """Where chains stand, in order: ``sums`` (metres, then rates x metres) from the chain's begin to the stop's place,
    meetings (all, on lines without bridges) before its first piece and before its last, rates at the place."""

    chain: Ints
    cell: Ints
    sums: Floats
    met_first: Floats
    met_last: Floats
    own: Floats


def _no_stops(n_rates: int) -> _Stops:
    nothing = np.empty(0, dtype=np.int64)
    return _Stops(nothing, nothing, *(np.empty((0, k)) for k in (n_rates + 1, 2, 2, n_rates + 1)))


_Links = tuple[Ints, Ints, Floats, Floats]


def _both(one: _Links, other: _Links) -> _Links:
    start, end, sums, marks = (np.concatenate(part) for part in zip(one, other, strict=True))
    return start, end, sums, marks


def _along(stops: _Stops) -> tuple[_Links, Ints, Floats]:
    one = np.flatnonzero(stops.chain[1:] == stops.chain[:-1])
    other = one + 1
    sums = _at_least(stops.sums[other] - stops.sums[one], stops.own[one])
    span_m = np.column_stack([stops.sums[one, 0], stops.sums[other, 0]])
    return (
        (stops.cell[one], stops.cell[other], sums, stops.met_first[other] - stops.met_last[one]),
        stops.chain[one],
        span_m,
    )


def _over_junctions(stops: _Stops, joined: Chains, total: Floats) -> _Links:
    """Links between the last stops of chains that meet, where they are not at one cell."""
    first = np.flatnonzero(np.diff(stops.chain, prepend=-1))
    last = np.append(first[1:], len(stops.chain))[: len(first)] - 1
    chain = stops.chain[first]
    ends = pd.DataFrame(
        {"node": np.concatenate([joined.begins[chain], joined.ends[chain]]), "stop": np.concatenate([first, last])}
    )
    sums = np.concatenate([stops.sums[first], total[chain, :-2] - stops.sums[last]])
    marks = np.concatenate([stops.met_first[first], total[chain, -2:] - stops.met_last[last]])
    ends["cell"], ends["end"] = stops.cell[ends["stop"]], np.arange(len(ends))
    ends = ends[ends.groupby("node")["cell"].transform("nunique") > 1]
    pairs = ends.merge(ends, on="node", suffixes=("", "_other"))
    pairs = pairs[(pairs["end"] < pairs["end_other"]) & (pairs["cell"] != pairs["cell_other"])]
    one, other = pairs["end"].to_numpy(), pairs["end_other"].to_numpy()
    least = _at_least(sums[one] + sums[other], stops.own[pairs["stop"].to_numpy()])
    return pairs["cell"].to_numpy(), pairs["cell_other"].to_numpy(), least, marks[one] + marks[other]


def _at_least(sums: Floats, own: Floats) -> Floats:
    short_m: Floats = np.maximum(LEAST_M - sums[:, :1], 0.0)
    return np.asarray(sums + own * short_m)


def _before(whole: Floats, chain: Ints) -> tuple[Floats, Floats]:
    """(sum of each column over the lines of its chain before each line, over each whole chain)."""
    new = np.diff(chain, prepend=-1) != 0
    ahead = np.cumsum(whole, axis=0) - whole
    return ahead - ahead[new][np.cumsum(new) - 1], np.add.reduceat(whole, np.flatnonzero(new))


def led_to_banks(shapes: Shapes, *, barriers: Barriers, passable: Flags) -> Hops:
    """One hop over the barrier that each crossing (point or line) is drawn over; ``chain``: which crossing it is of.

    Crossings that meet no barrier or find no bank have none. A point is taken for a line across the nearest barrier,
    within a cell and a half or around the water. Ends are led straight on, a little at a time (``BANK_CELLS``), until
    there is a stand on both banks. What a line itself meets or lies in counts; only where there is none, the nearest
    barrier that it then meets, a cell and a half from its ends.
    """
    cell_m = barriers.grid.cell_m
    drawn = np.array(
        [_across(each, barriers=barriers) if each.geom_type == "Point" else each for each in shapes] + [None]
    )
    todo = np.flatnonzero(~shapely.is_missing(drawn))
    made = [hops(np.empty(0, dtype=object), barriers=barriers, passable=passable, join=False)]
    for away_m in (TRIFLE_M, NEAR_CELLS * cell_m):
        for by_m in (cells * cell_m for cells in BANK_CELLS):
            longer = np.array([_led_on(line, by_m=by_m) for line in drawn[todo]], dtype=object)
            found = hops(longer, barriers=barriers, passable=passable, join=False)
            found = found[found.crosses]
            length_m = shapely.length(drawn[todo])[found.chain]
            beside_m = np.maximum(by_m - found.span_m[:, 1], found.span_m[:, 0] - (by_m + length_m))
            least_m = np.full(len(todo), np.inf)
            np.minimum.at(least_m, found.chain, beside_m)
            good = (least_m <= away_m)[found.chain] & (beside_m <= np.maximum(least_m, TRIFLE_M)[found.chain])
            made.append(_as_one(found[good], of=todo, grid=barriers.grid))
            todo = todo[least_m > away_m]
    return Hops(
        np.concatenate([each.start for each in made]),
        np.concatenate([each.end for each in made]),
        np.concatenate([each.length_m for each in made]),
        np.concatenate([each.sums for each in made]),
        np.concatenate([each.crosses for each in made]),
        np.concatenate([each.broken for each in made]),
        np.concatenate([each.chain for each in made]),
        np.concatenate([each.span_m for each in made]),
        np.empty(0, dtype=bool),
    )


def _as_one(found: Hops, *, of: Ints, grid: Grid) -> Hops:
    """Hops of each line as one, from where the first begins to where the last ends; not shorter than straight.

    ``of``: the crossing that each line is of.
    """
    new = np.diff(found.chain, prepend=-1) != 0
    first, last = found[new], found[np.append(new[1:], True)[: len(new)]]
    straight_m = np.hypot(*(centres(last.end, grid=grid) - centres(first.start, grid=grid)).T)
    length_m = np.maximum(last.span_m[:, 1] - first.span_m[:, 0], straight_m)
    span_m = np.column_stack([first.span_m[:, 0], last.span_m[:, 1]])
    kept = first.crosses, first.broken, of[first.chain], span_m, first.line_stands
    return Hops(first.start, last.end, length_m, first.sums, *kept)


def _across(point: shapely.Point, *, barriers: Barriers) -> shapely.LineString | None:
    """A short line across the barrier nearest to a point, where it is nearest; from the water, further away too."""
    grid = barriers.grid
    if barriers.tree is None or not grid.inside(point.x, point.y).all():
        return None
    row, col = grid.rowcol(point.x, point.y)
    cells = BANK_CELLS[-1] if barriers.water[row, col] else NEAR_CELLS
    nearest = barriers.tree.query_nearest(point, max_distance=cells * grid.cell_m, all_matches=False)
    if not len(nearest):
        return None
    ends = shapely.get_coordinates(barriers.tree.geometries[nearest[0]])
    along = (ends[1] - ends[0]) / np.hypot(*(ends[1] - ends[0]))
    across = np.array([-along[1], along[0]])
    share = np.clip(np.dot(np.array([point.x, point.y]) - ends[0], along), 0.0, np.hypot(*(ends[1] - ends[0])))
    foot = ends[0] + along * share
    return shapely.LineString([foot - across, foot + across])


def _led_on(line: shapely.LineString, *, by_m: float) -> shapely.LineString:
    at = shapely.get_coordinates(line)
    before, after = at[0] - at[1], at[-1] - at[-2]
    ends = at[0] + before / np.hypot(*before) * by_m, at[-1] + after / np.hypot(*after) * by_m
    return shapely.LineString(np.vstack([ends[0], at, ends[1]]))


def stands(at_m: Floats, *, barriers: Barriers, passable: Flags) -> Ints:
    """Flat cell at which each place (n, 2) stands, -1 where it stands nowhere."""
    grid = barriers.grid
    row, col = grid.rowcol(at_m[:, 0], at_m[:, 1])
    inside = grid.inside(at_m[:, 0], at_m[:, 1])
    own = np.where(inside, row * grid.shape[1] + col, 0)
    beside = inside & barriers.beside.reshape(-1)[own]
    found = np.where(inside & ~beside & passable.reshape(-1)[own], own, -1)
    todo = np.flatnonzero(beside)
    todo = todo[~barriers.near(shapely.points(at_m[todo]), within_m=TRIFLE_M)]  # on a barrier is on neither bank
    for k in range(0, len(todo), AT_ONCE):
        some = todo[k : k + AT_ONCE]
        seen = _seen(at_m[some], own[some, None], barriers=barriers, passable=passable)
        found[some] = np.where(seen[:, 0], own[some], -1)
    todo = todo[found[todo] < 0]
    down, right = (each.reshape(-1) for each in np.indices((3, 3)) - 1)
    for k in range(0, len(todo), AT_ONCE // 9):
        some = todo[k : k + AT_ONCE // 9]
        r, c = row[some, None] + down, col[some, None] + right
        real = (r >= 0) & (r < grid.shape[0]) & (c >= 0) & (c < grid.shape[1])
        cell = np.where(real, r * grid.shape[1] + c, own[some, None])
        seen = _seen(at_m[some], cell, barriers=barriers, passable=passable)
        away = centres(cell.reshape(-1), grid=grid).reshape(*cell.shape, 2) - at_m[some, None]
        best = np.argmin(np.where(seen, np.hypot(away[..., 0], away[..., 1]), np.inf), axis=1)
        each = np.arange(len(some))
        found[some] = np.where(seen[each, best], cell[each, best], -1)
    return found


def _seen(at_m: Floats, cell: Ints, *, barriers: Barriers, passable: Flags) -> Flags:
    """Which cells (n, k) can be passed and are seen from the places (n, 2)."""
    seen = passable.reshape(-1)[cell]
    which, _ = np.nonzero(seen)
    sight = np.stack([at_m[which], centres(cell[seen], grid=barriers.grid)], axis=1)
    seen[seen] = ~barriers.crossed(shapely.linestrings(sight))
    return np.asarray(seen)


def _meetings(lines: Shapes, *, barriers: Barriers) -> tuple[Ints, Floats]:
    """(line, metres along it) of every place where a line meets a barrier, in order; the ends of a stretch on one."""
    if barriers.tree is None:
        return np.empty(0, np.int64), np.empty(0)
    meets = np.unique(barriers.tree.query(lines, predicate="intersects")[0])
    at, owner = shapely.get_coordinates(lines[meets], return_index=True)
    same = owner[1:] == owner[:-1]
    run_m = np.where(same, np.hypot(*np.diff(at, axis=0).T), 0.0)
    begin_m = np.cumsum(run_m) - run_m
    begin_m -= begin_m[np.searchsorted(owner[:-1], owner[:-1])]
    parts = shapely.linestrings(np.stack([at[:-1][same], at[1:][same]], axis=1))
    part, segment = barriers.tree.query(parts, predicate="intersects")
    met, which = shapely.get_coordinates(
        shapely.intersection(parts[part], barriers.tree.geometries[segment]), return_index=True
    )
    at_m = begin_m[same][part[which]] + np.hypot(*(met - at[:-1][same][part[which]]).T)
    line = meets[owner[:-1][same][part[which]]]
    order = np.lexsort((at_m, line))
    return line[order].astype(np.int64), at_m[order]


def _pieces(lines: Shapes, *, barriers: Barriers) -> _Pieces:
    """The lines cut at the sides of cells and where they meet a barrier, so that no piece lies on both banks."""
    grid = barriers.grid
    at, owner = shapely.get_coordinates(lines, return_index=True)
    u, v = (at[:, 0] - grid.left_m) / grid.cell_m, (grid.top_m - at[:, 1]) / grid.cell_m
    line, begin, ends = _cut(u, v, owner.astype(np.int64), *grid.shape)
    begin_m = begin * grid.cell_m
    start_m = np.column_stack([grid.left_m + ends[:, 0] * grid.cell_m, grid.top_m - ends[:, 1] * grid.cell_m])
    run_m = np.column_stack([ends[:, 2] - ends[:, 0], ends[:, 1] - ends[:, 3]]) * grid.cell_m
    met_line, met_m = _meetings(lines, barriers=barriers)
    if not len(met_line):
        return _Pieces(line, begin_m, start_m, run_m, np.zeros(len(line), dtype=np.int64))
    whole_m = np.hypot(*run_m.T)
    # pieces of all lines on one scale, the lines apart
    reach_m = np.zeros(len(lines) + 1)
    np.maximum.at(reach_m, line + 1, begin_m + whole_m + 1.0)
    offset = np.cumsum(reach_m)
    met_at = np.maximum(offset[met_line] + met_m, (offset[line] + begin_m)[np.searchsorted(line, met_line)])
    parent = np.searchsorted(offset[line] + begin_m, met_at, side="right") - 1
    every = np.concatenate([np.arange(len(line)), parent])
    is_met = np.arange(len(every)) >= len(line)
    at_m = np.concatenate([begin_m, np.clip(met_m, begin_m[parent], (begin_m + whole_m)[parent])])
    order = np.lexsort((is_met, at_m, every))
    every, at_m, met = every[order], at_m[order], np.cumsum(is_met[order], dtype=np.int64)
    until_m = (begin_m + whole_m)[every]
    same = every[1:] == every[:-1]
    until_m[:-1][same] = at_m[1:][same]
    along = run_m[every] / np.maximum(whole_m[every], 1e-300)[:, None]
    first_m = start_m[every] + (at_m - begin_m[every])[:, None] * along
    return _Pieces(line[every], at_m, first_m, (until_m - at_m)[:, None] * along, met)


@njit(error_model="numpy", cache=True)
def _inside(  # noqa: PLR0917
    u0: float, v0: float, u1: float, v1: float, rows: int, cols: int
) -> tuple[float, float]:
    """(from, to): shares of a segment between which it lies in the grid; to <= from if it does not."""
    least, most = 0.0, 1.0
    for at, run, size in ((u0, u1 - u0, cols), (v0, v1 - v0, rows)):
        if run == 0.0:
            if at < 0.0 or at > size:
                return 0.0, 0.0
            continue
        one, other = -at / run, (size - at) / run
        least, most = max(least, min(one, other)), min(most, max(one, other))
    return least, most


@njit(error_model="numpy", cache=True)
def _count(u: Floats, v: Floats, owner: Ints, rows: int, cols: int) -> int:
    most = 0
    for k in range(len(u) - 1):
        if owner[k] == owner[k + 1] and np.isfinite(u[k] + v[k] + u[k + 1] + v[k + 1]):
            enters, leaves = _inside(u[k], v[k], u[k + 1], v[k + 1], rows, cols)
            most += 3
            if leaves > enters:
                part = leaves - enters
                most += 4 + int(part * (abs(u[k + 1] - u[k]) + abs(v[k + 1] - v[k])))
    return most


@njit(error_model="numpy", cache=True)
def _cut(u: Floats, v: Floats, owner: Ints, rows: int, cols: int) -> tuple[Ints, Floats, Floats]:
    """(line, begin, ends) of every piece of the lines' segments within one cell: where it begins along the line, in
    cells, and its ends u0, v0, u1, v1. What lies outside the grid is one piece."""
    most = _count(u, v, owner, rows, cols)
    line, begin, ends = np.empty(most, np.int64), np.empty(most), np.empty((most, 4))
    n = 0
    done = 0.0
    for k in range(len(u) - 1):
        if owner[k] != owner[k + 1]:
            done = 0.0
            continue
        du, dv = u[k + 1] - u[k], v[k + 1] - v[k]
        length = np.hypot(du, dv)
        if not np.isfinite(length):
            continue
        enters, leaves = _inside(u[k], v[k], u[k + 1], v[k + 1], rows, cols)
        if leaves <= enters:
            enters, leaves = 1.0, 1.0
        share = 0.0
        col, row = int(np.floor(u[k] + enters * du)), int(np.floor(v[k] + enters * dv))
        while share < 1.0:
            to_col, to_row = np.inf, np.inf
            if share < enters:
                until = enters
            elif share >= leaves:
                until = 1.0
            else:
                to_col = ((col + 1 if du > 0 else col) - u[k]) / du if du != 0 else np.inf
                to_row = ((row + 1 if dv > 0 else row) - v[k]) / dv if dv != 0 else np.inf
                until = min(leaves, to_col, to_row)
            if until > share:
                line[n], begin[n] = owner[k], done + share * length
                ends[n, 0], ends[n, 1] = u[k] + share * du, v[k] + share * dv
                ends[n, 2], ends[n, 3] = u[k] + until * du, v[k] + until * dv
                n += 1
                share = until
            if to_col <= until:
                col += 1 if du > 0 else -1
            if to_row <= until:
                row += 1 if dv > 0 else -1
        done += length
    return line[:n], begin[:n], ends[:n]
