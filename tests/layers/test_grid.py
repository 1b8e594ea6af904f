"""The one raster frame: edges, centres, sampling."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phusong.layers.errors import CrsError
from phusong.layers.grid import Grid, Raster

GRID = Grid("EPSG:9212", 1000.0, 2000.0, 10.0, (3, 4))
PLACE = st.floats(-1e6, 1e6)
RASTER = Raster(GRID, np.arange(12, dtype=np.float32).reshape(3, 4))


def test_edges_and_centres() -> None:
    assert GRID.bounds == (1000.0, 1970.0, 1040.0, 2000.0)
    assert list(GRID.x_m) == [1005.0, 1015.0, 1025.0, 1035.0]
    assert list(GRID.y_m) == [1995.0, 1985.0, 1975.0]
    assert GRID.transform @ (0.5, 0.5) == (1005.0, 1995.0)


@given(
    left=st.floats(-1e6, 1e6), bottom=st.floats(-1e6, 1e6), width=st.floats(1, 2e4), cell_m=st.sampled_from([5.0, 90.0])
)
def test_a_covering_grid_covers_with_edges_on_whole_cells(
    left: float, bottom: float, width: float, cell_m: float
) -> None:
    bounds = (left, bottom, left + width, bottom + width)
    grid = Grid.covering(bounds, crs="EPSG:9212", cell_m=cell_m)
    have = grid.bounds
    assert have[0] <= left
    assert have[1] <= bottom
    assert have[2] >= left + width
    assert have[3] >= bottom + width
    assert have[0] / cell_m == pytest.approx(round(have[0] / cell_m))
    assert (have[2] - have[0]) < width + 2 * cell_m


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:4756"])
def test_degrees_are_refused(crs: str) -> None:
    with pytest.raises(CrsError, match=crs):
        Grid(crs, 0, 0, 1, (1, 1))


def test_values_must_fit_the_grid() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        Raster(GRID, np.zeros((2, 2), dtype=np.float32))


def test_sample_takes_the_cell_and_nothing_outside() -> None:
    x_m, y_m = np.array([1000.0, 1039.9, 1040.0, 999.9]), np.array([2000.0, 1970.1, 1995.0, 1995.0])
    assert np.array_equal(RASTER.sample(x_m, y_m), np.array([0, 11, np.nan, np.nan]), equal_nan=True)


def test_bilinear_is_exact_on_a_plane_and_holds_to_the_edge() -> None:
    x_m, y_m = np.array([1010.0, 1005.0, 1001.0, 1040.0]), np.array([1990.0, 1995.0, 1999.0, 1990.0])
    assert np.array_equal(RASTER.bilinear(x_m, y_m), np.array([2.5, 0, 0, np.nan]), equal_nan=True)


def test_a_void_counts_only_where_it_has_weight() -> None:
    values = RASTER.values.copy()
    values[0, 1] = np.nan
    raster = Raster(GRID, values)
    found = raster.bilinear(np.array([1005.0, 1006.0]), np.array([1995.0, 1995.0]))
    assert found[0] == 0
    assert np.isnan(found[1])
