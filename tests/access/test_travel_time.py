"""Least travel times equal other programs' and hand's; their residual is 0 and can fail."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from skimage.graph import MCP_Geometric

from phusong.coverage.access import travel_time as module
from phusong.coverage.access.lengths import path_lengths_m
from phusong.coverage.access.moves import BETWEEN, DCOL, DROW, N_KING, OPPOSITE
from phusong.coverage.access.surface import Links, Surface
from phusong.coverage.access.travel_time import (
    BEYOND_LIMIT,
    CUT_OFF,
    IMPASSABLE,
    REACHED,
    VOID,
    path_length_m,
    reach_pairs,
    reasons,
    residual,
    route,
    travel_time,
)
from phusong.layers.grid import Grid

CELL_M = 10.0
INF = np.inf


def grid(rows: int, cols: int, cell_m: float = CELL_M) -> Grid:
    return Grid("EPSG:9212", 540_000.0, 1_840_000.0, cell_m, (rows, cols))


def flat_surface(slowness: Any, **more: Any) -> Surface:
    array = np.asarray(slowness, dtype=np.float64)
    return Surface(grid(*array.shape), array, **more)


def links(*rows: tuple[int, int, float]) -> Links:
    start, end, cost = zip(*rows, strict=True)
    return Links(np.array(start), np.array(end), np.array(cost, dtype=np.float64), np.full(len(rows), 7.0))


def pace(kind: str, slope: float) -> float:
    """Time per metre over that on the level, from the published speeds."""
    if kind == "tobler":
        speed_km_h = 6.0 * np.exp(-3.5 * abs(slope + 0.05))
        return 6.0 * np.exp(-3.5 * 0.05) / speed_km_h
    if kind == "langmuir":
        rise = 6.0 * slope if slope > 0 else (1.9998 * slope if slope >= -0.2125 else -1.9998 * slope)
        return (0.72 + rise) / 0.72
    return 1.0


def graph(surface: Surface, neighbours: int) -> csr_array:
    """The graph of all moves and links in plain Python: entry (a, b) is the cost of the move a -> b."""
    rows, cols = surface.grid.shape
    slowness, cheapest = surface.slowness, {}
    offsets = [(r, c) for r in range(-2, 3) for c in range(-2, 3) if (r, c) != (0, 0)]
    offsets = [o for o in offsets if max(map(abs, o)) == 1 or (neighbours == 16 and sorted(map(abs, o)) == [1, 2])]
    numbers = {(int(r), int(c)): k for k, (r, c) in enumerate(zip(DROW, DCOL, strict=True))}

    def shut(cell: tuple[int, int]) -> bool:
        return not np.isfinite(slowness[cell])

    for r in range(rows):
        for c in range(cols):
            for dr, dc in offsets:
                end = (r + dr, c + dc)
                if not (0 <= end[0] < rows and 0 <= end[1] < cols):
                    continue
                k = numbers[dr, dc]
                if surface.closed is not None and (
                    surface.closed[r, c] >> k & 1 or surface.closed[end] >> int(OPPOSITE[k]) & 1
                ):
                    continue
                if abs(dr) == abs(dc) and shut((r + dr, c)) and shut((r, c + dc)):
                    continue
                # the cells the segment passes, by the points in the middle of its eighths
                length_m = float(np.hypot(dr, dc)) * surface.grid.cell_m
                shares: dict[tuple[int, int], float] = {}
                for i in range(8):
                    at = (i + 0.5) / 8
                    cell = (int(np.floor(r + dr * at + 0.5)), int(np.floor(c + dc * at + 0.5)))
                    shares[cell] = shares.get(cell, 0.0) + 1 / 8
                if any(shut(cell) for cell in shares):
                    continue
                factor = 1.0
                if surface.pace != "none":
                    assert surface.elevation_m is not None
                    rise = float(surface.elevation_m[end]) - float(surface.elevation_m[r, c])
                    factor = pace(surface.pace, rise / length_m)
                cost = sum(
                    share
                    * length_m
                    * slowness[cell]
                    * (factor if surface.directed is None or surface.directed[cell] else 1.0)
                    for cell, share in shares.items()
                )
                cheapest[r * cols + c, end[0] * cols + end[1]] = cost
    if surface.links is not None:
        for a, b, cost in zip(surface.links.from_cell, surface.links.to_cell, surface.links.cost, strict=True):
            if not shut(divmod(int(a), cols)) and not shut(divmod(int(b), cols)):
                key = int(a), int(b)
                cheapest[key] = min(cost, cheapest.get(key, INF))
    size = rows * cols
    ends = np.array(list(cheapest), dtype=np.int64).reshape(-1, 2)
    return csr_array((np.array(list(cheapest.values())), (ends[:, 0], ends[:, 1])), shape=(size, size))


def truth(surface: Surface, edges: csr_array, sources: list[int], direction: str) -> np.ndarray:
    """Cost from every source, (sources, cells), by scipy."""
    found = dijkstra(edges.T.tocsr() if direction == "to" else edges, indices=sources)
    found[:, ~np.isfinite(surface.slowness.reshape(-1))] = INF
    found[~np.isfinite(surface.slowness.reshape(-1)[sources])] = INF
    return found


@st.composite
def surfaces(draw: st.DrawFn) -> Surface:
    rows, cols = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    slowness = rng.uniform(0.1, 1.0, (rows, cols)) if draw(st.booleans()) else rng.choice([0.1, 0.2, 0.4], (rows, cols))
    slowness[rng.random((rows, cols)) < draw(st.sampled_from([0.0, 0.2, 0.5]))] = INF
    slowness[rng.random((rows, cols)) < 0.05] = np.nan
    kind = draw(st.sampled_from(["none", "tobler", "langmuir"]))
    directed = rng.random((rows, cols)) < 0.5 if draw(st.booleans()) else None
    closed = None
    if draw(st.booleans()):
        closed = np.zeros((rows, cols), dtype=np.uint16)
        for k in range(16):
            closed |= ((rng.random((rows, cols)) < 0.1) << k).astype(np.uint16)
    more = None
    n = draw(st.integers(0, 6))
    if n:
        ends = rng.integers(0, rows * cols, (2, n))
        more = Links(ends[0], ends[1], rng.uniform(0.5, 5.0, n), np.zeros(n))
    heights = rng.uniform(0.0, 12.0, (rows, cols)).astype(np.float32)
    return Surface(grid(rows, cols), slowness, kind, directed, heights, closed, more)


@settings(max_examples=300, deadline=None)
@given(surfaces(), st.data())
def test_costs_equal_dijkstra_on_the_whole_graph(surface: Surface, data: st.DataObject) -> None:
    size = surface.slowness.size
    sources = data.draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=4))
    neighbours, direction = data.draw(st.sampled_from([8, 16])), data.draw(st.sampled_from(["to", "from"]))
    edges = graph(surface, neighbours)
    each = truth(surface, edges, sources, direction)
    best = each.min(axis=0)
    limit = data.draw(st.sampled_from([INF, 6.0]))
    travel = travel_time(surface, np.array(sources), neighbours=neighbours, direction=direction, limit=limit)
    void = np.isnan(surface.slowness).reshape(-1)
    cost = travel.cost.reshape(-1)
    assert np.isnan(cost).tolist() == void.tolist()
    expected = np.where(best <= limit, best, INF)
    edge = np.isclose(best, limit, rtol=1e-12) & np.isfinite(best)  # one rounding more or less decides there
    np.testing.assert_allclose(cost[~void & ~edge], expected[~void & ~edge], rtol=1e-12)
    assert residual(surface, travel) == 0.0
    assert travel.nearest is not None
    reached = np.flatnonzero(np.isfinite(cost))
    nearest = travel.nearest.reshape(-1)
    assert set(nearest[np.setdiff1d(np.arange(size), reached)].tolist()) <= {-1}
    np.testing.assert_allclose(each[nearest[reached], reached], best[reached], rtol=1e-12)
    codes = reasons(surface, travel).reshape(-1)
    assert (codes[reached] == REACHED).all()
    assert (codes[void] == VOID).all()
    assert (codes[np.isposinf(surface.slowness.reshape(-1))] == IMPASSABLE).all()
    lost = ~void & ~np.isfinite(cost) & np.isfinite(surface.slowness.reshape(-1))
    assert (codes[lost] == np.where(np.isfinite(best[lost]), BEYOND_LIMIT, CUT_OFF)).all()
    assert travel.unusable.tolist() == [
        i for i, cell in enumerate(sources) if not np.isfinite(surface.slowness.reshape(-1)[cell])
    ]
    for cell, way in zip(reached, route(travel, reached), strict=True):
        assert way[0] == cell
        assert way[-1] == sources[nearest[cell]]
        steps = [float(edges[a, b] if direction == "to" else edges[b, a]) for a, b in pairwise(way)]
        assert sum(steps) == pytest.approx(cost[cell], rel=1e-12, abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(surfaces(), st.data())
def test_pairs_in_reach_are_those_of_single_searches(surface: Surface, data: st.DataObject) -> None:
    size = surface.slowness.size
    cells = st.lists(st.integers(0, size - 1), max_size=5)
    supply, demand = data.draw(cells), data.draw(cells)
    neighbours, direction = data.draw(st.sampled_from([8, 16])), data.draw(st.sampled_from(["to", "from"]))
    limit = data.draw(st.sampled_from([INF, 4.0, 0.0]))
    pairs = reach_pairs(
        surface, np.array(supply, int), np.array(demand, int), limit=limit, neighbours=neighbours, direction=direction
    )
    found = []
    for i, cell in enumerate(supply):
        alone = travel_time(surface, np.array([cell]), neighbours=neighbours, direction=direction, limit=limit)
        cost = alone.cost.reshape(-1)
        found += [(j, i, cost[place]) for j, place in enumerate(demand) if np.isfinite(cost[place])]
    assert list(zip(pairs.demand.tolist(), pairs.supply.tolist(), pairs.cost.tolist(), strict=True)) == found
    assert (pairs.n_demand, pairs.n_supply) == (len(demand), len(supply))


@pytest.mark.parametrize("seed", range(3))
def test_costs_equal_mcp_geometric_across_tiles(seed: int) -> None:
    rng = np.random.default_rng(seed)
    slowness = np.exp(rng.normal(size=(300, 290)))
    slowness[rng.integers(0, 10, 300) == 0, :280] = 50.0  # slow bands with gaps
    slowness[rng.random(slowness.shape) < 0.03] = 0.01
    sources = rng.choice(slowness.size, 7, replace=False)
    expected, _ = MCP_Geometric(slowness).find_costs([tuple(divmod(int(cell), 290)) for cell in sources])
    travel = travel_time(flat_surface(slowness), sources)
    np.testing.assert_allclose(travel.cost, expected * CELL_M, rtol=1e-12)
    assert residual(flat_surface(slowness), travel) == 0.0


@pytest.mark.parametrize(("window", "nodes"), [(1e-9, 1), (0.5, 40), (1e9, 100_000)])
def test_the_answer_does_not_depend_on_window_and_room(
    window: float, nodes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(4)
    surface = flat_surface(
        rng.choice([0.01, 0.5, 1.0, INF], (140, 270)),
        links=Links(*rng.integers(0, 140 * 270, (2, 500)), rng.uniform(0.01, 3.0, 500), np.zeros(500)),
    )
    sources = np.flatnonzero(np.isfinite(surface.slowness.reshape(-1)))[::9000]
    usual = travel_time(surface, sources, neighbours=16)
    assert residual(surface, usual) == 0.0
    monkeypatch.setattr(module, "WINDOW_MOVES", window)
    monkeypatch.setattr(module, "NODES", nodes)
    other = travel_time(surface, sources, neighbours=16)
    np.testing.assert_array_equal(other.cost, usual.cost)
    np.testing.assert_array_equal(other.nearest, usual.nearest)


def test_a_raster_of_nine_cells_by_hand() -> None:
    surface = flat_surface([[1, 2, 4], [1, 8, 1], [2, 1, 1]], directed=None)
    travel = travel_time(surface, np.array([0]))
    half, diagonal = CELL_M / 2, CELL_M / 2 * np.sqrt(2)
    first = [0, half * 3, half * 3 + half * 6]
    left = half * 2
    corner = left + diagonal * 2  # (1, 0) to (2, 1)
    side = first[1] + diagonal * 3  # (0, 1) to (1, 2)
    np.testing.assert_allclose(
        travel.cost,
        [
            first,
            [left, min(diagonal * 9, half * 9 + left), side],
            [left + half * 3, corner, corner + half * 2],
        ],
        rtol=1e-14,
    )
    assert route(travel, np.array([8]))[0].tolist() == [8, 7, 3, 0]
    assert path_length_m(travel, np.array([8]))[0] == pytest.approx(2 * CELL_M + np.sqrt(2) * CELL_M)


def test_a_knights_move_by_hand() -> None:
    travel = travel_time(flat_surface([[1, 2, 9], [9, 4, 8]]), np.array([0]), neighbours=16)
    straight_then_diagonal = CELL_M / 2 * 3 + CELL_M / 2 * np.sqrt(2) * 10
    assert travel.cost[1, 2] == pytest.approx(min(np.sqrt(5) * CELL_M / 4 * (1 + 2 + 4 + 8), straight_then_diagonal))
    assert travel.step[1, 2] == 14  # west-north-west


def test_up_and_down_differ_by_hand() -> None:
    up = np.array([[0.0, 1.0, 3.0]], dtype=np.float32)  # slopes of 0.1 and 0.2
    for kind, climb, descent in (
        ("tobler", [np.exp(3.5 * 0.1), np.exp(3.5 * 0.2)], [1.0, np.exp(3.5 * 0.1)]),
        ("langmuir", [(0.72 + 0.6) / 0.72, (0.72 + 1.2) / 0.72], [1 - 0.19998 / 0.72, 1 - 0.39996 / 0.72]),
    ):
        surface = flat_surface([[1.0, 1.0, 1.0]], pace=kind, elevation_m=up)
        towards_foot = travel_time(surface, np.array([0]), direction="to").cost[0]
        from_foot = travel_time(surface, np.array([0]), direction="from").cost[0]
        np.testing.assert_allclose(from_foot, [0, CELL_M * climb[0], CELL_M * sum(climb)], rtol=1e-6)
        np.testing.assert_allclose(towards_foot, [0, CELL_M * descent[0], CELL_M * sum(descent)], rtol=1e-6)
    steep = flat_surface([[1.0, 1.0]], pace="langmuir", elevation_m=np.array([[0.0, 5.0]], dtype=np.float32))
    assert travel_time(steep, np.array([0])).cost[0, 1] == pytest.approx(CELL_M * (0.72 + 1.9998 * 0.5) / 0.72)


def test_only_directed_cells_feel_the_slope() -> None:
    heights = np.array([[0.0, 2.0]], dtype=np.float32)
    surface = flat_surface([[1.0, 3.0]], pace="tobler", elevation_m=heights, directed=np.array([[True, False]]))
    climb = np.exp(3.5 * 0.2)
    assert travel_time(surface, np.array([1])).cost[0, 0] == pytest.approx(CELL_M / 2 * (climb + 3.0))


def test_a_diagonal_squeezes_between_two_walls_no_more_than_a_knight_through_one() -> None:
    wall = flat_surface([[1, INF, 1], [INF, 1, 1], [1, 1, 1]])
    alone = travel_time(wall, np.array([0]), neighbours=16)
    assert np.isfinite(alone.cost).sum() == 1
    assert (reasons(wall, alone) == CUT_OFF).sum() == 6
    one = flat_surface([[1, INF], [1, 1]])
    assert travel_time(one, np.array([0])).cost[1, 1] == pytest.approx(CELL_M * np.sqrt(2))
    between = flat_surface([[1, INF, 1], [1, 1, 1]])
    cost = travel_time(between, np.array([0]), neighbours=16).cost
    assert cost[1, 2] == pytest.approx(CELL_M * (1 + np.sqrt(2)))


def test_a_ring_of_closed_moves_cuts_off_and_a_link_leads_out_one_way() -> None:
    closed = np.zeros((7, 7), dtype=np.uint16)
    inner = {(r, c) for r in (2, 3, 4) for c in (2, 3, 4)}
    for r, c in inner:
        for k in range(16):
            if (r + DROW[k], c + DCOL[k]) not in inner:
                closed[r, c] |= np.uint16(1 << k)
    surface = flat_surface(np.ones((7, 7)), closed=closed)
    travel = travel_time(surface, np.array([0]), neighbours=16)
    assert np.flatnonzero(reasons(surface, travel) == CUT_OFF).tolist() == [7 * r + c for r, c in sorted(inner)]
    out = replace(surface, links=links((24, 0, 3.0)))
    towards = travel_time(out, np.array([0]))
    assert towards.cost[3, 3] == 3.0
    assert path_length_m(towards, np.array([24]))[0] == 7.0
    assert route(towards, np.array([24]))[0].tolist() == [24, 0]
    assert np.isinf(travel_time(out, np.array([0]), direction="from").cost[3, 3])


def test_links_lost_in_the_rounding_give_no_length_instead_of_running_in_a_ring() -> None:
    more = links((1, 0, 1000.0), (2, 3, 1e-20), (2, 1, 1e-20), (3, 2, 1e-20))
    surface = flat_surface(np.ones((1, 5)), closed=np.full((1, 5), 0xFFFF, dtype=np.uint16), links=more)
    travel = travel_time(surface, np.array([0]))
    assert travel.cost[0].tolist() == [0.0, 1000.0, 1000.0, 1000.0, INF]
    assert path_length_m(travel, np.arange(5)).tolist() == pytest.approx([0.0, 7.0, *[np.nan] * 3], nan_ok=True)
    assert path_lengths_m(travel)[0].tolist() == pytest.approx([0.0, 7.0, *[np.nan] * 3], nan_ok=True)
    assert [len(way) for way in route(travel, np.array([1, 2, 4]))] == [2, 0, 0]


@pytest.mark.parametrize("least", [5e-324, 1e-310, 1e-300, 1e300])
def test_costs_of_any_size_are_exact(least: float) -> None:
    surface = flat_surface(np.full((3, 40), least) * np.random.default_rng(6).integers(1, 5, (3, 40)))
    travel = travel_time(surface, np.array([0]))
    assert np.isfinite(travel.cost).all()
    assert residual(surface, travel) == 0.0


def test_rasters_may_be_views_of_others() -> None:
    rng = np.random.default_rng(2)
    slowness, heights = rng.uniform(1, 2, (12, 8)), rng.uniform(0, 9, (12, 8)).astype(np.float32)
    directed, closed = rng.random((12, 8)) < 0.5, rng.integers(0, 2, (12, 8)).astype(np.uint16)
    parts: list[Any] = [array[::2] for array in (directed, heights, closed)]
    seen = flat_surface(slowness[::2])
    assert residual(seen, travel_time(seen, np.array([0]))) == 0.0
    view = Surface(grid(6, 8), slowness[::2], "tobler", *parts)
    whole = Surface(grid(6, 8), slowness[::2].copy(), "tobler", *(part.copy() for part in parts))
    travel = travel_time(view, np.array([0]), neighbours=16)
    assert residual(view, travel) == 0.0
    np.testing.assert_array_equal(travel.cost, travel_time(whole, np.array([0]), neighbours=16).cost)


def test_sources_share_cells_tie_to_the_lowest_and_may_stand_in_the_sea() -> None:
    surface = flat_surface([[1.0, 1.0, 1.0, INF, np.nan]])
    travel = travel_time(surface, np.array([3, 2, 0, 2, 4]))
    assert travel.nearest is not None
    assert travel.nearest.tolist() == [[2, 1, 1, -1, -1]]
    assert travel.unusable.tolist() == [0, 4]
    assert np.isinf(travel.cost[0, 3])
    assert np.isnan(travel.cost[0, 4])
    nobody = travel_time(surface, np.array([], dtype=np.int64))
    assert np.isinf(nobody.cost[0, :4]).all()
    assert residual(surface, nobody) == 0.0


def test_the_limit_itself_is_reached() -> None:
    surface = flat_surface(np.ones((1, 6)))
    travel = travel_time(surface, np.array([0]), limit=2 * CELL_M)
    assert travel.cost[0].tolist() == [0.0, CELL_M, 2 * CELL_M, INF, INF, INF]
    assert reasons(surface, travel)[0].tolist() == [REACHED] * 3 + [BEYOND_LIMIT] * 3


def test_the_residual_finds_what_is_wrong() -> None:
    rng = np.random.default_rng(3)
    slowness = rng.uniform(0.5, 2.0, (30, 40))
    slowness[10, 10], slowness[20, 20] = INF, np.nan
    surface = flat_surface(slowness, links=links((1199, 0, 5.0), (700, 3, 0.25)))
    travel = travel_time(surface, np.array([5, 900]), limit=150.0)
    assert travel.nearest is not None
    assert residual(surface, travel) == 0.0
    cell = tuple(np.argwhere(np.isfinite(travel.cost) & (travel.cost > 20))[0])

    def changed(array: np.ndarray, at: Any, value: float) -> np.ndarray:
        other = array.copy()
        other[at] = value
        return other

    for by in (1e-9, -1e-9, 3.0, -3.0):
        wrong = replace(travel, cost=changed(travel.cost, cell, travel.cost[cell] + by))
        assert residual(surface, wrong) == pytest.approx(abs(by), rel=1e-3)
    beyond = tuple(np.argwhere(np.isposinf(travel.cost) & np.isfinite(slowness))[0])
    for at, value in ((cell, INF), (cell, np.nan), (beyond, 149.0), ((10, 10), 1.0), ((20, 20), 1.0), ((0, 5), INF)):
        assert residual(surface, replace(travel, cost=changed(travel.cost, at, value))) == INF
    assert residual(surface, replace(travel, nearest=changed(travel.nearest, cell, 1 - travel.nearest[cell]))) == INF
    assert residual(surface, replace(travel, limit=140.0)) == INF
    assert residual(replace(surface, links=None), replace(travel, links=None)) > 0.0
    assert residual(surface, replace(travel, sources=np.array([5, 901]))) > 0.0
    assert residual(replace(surface, slowness=slowness * 1.001), travel) > 0.0


def test_bad_input_is_refused() -> None:
    good = flat_surface(np.ones((2, 2)))
    for faulty in (0.0, -1.0, -INF):
        with pytest.raises(ValueError, match="above 0"):
            flat_surface([[1.0, faulty]])
    with pytest.raises(ValueError, match="does not fit"):
        Surface(grid(2, 3), np.ones((2, 2)))
    with pytest.raises(ValueError, match="needs elevation"):
        flat_surface(np.ones((2, 2)), pace="tobler")
    with pytest.raises(ValueError, match="elevation is void"):
        flat_surface(np.ones((1, 2)), pace="tobler", elevation_m=np.array([[1, np.nan]], dtype=np.float32))
    road = np.array([[True, False]])
    for unknown in (np.nan, INF):
        heights = np.array([[1, unknown]], dtype=np.float32)
        with pytest.raises(ValueError, match="elevation is void"):  # the move from the first cell has no slope
            flat_surface(np.ones((1, 2)), pace="tobler", elevation_m=heights, directed=road)
        flat_surface(np.ones((1, 2)), pace="tobler", elevation_m=heights, directed=~road & road)
        flat_surface([[1.0, INF]], pace="tobler", elevation_m=heights)
    with pytest.raises(ValueError, match="outside the grid"):
        flat_surface(np.ones((2, 2)), links=links((0, 4, 1.0)))
    for cost in (0.0, -1.0, INF, np.nan):
        with pytest.raises(ValueError, match="above 0"):
            links((0, 1, cost))
    for cells in ([4], [-1]):
        with pytest.raises(ValueError, match="outside the grid"):
            travel_time(good, np.array(cells))
        for look in (route, path_length_m):
            with pytest.raises(ValueError, match="outside the grid"):
                look(travel_time(good, np.array([0])), np.array(cells))
    for wrong in ({"neighbours": 4}, {"direction": "both"}, {"limit": -1.0}, {"limit": np.nan}):
        with pytest.raises(ValueError, match="no search"):
            travel_time(good, np.array([0]), **wrong)  # type: ignore[arg-type]


def test_the_table_of_moves() -> None:
    assert len({(r, c) for r, c in zip(DROW, DCOL, strict=True)}) == 16
    for k in range(16):
        assert (DROW[OPPOSITE[k]], DCOL[OPPOSITE[k]]) == (-DROW[k], -DCOL[k])
        if k >= N_KING:  # the segment's middle lies on the edge of the two cells between
            assert (BETWEEN[k].sum(axis=0) == (DROW[k], DCOL[k])).all()
            assert (np.abs(BETWEEN[k] * 2 - (DROW[k], DCOL[k])) <= 1).all()
