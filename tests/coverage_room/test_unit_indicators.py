"""Indicators of communes and the province on rasters small enough for a pencil."""

import math
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import Point, box

from phusong.coverage.area_indicators import Areas, area_indicators
from phusong.coverage.indicators import expand
from phusong.coverage.population import distribute
from phusong.coverage.unit_indicators import UNIT_COLUMNS, unit_indicators
from phusong.coverage.zonal import zones
from phusong.layers.errors import ComputeError

ON = date(2012, 12, 31)


@pytest.fixture
def ground(raster):
    """Four cells of 1 km in a row; commune A is 1.5 cells, B 2.5."""
    return raster([[10.0, 10.0, 20.0, 30.0]], cell_m=1000.0)


@pytest.fixture
def units(layer):
    rows = [
        {"code": "A", "name": "Xã A", "district": "D", "population": 300.0, "households": 70, "programme": True},
        {"code": "B", "name": "Xã B", "district": "D", "population": 1000.0, "area_km2": 2.0, "programme": False},
    ]
    return layer("units", rows, [box(0, 0, 1500, 1000), box(1500, 0, 4000, 1000)])


def compute(layers, elevation, radio=None, *, on=ON, **province):
    people = distribute(
        zones(layers["units"], grid=elevation.grid), layers["units"], villages=None, elevation=elevation
    )
    table = unit_indicators(layers, people=people, elevation=elevation, on=on, radio=radio)
    whole = area_indicators(
        layers,
        areas=Areas.whole(len(table)),
        unit_table=table,
        people=people,
        elevation=elevation,
        on=on,
        radio=radio,
        **province,
    )
    return table.set_index("code"), whole.of(0)


def test_ground_figures_by_hand(units, ground):
    table, whole = compute({"units": units}, ground, official_area_km2=4.5)
    assert table["people_method"].tolist() == ["uniform", "uniform"]
    assert table["area_km2"].tolist() == [1.5, 2.0]  # of the polygon; as recorded
    assert table["density_per_km2"].tolist() == [200.0, 500.0]
    assert table["elevation_mean_m"].tolist() == [10.0, pytest.approx((0.5 * 10 + 20 + 30) / 2.5)]
    assert whole["elevation_mean_m"] == pytest.approx(17.5)
    assert whole["elevation_people_mean_m"] == pytest.approx((300 * 10 + 1000 * 22) / 1300)
    assert whole["people"] == 1300
    assert whole["area_km2"] == 4.5
    assert whole["counted_communes"] == 2
    assert whole["programme_communes"] == 1


def test_everything_else_is_no_data_without_layers(units, ground):
    table, whole = compute({"units": units}, ground)
    known = {"people", "households", "area_km2", "density_per_km2", "elevation_mean_m", "mountainous", "programme"}
    known |= {"area_at_200m_pct", "area_slope_15_pct"}
    for one in expand("unit", technologies=[], services=["post"]):
        if one.id not in known:
            assert table[one.id].isna().all(), one.id
    for name in (
        "points_post_count",
        "bts_in_operation",
        "same_day_mail_communes",
        "broadband_per_100",
        "sites_count",
    ):
        assert math.isnan(whole[name]), name
    columns = [one.id for one in expand("unit", technologies=[], services=["post"])]
    assert [table.index.name, *table.columns] == [*UNIT_COLUMNS, *columns]


def test_people_and_area_covered_by_exact_shares(units, ground, radio):
    signal = radio(
        ground.grid,
        {
            ("2G", "X"): [[-94.0, -95.0, -95.1, -200.0]],
            ("2G", "Y"): [[-120.0, -90.0, -120.0, -120.0]],
            ("3G", "X"): [[-120.0, -120.0, -120.0, -104.0]],
        },
    )
    table, whole = compute({"units": units}, ground, signal)
    # A: cell 0 whole and cell 1 half; B: half of cell 1, cells 2 and 3
    assert table["people_covered_2g_pct"].tolist() == pytest.approx([100.0, 20.0])
    assert table["people_covered_2g_x_pct"].tolist() == pytest.approx([100.0, 20.0])
    assert table["people_covered_2g_y_pct"].tolist() == pytest.approx([100 / 3, 20.0])
    assert table["people_covered_3g_pct"].tolist() == pytest.approx([0.0, 40.0])
    assert table["people_covered_any_pct"].tolist() == pytest.approx([100.0, 60.0])
    assert table["people_covered_exactly_one_operator_pct"].tolist() == pytest.approx([200 / 3, 40.0])
    assert table["area_covered_any_pct"].tolist() == pytest.approx([100.0, 60.0])
    assert table["people_signal_unknown_pct"].tolist() == [0.0, 0.0]
    assert whole["people_covered_any_pct"] == pytest.approx(100 * 900 / 1300)
    assert whole["area_covered_any_pct"] == pytest.approx(100 * 3 / 4)


def test_unknown_signal_is_left_out_and_too_much_of_it_is_no_data(units, ground, radio):
    levels = [[-90.0, np.nan, np.nan, np.nan]]
    table, whole = compute({"units": units}, ground, radio(ground.grid, {("2G", "X"): levels}))
    assert table["people_covered_2g_pct"].iloc[0] == 100.0
    assert np.isnan(table["people_covered_2g_pct"].iloc[1])
    assert table["people_signal_unknown_pct"].tolist() == pytest.approx([100 / 3, 100.0])
    assert np.isnan(whole["people_covered_2g_pct"])
    assert whole["people_signal_unknown_pct"] == pytest.approx(100 * 1100 / 1300)
    # a second operator that is known not to be there does not make the first one's unknown a no
    levels = {("2G", "X"): [[-90.0, np.nan, -90.0, -90.0]], ("2G", "Y"): [[-200.0] * 4]}
    table, _ = compute({"units": units}, ground, radio(ground.grid, levels))
    assert table["people_signal_unknown_pct"].tolist() == pytest.approx([100 / 3, 20.0])


def test_signal_on_another_grid_is_refused(units, ground, radio, raster):
    other = raster([[1.0, 1.0, 1.0, 1.0]]).grid
    with pytest.raises(ComputeError):
        compute({"units": units}, ground, radio(other, {("2G", "X"): [[-90.0] * 4]}))


def test_sites_and_bts_in_service(units, ground, layer, points):
    sites = points(
        "sites",
        [
            {"site_id": "1", "xy": (500, 500), "in_service_to": pd.Timestamp("2012-12-31")},
            {"site_id": "2", "xy": (1500, 500), "status": "in_service", "in_service_from": pd.Timestamp("2012-12-31")},
            {"site_id": "3", "xy": (3500, 500), "status": "planned"},
            {"site_id": "4", "xy": (3500, 500), "in_service_from": pd.Timestamp("2013-01-01")},
            {"site_id": "5", "xy": (3500, 500), "in_service_to": pd.Timestamp("2012-12-30")},
            {"site_id": "6", "xy": (3500, 1200)},  # 200 m off the coast
            {"site_id": "7", "xy": (3500, 1300)},  # too far
        ],
    )
    rows = [("1", "X", "2G"), ("1", "X", "2G"), ("1", "Y", "2G"), ("1", "X", "3G"), ("3", "X", "2G"), ("6", "X", "2G")]
    sectors = layer(
        "sectors",
        [
            {"sector_id": f"{i}", "site_id": s, "operator": o, "technology": t, "height_m": 30}
            for i, (s, o, t) in enumerate(rows)
        ],
    )
    table, whole = compute({"units": units, "sites": sites, "sectors": sectors}, ground)
    assert table["sites_count"].tolist() == [2, 1]  # a site on the shared boundary counts once
    assert table["bts_count"].tolist() == [3, 1]
    assert whole["bts_in_operation"] == 4
    assert whole["telecom_operators"] == 2
    # nearest mast: cell centres 500, 1500 | 1500, 2500, 3500; masts at 500, 1500 and above 3500
    assert table["nearest_site_km"].tolist() == pytest.approx([0.0, (0.0 + 1.0 + 0.7) / 2.5], abs=1e-6)
    table, whole = compute({"units": units, "sites": sites}, ground)
    assert table["bts_count"].isna().all()
    assert math.isnan(whole["bts_in_operation"])


def test_postal_points(units, ground, points):
    layer = points(
        "postal_points",
        [
            {"point_id": "1", "kind": "post_office", "operator": "P", "xy": (3000, 500), "same_day_mail": True},
            {"point_id": "2", "kind": "agency", "operator": "Q", "xy": (500, 500), "unit_code": "B"},
        ],
    )
    table, whole = compute({"units": units, "postal_points": layer}, ground, official_area_km2=5.0)
    assert table["points_post_count"].tolist() == [0, 2]  # the stated commune outweighs the position
    assert np.isnan(table["people_per_post_point"].iloc[0])
    assert table["people_per_post_point"].iloc[1] == 500
    assert np.isnan(table["mean_service_radius_post_km"].iloc[0])
    assert table["mean_service_radius_post_km"].iloc[1] == pytest.approx(math.sqrt(2.0 / math.pi / 2))
    assert table["same_day_mail"].tolist() == [False, True]
    assert whole["mean_service_radius_post_km"] == pytest.approx(math.sqrt(5.0 / math.pi / 2))
    assert whole["mean_service_radius_post_units_area_km"] == pytest.approx(math.sqrt(3.5 / math.pi / 2))
    assert whole["same_day_mail_communes"] == 1
    assert whole["postal_operators"] == 2
    assert whole["people_per_post_point"] == 650


def test_people_within_three_km_by_hand(raster, layer, points):
    ground = raster([[10.0] * 10], cell_m=1000.0)
    units = layer("units", [{"code": "A", "name": "A", "population": 10.0}], [box(0, 0, 10_000, 1000)])
    post = points("postal_points", [{"point_id": "1", "kind": "agency", "xy": (500, 500)}])
    table, whole = compute({"units": units, "postal_points": post}, ground)
    assert table["people_within_3km_post_pct"].iloc[0] == pytest.approx(40.0)  # centres at 0, 1, 2 and 3 km
    assert whole["people_within_3km_post_pct"] == pytest.approx(40.0)


def test_mail_unsaid_is_no_data(units, ground, points):
    rows = [
        {"point_id": "1", "kind": "agency", "xy": (500, 500)},
        {"point_id": "2", "kind": "agency", "xy": (500, 500)},
    ]
    table, whole = compute({"units": units, "postal_points": points("postal_points", rows)}, ground)
    assert table["same_day_mail"].isna().all()
    assert math.isnan(whole["same_day_mail_communes"])
    rows[0]["same_day_mail"] = False
    table, _ = compute({"units": units, "postal_points": points("postal_points", rows)}, ground)
    assert table["same_day_mail"].isna().tolist() == [True, False]


def test_published_quang_tri_figures(raster, layer, points):
    """4,740 km2 and 156 points give 3.11 km; 32,063 telephones at 17 per 100 imply 188,600 people."""
    ground = raster([[10.0]], cell_m=70_000.0)
    units = layer(
        "units", [{"code": "A", "name": "A", "population": 188_600.0, "programme": True}], [box(0, 0, 70_000, 70_000)]
    )
    post = points("postal_points", [{"point_id": f"{i}", "kind": "agency", "xy": (5e4, 5e4)} for i in range(156)])
    phones = layer("broadband", [{"code": "A", "fixed_telephones": 32_063}])
    _, whole = compute({"units": units, "postal_points": post, "broadband": phones}, ground, official_area_km2=4740.0)
    assert round(whole["mean_service_radius_post_km"], 2) == 3.11
    assert round(whole["programme_fixed_per_100"], 1) == 17.0
    assert whole["programme_fixed_telephones"] == 32_063
    assert whole["programme_people"] == 188_600


def test_broadband_takes_the_latest_row_and_the_one_a_year_before(units, ground, layer):
    days = {"2010-12-31": 50, "2011-12-30": 100, "2012-06-30": 115, "2012-12-31": 120, "2013-06-30": 999}
    rows = [
        {"code": "A", "as_of": pd.Timestamp(day), "broadband_subscribers": n, "telephone_subscribers": 2 * n}
        for day, n in days.items()
    ]
    rows.append({"code": "B", "as_of": pd.Timestamp("2012-12-31"), "public_internet_point": True})
    table, whole = compute({"units": units, "broadband": layer("broadband", rows)}, ground)
    assert table["broadband_per_100"].iloc[0] == pytest.approx(40.0)
    assert table["telephones_per_100"].iloc[0] == pytest.approx(80.0)
    assert table["broadband_growth_pct"].iloc[0] == pytest.approx(20.0)
    assert np.isnan(table["broadband_per_100"].iloc[1])
    assert table["public_internet_point"].isna().tolist() == [True, False]
    assert math.isnan(whole["broadband_per_100"])  # A holds less than half of the people
    assert whole["broadband_growth_pct"] == pytest.approx(20.0)
    assert whole["public_internet_communes_pct"] == 100.0
    table, _ = compute({"units": units, "broadband": layer("broadband", rows)}, ground, on=date(2010, 1, 1))
    assert table["broadband_per_100"].isna().all()


def test_growth_of_a_few_communes_is_not_that_of_the_province(ground, layer):
    people = (10.0, 60.0, 100.0)
    rows = [{"code": code, "name": code, "population": n} for code, n in zip("ABC", people, strict=True)]
    units = layer("units", rows, [box(1000 * i, 0, 1000 * (i + 1), 1000) for i in range(3)])

    def growth(*codes):
        figures = [
            {"code": code, "as_of": pd.Timestamp(day), "broadband_subscribers": n}
            for code in codes
            for day, n in (("2011-12-31", 100), ("2012-12-31", 120))
        ]
        return compute({"units": units, "broadband": layer("broadband", figures)}, ground)[1]["broadband_growth_pct"]

    assert math.isnan(growth("A"))  # a third of the communes, few of the people
    assert growth("C") == pytest.approx(20.0)  # most of the people
    assert growth("A", "B") == pytest.approx(20.0)  # most of the communes


def test_schools_institutions_and_offices(units, ground, points):
    def at(x, kind, **flags):
        return {"facility_id": f"{x}", "kind": kind, "xy": (x, 500), **flags}

    layer = points(
        "facilities",
        [
            at(10, "lower_secondary_school", broadband=True),
            at(20, "lower_secondary_school", broadband=False, urban=True),  # not ready, whatever its LAN
            at(30, "lower_secondary_school"),
            at(40, "hospital", broadband=True, lan=True),
            at(50, "college", broadband=True),
            at(3000, "primary_school", broadband=True, lan=True),
            at(3010, "commune_office", government_network=True),
            at(60, "commune_office", government_network=False),
        ],
    )
    table, whole = compute({"units": units.assign(mountainous=[True, False]), "facilities": layer}, ground)
    assert table["lower_secondary_school_broadband_pct"].iloc[0] == 50.0
    assert np.isnan(table["lower_secondary_school_broadband_pct"].iloc[1])
    assert table["institutions_lan_broadband_pct"].iloc[0] == 50.0
    assert table["government_network"].tolist() == [False, True]
    assert whole["lower_secondary_school_broadband_mountain_pct"] == 50.0
    assert math.isnan(whole["lower_secondary_school_broadband_lowland_pct"])
    assert whole["government_network_communes_pct"] == 50.0


def test_an_island_counts_in_people_but_not_in_communes(ground, layer, points):
    rows = [
        {"code": "A", "name": "A", "population": 10.0, "counted": True, "programme": True},
        {"code": "I", "name": "Đảo", "population": 5.0, "counted": False, "programme": True},
    ]
    units = layer("units", rows, [box(0, 0, 2000, 1000), box(2000, 0, 4000, 1000)])
    post = points("postal_points", [{"point_id": "1", "kind": "agency", "xy": (3000, 500), "same_day_mail": True}])
    _, whole = compute({"units": units, "postal_points": post}, ground)
    assert whole["people"] == 15
    assert whole["counted_communes"] == 1
    assert whole["programme_communes"] == 1
    assert whole["same_day_mail_communes"] == 0
    assert whole["points_post_count"] == 1


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000))
def test_laws_of_coverage(raster, layer, points, radio, seed):
    rng = np.random.default_rng(seed)
    elevation = raster(rng.uniform(1, 50, (6, 8)))
    cut = float(rng.uniform(50, 750))
    rows = [{"code": c, "name": c, "population": float(rng.uniform(1, 900))} for c in "AB"]
    units = layer("units", rows, [box(0, 0, cut, 600), box(cut, 0, 800, 600)])
    sites = points("sites", [{"site_id": f"{i}", "xy": rng.uniform(0, 600, 2)} for i in range(3)])
    layers = {"units": units, "sites": sites}
    levels = {key: rng.uniform(-120, -80, (6, 8)) for key in [("2G", "X"), ("2G", "Y"), ("3G", "X")]}
    table, whole = compute(layers, elevation, radio(elevation.grid, levels))
    stronger, _ = compute(layers, elevation, radio(elevation.grid, {k: v + 5 for k, v in levels.items()}))
    percent = [c for c in table if c.startswith(("people_covered", "area_covered"))]
    assert ((table[percent] >= 0) & (table[percent] <= 100 + 1e-9)).all().all()
    rising = [c for c in percent if "exactly_one" not in c]
    assert (stronger[rising] >= table[rising] - 1e-9).all().all()
    assert (table["people_covered_2g_pct"] >= table["people_covered_2g_x_pct"] - 1e-9).all()
    assert (table["people_covered_any_pct"] >= table["people_covered_2g_pct"] - 1e-9).all()
    by_unit = (table["people_covered_any_pct"] * table["people"]).sum() / table["people"].sum()
    assert whole["people_covered_any_pct"] == pytest.approx(by_unit)
    turned, _ = compute(
        layers | {"units": units.iloc[::-1].reset_index(drop=True)}, elevation, radio(elevation.grid, levels)
    )
    pd.testing.assert_frame_equal(turned.loc[table.index], table)


def test_a_point_needs_no_commune(units, ground, points):
    far = points("postal_points", [{"point_id": "1", "kind": "agency", "xy": (500, 5000)}])
    far.loc[0, "geometry"] = Point(500, 5000)
    table, whole = compute({"units": units, "postal_points": far}, ground)
    assert table["points_post_count"].tolist() == [0, 0]
    assert whole["points_post_count"] == 0
    assert math.isnan(whole["mean_service_radius_post_km"])
