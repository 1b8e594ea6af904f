"""Exact shares of cells in polygons: against shapely's clipping, and what sums over them keep."""

from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from phusong.layers.cell_shares import Frame, cell_shares, raster_sums

FRAME = Frame(-3.0, 14.0, 0.5, 2.0, (9, 30))  # cells of 0.5 x 2, from (-3, -4) to (12, 14)


def _cells(frame=FRAME):
    rows, cols = np.divmod(np.arange(frame.shape[0] * frame.shape[1]), frame.shape[1])
    left, top = frame.left + cols * frame.cell_width, frame.top - rows * frame.cell_height
    return shapely.box(left, top - frame.cell_height, left + frame.cell_width, top)


def _table(polygons, frame=FRAME):
    polygon, cell, share = cell_shares(np.array(polygons, dtype=object), frame)
    table = np.zeros((len(polygons), frame.shape[0] * frame.shape[1]))
    table[polygon, cell] = share
    assert len(np.unique(polygon.astype(np.int64) * table.shape[1] + cell)) == len(cell)
    return table


@st.composite
def polygons(draw):
    """A star with a hole, another part, vertices on lines between cells, and parts outside the frame."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    at = np.sort(rng.uniform(0, 2 * np.pi, draw(st.integers(3, 40))))
    far = rng.uniform(0.3, 1, len(at)) * draw(st.floats(0.01, 12))
    middle = rng.uniform(-5, 13, 2)
    star = np.column_stack([middle[0] + far * np.cos(at), middle[1] + far * np.sin(at)])
    if draw(st.booleans()):
        star = np.round(star * 2) / 2
    shape = shapely.make_valid(shapely.Polygon(star), method="structure", keep_collapsed=False)
    hole = shapely.box(*(middle - 0.7), *(middle + 0.3))
    other = shapely.box(*rng.integers(-6, 14, 2), *rng.integers(-6, 14, 2))
    return shapely.union(shapely.difference(shape, hole), other)


@settings(max_examples=80, deadline=None)
@given(st.lists(polygons(), min_size=1, max_size=3))
def test_shapely_clips_the_same(shapes):
    cells = _cells()
    expected = [shapely.area(shapely.intersection(cells, shape)) / shapely.area(cells) for shape in shapes]
    np.testing.assert_allclose(_table(shapes), expected, atol=1e-11)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 8), min_size=0, max_size=4))
def test_polygons_that_fill_the_frame_keep_its_total_in_any_strips(seed, cuts):
    rng = np.random.default_rng(seed)
    seeds = shapely.multipoints(rng.uniform([-3, -4], [12, 14], (25, 2)))
    whole = shapely.box(-3, -4, 12, 14)
    parts = shapely.get_parts(shapely.voronoi_polygons(seeds, extend_to=whole))
    parts = shapely.intersection(parts, whole)
    values = rng.lognormal(3, 3, FRAME.shape)
    at = [0, *sorted(set(cuts)), FRAME.shape[0]]
    strips = [(a, values[a:b]) for a, b in pairwise(at)]
    sums = raster_sums(parts, reversed(strips), FRAME)
    assert sums.total.sum() == pytest.approx(values.sum(), rel=1e-9)
    assert sums.known_cells.sum() == pytest.approx(values.size, rel=1e-9)
    np.testing.assert_allclose(sums.total, _table(list(parts)) @ values.ravel(), rtol=1e-9)


def test_cells_without_data_count_as_nothing_and_are_told():
    values = np.ones(FRAME.shape, dtype=np.float32)
    values[:, 0] = np.nan
    shapes = np.array([shapely.box(-3, 12, -2, 14), shapely.box(-3, 12, -2.5, 14), shapely.Polygon()], dtype=object)
    sums = raster_sums(shapes, [(0, values)], FRAME)
    np.testing.assert_array_equal(sums.total, [1.0, np.nan, np.nan])
    np.testing.assert_array_equal(sums.known_cells, [1.0, 0.0, 0.0])
    np.testing.assert_array_equal(sums.inside_cells, [2.0, 1.0, 0.0])


@pytest.mark.parametrize("beside", [1.0, 1e38, np.inf])
def test_cells_beside_a_polygon_never_count_by_rounding(beside):
    rng = np.random.default_rng(5)
    values = np.full((10, 10), np.nan)
    values[:, 5:] = beside
    stars = shapely.convex_hull(shapely.multipoints(rng.uniform([0.3, 0.3], [4.9, 9.9], (200, 6, 2)).reshape(-1, 2),
                                                    indices=np.repeat(np.arange(200), 6)))  # fmt: skip
    far = shapely.Polygon(
        [(8, 9.3), (8.7, 9.1), (8.5, 9.9)]
    )  # of the same polygon, so that the cells beside are passed
    frame = Frame(0.0, 10.0, 1.0, 1.0, (10, 10))
    assert np.isnan(raster_sums(stars, [(0, values)], frame).total).all()
    values[:1, 7:] = 1.0
    sums = raster_sums(shapely.union(stars, far), [(0, values)], frame)
    np.testing.assert_allclose(sums.total, far.area, rtol=1e-9)


def test_what_lies_outside_has_no_cells():
    outside = [
        shapely.box(-9, 0, -4, 5),
        shapely.box(12, 0, 20, 5),
        shapely.box(0, 14, 5, 20),
        shapely.box(0, -9, 5, -4),
    ]
    assert not _table(outside).any()
    assert _table([shapely.box(-99, -99, 99, 99)]).min() == 1.0


def test_integers_are_summed_too():
    values = np.arange(270, dtype=np.int16).reshape(FRAME.shape)
    sums = raster_sums(np.array([shapely.box(-3, -4, 12, 14)], dtype=object), [(0, values)], FRAME)
    assert sums.total[0] == values.sum()


@pytest.mark.parametrize(
    "strips", [[(0, np.ones((4, 30)))], [(0, np.ones((9, 30))), (0, np.ones((1, 30)))], [(0, np.ones((9, 29)))],
               [(1, np.ones((9, 30)))], [(-1, np.ones((3, 30)))], []]
)  # fmt: skip
def test_rows_missing_twice_or_of_another_width_are_refused(strips):
    with pytest.raises(ValueError, match=r"rows|strip"):
        raster_sums(np.array([shapely.box(0, 0, 1, 1)], dtype=object), strips, FRAME)
