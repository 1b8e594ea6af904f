"""Who reaches a service: by hand on a few cells, and what is said of points and people out of place."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import LineString, Point, box

from phusong.coverage.access import serving
from phusong.coverage.access.catchment import Step
from phusong.coverage.access.friction import friction
from phusong.coverage.access.lengths import path_lengths_m
from phusong.coverage.access.services import Service, _service, points_of, service, services, services_of
from phusong.coverage.access.serving import MAX_PLACES, _blocks, placed, serve
from phusong.coverage.access.travel_time import BEYOND_LIMIT, CUT_OFF, VOID, path_length_m
from phusong.coverage.population import People
from phusong.coverage.zonal import zones
from phusong.layers.errors import ComputeError, CrsError, MissingError
from phusong.layers.grid import Grid, Raster
from phusong.layers.messages import LANGS, say
from phusong.layers.schema import LAYERS

CRS = "EPSG:9212"
CELL_M = 100.0
WALK_KMH = 6 * np.exp(-0.175)
MIN_A_CELL = 0.1 / WALK_KMH * 60
SCHOOL = Service("primary_school", "facilities", "walk", "straight", decay=Step((3.5 * MIN_A_CELL,), (1.0,)), per=1000)


def ground(values):
    values = np.asarray(values, dtype=np.float32)
    return Raster(Grid(CRS, 0.0, values.shape[0] * CELL_M, CELL_M, values.shape), values)


def row_of(n):
    return ground(np.full((1, n), 10.0))


def living(elevation, *, people=None):
    """Everybody in one commune, as many in every cell unless ``people`` says."""
    left, bottom, right, top = elevation.grid.bounds
    units = gpd.GeoDataFrame({"code": ["A"]}, geometry=[box(left, bottom, right, top)], crs=CRS)
    pairs = zones(units, grid=elevation.grid)
    given = np.full(len(pairs.cell), 10.0) if people is None else np.asarray(people, dtype=np.float64).reshape(-1)
    return People(pairs, given[pairs.cell] if people is not None else given, "uniform", ("uniform",), pd.DataFrame())


def points(*spots, **columns):
    named = {"facility_id": [f"P{i + 1}" for i in range(len(spots))]} | columns
    return gpd.GeoDataFrame(named, geometry=[Point(*xy) if xy else None for xy in spots], crs=CRS)


def served(elevation, table, *, people=None, of=SCHOOL, limit_min=np.inf, **given):
    made = friction(elevation.grid, elevation=elevation, mode=of.mode, **given)
    return serve(of, table, people=living(elevation, people=people), friction=made, limit_min=limit_min)


def said(found, code):
    """The one note of this code, in words of both languages."""
    (fault,) = [one for one in found.faults if one.code == f"access.note.{code}"]
    return " | ".join(fault.say(lang) for lang in LANGS)


def test_minutes_distance_and_the_nearest_point_by_hand():
    found = served(row_of(6), points((50, 50), (550, 50)))
    assert found.minutes == pytest.approx(np.array([0, 1, 2, 2, 1, 0]) * MIN_A_CELL, rel=1e-6)
    assert found.km == pytest.approx([0.0, 0.1, 0.2, 0.2, 0.1, 0.0])
    assert found.nearest.tolist() == [0, 0, 0, 1, 1, 1]
    assert [found.ids[i] for i in found.nearest[[0, 5]]] == ["P1", "P2"]
    assert found.basis == "walking_model"
    assert found.counts["people"] == 60
    assert found.faults == ()
    assert found.nearest_raster[0].tolist() == found.nearest.tolist()


def test_supply_is_shared_among_those_in_reach_by_hand():
    # P1 has cells 0-3 in reach, P2 cells 4-7: 40 people each; nobody else reaches them
    found = served(row_of(12), points((50, 50), (450, 50), capacity=[20.0, 70.0]))
    assert found.access[0] == pytest.approx(1000 * (20 / 40))
    assert found.access[1:4] == pytest.approx(1000 * (20 / 40 + 70 / 70))
    assert found.access[4:8] == pytest.approx(1000.0)
    assert np.isnan(found.access[8:]).all()
    assert np.nansum(found.access * found.people) / 1000 == pytest.approx(90.0)
    assert len(found.unreached) == 0
    assert found.access_raster[0, 0] == pytest.approx(500.0)


def test_a_barrier_around_people_is_told_apart_from_far_away_and_from_no_data():
    values = np.full((1, 9), 10.0)
    values[0, 4] = 0.0  # a water cell between
    values[0, 8] = np.nan
    found = served(ground(values), points((50, 50)), people=[1, 1, 1, 1, 0, 5, 5, 5, 0], limit_min=2.5 * MIN_A_CELL)
    assert found.why.tolist() == [0, 0, 0, BEYOND_LIMIT, CUT_OFF, CUT_OFF, CUT_OFF]
    assert np.isnan(found.minutes[3:]).all()
    assert found.counts["people_cut_off"] == 15
    assert found.counts["people_beyond"] == 1
    assert "15 people in 3 cells have no way" in said(found, "people_cut_off")
    assert "max_min" in said(found, "people_beyond")


def test_a_river_around_a_village_cuts_it_off():
    ring = LineString([(310, -20), (310, 320), (620, 320), (620, -20)])
    rivers = gpd.GeoDataFrame(
        {"river_id": ["R"], "floods_only": pd.array([False], dtype="boolean")}, geometry=[ring], crs=CRS
    )
    found = served(ground(np.full((5, 9), 10.0)), points((50, 450)), rivers=rivers)
    inside = (found.cells // 9 >= 2) & (found.cells % 9 >= 3) & (found.cells % 9 <= 5)
    assert (found.why[inside] == CUT_OFF).all()
    assert not found.why[~inside].any()
    assert "add it to the crossings" in said(found, "people_cut_off")


def test_a_point_in_the_sea_in_a_void_or_outside_serves_nobody_and_is_named():
    values = np.full((1, 20), 10.0)
    values[0, 5:12] = -3.0
    values[0, 13:] = np.nan
    table = points((50, 50), (850, 50), (1950, 50), (9000, 50), None)
    found = served(ground(values), table, people=np.arange(20) < 5)
    assert found.used.tolist() == [0]
    assert found.unreached.tolist() == [1, 2, 3, 4]
    for code, names in (("points_in_sea", "P2"), ("points_in_void", "P3"), ("points_outside", "P4, P5")):
        assert said(found, code).count(f": {names}") == len(LANGS), code
    assert (found.nearest == 0).all()


def test_points_without_a_position_in_numbers_are_outside():
    spots = [Point(np.nan, 50), Point(np.inf, 50), Point(), None, Point(50, 50)]
    found = served(row_of(4), points(*[(50, 50)] * 5).set_geometry(spots, crs=CRS))
    assert found.used.tolist() == [4]
    assert found.km == pytest.approx([0.0, 0.1, 0.2, 0.3])
    assert said(found, "points_outside").count(": P1, P2, P3, P4") == len(LANGS)


def test_a_point_just_off_the_coast_stands_on_land():
    values = np.full((1, 8), 10.0)
    values[0, 4:] = 0.0
    found = served(ground(values), points((550, 50)), people=[1, 1, 1, 1, 0, 1, 0, 2])
    assert found.used.tolist() == [0]
    assert found.minutes[:4] == pytest.approx(np.array([3, 2, 1, 0]) * MIN_A_CELL, rel=1e-6)
    assert found.minutes[4] == 0.0  # people on the water within 250 m too
    assert np.isnan(found.minutes[5])
    assert "P1" in said(found, "points_moved")
    assert "2 people in 1 cells of water" in said(found, "people_on_water")


@pytest.mark.parametrize("table", [None, points()])
def test_a_service_without_points_is_no_data(table):
    found = served(row_of(4), table)
    assert found.travel is None
    for values in (found.minutes, found.km, found.access):
        assert np.isnan(values).all()
    assert (found.reasons == VOID).all()
    assert (found.nearest_raster == -1).all()
    assert "not 0" in said(found, "no_points")


def test_points_that_all_lie_in_the_sea_are_no_data():
    values = np.full((1, 12), 10.0)
    values[0, 4:] = 0.0
    found = served(ground(values), points((1150, 50)), people=np.arange(12) < 4)
    assert np.isnan(found.minutes).all()
    assert not (found.why == CUT_OFF).any()


def test_a_supply_of_nothing_is_zero_and_nothing_in_reach_is_no_data():
    found = served(row_of(6), points((50, 50), capacity=[0.0]))
    assert found.access[:4].tolist() == [0.0] * 4
    assert np.isnan(found.access[4:]).all()
    assert "P1" in said(found, "supply_zero")


def test_capacity_is_one_each_or_the_median_of_those_known():
    assert served(row_of(6), points((50, 50), (150, 50))).supply.tolist() == [1.0, 1.0]
    capacity = [30.0, np.nan, 10.0, 20.0]
    found = served(row_of(6), points((50, 50), (150, 50), (250, 50), (350, 50), capacity=capacity))
    assert found.supply.tolist() == [30.0, 20.0, 10.0, 20.0]
    assert "taken as 20" in said(found, "capacity_missing")
    found = served(row_of(6), points((50, 50), (150, 50), (250, 50), capacity=[0.0, np.nan, 2_500_000.0]))
    assert found.supply.tolist() == [0.0, 2_500_000.0, 2_500_000.0]
    assert "taken as 2500000," in said(found, "capacity_missing")
    found = served(row_of(6), points((50, 50), (150, 50), capacity=[0.0, np.nan]))
    assert found.supply.tolist() == [0.0, 1.0]
    assert said(found, "supply_zero").count(": P1. ") == len(LANGS)


def test_nobody_there():
    found = served(row_of(4), points((50, 50)), people=[0, 0, 0, 0])
    assert len(found.cells) == 0
    assert found.unreached.tolist() == [0]
    assert "population" in said(found, "no_people")


def test_points_listed_twice_are_kept_and_named():
    found = served(row_of(6), points((50, 50), (50, 50), (69, 50), (450, 50)))
    assert "P1, P2, P3" in said(found, "points_twice")
    assert found.counts["points_used"] == 4
    assert np.nansum(found.access * found.people) / 1000 == pytest.approx(4.0)


def test_a_point_that_nobody_has_in_reach_is_listed():
    found = served(row_of(30), points((50, 50), (2950, 50)), people=np.arange(30) < 3)
    assert found.unreached.tolist() == [1]
    assert "P2" in said(found, "supply_unreached")
    assert found.catchment.unreached_supply == 1.0


def test_a_surface_of_another_grid_is_refused():
    made = friction(row_of(5).grid, elevation=row_of(5))
    with pytest.raises(ComputeError):
        serve(SCHOOL, points((50, 50)), people=living(row_of(6)), friction=made)


def test_points_of_another_or_no_crs_are_refused():
    for table in (
        points((105.9, 16.8)).set_crs("EPSG:4326", allow_override=True),
        points((50, 50)).set_crs(None, allow_override=True),
    ):
        with pytest.raises(CrsError, match="facilities"):
            served(row_of(6), table)


def test_fibre_is_measured_along_its_way():
    node = service("fibre_node")
    wall = np.full((6, 6), 10.0)
    wall[:5, 3] = 0.0
    found = served(ground(wall), points((50, 550)), of=node)
    assert np.isnan(found.minutes).all()
    flat = np.arange(36)[wall.reshape(-1) > 0]
    assert found.cells[np.isfinite(found.km)].tolist() == sorted({*flat, *found.cells[found.stand != found.cells]})
    there = found.stand == found.cells
    assert found.km[there] * 1000 == pytest.approx(path_length_m(found.travel, found.cells[there]))
    far = found.km[found.cells == 5][0]  # round the wall, not through it
    assert far > 1.0


def test_nodes_of_two_networks_with_one_id_are_told_apart():
    nodes = points((50, 50), (350, 50), node_id=["N1", "N1"], network_id=["a", "b"]).drop(columns="facility_id")
    assert served(row_of(4), nodes, of=service("fibre_node")).ids == ("N1/a", "N1/b")
    other = nodes.assign(node_id=["N1", "N2"])
    assert served(row_of(4), other, of=service("fibre_node")).ids == ("N1", "N2")


def test_lengths_of_all_ways_are_those_of_each():
    rng = np.random.default_rng(5)
    values = rng.uniform(1, 60, (25, 30))
    values[rng.random((25, 30)) < 0.2] = -1.0
    line = LineString([(120, 130), (2800, 2300)])
    roads = gpd.GeoDataFrame(
        {"class": ["district"], "surface": ["paved"], "bridge": pd.array([None], dtype="boolean"),
         "floods": pd.array([None], dtype="boolean")},
        geometry=[line], crs=CRS,
    )  # fmt: skip
    found = served(ground(values), points((150, 150), (2500, 1200)), of=service("post"), roads=roads)
    every = np.arange(values.size)
    by_way = path_length_m(found.travel, every)
    np.testing.assert_allclose(path_lengths_m(found.travel).reshape(-1), by_way, rtol=1e-12)
    assert np.isfinite(by_way).sum() > 300


def test_blocks_hold_everybody_once_and_stand_where_most_live():
    grid = Grid(CRS, 0.0, 40_000.0, CELL_M, (400, 300))
    rng = np.random.default_rng(1)
    cells = np.arange(120_000)
    living = rng.uniform(0.1, 9, len(cells))
    block, places, people = _blocks(cells, living, grid, cut_off=np.zeros(len(cells), dtype=bool))
    assert len(places) <= MAX_PLACES
    assert people.sum() == pytest.approx(living.sum(), rel=1e-12)
    for one in (0, 777, len(places) - 1):
        mine = block == one
        assert people[one] == pytest.approx(living[mine].sum())
        assert places[one] == cells[mine][np.argmax(living[mine])]
        rows, cols = np.divmod(cells[mine], 300)
        assert max(np.ptp(rows), np.ptp(cols)) <= 1


def test_a_block_with_people_cut_off_lends_them_no_access(monkeypatch):
    monkeypatch.setattr(serving, "MAX_PLACES", 4)
    values = np.full((1, 8), 10.0)
    values[0, 4] = 0.0
    people = [1, 1, 1, 1, 0, 90, 1, 1]  # most of the block of cells 3 to 5 live beyond the water
    found = served(ground(values), points((50, 50), capacity=[8.0]), people=people)
    assert (found.why == CUT_OFF).tolist() == [False] * 4 + [True] * 3
    assert found.access[:4] == pytest.approx(1000 * 8 / 4)
    assert np.isnan(found.access[4:]).all()
    assert len(set(found.place.tolist())) <= 4


def test_every_declared_service_names_its_layer_and_has_words():
    assert [one.id for one in services()][:2] == ["post", "post_office"]
    assert len(services()) == 14
    for one in services():
        for lang in LANGS:
            assert say(f"service.{one.id}.name", lang)
        assert one.layer in LAYERS
        assert one.limits
        kinds = {column.name: column.words for column in LAYERS[one.layer].all_columns}
        assert set(one.kinds) <= set(kinds.get("kind", ()))
        assert set(one.statuses) <= set(kinds.get("status", ()))
        assert (one.decay is None) == (not one.timed)
    with pytest.raises(MissingError, match="post_office"):
        service("bank")


@pytest.mark.parametrize(
    "wrong",
    [{"mode": "bus"}, {"distance": "road"}, {"method": "sfca"}, {"per": 7}, {"limit_km": [3]},
     {"decay": {"gaussian_min": 60, "limits_min": [10], "weights": [1.0]}}],
)  # fmt: skip
def test_an_entry_that_cannot_be_is_refused(wrong):
    entry = {"id": "bank", "layer": "facilities", "mode": "walk", "distance": "straight"}
    assert _service(entry).id == "bank"
    with pytest.raises(ValueError, match=next(iter(wrong))):
        _service(entry | wrong)


def test_points_are_those_of_the_kind_in_service():
    table = points((1, 1), (2, 2), (3, 3), (4, 4), kind=["post_office", "agency", "agency", "agency"])
    table["in_service"] = pd.array([True, False, None, True], dtype="boolean")
    layers = {"postal_points": table, "facilities": table.iloc[:0]}
    assert points_of(service("postal_agency"), layers)["facility_id"].tolist() == ["P3", "P4"]
    assert points_of(service("culture_post"), layers) is None
    assert points_of(service("hospital"), layers) is None
    assert points_of(service("fibre_node"), layers) is None
    assert [one.id for one in services_of(layers, also=["hospital"])] == [
        "post",
        "post_office",
        "postal_agency",
        "hospital",
    ]
    nodes = points((1, 1), (2, 2), (3, 3))
    nodes["status"] = ["operational", "planned", None]
    assert len(points_of(service("fibre_node"), {"fibre_nodes": nodes})) == 2


def test_a_point_is_served_from_its_own_bank():
    river = LineString([(130, -20), (130, 520)])  # through the cells of column 1, west of their centres
    rivers = gpd.GeoDataFrame(
        {"river_id": ["R"], "floods_only": pd.array([False], dtype="boolean")}, geometry=[river], crs=CRS
    )
    elevation = ground(np.full((5, 9), 10.0))
    west, east = (points((x, 250)) for x in (110, 140))
    for table, column in ((west, 0), (east, 1)):
        found = served(elevation, table, rivers=rivers)
        assert found.travel.sources.tolist() == [2 * 9 + column]
        assert (found.why[found.cells % 9 == 0] == CUT_OFF).all() == (column == 1)
        assert (found.why[found.cells % 9 > 0] == CUT_OFF).all() == (column == 0)
        assert not [one for one in found.faults if one.code == "access.note.points_moved"]
    made = friction(elevation.grid, elevation=elevation, rivers=rivers)
    assert placed(points((110, 250), (140, 250), (900_000, 0), None), made).tolist() == [18, 19, -1, -1]
