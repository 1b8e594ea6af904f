"""Villages: the model at centres and clusters, and what reports say."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from shapely.geometry import Point, box

from phusong.coverage.observed import observed_signal, reports_of_villages
from phusong.coverage.population import distribute
from phusong.coverage.village_indicators import VILLAGE_COLUMNS, Homes, village_indicators
from phusong.coverage.zonal import zones


@pytest.fixture
def ground(raster):
    return raster([[10.0] * 8] * 4, cell_m=500.0)


@pytest.fixture
def base(layer, points):
    units = layer("units", [{"code": "A", "name": "A", "population": 400.0}], [box(0, 0, 4000, 2000)])
    rows = [("V1", 750), ("V2", 2250), ("V3", 3750)]
    villages = points(
        "villages",
        [{"code": c, "name": f"Bản {c}", "unit_code": "A", "population": 100.0, "xy": (x, 750)} for c, x in rows],
    )
    return {"units": units, "villages": villages}


def compute(layers, elevation, radio=None, *, village_radius_m=1500.0, usable_dbm=None, cluster_min_people=20.0):
    people = distribute(
        zones(layers["units"], grid=elevation.grid),
        layers["units"],
        villages=layers.get("villages"),
        elevation=elevation,
        village_radius_m=village_radius_m,
    )
    return village_indicators(
        layers,
        people=people,
        elevation=elevation,
        radio=radio,
        usable_dbm=usable_dbm,
        on=date(2012, 12, 31),
        homes=Homes(village_radius_m=village_radius_m, cluster_min_people=cluster_min_people),
    )


def west_only(radio, grid, extra=None):
    level = np.full(grid.shape, -150.0)
    level[:, :4] = -80.0
    return radio(grid, {("2G", "X"): level} | (extra or {}))


def test_centres_by_the_model(base, ground, radio):
    other = np.full(ground.grid.shape, -110.0)
    other[:, 7] = np.nan
    table = compute(base, ground, west_only(radio, ground.grid, {("2G", "Y"): other, ("3G", "Y"): other}))
    assert table["centre_level_2g_dbm"].tolist() == pytest.approx([-80.0, -110.0, -150.0])
    assert table["centre_covered_2g"].tolist() == [True, False, pd.NA]  # Y is unknown at V3
    assert table["centre_covered_3g"].tolist() == [False, False, pd.NA]
    assert table["centre_covered_any"].tolist() == [True, False, pd.NA]
    assert table["elevation_m"].tolist() == [10.0] * 3
    assert list(table.columns[: len(VILLAGE_COLUMNS)]) == list(VILLAGE_COLUMNS)


def test_people_of_a_village_without_clusters_live_in_its_footprint(base, ground, radio):
    table = compute(base, ground, west_only(radio, ground.grid), village_radius_m=800.0)
    assert table["people_covered_2g_pct"].iloc[0] == pytest.approx(100.0)
    # V2 stands in column 4: column 3 (500 m west, and diagonally) is covered, 4 and 5 are not
    side, corner = (1 - (5 / 8) ** 2) ** 2, (1 - 2 * (5 / 8) ** 2) ** 2
    share = 100 * (side + 2 * corner) / (1 + 4 * side + 4 * corner)
    assert table["people_covered_2g_pct"].iloc[1] == pytest.approx(share)
    assert table["people_covered_any_pct"].iloc[2] == 0.0
    # without clusters, the populated cells east of column 4 that are nearest to V2, and those to V3, stand in
    assert table["clusters_uncovered"].tolist() == [0, 1, 1]
    assert table["clusters_basis"].tolist() == ["populated_cells"] * 3


def test_clusters_weigh_by_households(base, ground, layer, points, radio):
    clusters = points(
        "village_clusters",
        [
            {"cluster_id": "1", "village_code": "V2", "households": 30, "xy": (1750, 750)},
            {"cluster_id": "2", "village_code": "V2", "households": 10, "xy": (2250, 750)},
            {"cluster_id": "3", "village_code": "V3", "households": 10, "xy": (1750, 750)},
            {"cluster_id": "4", "village_code": "V3", "xy": (2250, 750)},
            {"cluster_id": "5", "village_code": "V3", "xy": (2750, 750)},
        ],
    )
    table = compute(base | {"village_clusters": clusters}, ground, west_only(radio, ground.grid))
    assert table["people_covered_2g_pct"].tolist() == pytest.approx([100.0, 75.0, 100 / 3])
    assert table["clusters_uncovered"].tolist() == [0, 1, 2]
    assert table["clusters_basis"].tolist() == ["populated_cells", "clusters", "clusters"]
    assert table["clusters_uncovered_2g"].iloc[1:].tolist() == [1, 2]


def test_a_known_area_replaces_the_footprint(base, ground, layer, radio):
    areas = layer("village_areas", [{"code": "V3"}], [box(1500, 500, 2500, 1000)])
    table = compute(base | {"village_areas": areas}, ground, west_only(radio, ground.grid), village_radius_m=300.0)
    # people of the area stand in V2's own cell, column 4 (V2 fills one cell at this radius), not in column 3
    assert table["people_covered_2g_pct"].tolist() == pytest.approx([100.0, 0.0, 0.0])


def test_one_cluster_seen_with_signal_says_nothing_of_the_others(base, ground, points, layer):
    clusters = points(
        "village_clusters",
        [
            {"village_code": v, "cluster_id": c, "xy": xy}
            for v, c, xy in [("V1", "a", (750, 700)), ("V1", "b", (750, 1800)), ("V2", "c", (2250, 700))]
        ],
    )
    seen = {"technology": "2G", "has_signal": True, "place": "cluster"}
    reports = layer(
        "signal_reports",
        [
            {"report_id": "1", "village_code": "V1", **seen},
            {"report_id": "2", "village_code": "V2", **seen},
            {"report_id": "3", "village_code": "V3", **seen},
        ],
        [Point(750, 700), Point(2250, 700), Point(3750, 700)],
    )
    told = compute(base | {"village_clusters": clusters, "signal_reports": reports}, ground)
    # of V1 cluster b is not known; V2 was seen whole; of V3 no cluster is known
    np.testing.assert_equal(told["observed_clusters_uncovered"].to_numpy(), [np.nan, 0, np.nan])
    np.testing.assert_equal(told["observed_clusters_uncovered_2g"].to_numpy(), [np.nan, 0, np.nan])
    bare = compute(base | {"signal_reports": reports}, ground)
    assert bare["observed_clusters_uncovered"].isna().all()


def test_reports_alone_are_enough(base, ground, layer):
    reports = layer(
        "signal_reports",
        [
            {"report_id": "1", "village_code": "V1", "technology": "2G", "has_signal": True},
            {"report_id": "2", "village_code": "V2", "has_signal": False, "place": "centre"},
            {"report_id": "3", "village_code": "V2", "has_signal": False, "place": "cluster"},
        ],
        [None, None, None],
    )
    table = compute(base | {"signal_reports": reports}, ground)
    assert table["observed_signal_any"].tolist() == [True, False, pd.NA]
    assert table["observed_signal_2g"].tolist() == [True, False, pd.NA]
    assert table["observed_clusters_uncovered"].isna().tolist() == [True, False, True]
    assert table["observed_clusters_uncovered"].iloc[1] == 1
    assert table["centre_covered_2g"].isna().all()
    assert table["observed_as_of"].isna().tolist() == [False, False, True]


def test_levels_count_by_the_usable_level(base, ground, layer, radio):
    rows = [
        {"report_id": "1", "village_code": "V1", "technology": "2G", "level_dbm": -95.0},
        {"report_id": "2", "village_code": "V2", "technology": "2G", "level_dbm": -95.5, "operator": "X"},
        {"report_id": "3", "village_code": "V3", "level_dbm": -50.0},
    ]
    reports = layer("signal_reports", rows, [None] * 3)
    table = compute(base | {"signal_reports": reports}, ground, west_only(radio, ground.grid))
    assert table["observed_signal_2g"].tolist() == [True, False, pd.NA]
    table = compute(base | {"signal_reports": reports}, ground, usable_dbm={"2G": -90.0})
    assert table["observed_signal_2g"].tolist() == [False, False, pd.NA]


def test_reports_without_code_speak_for_who_is_there(base, layer):
    rows = [{"report_id": f"{i}", "technology": "2G", "has_signal": True} for i in range(4)]
    shapes = [box(500, 500, 2500, 1000), Point(3750, 1700), Point(3750, 1800), Point(760, 760)]
    rows[3]["place"] = "cluster"
    reports = layer("signal_reports", rows, shapes)
    found = reports_of_villages(reports, base["villages"], clusters=None, usable_dbm={})
    assert list(zip(found["village"], found["spot"], strict=True)) == [
        (0, "centre"),
        (1, "centre"),
        (2, "centre"),
        (0, "cluster 7 7"),
    ]


def said(*rows):
    """(day, operator, technology, has_signal) at one centre."""
    return pd.DataFrame(
        {
            "village": 0,
            "spot": "centre",
            "operator": pd.Series([r[1] for r in rows], dtype="str"),
            "technology": pd.Series([r[2] for r in rows], dtype="str"),
            "has_signal": [r[3] for r in rows],
            "as_of": pd.to_datetime([f"2012-01-{r[0]:02d}" for r in rows]),
        }
    )


@pytest.mark.parametrize(
    ("rows", "technology", "expected"),
    [
        ([(1, None, "2G", False), (2, None, "2G", True)], "2G", True),  # the newest wins
        ([(1, None, "2G", True), (2, None, "2G", False)], "2G", False),
        ([(2, None, "2G", False), (1, None, "2G", True)], "2G", False),  # whatever the order of the rows
        ([(1, "X", "2G", True), (2, "Y", "2G", False)], "2G", True),  # another operator does not take it back
        ([(1, "X", "2G", True), (2, "X", "2G", False)], "2G", None),  # Y is not known
        ([(1, "X", "2G", False), (1, "Y", "2G", False)], "2G", False),
        ([(1, "X", "2G", True), (2, None, None, False)], "2G", False),
        ([(1, "X", "2G", True), (1, None, "2G", False)], "2G", True),  # same day
        ([(1, None, None, True)], "2G", None),
        ([(1, None, None, True)], None, True),
        ([(1, None, "2G", False)], None, None),
        ([(1, None, "2G", False), (1, None, "3G", False)], None, False),
        ([(1, None, "2G", False), (1, None, "3G", True)], None, True),
        ([(1, None, None, False)], None, False),
        ([(1, None, None, False), (3, "X", "3G", True)], None, True),
    ],
)
def test_verdicts(rows, technology, expected):
    found = observed_signal(said(*rows), technologies=["2G", "3G"], operators=["X", "Y"])
    assert [None if pd.isna(v) else bool(v) for v in found[technology or "any"]] == [expected]


def test_without_villages_there_are_no_rows(base, ground, radio):
    table = compute({"units": base["units"]}, ground, west_only(radio, ground.grid))
    assert len(table) == 0
    assert "centre_covered_2g" in table


def test_operators_at_the_centre_by_the_model_and_with_reports(base, ground, layer, radio):
    weak = np.full(ground.grid.shape, -150.0)
    both = west_only(radio, ground.grid, {("2G", "Y"): weak, ("3G", "X"): np.full(ground.grid.shape, -80.0)})
    table = compute(base, ground, both)
    assert table["operators_at_centre_count"].tolist() == [1, 1, 1]  # X by 3G, Y nowhere
    assert table["operators_at_centre"].tolist() == ["X"] * 3
    assert table["observed_operators_at_centre_count"].isna().all()
    rows = [
        {"report_id": "1", "village_code": "V1", "operator": "Y", "technology": "2G", "has_signal": True},
        {"report_id": "2", "village_code": "V2", "has_signal": False},
        {"report_id": "3", "village_code": "V3", "operator": "Z", "technology": "2G", "has_signal": True},
    ]
    reports = layer("signal_reports", rows, [None] * 3)
    table = compute(base | {"signal_reports": reports}, ground, both)
    assert table["operators_at_centre_count"].tolist() == [1, 1, 1]
    assert table["observed_operators_at_centre_count"].tolist() == [2, 0, 2]
    assert table["operators_at_centre"].tolist() == ["X;Y", "", "X;Z"]
    alone = compute(base | {"signal_reports": reports}, ground)
    assert alone["operators_at_centre_count"].isna().all()
    assert alone["observed_operators_at_centre_count"].isna().tolist() == [True, False, True]  # nothing of the others
    assert alone["operators_at_centre"].isna().tolist() == [True, False, True]


def test_an_operator_whose_level_is_not_known_leaves_the_count_open(base, ground, radio):
    holes = np.full(ground.grid.shape, -80.0)
    holes[:, 4:] = np.nan
    table = compute(base, ground, west_only(radio, ground.grid, {("2G", "Y"): holes}))
    assert table["operators_at_centre_count"].iloc[0] == 2
    assert table["operators_at_centre_count"].iloc[1:].isna().all()
    assert table["operators_at_centre"].isna().tolist() == [False, True, True]


def test_the_nearest_site_is_one_in_service(base, ground, points):
    sites = points(
        "sites",
        [
            {"site_id": "planned", "status": "planned", "xy": (750, 760)},
            {"site_id": "gone", "in_service_to": pd.Timestamp("2010-01-01"), "xy": (750, 770)},
            {"site_id": "S1", "status": "in_service", "xy": (750, 1750)},
            {"site_id": "S2", "xy": (3750, 1250)},
        ],
    )
    table = compute(base | {"sites": sites}, ground)
    assert table["nearest_site"].tolist() == ["S1", "S2", "S2"]
    assert table["nearest_site_km"].tolist() == pytest.approx([1.0, np.hypot(1.5, 0.5), 0.5])
    without = compute(base | {"sites": sites.iloc[:2]}, ground)
    assert without["nearest_site"].isna().all()
    assert without["nearest_site_km"].isna().all()


def test_a_small_group_of_populated_cells_is_no_cluster(base, ground, radio):
    east = np.full(ground.grid.shape, -80.0)
    east[0, 0] = -150.0  # a corner of V1's footprint where a fifteenth of its people live
    few = compute(base, ground, radio(ground.grid, {("2G", "X"): east}), village_radius_m=1200.0)
    assert few["clusters_uncovered"].tolist() == [0, 0, 0]
    any_group = compute(
        base, ground, radio(ground.grid, {("2G", "X"): east}), village_radius_m=1200.0, cluster_min_people=0.01
    )
    assert any_group["clusters_uncovered"].tolist() == [1, 0, 0]
    assert few["people_covered_2g_pct"].iloc[0] == any_group["people_covered_2g_pct"].iloc[0] < 100
