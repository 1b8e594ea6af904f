"""Points, distance, time and supply of services, of communes, the province and villages, with a pencil."""

import math
from datetime import date

import geopandas as gpd
import numpy as np
import pytest
from shapely.geometry import LineString, box

from phusong.coverage.access.friction import friction
from phusong.coverage.access.services import points_of, service
from phusong.coverage.access.serving import serve
from phusong.coverage.area_indicators import Areas, area_indicators
from phusong.coverage.indicators import find, indicator_about
from phusong.coverage.means import PeopleAtCells, people_mean
from phusong.coverage.population import distribute
from phusong.coverage.unit_indicators import unit_indicators
from phusong.coverage.village_indicators import village_indicators
from phusong.coverage.zonal import zones
from phusong.layers.errors import ComputeError

ON = date(2012, 12, 31)
MIN_A_CELL = 1.0 / (6 * np.exp(-0.175)) * 60  # 1 km on foot
N = 12


@pytest.fixture
def ground(raster):
    """Twelve cells of 1 km in a row, all land."""
    return raster([[10.0] * N], cell_m=1000.0)


@pytest.fixture
def units(layer):
    """A has cells 0-3, 40 people; B cells 4-11, 80 people."""
    rows = [
        {"code": "A", "name": "A", "population": 40.0, "area_km2": 4.0},
        {"code": "B", "name": "B", "population": 80.0, "area_km2": 8.0},
    ]
    return layer("units", rows, [box(0, 0, 4000, 1000), box(4000, 0, 12_000, 1000)])


@pytest.fixture
def stations(points):
    """Health stations at cells 1 and 3, both of A."""
    rows = [{"facility_id": f"{x}", "kind": "health_station", "xy": (x, 500)} for x in (1500, 3500)]
    return points("facilities", rows)


def people_of(layers, elevation):
    return distribute(zones(layers["units"], grid=elevation.grid), layers["units"], villages=None, elevation=elevation)


def reached(layers, elevation, *ids, limit_min=np.inf, **given):
    people = people_of(layers, elevation)
    return {
        one: serve(
            service(one),
            points_of(service(one), layers),
            people=people,
            friction=friction(elevation.grid, elevation=elevation, mode=service(one).mode, **given),
            limit_min=limit_min,
        )
        for one in ids
    }


def compute(layers, elevation, served=None):
    people = people_of(layers, elevation)
    given = {"people": people, "elevation": elevation, "on": ON, "served": served}
    table = unit_indicators(layers, **given)
    whole = area_indicators(layers, areas=Areas.whole(len(table)), unit_table=table, **given).of(0)
    return table.set_index("code"), whole


def test_counts_radii_and_distances_need_no_travel(units, ground, stations):
    table, whole = compute({"units": units, "facilities": stations}, ground)
    assert table["points_health_station_count"].tolist() == [2.0, 0.0]
    assert table["has_health_station"].tolist() == [True, False]
    assert table["people_per_health_station_point"].iloc[0] == 20.0
    assert np.isnan(table["people_per_health_station_point"].iloc[1])
    assert table["mean_service_radius_health_station_km"].iloc[0] == pytest.approx(math.sqrt(4 / math.pi / 2))
    assert table["mean_distance_health_station_km"].tolist() == pytest.approx([(1 + 0 + 1 + 0) / 4, 4.5])
    assert table["people_within_5km_health_station_pct"].tolist() == pytest.approx([100.0, 100 * 5 / 8])
    assert table["mean_time_health_station_min"].isna().all()
    assert table["people_unreached_health_station_pct"].isna().all()
    assert whole["points_health_station_count"] == 2
    assert whole["communes_with_health_station_pct"] == 50.0
    assert whole["mean_distance_health_station_km"] == pytest.approx((0.5 * 40 + 4.5 * 80) / 120)
    assert whole["people_within_5km_health_station_pct"] == pytest.approx(100 * 9 / 12)
    assert "points_hospital_count" not in table


def test_times_and_supply_are_means_over_people(units, ground, stations):
    layers = {"units": units, "facilities": stations}
    table, whole = compute(layers, ground, reached(layers, ground, "health_station"))
    assert table["mean_time_health_station_min"].tolist() == pytest.approx([0.5 * MIN_A_CELL, 4.5 * MIN_A_CELL])
    # an hour on foot is five cells: 0-3 of A and 4-8 of B
    assert table["people_within_60min_health_station_pct"].tolist() == pytest.approx([100.0, 62.5])
    assert table["people_unreached_health_station_pct"].tolist() == [0.0, 0.0]
    assert table["people_nothing_in_reach_health_station_pct"].tolist() == pytest.approx([0.0, 37.5])
    served = reached(layers, ground, "health_station")["health_station"]
    shared = np.nansum(served.access * served.people) / 10_000
    assert shared == pytest.approx(2.0)
    in_b = (table["access_health_station"] * [40.0, 80 * 0.625]).sum() / 10_000
    assert in_b == pytest.approx(2.0)
    assert whole["mean_time_health_station_min"] == pytest.approx((0.5 * 40 + 4.5 * 80) / 120 * MIN_A_CELL)
    assert whole["people_within_60min_health_station_pct"] == pytest.approx(75.0)
    assert whole["access_health_station"] == pytest.approx(2.0 * 10_000 / 90)


def test_people_cut_off_have_no_time_and_are_not_no_data(units, raster, stations):
    values = np.full((1, N), 10.0)
    values[0, 6] = 0.0  # water through B: cells 7-11 are cut off, nobody lives on the water
    ground = raster(values, cell_m=1000.0)
    layers = {"units": units, "facilities": stations}
    table, whole = compute(layers, ground, reached(layers, ground, "health_station"))
    per_cell = 80 / 7
    assert table["people_unreached_health_station_pct"].tolist() == pytest.approx([0.0, 100 * 5 / 7])
    assert np.isnan(table["mean_time_health_station_min"].iloc[1])  # fewer than half have a way
    assert table["people_within_60min_health_station_pct"].tolist() == pytest.approx([100.0, 100 * 2 / 7])
    assert whole["people_unreached_health_station_pct"] == pytest.approx(100 * 5 * per_cell / 120)
    expected = ((1 + 0 + 1 + 0) * 10 + (1 + 2) * per_cell) / (40 + 2 * per_cell) * MIN_A_CELL
    assert whole["mean_time_health_station_min"] == pytest.approx(expected)
    # straight distance knows no water
    assert table["mean_distance_health_station_km"].iloc[1] == pytest.approx((1 + 2 + 4 + 5 + 6 + 7 + 8) / 7)


def test_beyond_the_limit_of_travel_a_longer_threshold_is_no_data(units, ground, stations):
    layers = {"units": units, "facilities": stations}
    table, _ = compute(layers, ground, reached(layers, ground, "health_station", limit_min=2.5 * MIN_A_CELL))
    assert table["people_within_60min_health_station_pct"].iloc[0] == 100.0
    assert np.isnan(table["people_within_60min_health_station_pct"].iloc[1])
    assert table["people_unreached_health_station_pct"].tolist() == [0.0, 0.0]


def test_a_service_without_points_is_no_data_and_not_zero(units, ground, stations):
    layers = {"units": units, "facilities": stations}
    table, whole = compute(layers, ground, reached(layers, ground, "hospital"))
    columns = [name for name in table if name.endswith("hospital") or "_hospital_" in name]
    assert len(columns) > 8
    networks = {f"hospital_{name}_pct" for name in ("lan", "broadband", "government_network", "video_conference")}
    assert not networks & set(columns)
    assert table[columns].isna().all().all()
    assert all(math.isnan(whole[name]) for name in whole if "_hospital" in name)


def test_nobody_lives_there(layer, ground, stations):
    units = layer("units", [{"code": "A", "name": "A", "population": 0.0}], [box(0, 0, 12_000, 1000)])
    layers = {"units": units, "facilities": stations}
    table, whole = compute(layers, ground, reached(layers, ground, "health_station"))
    for name in ("mean_time", "mean_distance"):
        assert table[[c for c in table if c.startswith(name)]].isna().all().all()
    assert table["points_health_station_count"].tolist() == [2.0]
    assert math.isnan(whole["access_health_station"])


def test_a_commune_of_unknown_population_has_counts_but_no_means(layer, ground, stations):
    rows = [{"code": "A", "name": "A", "population": 40.0}, {"code": "B", "name": "B"}]
    units = layer("units", rows, [box(0, 0, 4000, 1000), box(4000, 0, 12_000, 1000)])
    layers = {"units": units, "facilities": stations}
    table, whole = compute(layers, ground, reached(layers, ground, "health_station"))
    assert table["points_health_station_count"].tolist() == [2.0, 0.0]
    assert np.isnan(table["mean_time_health_station_min"].iloc[1])
    assert whole["mean_time_health_station_min"] == pytest.approx(0.5 * MIN_A_CELL)


def test_people_per_point_are_of_the_communes_whose_people_are_known(layer, ground, points):
    rows = [{"code": "A", "name": "A", "population": 40.0}, {"code": "B", "name": "B"}]
    units = layer("units", rows, [box(0, 0, 4000, 1000), box(4000, 0, 12_000, 1000)])
    spots = (1500, 2500, 5500, 6500, 7500)
    stations = [{"facility_id": f"{x}", "kind": "health_station", "xy": (x, 500)} for x in spots]
    _, whole = compute({"units": units, "facilities": points("facilities", stations)}, ground)
    assert whole["points_health_station_count"] == 5
    assert whole["people_per_health_station_point"] == 20.0  # 40 / 2, not 40 / 5
    assert whole["density_per_km2"] == 10.0  # 40 / 4 km2, not 40 / 12
    elsewhere = points("facilities", stations[2:])
    _, whole = compute({"units": units, "facilities": elsewhere}, ground)
    assert math.isnan(whole["people_per_health_station_point"])
    most = layer("units", [*rows, {"code": "C", "name": "C"}], [*units.geometry, box(0, 0, 4000, 1000)])
    _, whole = compute({"units": most, "facilities": points("facilities", stations)}, ground)
    assert math.isnan(whole["people_per_health_station_point"])  # one commune of three is known


@pytest.mark.parametrize(
    ("number", "area_km2", "radius_km"),
    [(18_502, 331_212, 2.39), (14_911, 331_212, 2.66), (12_642, 331_212, 2.89), (156, 4740, 3.11)],
)
def test_the_published_pairs_of_points_and_mean_radius_follow(units, ground, points, number, area_km2, radius_km):
    rows = [{"point_id": f"{i}", "kind": "agency", "unit_code": "AB"[i % 2], "xy": (500, 500)} for i in range(number)]
    layers = {"units": units, "postal_points": points("postal_points", rows)}
    people = people_of(layers, ground)
    given = {"people": people, "elevation": ground, "on": ON}
    table = unit_indicators(layers, **given)
    whole = area_indicators(
        layers, areas=Areas.whole(len(table)), unit_table=table, official_area_km2=area_km2, **given
    ).of(0)
    assert whole["points_post_count"] == number
    assert round(whole["mean_service_radius_post_km"], 2) == radius_km


def test_texts_say_how_people_go_and_what_kilometres_are_of():
    said = {
        "mean_time_commune_office_min": ("on foot", "đi bộ"),
        "mean_time_hospital_min": ("motorbike", "xe máy"),
        "time_hospital_min": ("motorbike", "xe máy"),
        "people_within_30min_post_pct": ("motorbike", "xe máy"),
        "people_within_3km_post_pct": ("straight line", "đường chim bay"),
        "mean_distance_post_km": ("straight line", "đường chim bay"),
        "people_within_1km_fibre_node_pct": ("way of a cable", "tuyến cáp"),
        "distance_fibre_node_km": ("way of a cable", "tuyến cáp"),
        "access_health_station": ("on foot", "đi bộ"),
    }
    for name, (en, vi) in said.items():
        assert en in indicator_about(name, "en"), name
        assert vi in indicator_about(name, "vi"), name
    assert "motorbike" not in indicator_about("people_within_3km_post_pct", "en")


def test_villages_are_read_at_their_centres(units, raster, stations, points):
    values = np.full((1, N), 10.0)
    values[0, 6] = 0.0
    values[0, 11] = np.nan
    ground = raster(values, cell_m=1000.0)
    rows = [
        {"code": f"{x}", "name": f"{x}", "unit_code": "B", "population": 5.0, "xy": (x, 500)}
        for x in (4700, 8500, 11_500)
    ]
    layers = {"units": units, "facilities": stations, "villages": points("villages", rows)}
    people = people_of({"units": units}, ground)
    served = reached(layers, ground, "health_station")
    table = village_indicators(layers, people=people, elevation=ground, on=ON, served=served)
    assert table["time_health_station_min"].iloc[0] == pytest.approx(MIN_A_CELL)
    assert table["time_health_station_min"].iloc[1:].isna().all()
    assert table["cut_off_health_station"].iloc[:2].tolist() == [False, True]
    assert table["cut_off_health_station"].isna().tolist() == [False, False, True]  # a void is no data
    assert table["distance_health_station_km"].tolist() == pytest.approx([1.2, 5.0, 8.0])
    bare = village_indicators(layers, people=people, elevation=ground, on=ON)
    assert bare["time_health_station_min"].isna().all()
    assert bare["distance_health_station_km"].tolist() == pytest.approx([1.2, 5.0, 8.0])


def test_fibre_follows_its_way_and_not_the_crow(layer, raster, points):
    ground = raster(np.full((7, 7), 10.0), cell_m=1000.0)
    units = layer("units", [{"code": "A", "name": "A", "population": 49.0}], [box(0, 0, 7000, 7000)])
    wall = LineString([(3000, 1000), (3000, 8000)])  # a river open at the lower edge only
    rivers = gpd.GeoDataFrame({"river_id": ["R"], "floods_only": [False]}, geometry=[wall], crs=units.crs)
    rivers["floods_only"] = rivers["floods_only"].astype("boolean")
    nodes = points(
        "fibre_nodes",
        [
            {"node_id": "n", "network_id": "k", "status": "operational", "xy": (500, 6500)},
            {"node_id": "m", "network_id": "k", "status": "planned", "xy": (6500, 6500)},
        ],
    )
    villages = points("villages", [{"code": "v", "name": "v", "unit_code": "A", "xy": (4500, 6500)}])
    layers = {"units": units, "fibre_nodes": nodes, "villages": villages}
    served = reached(layers, ground, "fibre_node", rivers=rivers)
    table, whole = compute(layers, ground, served)
    own = served["fibre_node"]
    assert table["points_fibre_node_count"].tolist() == [1.0]
    near = sorted(own.km[own.km <= 2.0])
    assert near == pytest.approx([0.0, 1.0, 1.0, math.sqrt(2), 2.0, 2.0])
    assert table["people_within_2km_fibre_node_pct"].iloc[0] == pytest.approx(100 * 6 / 49)
    assert whole["people_within_5km_fibre_node_pct"] == pytest.approx(100 * (own.km <= 5).sum() / 49)
    village = village_indicators(
        layers, people=people_of({"units": units}, ground), elevation=ground, on=ON, served=served
    )
    # down to the open row, across, and up again; straight it is 4 km
    assert village["distance_fibre_node_km"].iloc[0] > 10.0
    assert "time_fibre_node_min" not in village
    bare, _ = compute(layers, ground)
    assert bare["mean_distance_fibre_node_km"].isna().all()  # no way without a search, and no crow's


def test_every_column_is_declared_and_every_declared_one_stands_in_the_table(units, ground, stations):
    layers = {"units": units, "facilities": stations}
    table, whole = compute(layers, ground, reached(layers, ground, "health_station"))
    of_services = [name for name in table if "health_station" in name]
    assert len(of_services) == 11 + 4
    for name in of_services:
        assert find(name, level="unit").id == name
    for name in whole:
        assert find(name, level="province").id == name


def test_results_of_other_people_are_refused(units, ground, stations):
    layers = {"units": units, "facilities": stations}
    served = reached(layers, ground, "health_station")
    with pytest.raises(ComputeError):
        compute(layers | {"units": units.assign(population=[40.0, 0.0])}, ground, served)


def test_means_at_cells_are_those_over_pairs(raster, layer):
    rng = np.random.default_rng(3)
    ground = raster(rng.uniform(1, 50, (9, 14)))
    rows = [{"code": code, "name": code, "population": n} for code, n in zip("ABC", (500.0, 70.0, None), strict=True)]
    units = layer("units", rows, [box(0, 0, 455, 900), box(455, 0, 900, 900), box(900, 0, 1400, 900)])
    people = people_of({"units": units}, ground)
    values = rng.uniform(0, 9, 9 * 14)
    values[rng.random(len(values)) < 0.3] = np.nan
    cells, living = people.populated
    assert living.sum() == pytest.approx(570.0)
    of_units = PeopleAtCells(people).means(values[cells])
    at_pairs = np.where(people.people > 0, values[people.zones.cell], 0.0)
    np.testing.assert_allclose(of_units, people_mean(at_pairs, people), rtol=1e-12)
    assert np.isnan(of_units[2])
    total, known = PeopleAtCells(people).sums(values[cells])
    whole = people.zones.mean(values[people.zones.cell], people.people)
    assert total.sum() / known.sum() == pytest.approx(whole)
    assert np.isnan(PeopleAtCells(people).means(np.where(values[cells] < 99, np.nan, 0))).all()
