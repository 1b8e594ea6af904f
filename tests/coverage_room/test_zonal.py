"""Exact shares of cells against areas computed by hand and by shapely."""

import time

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Polygon, box

from phusong.coverage.zonal import zones
from phusong.layers.errors import CrsError, InputError
from phusong.layers.grid import Grid

CRS = "EPSG:9212"


def frame(*shapes, crs=CRS):
    return gpd.GeoDataFrame({"code": [f"U{i}" for i in range(len(shapes))]}, geometry=list(shapes), crs=crs)


def test_two_by_two_by_hand():
    grid = Grid(CRS, 0.0, 2.0, 1.0, (2, 2))
    found = zones(frame(box(0, 0, 1.5, 2), box(1.5, 0.5, 2, 2)), grid=grid)
    assert found.unit.tolist() == [0, 0, 0, 0, 1, 1]
    assert found.cell.tolist() == [0, 1, 2, 3, 1, 3]
    assert found.fraction.tolist() == [1.0, 0.5, 1.0, 0.5, 0.5, 0.25]
    assert found.starts.tolist() == [0, 4, 6]


def test_triangle_smaller_than_a_cell_keeps_its_area():
    grid = Grid(CRS, 0.0, 3.0, 1.0, (3, 3))
    found = zones(frame(Polygon([(1.2, 1.2), (1.6, 1.2), (1.2, 1.4)])), grid=grid)
    assert found.cell.tolist() == [4]
    assert found.fraction[0] == pytest.approx(0.04, rel=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_shares_are_those_of_shapely(seed):
    rng = np.random.default_rng(seed)
    grid = Grid(CRS, 0.0, 6.0, 1.0, (6, 6))
    shape = shapely.convex_hull(shapely.multipoints(rng.uniform(0, 6, (7, 2))))
    found = zones(frame(shape), grid=grid)
    rows, cols = np.divmod(found.cell, 6)
    cells = shapely.box(cols, 5 - rows, cols + 1, 6 - rows)
    assert found.fraction == pytest.approx(shapely.area(shapely.intersection(cells, shape)), abs=1e-7)
    assert found.fraction.sum() == pytest.approx(shape.area, rel=1e-7)


def test_neighbours_share_cells_without_gap_or_overlap():
    grid = Grid(CRS, 0.0, 4.0, 1.0, (4, 4))
    cut = Polygon([(0, 0), (4, 0), (4, 1.3), (0, 3.1)])
    found = zones(frame(cut, box(0, 0, 4, 4).difference(cut)), grid=grid)
    assert np.bincount(found.cell, weights=found.fraction) == pytest.approx(np.ones(16), abs=1e-7)


def test_a_mean_needs_half_of_its_weight():
    grid = Grid(CRS, 0.0, 1.0, 1.0, (1, 4))
    found = zones(frame(box(0, 0, 4, 1)), grid=grid)
    values = np.array([1.0, 3.0, np.nan, np.nan])
    assert found.means(values, found.fraction)[0] == 2.0
    assert found.mean(values, found.fraction) == 2.0
    values[1] = np.nan
    assert np.isnan(found.means(values, found.fraction)[0])
    assert np.isnan(found.mean(values, found.fraction))


@given(st.integers(0, 2**32 - 1))
def test_means_are_those_of_each_unit_alone(seed):
    """Against numpy on the unit's own pairs; a weight that is not known makes its unit unknown, and no other."""
    rng = np.random.default_rng(seed)
    found = zones(frame(box(0, 0, 2.5, 3), box(2.5, 0, 4, 3), box(4, 0, 5, 3)), grid=Grid(CRS, 0.0, 3.0, 1.0, (3, 5)))
    values = np.where(rng.random(len(found.cell)) < 0.4, np.nan, rng.normal(size=len(found.cell)))
    weights = found.fraction * rng.choice([0.0, 1.0, 7.0], len(found.cell))
    weights[found.unit == 2] = np.nan
    for unit, mean in enumerate(found.means(values, weights)):
        v, w = values[found.unit == unit], weights[found.unit == unit]
        known = ~np.isnan(v)
        enough = w[known].sum() > 0 and w[known].sum() >= 0.5 * w.sum()
        np.testing.assert_allclose(mean, np.average(v[known], weights=w[known]) if enough else np.nan, atol=1e-12)


def test_a_unit_beyond_the_grid_is_refused_by_name():
    grid = Grid(CRS, 0.0, 2.0, 1.0, (2, 2))
    with pytest.raises(InputError) as caught:
        zones(frame(box(0, 0, 1, 1), box(1, 1, 2.5, 2), Polygon()), grid=grid)
    assert [fault.row for fault in caught.value.faults] == [2, 3]
    assert "U1" in caught.value.say("en")
    assert "U1" in caught.value.say("vi")


def test_another_crs_is_refused():
    grid = Grid(CRS, 0.0, 2.0, 1.0, (2, 2))
    with pytest.raises(CrsError):
        zones(frame(box(0, 0, 1, 1), crs="EPSG:32648"), grid=grid)


def test_a_million_cells_in_seconds():
    grid = Grid(CRS, 0.0, 90_000.0, 90.0, (1000, 1000))
    side = 7_490.0
    shapes = [box(i * side, j * side, (i + 1) * side, (j + 1) * side) for i in range(12) for j in range(12)]
    begun = time.process_time()
    found = zones(frame(*shapes), grid=grid)
    assert time.process_time() - begun < 5  # about 0.4 s on an idle core
    assert found.area_km2 == pytest.approx(np.full(144, side**2 / 1e6), rel=1e-7)
