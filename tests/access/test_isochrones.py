"""Areas within limits: whole cells, each within the next, valid, in the grid's CRS."""

import numpy as np
import pytest
import shapely

from phusong.coverage.access.isochrones import isochrones
from phusong.coverage.access.surface import Surface
from phusong.coverage.access.travel_time import Travel, travel_time
from phusong.layers.grid import Grid

GRID = Grid("EPSG:9212", 540_000.0, 1_840_000.0, 30.0, (40, 50))


@pytest.fixture(scope="module")
def travel() -> Travel:
    rng = np.random.default_rng(8)
    slowness = rng.choice([0.2, 1.0, 5.0, np.inf, np.nan], GRID.shape, p=[0.3, 0.4, 0.1, 0.15, 0.05])
    return travel_time(Surface(GRID, slowness), np.flatnonzero(np.isfinite(slowness.reshape(-1)))[::700], limit=400.0)


def test_areas_hold_the_cells_within_and_those_before(travel: Travel) -> None:
    found = isochrones(travel, limits_min=[120.0, 0.0, 60.0, 60.0, 400.0])
    assert found["limit"].tolist() == [0.0, 60.0, 120.0, 400.0]
    assert found.crs == GRID.crs
    assert found.is_valid.all()
    assert set(found.geom_type) == {"MultiPolygon"}
    x_m, y_m = np.meshgrid(GRID.x_m, GRID.y_m)
    for limit, area in zip(found["limit"], found.geometry, strict=True):
        within = travel.cost <= limit
        assert area.area == pytest.approx(within.sum() * GRID.cell_m**2, rel=1e-12)
        assert (shapely.contains_xy(area, x_m, y_m) == within).all()
    for inner, outer in zip(found.geometry[:-1], found.geometry[1:], strict=True):
        assert shapely.area(shapely.difference(inner, outer)) == 0.0


def test_nothing_reached_is_an_empty_area() -> None:
    nobody = travel_time(Surface(GRID, np.ones(GRID.shape)), np.array([], dtype=np.int64))
    assert isochrones(nobody, limits_min=[10.0]).geometry.is_empty.all()


@pytest.mark.parametrize("limit", [-1.0, np.nan, 401.0])
def test_limits_that_say_nothing_are_refused(travel: Travel, limit: float) -> None:
    with pytest.raises(ValueError, match="limits"):
        isochrones(travel, limits_min=[10.0, limit])
