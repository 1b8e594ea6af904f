"""Candidates and the investment list on a small hand-made country with a fake reach."""

from __future__ import annotations

from collections.abc import Iterator

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from pyproj import Transformer

from phusong.coverage.plan import Plan, Reached, find_candidates, make_plan
from phusong.coverage.plan.candidates import unit_of_cells
from phusong.coverage.plan.invest import CANDIDATE_COLUMNS, PLAN_COLUMNS
from phusong.coverage.plan.serves import SERVES_COLUMNS
from phusong.coverage.population import People
from phusong.coverage.zonal import Zones
from phusong.layers.errors import ComputeError, CrsError
from phusong.layers.grid import Grid, Raster

CRS = "EPSG:9212"
SIZE = 60
GRID = Grid(CRS, 500_000.0, 1_850_000.0, 100.0, (SIZE, SIZE))
REACH_CELLS = 8
USABLE_DBM = -100.0


def zones() -> Zones:
    """Two communes: the western 30 columns and the eastern 28; the last two columns lie outside."""
    cell = np.arange(SIZE * SIZE, dtype=np.int64).reshape(SIZE, SIZE)
    west, east = cell[:, :30].reshape(-1), cell[:, 30:58].reshape(-1)
    unit = np.repeat(np.array([0, 1], dtype=np.int32), [len(west), len(east)])
    return Zones(GRID, unit, np.concatenate([west, east]), np.ones(len(unit)), 2)


def people_at(places: dict[tuple[int, int], float]) -> People:
    pairs = zones()
    counts = np.zeros(SIZE * SIZE)
    for (row, col), persons in places.items():
        counts[row * SIZE + col] = persons
    return People(pairs, counts[pairs.cell], "uniform", ("uniform", "uniform"), pd.DataFrame())


def hills(*tops: tuple[int, int]) -> Raster:
    """A plain at 10 m with cones 100 m high and 500 m wide."""
    rows, cols = np.mgrid[0:SIZE, 0:SIZE]
    ground = np.full(GRID.shape, 10.0)
    for row, col in tops:
        ground = np.maximum(ground, 110.0 - 20.0 * np.hypot(rows - row, cols - col))
    return Raster(GRID, ground.astype(np.float32))


def villages(*places: tuple[str, int, int, bool | None]) -> gpd.GeoDataFrame:
    codes, rows, cols, power = (list(column) for column in zip(*places, strict=True))
    return gpd.GeoDataFrame(
        {"code": codes, "name": [f"Thôn {c}" for c in codes], "grid_power": pd.array(power, dtype="boolean")},
        geometry=gpd.points_from_xy(GRID.x_m[cols], GRID.y_m[rows]),
        crs=CRS,
    )


UNITS = pd.DataFrame(
    {"code": ["1", "2"], "name": ["Tây", "Đông"], "land_border": pd.array([True, None], dtype="boolean")}
)


def disc(positions: NDArray[np.float64], where: NDArray[np.bool_]) -> Iterator[Reached]:
    """A usable level within ``REACH_CELLS`` cells in both directions; cells not asked for are NaN."""
    rows, cols = GRID.rowcol(positions[:, 0], positions[:, 1])
    for index, (row, col) in enumerate(zip(rows.tolist(), cols.tolist(), strict=True)):
        row0, row1 = max(0, row - REACH_CELLS), min(SIZE, row + REACH_CELLS + 1)
        col0, col1 = max(0, col - REACH_CELLS), min(SIZE, col + REACH_CELLS + 1)
        level = np.full((row1 - row0, col1 - col0), -90.0, dtype=np.float32)
        level[~where[row0:row1, col0:col1]] = np.nan
        yield index, (row0, row1, col0, col1), level


NOBODY = np.zeros(GRID.shape, dtype=np.float32)


def planned(people: People, *, budget_vnd: float = 100e9, **changes: object) -> Plan:
    settings: dict[str, object] = {
        "villages": None,
        "elevation": hills((20, 15), (40, 45)),
        "covered": NOBODY,
        "reach": disc,
        "usable_dbm": USABLE_DBM,
        "technology": "4G",
        "band_mhz": 1800.0,
        "height_m": 36.0,
        "site_cost_vnd": 1e9,
        "off_grid_extra_vnd": 0.5e9,
        "border_factor": 2.0,
        "max_candidates": 300,
        "min_people": 0.0,
    }
    return make_plan(people, UNITS, budget_vnd=budget_vnd, **(settings | changes))  # type: ignore[arg-type]


def candidates(people: People, **changes: object) -> pd.DataFrame:
    dark = np.where(NOBODY == 0, people.raster.values, 0.0)
    settings: dict[str, object] = {
        "zones": zones(),
        "elevation": hills((20, 15), (40, 45)),
        "villages": None,
        "covered": NOBODY,
        "uncovered_people": np.nan_to_num(dark).astype(np.float64),
        "max_candidates": 300,
    }
    return find_candidates(**(settings | changes))  # type: ignore[arg-type]


def test_the_unit_of_a_cell_is_the_one_that_holds_most_of_it() -> None:
    pairs = Zones(
        Grid(CRS, 0.0, 0.0, 1.0, (1, 3)),
        np.array([0, 0, 1, 1], dtype=np.int32),
        np.array([0, 1, 0, 1], dtype=np.int64),
        np.array([0.3, 0.5, 0.7, 0.5]),
        2,
    )
    assert unit_of_cells(pairs).tolist() == [1, 0, -1]


def test_hilltops_stand_on_the_tops_and_not_on_the_plain() -> None:
    found = candidates(people_at({(20, 20): 100.0, (40, 40): 50.0}))
    assert found["candidate_id"].tolist() == [f"H{20 * SIZE + 15}", f"H{40 * SIZE + 45}"]
    assert found["ground_elevation_m"].tolist() == [110.0, 110.0]
    assert found["unit"].tolist() == [0, 1]
    assert found["people_near"].tolist() == pytest.approx([150.0, 150.0])


def test_a_flat_top_is_one_hilltop_and_a_low_knoll_is_none() -> None:
    flat = hills((20, 15))
    flat.values[20, 15:18] = 115.0
    low = hills()
    low.values[20, 15] = 35.0
    people = people_at({(22, 15): 10.0})
    assert candidates(people, elevation=flat)["candidate_id"].tolist() == [f"H{20 * SIZE + 15}"]
    assert len(candidates(people, elevation=low)) == 0


def test_no_candidate_outside_the_units_on_the_sea_or_beside_unknown_ground() -> None:
    people = people_at({(40, 50): 10.0})
    assert len(candidates(people, elevation=hills((40, 59)))) == 0
    void = hills((40, 45))
    void.values[41, 46] = np.nan
    assert len(candidates(people, elevation=void)) == 0
    sea = Raster(GRID, np.zeros(GRID.shape, dtype=np.float32))
    assert len(candidates(people, elevation=sea, villages=villages(("a", 40, 45, True)))) == 0


def test_village_centres_only_where_there_is_no_signal() -> None:
    covered = NOBODY.copy()
    covered[:, :30] = 1.0
    covered[50, 50] = np.nan
    found = candidates(
        people_at({(40, 45): 10.0}),
        elevation=hills(),
        covered=covered,
        villages=villages(("a", 40, 10, True), ("b", 40, 45, True), ("c", 50, 50, True)),
    )
    assert found["candidate_id"].tolist() == ["Vb"]


def test_each_commune_sends_its_best_before_any_sends_its_second() -> None:
    places = villages(("a", 30, 10, True), ("b", 31, 10, True), ("c", 30, 57, True))
    people = people_at({(30, 2): 900.0, (30, 57): 10.0})
    found = candidates(people, elevation=hills(), villages=places, max_candidates=2)
    assert found["candidate_id"].tolist() == ["Va", "Vc"]


def test_the_list_has_costs_people_places_and_names() -> None:
    plan = planned(
        people_at({(20, 15): 100.0, (40, 45): 300.0, (5, 50): 7.0}),
        villages=villages(("a", 26, 15, False), ("b", 48, 45, True)),
        elevation=hills((20, 15), (40, 45)),
    )
    assert list(plan.sites.columns) == [*PLAN_COLUMNS, "geometry"]
    assert list(plan.candidates.columns) == list(CANDIDATE_COLUMNS)
    first, second = plan.sites.iloc[0], plan.sites.iloc[1]
    # east: 300 people for 1 bn; west: 100 people for 2 x 1 + 0.5 bn
    assert (first["unit_name"], first["cost_vnd"], first["people_new"]) == ("Đông", 1e9, 300.0)
    assert (second["unit_name"], second["cost_vnd"], second["people_new"]) == ("Tây", 2.5e9, 100.0)
    assert second[["people_new_cumulative", "cost_cumulative_vnd"]].tolist() == [400.0, 3.5e9]
    assert second["people_per_bn_vnd"] == pytest.approx(40.0)
    assert (first["name"], second["name"]) == ("Thôn b", "Thôn a")
    assert bool(second["off_grid"])
    assert pd.isna(first["border"])
    assert plan.people_new == 400.0
    assert plan.cost_vnd == 3.5e9
    assert plan.counts["people_without_signal"] == 407.0
    assert plan.counts["people_out_of_reach"] == 7.0
    assert (plan.status, plan.gap_pct) == ("greedy", 0.0)
    back = Transformer.from_crs("EPSG:4326", CRS, always_xy=True).transform(first["lon"], first["lat"])
    assert back == pytest.approx((first["x_m"], first["y_m"]), abs=1e-3)
    assert plan.sites.crs == CRS


def test_only_people_known_to_be_without_signal_count() -> None:
    covered = NOBODY.copy()
    covered[20, 16] = 1.0
    covered[20, 17] = np.nan
    plan = planned(people_at({(20, 15): 10.0, (20, 16): 20.0, (20, 17): 40.0}), covered=covered)
    assert plan.people_new == 10.0
    assert plan.counts["people_signal_unknown"] == 40.0


def test_the_plan_stays_under_the_budget_and_reports_its_bound() -> None:
    people = people_at({(20, 15): 100.0, (40, 45): 300.0})
    none = planned(people, budget_vnd=0.9e9)
    assert len(none.sites) == 0
    assert list(none.sites.columns) == [*PLAN_COLUMNS, "geometry"]
    assert none.bound_people == pytest.approx(270.0)  # nine tenths of the eastern site
    assert none.gap_pct == 100.0
    one = planned(people, budget_vnd=2.5e9)
    assert (one.cost_vnd, one.people_new) == (1e9, 300.0)
    assert one.bound_people == pytest.approx(300.0 + 100.0 * 1.5 / 2.0)


def test_people_between_two_sites_are_counted_once() -> None:
    places = villages(("a", 30, 40, True), ("b", 30, 46, True))
    plan = planned(people_at({(30, 43): 50.0, (30, 35): 5.0, (30, 52): 4.0}), villages=places, elevation=hills())
    assert plan.sites["people_new"].tolist() == [55.0, 4.0]
    assert plan.candidates["people_alone"].tolist() == [55.0, 54.0]
    assert plan.candidates["rank"].tolist() == [1, 2]


def test_a_site_for_a_handful_of_households_is_not_proposed() -> None:
    plan = planned(people_at({(20, 15): 20.0, (40, 45): 21.0}), min_people=20.0)
    assert plan.sites["people_new"].tolist() == [21.0]
    assert plan.candidates["people_alone"].tolist() == [20.0, 21.0]


def test_unknown_people_are_nobody_and_an_empty_country_has_an_empty_plan() -> None:
    people = people_at({(20, 15): 10.0})
    unknown = People(
        people.zones, np.full_like(people.people, np.nan), "uniform", ("uniform", "uniform"), pd.DataFrame()
    )
    plan = planned(unknown)
    assert (len(plan.sites), len(plan.candidates), plan.bound_people) == (0, 0, 0.0)


def test_the_same_plan_every_time_and_for_any_order_of_villages() -> None:
    places = villages(("a", 30, 40, True), ("b", 30, 46, None), ("c", 12, 12, False))
    people = people_at({(30, 43): 50.0, (12, 14): 30.0})
    turned = places.iloc[::-1].reset_index(drop=True)
    first = planned(people, villages=places).sites
    pd.testing.assert_frame_equal(pd.DataFrame(first), pd.DataFrame(planned(people, villages=turned).sites))


def test_a_lost_candidate_and_a_wrong_grid_are_named() -> None:
    people = people_at({(20, 15): 10.0})
    with pytest.raises(ComputeError, match="only 1 of 2"):
        planned(people, reach=lambda positions, where: list(disc(positions, where))[:1])
    with pytest.raises(CrsError):
        planned(people, covered=np.zeros((2, 2), dtype=np.float32))


def test_progress_counts_every_candidate() -> None:
    told: list[tuple[int, int]] = []
    planned(people_at({(20, 15): 10.0}), progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]


def home_of(places: gpd.GeoDataFrame, *, within_cells: int) -> NDArray[np.int64]:
    """Row of the nearest village within so many cells, by cell."""
    rows, cols = np.mgrid[0:SIZE, 0:SIZE]
    x_m, y_m = GRID.x_m[cols], GRID.y_m[rows]
    far = np.stack([np.hypot(x_m - point.x, y_m - point.y) for point in places.geometry])
    near: NDArray[np.int64] = np.where(far.min(axis=0) <= within_cells * 100.0, far.argmin(axis=0), -1).reshape(-1)
    return near


def test_each_site_tells_which_communes_and_villages_it_serves_and_whom_first() -> None:
    """Reach 8 cells: a's site gets a's 100 and the 50 between (a's too, being as near); b's those 50 and its own 10."""
    places = villages(("a", 30, 20, True), ("b", 30, 32, True))
    people = people_at({(30, 20): 100.0, (30, 26): 50.0, (30, 30): 10.0, (30, 58): 3.0})
    plan = planned(people, villages=places, elevation=hills(), home=home_of(places, within_cells=6), border_factor=1.0)
    assert list(plan.serves.columns) == list(SERVES_COLUMNS)
    assert plan.candidates["rank"].tolist() == [1, 2]
    rows = plan.serves.set_index(["candidate_id", "level", "code"])
    assert rows.loc[("Va", "village", "a"), "people_alone"] == 150.0
    assert rows.loc[("Va", "village", "a"), "centre"] == "yes"
    assert rows.loc[("Vb", "village", "a"), ["people_lacking", "people_alone", "people_new"]].tolist() == [150, 50, 0]
    assert rows.loc[("Vb", "village", "a"), "centre"] == "no"
    assert rows.loc[("Vb", "village", "b"), "people_new"] == 10.0
    assert rows.loc[("Vb", "village", "b"), "centre"] == ""  # nobody lives on the cell of its centre
    chosen = plan.serves[plan.serves["level"] == "unit"]
    by_rank = chosen.groupby("rank")["people_new"].sum()
    assert by_rank.tolist() == plan.sites["people_new"].tolist()


@pytest.mark.parametrize("seed", range(4))
def test_people_served_sum_to_the_plan_for_any_scatter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    at = {(int(row), int(col)): float(rng.integers(1, 99)) for row, col in rng.integers(2, 56, (40, 2))}
    places = villages(
        *[(f"v{i}", int(row), int(col), True) for i, (row, col) in enumerate(rng.integers(3, 55, (6, 2)))]
    )
    covered = (rng.random(GRID.shape) < 0.2).astype(np.float32)
    home = home_of(places, within_cells=10)
    plan = planned(people_at(at), villages=places, covered=covered, budget_vnd=3e9, home=home)
    units = plan.serves[plan.serves["level"] == "unit"]
    assert 0 < len(plan.sites) < len(plan.candidates)
    assert (units["people_alone"] <= units["people_lacking"] + 1e-9).all()
    assert (units["people_new"].isna() == units["rank"].isna()).all()
    assert units["people_new"].sum() == pytest.approx(plan.people_new)
    alone = units.groupby("candidate_id")["people_alone"].sum()
    wanted = plan.candidates.set_index("candidate_id")["people_alone"]
    assert alone.to_dict() == pytest.approx(wanted[wanted > 0].to_dict())
    of_villages = plan.serves[plan.serves["level"] == "village"].groupby("candidate_id")["people_alone"].sum()
    assert len(of_villages)
    assert (of_villages <= alone[of_villages.index] + 1e-9).all()


def test_without_villages_only_communes_are_served() -> None:
    plan = planned(people_at({(20, 15): 100.0}))
    assert plan.serves[["level", "code"]].to_numpy().tolist() == [["unit", "1"]]
    assert planned(people_at({})).serves.empty
