"""Roads as links: nobody is taken over a river without a bridge; chains of lines against shapely."""

from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from phusong.coverage.access.barriers import barriers, centres
from phusong.coverage.access.chains import chains
from phusong.coverage.access.ways import hops, led_to_banks
from phusong.layers.grid import Grid

GRID = Grid("EPSG:9212", 0.0, 1000.0, 100.0, (10, 10))
ALL = np.ones(GRID.shape, dtype=bool)
CENTRES = centres(np.arange(100), grid=GRID)


def drawn(rng, n, step):
    at = rng.uniform(-100, 1100, (n, 2))
    return np.round(at / step) * step if step else at


def a_river(rng, step):
    if rng.random() < 0.3:
        wide = shapely.Point(*rng.uniform(200, 800, 2)).buffer(rng.uniform(40, 350), quad_segs=4)
        return wide.difference(wide.buffer(-30))
    n = rng.integers(2, 14)
    at = np.column_stack([500 + rng.uniform(-200, 200, n), np.linspace(-50, 1050, n)])
    at = np.round(at / step) * step if step else at
    return shapely.LineString(at[:, ::-1] if rng.random() < 0.5 else at)


def some_roads(rng, step, rivers):
    """Roads of a few common ends, with loops, stretches there and back, and one along a river or on it."""
    ends = drawn(rng, 6, step)
    made = []
    for _ in range(rng.integers(1, 8)):
        at = np.vstack([ends[rng.integers(6)], drawn(rng, rng.integers(0, 4), step), ends[rng.integers(6)]])
        made.append(np.vstack([at, at[::-1]]) if rng.random() < 0.3 else at)
    along = shapely.get_coordinates(rivers[0])
    made.append(along + rng.choice([0, 1e-3, 1, 20]) * np.array([1, 0.3]))
    lines = shapely.linestrings(
        [each for at in made for each in at], indices=np.repeat(range(len(made)), list(map(len, made)))
    )
    return lines[shapely.length(lines) > 0]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0, 25, 50, 100]))
def test_links_without_bridges_stay_on_their_bank(seed, step):
    rng = np.random.default_rng(seed)
    rivers = [a_river(rng, step) for _ in range(rng.integers(1, 4))]
    shut = barriers(gpd.GeoDataFrame(geometry=rivers, crs=GRID.crs), grid=GRID)
    passable = ~shut.water
    lines = some_roads(rng, step, rivers)
    found = hops(lines, barriers=shut, passable=passable, bridged=np.zeros(len(lines), dtype=bool))
    kept = found[~found.broken]
    # banks: what the rivers part the plane into
    edges = [shapely.box(-9e3, -9e3, 9e3, 9e3).exterior, *(r.boundary if r.area else r for r in rivers)]
    bank = np.full(100, -1)
    for k, face in enumerate(shapely.get_parts(shapely.polygonize(shapely.get_parts(shapely.unary_union(edges))))):
        bank[shapely.contains_xy(face, *CENTRES.T)] = k
    assert (bank >= 0).all()
    assert (bank[kept.start] == bank[kept.end]).all()
    assert passable.reshape(-1)[np.concatenate([kept.start, kept.end])].all()
    assert not (found.broken & ~found.crosses).any()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(2, 30))
def test_chains_are_the_lines_shapely_merges(seed, n, ends):
    rng = np.random.default_rng(seed)
    node = rng.integers(0, ends, (n, 2))
    at = rng.uniform(0, 1, (ends, 2))
    lines = shapely.linestrings(np.stack([at[node[:, 0]], rng.uniform(0, 1, (n, 2)), at[node[:, 1]]], axis=1))
    found = chains(lines)
    merged = shapely.get_parts(shapely.line_merge(shapely.multilinestrings(lines)))
    assert len(found.first) == len(merged)
    lengths = np.bincount(found.chain, weights=shapely.length(lines))
    np.testing.assert_allclose(np.sort(lengths), np.sort(shapely.length(merged)))
    assert sorted(found.order.tolist()) == list(range(n))
    for chain in range(len(found.first)):
        here = found.order[found.first[chain] : found.last[chain] + 1]
        assert (found.chain[here] == chain).all()
        passed = [lines[k].reverse() if found.back[k] else lines[k] for k in here]
        assert all(a.coords[-1] == b.coords[0] for a, b in pairwise(passed))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 12))
def test_cutting_a_road_anywhere_changes_nothing(seed, n):
    rng = np.random.default_rng(seed)
    at = drawn(rng, n, 0)
    middle = np.column_stack([500 + rng.uniform(-150, 150, 6), np.linspace(-50, 1050, 6)])
    shut = barriers(gpd.GeoDataFrame(geometry=[shapely.LineString(middle)], crs=GRID.crs), grid=GRID)
    whole = np.array([shapely.LineString(at)], dtype=object)
    parts = shapely.linestrings(np.stack([at[:-1], at[1:]], axis=1))
    turned = np.where(rng.random(len(parts)) < 0.5, shapely.reverse(parts), parts)
    order = rng.permutation(len(parts))
    tables = []
    for lines, rates in ((whole, np.ones((1, 1))), (turned[order], np.ones((len(parts), 1)))):
        found = hops(lines, barriers=shut, passable=ALL, rates=rates)
        np.testing.assert_allclose(found.sums[:, 0], found.length_m)
        ends = np.sort(np.column_stack([found.start, found.end]), axis=1)
        table = pd.DataFrame({"one": ends[:, 0], "other": ends[:, 1], "m": found.length_m, "crosses": found.crosses})
        tables.append(table.round({"m": 5}).sort_values(["one", "other", "m", "crosses"], ignore_index=True))
    np.testing.assert_allclose(tables[0]["m"], tables[1]["m"], atol=1e-4)
    pd.testing.assert_frame_equal(tables[0].drop(columns="m"), tables[1].drop(columns="m"))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_crossings_are_led_to_banks_each_for_itself(seed):
    rng = np.random.default_rng(seed)
    rivers = [a_river(rng, 0) for _ in range(2)]
    shut = barriers(gpd.GeoDataFrame(geometry=rivers, crs=GRID.crs), grid=GRID)
    at = rng.uniform(0, 1000, (12, 2))
    shapes = np.concatenate([shapely.points(at[:6]), shapely.linestrings(at[6:].reshape(3, 2, 2))])
    shapes = np.concatenate([shapes, shapes[:2]])  # some drawn twice
    together = led_to_banks(shapes, barriers=shut, passable=~shut.water)
    assert len(np.unique(together.chain)) == len(together.chain)
    for k, shape in enumerate(shapes):
        alone = led_to_banks(np.array([shape], dtype=object), barriers=shut, passable=~shut.water)
        here = together.chain == k
        assert (together.start[here].tolist(), together.end[here].tolist()) == (
            alone.start.tolist(),
            alone.end.tolist(),
        )
        np.testing.assert_allclose(together.length_m[here], alone.length_m)
