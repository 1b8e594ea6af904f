"""Who has the signal today, on a hand-made country: the model where nobody was asked, the reports where they were."""

from __future__ import annotations

from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from shapely.geometry import box

from phusong.coverage.plan.lacking import covered_now, home_villages
from phusong.coverage.population import People
from phusong.coverage.zonal import zones
from phusong.layers.grid import Grid, Raster

CRS = "EPSG:9212"
CELL_M = 100.0
SIZE = 40
GRID = Grid(CRS, 500_000.0, 1_850_000.0, CELL_M, (SIZE, SIZE))
WEST, EAST = (10, 20), (30, 20)  # column and row of the two village centres
UNITS = gpd.GeoDataFrame({"code": ["1"], "population": [400.0]}, geometry=[box(*GRID.bounds)], crs=CRS)


@dataclass
class Model:
    """A radio result with one operator of 2G (and another of 3G), usable in the western half."""

    level: NDArray[np.float32]
    technologies: tuple[str, ...] = ("2G", "3G")
    operators: tuple[str, ...] = ("A", "B")
    on_air: dict[str, str] = field(default_factory=lambda: {"2G": "A", "3G": "B"})

    def covered(self, technology: str, operator: str | None = None) -> NDArray[np.float32]:
        if operator not in (None, self.on_air[technology]):
            raise LookupError(operator)
        return self.level


def west_only() -> NDArray[np.float32]:
    level = np.zeros(GRID.shape, dtype=np.float32)
    level[:, : SIZE // 2] = 1.0
    level[0, 0] = np.nan  # a cell whose level is not known
    return level


def villages(*places: tuple[int, int]) -> gpd.GeoDataFrame:
    cols, rows = zip(*places, strict=True)
    names = [f"V{i}" for i in range(len(places))]
    table = {"code": names, "unit_code": ["1"] * len(places), "population": [200.0] * len(places)}
    return gpd.GeoDataFrame(table, geometry=gpd.points_from_xy(GRID.x_m[list(cols)], GRID.y_m[list(rows)]), crs=CRS)


def now(
    *,
    radio: Model | None,
    said: dict[str, list[float]] | None = None,
    places: tuple[tuple[int, int], ...] = (WEST, EAST),
    technology: str = "2G",
    operator: str | None = None,
) -> NDArray[np.float32]:
    """``covered_now`` on flat land with villages of 500 m around their centres; ``said`` are indicator columns."""
    pairs = zones(UNITS, grid=GRID)
    people = People(pairs, np.full(len(pairs.cell), 400.0 / SIZE**2), "uniform", ("uniform",), pd.DataFrame())
    at = villages(*places) if places else None
    table = pd.DataFrame({"code": [] if at is None else at["code"], **(said or {})})
    home = (
        None
        if at is None
        else home_villages(
            people,
            UNITS,
            at,
            elevation=Raster(GRID, np.full(GRID.shape, 10.0, dtype=np.float32)),
            village_radius_m=500.0,
            max_slope_pct=60.0,
        )
    )
    return covered_now(
        GRID.shape, radio=radio, technology=technology, operator=operator, village_table=table, home=home
    )


def around(place: tuple[int, int]) -> NDArray[np.bool_]:
    """Cells whose centre lies nearer than 500 m to a village centre."""
    rows, cols = np.mgrid[0:SIZE, 0:SIZE]
    near: NDArray[np.bool_] = CELL_M * np.hypot(cols - place[0], rows - place[1]) < 500.0
    return near


def test_without_a_report_the_model_stands_as_it_is() -> None:
    for places in ((), (WEST, EAST)):
        np.testing.assert_array_equal(now(radio=Model(west_only()), places=places), west_only())


def test_without_a_model_only_what_was_reported_is_known() -> None:
    assert np.isnan(now(radio=None)).all()
    found = now(radio=None, said={"observed_signal_2g": [1.0, 0.0]})
    assert (found[around(WEST)] == 1.0).all()
    assert (found[around(EAST)] == 0.0).all()
    assert np.isnan(found[~around(WEST) & ~around(EAST)]).all()


def test_a_report_decides_over_the_model_around_its_own_village_and_nowhere_else() -> None:
    found = now(radio=Model(west_only()), said={"observed_signal_2g": [0.0, 1.0]})
    assert (found[around(WEST)] == 0.0).all()
    assert (found[around(EAST)] == 1.0).all()
    elsewhere = ~around(WEST) & ~around(EAST)
    np.testing.assert_array_equal(found[elsewhere], west_only()[elsewhere])


def test_signal_at_the_centre_says_nothing_of_a_village_with_a_cluster_that_lacks_it() -> None:
    said = {"observed_signal_2g": [np.nan, 1.0], "observed_clusters_uncovered_2g": [np.nan, 1.0]}
    np.testing.assert_array_equal(now(radio=Model(west_only()), said=said), west_only())
    said["observed_clusters_uncovered_2g"] = [np.nan, 0.0]
    assert (now(radio=Model(west_only()), said=said)[around(EAST)] == 1.0).all()


def test_a_cell_between_two_villages_follows_the_nearer_one() -> None:
    places = ((18, 20), (22, 20))
    found = now(radio=None, said={"observed_signal_2g": [1.0, 0.0]}, places=places)
    cols = np.arange(SIZE)
    assert (found[around(places[0]) & (cols < 20)] == 1.0).all()
    assert (found[around(places[1]) & (cols > 20)] == 0.0).all()


def test_a_nearer_village_without_report_leaves_the_model() -> None:
    places = ((18, 20), (22, 20))
    found = now(radio=Model(west_only()), said={"observed_signal_2g": [np.nan, 0.0]}, places=places)
    cols = np.arange(SIZE)
    assert (found[around(places[0]) & (cols < 20)] == 1.0).all()


@pytest.mark.parametrize(("technology", "operator"), [("5G", None), ("2G", "Nobody"), ("2G", "B")])
def test_what_has_no_site_on_air_covers_nothing(technology: str, operator: str | None) -> None:
    """Not "no data": the network is known, and this technology, operator or both together is not in it."""
    assert (now(radio=Model(west_only()), technology=technology, operator=operator) == 0.0).all()


def test_for_one_operator_reports_of_any_operator_decide_nothing() -> None:
    said = {"observed_signal_2g": [0.0, 1.0]}
    np.testing.assert_array_equal(now(radio=Model(west_only()), said=said, operator="A"), west_only())
