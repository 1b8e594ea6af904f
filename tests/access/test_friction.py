"""What people move over: speeds, roads, rivers and crossings, by hand; barriers against shapely."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from phusong.coverage.access.barriers import SHIFT_M, barriers
from phusong.coverage.access.friction import friction
from phusong.coverage.access.moves import DCOL, DROW
from phusong.coverage.access.speeds import speed_table, speeds
from phusong.coverage.access.travel_time import travel_time
from phusong.layers.errors import ComputeError, CrsError, SettingsError
from phusong.layers.grid import Grid, Raster

CRS = "EPSG:9212"
GRID = Grid(CRS, 0.0, 1000.0, 100.0, (10, 10))
WALK_KMH = 6 * np.exp(-0.175)
WEST, EAST = 52, 57  # cells of row 5: centres (250, 450) and (750, 450)


def ground(values=10.0, grid=GRID, **tags):
    return Raster(grid, np.broadcast_to(np.float32(values), grid.shape).copy(), tags)


def frame(rows, **columns):
    made = gpd.GeoDataFrame({name: pd.Series(values) for name, values in columns.items()}, geometry=rows, crs=CRS)
    for name in ("bridge", "floods", "floods_only"):
        if name in made:
            made[name] = made[name].astype("boolean")
    return made


def river(*shapes, floods_only=False):
    return frame(list(shapes), river_id=["R"] * len(shapes), floods_only=[floods_only] * len(shapes))


def road(line, word="national", surface=None, bridge=None, floods=None):
    columns = {"road_id": ["A"], "class": [word], "surface": [surface], "bridge": [bridge], "floods": [floods]}
    return frame([line], **columns)


def crossing(shape, kind="bridge", wait_min=np.nan, floods=None):
    return frame([shape], crossing_id=["X"], kind=[kind], wait_min=[wait_min], floods=[floods])


def minutes(source, target, *, elevation=None, neighbours=8, direction="to", **given):
    made = friction(GRID, elevation=elevation or ground(), **given)
    found = travel_time(made.surface, np.array([source]), neighbours=neighbours, direction=direction)
    return found.cost.reshape(-1)[target], made


ACROSS = shapely.LineString([(500, -50), (480, 500), (520, 1050)])


def test_level_ground_is_walked_at_toblers_speed():
    found, made = minutes(WEST, EAST)
    assert found == pytest.approx(0.5 / WALK_KMH * 60, rel=1e-6)
    assert made.basis == "walking_model"
    assert minutes(WEST, EAST, walking="langmuir")[0] == pytest.approx(0.5 / 5.0 * 60)


def test_up_and_down_differ():
    slope = ground()
    slope.values[:] = 10 + 20 * np.arange(10)  # 20 % up to the east
    up = minutes(WEST, EAST, elevation=slope, direction="from")[0]
    down = minutes(WEST, EAST, elevation=slope, direction="to")[0]
    assert up == pytest.approx(0.5 / (6 * np.exp(-3.5 * 0.25)) * 60, rel=1e-6)
    assert down == pytest.approx(0.5 / (6 * np.exp(-3.5 * 0.15)) * 60, rel=1e-6)


def test_a_river_shuts_both_banks_and_the_sea_everything():
    assert minutes(WEST, EAST, rivers=river(ACROSS), neighbours=16)[0] == np.inf
    sea = ground()
    sea.values[:, 5] = 0.0
    assert minutes(WEST, EAST, elevation=sea, neighbours=16)[0] == np.inf
    sea.values[:, 5] = np.nan
    assert minutes(WEST, EAST, elevation=sea, neighbours=16)[0] == np.inf


@pytest.mark.parametrize(
    "line",
    [
        [(500, -50), (500, 1050)],  # along the sides of cells
        [(450, -50), (450, 1050)],  # through centres
        [(-50, 50), (1000, 1100)],  # through centres, slanting: shuts the corner above it
        [(450, 1050), (450, 450), (550, 450), (550, -50)],
    ],
)
def test_nothing_leaks_through_a_line_drawn_on_the_lattice(line):
    made = friction(GRID, elevation=ground(), rivers=river(shapely.LineString(line)))
    reached = np.isfinite(travel_time(made.surface, np.array([99]), neighbours=16).cost)
    assert 0 < reached.sum() < 100
    other = np.flatnonzero(~reached.reshape(-1))
    again = np.isfinite(travel_time(made.surface, other[:1], neighbours=16).cost)
    assert (reached ^ again).all()  # two sides, every cell on one of them


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3, 12, 60]), st.booleans())
def test_moves_that_cross_are_those_shapely_finds(seed, n, rounded):
    rng = np.random.default_rng(seed)
    at = rng.uniform(-100, 1100, (n, 2))
    line = shapely.LineString(np.round(at, -2) + 50 if rounded else at)
    found = barriers(river(line), grid=GRID).closed
    row, col = np.indices(GRID.shape)
    for move in range(16):
        to_row, to_col = row + DROW[move], col + DCOL[move]
        ok = (to_row >= 0) & (to_row < 10) & (to_col >= 0) & (to_col < 10)
        x_m, y_m = GRID.x_m + SHIFT_M[0], GRID.y_m + SHIFT_M[1]
        ends = [np.column_stack([x_m[c[ok]], y_m[r[ok]]]) for r, c in ((row, col), (to_row, to_col))]
        expected = shapely.intersects(shapely.linestrings(np.stack(ends, axis=1)), line)
        assert (((found[ok] >> move) & 1).astype(bool) == expected).all()


def test_inside_a_wide_river_nobody_walks():
    wide = shapely.box(310, -50, 690, 1050)
    found, made = minutes(WEST, EAST, rivers=river(wide))
    assert found == np.inf
    assert np.isinf(made.surface.slowness[:, 3:7]).all()
    bridge = crossing(shapely.LineString([(320, 450), (680, 450)]))
    found, made = minutes(WEST, EAST, rivers=river(wide), crossings=bridge)
    assert found == pytest.approx(0.5 / WALK_KMH * 60, rel=1e-4)
    assert made.counts["crossings"] == 1


@pytest.mark.parametrize("shape", [shapely.Point(490, 450), shapely.LineString([(495, 450), (505, 450)])])
def test_a_bridge_opens_its_place_only(shape):
    found, _ = minutes(WEST, EAST, rivers=river(ACROSS), crossings=crossing(shape))
    assert found == pytest.approx(0.5 / WALK_KMH * 60, rel=0.02)
    far, _ = minutes(2, 7, rivers=river(ACROSS), crossings=crossing(shape))  # five rows up: there and back
    there = 2 * np.sqrt(2) + 3  # cells, down to the row of the bridge; as many back
    assert far == pytest.approx((2 * there + 1) * 0.1 / WALK_KMH * 60, rel=0.02)


def test_a_ferry_waits_and_a_ford_is_slow_and_both_close_in_floods():
    here = shapely.Point(490, 450)
    level = minutes(WEST, EAST, rivers=river(ACROSS), crossings=crossing(here))[0]
    ferry = minutes(WEST, EAST, rivers=river(ACROSS), crossings=crossing(here, "ferry"))[0]
    assert 15 < ferry < level + 16
    assert minutes(WEST, EAST, rivers=river(ACROSS), crossings=crossing(here, "ferry", 40.0))[0] > 40
    ford = minutes(WEST, EAST, rivers=river(ACROSS), crossings=crossing(here, "ford"))[0]
    assert level < ford < ferry
    for kind, floods in (("ford", None), ("ferry", True), ("bridge", True)):
        shut = crossing(here, kind, floods=floods)
        assert minutes(WEST, EAST, rivers=river(ACROSS), crossings=shut, season="flooded")[0] == np.inf
    stands = crossing(here, "bridge", floods=False)
    assert np.isfinite(minutes(WEST, EAST, rivers=river(ACROSS), crossings=stands, season="flooded")[0])


def test_a_river_that_only_floods_is_walked_through_when_dry():
    only = river(ACROSS, floods_only=True)
    assert np.isfinite(minutes(WEST, EAST, rivers=only)[0])
    assert minutes(WEST, EAST, rivers=only, season="flooded")[0] == np.inf


STRAIGHT = shapely.LineString([(-20, 450), (1020, 450)])


@pytest.mark.parametrize(("mode", "kmh"), [("walk", WALK_KMH), ("motorbike", 45.0), ("car", 50.0)])
def test_a_road_is_ridden_at_its_speed(mode, kmh):
    found, made = minutes(WEST, EAST, roads=road(STRAIGHT), mode=mode)
    assert found == pytest.approx(0.5 / kmh * 60, rel=1e-6)
    assert made.basis == "roads"


def test_off_the_road_people_walk_more_slowly_than_on_a_path():
    found, _ = minutes(2, 7, roads=road(STRAIGHT))
    assert found == pytest.approx(0.5 / (0.6 * WALK_KMH) * 60, rel=1e-6)


def test_a_winding_road_keeps_its_length():
    bends = [(150 + 100 * (k // 2), 50 if (k + 1) // 2 % 2 else 950) for k in range(16)]
    line = shapely.LineString(bends)
    found, _ = minutes(11, 18, roads=road(line), mode="car")
    straight = minutes(11, 18, roads=road(shapely.LineString([(150, 850), (850, 850)])), mode="car")[0]
    along = 0.06 / 50 * shapely.length(line)
    assert straight == pytest.approx(0.7 / 50 * 60, rel=1e-6)
    assert straight < found <= along + 1e-9


def test_surface_and_floods_slow_a_road():
    paved = minutes(WEST, EAST, roads=road(STRAIGHT, "commune"), mode="motorbike")[0]
    earth = minutes(WEST, EAST, roads=road(STRAIGHT, "commune", "earth"), mode="motorbike")[0]
    wet = minutes(WEST, EAST, roads=road(STRAIGHT, "commune", "earth"), mode="motorbike", season="flooded")[0]
    assert (earth / paved, wet / paved) == (pytest.approx(2.0), pytest.approx(4.0))
    shut = minutes(WEST, EAST, roads=road(STRAIGHT, "commune", floods=True), mode="motorbike", season="flooded")
    assert shut[0] == pytest.approx(0.5 / (0.6 * WALK_KMH) * 60, rel=1e-6)
    assert shut[1].counts["roads_closed"] == 1


def test_cars_walk_on_paths_and_nobody_walks_on_motorways():
    assert minutes(WEST, EAST, roads=road(STRAIGHT, "path"), mode="car")[0] == pytest.approx(
        0.5 / WALK_KMH * 60, rel=1e-6
    )
    motorway = road(STRAIGHT, "motorway")
    assert minutes(WEST, EAST, roads=motorway, mode="car")[0] == pytest.approx(0.5 / 80 * 60, rel=1e-6)
    assert minutes(WEST, EAST, roads=motorway)[0] == pytest.approx(0.5 / (0.6 * WALK_KMH) * 60, rel=1e-6)


def test_a_road_bridges_a_river_unless_it_says_no():
    found, made = minutes(WEST, EAST, roads=road(STRAIGHT), rivers=river(ACROSS), mode="car")
    assert found == pytest.approx(0.5 / 50 * 60, rel=1e-6)
    assert made.counts["bridges_of_roads"] == 1
    found, made = minutes(WEST, EAST, roads=road(STRAIGHT, bridge=False), rivers=river(ACROSS), mode="car")
    assert found == np.inf
    assert made.counts["road_gaps"] == 1


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_road_without_bridges_takes_nobody_over_a_river(seed):
    rng = np.random.default_rng(seed)
    middle = np.column_stack([500 + rng.uniform(-150, 150, 12), np.linspace(-50, 1050, 12)])
    line = shapely.LineString(np.column_stack([rng.uniform(0, 1000, 8), rng.uniform(0, 1000, 8)]))
    beside = shapely.LineString(middle + np.array([rng.uniform(-60, 60), 0]))
    roads = pd.concat([road(line, bridge=False), road(beside, bridge=False)], ignore_index=True)
    shut = river(shapely.LineString(middle))
    made = friction(GRID, elevation=ground(), roads=roads, rivers=shut, mode="motorbike")
    on_foot = friction(GRID, elevation=ground(), rivers=shut)
    for source in (50, 59):
        ridden = np.isfinite(travel_time(made.surface, np.array([source])).cost)
        walked = np.isfinite(travel_time(on_foot.surface, np.array([source]), neighbours=16).cost)
        assert not (ridden & ~walked).any()


def test_land_cover_closes_water_and_slows_off_the_roads():
    cover = ground(10.0, classes="esa_worldcover")
    cover.values[:, 5] = 80.0
    assert minutes(WEST, EAST, land_cover=cover)[0] == np.inf
    trees = ground(10.0, classes="esa_worldcover")
    assert minutes(2, 7, land_cover=trees)[0] == pytest.approx(0.5 / WALK_KMH * 60, rel=1e-6)  # the walking model
    found, _ = minutes(2, 7, land_cover=trees, roads=road(STRAIGHT))
    assert found == pytest.approx(0.5 / (0.4 * WALK_KMH) * 60, rel=1e-6)
    strange = ground(77.0, classes="esa_worldcover")
    assert [fault.code for fault in minutes(2, 7, land_cover=strange)[1].faults] == ["access.note.classes_unknown"]


def test_fibre_follows_roads_and_bridges():
    cost, made = minutes(WEST, EAST, roads=road(STRAIGHT), mode="fibre")
    assert cost == pytest.approx(500.0)
    assert minutes(2, 7, mode="fibre")[0] == pytest.approx(1500.0)
    assert made.surface.pace == "none"
    ferry = crossing(shapely.Point(490, 450), "ferry")
    assert minutes(WEST, EAST, rivers=river(ACROSS), crossings=ferry, mode="fibre")[0] == np.inf


@pytest.mark.parametrize("shape", [shapely.Point(150, 450), shapely.LineString([(100, 450), (200, 450)])])
def test_a_crossing_far_from_any_river_is_told(shape):
    far = river(shapely.LineString([(950, -50), (950, 1050)]))
    made = minutes(WEST, EAST, rivers=far, crossings=crossing(shape))[1]
    assert [(fault.code, fault.params) for fault in made.faults] == [
        ("access.note.crossings_unused", {"crossings": "X", "count": 1})
    ]
    assert made.surface.links is None
    assert made.counts["crossings_unused"] == 1


def test_a_raster_of_another_grid_is_refused_by_name():
    other = Grid(CRS, 0.0, 1000.0, 50.0, (20, 20))
    with pytest.raises(ComputeError, match="land_cover"):
        friction(GRID, elevation=ground(), land_cover=ground(grid=other))
    with pytest.raises(ComputeError, match="elevation"):
        friction(GRID, elevation=ground(grid=other))


def test_a_study_changes_speeds_by_name():
    table = speeds({"road.national.motorbike_kmh": 30.0})
    assert minutes(WEST, EAST, roads=road(STRAIGHT), mode="motorbike", table=table)[0] == pytest.approx(1.0)
    closed = speeds({"surface.earth_share": 0.0})
    found = minutes(WEST, EAST, roads=road(STRAIGHT, surface="earth"), mode="motorbike", table=closed)[0]
    assert found == pytest.approx(0.5 / (0.6 * WALK_KMH) * 60, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "value"),
    [("road.national.motorbike_kmh", 0.0), ("road.national.motorbike_kmh", -1.0), ("fibre.road_cost", 0.0),
     ("surface.earth_share", -0.1), ("road.national.bicycle_kmh", 12.0), ("walking.tobler_kmh", np.inf),
     ("crossing.ford.walking_share", 0.0), ("walking.off_path_share", 0.0)],
)  # fmt: skip
def test_a_speed_that_cannot_be_is_refused_by_name(name, value):
    with pytest.raises(SettingsError) as caught:
        speeds({name: value})
    assert name in caught.value.say("en")
    assert name in caught.value.say("vi")


def test_every_table_of_speeds_says_where_it_comes_from():
    table = speed_table()
    for name in ("walking", "road", "surface", "crossing", "fibre"):
        assert table[name]["source"]
    assert all(legend["source"] for legend in table["land_cover"].values())


LINE = shapely.LineString


def test_a_bridge_opens_one_of_two_rivers():
    two = river(LINE([(500, -50), (500, 1050)]), LINE([(600, -50), (600, 1050)]))
    for shape in (shapely.Point(500, 450), LINE([(490, 450), (510, 450)])):
        made = friction(GRID, elevation=ground(), rivers=two, crossings=crossing(shape))
        reached = np.isfinite(travel_time(made.surface, np.array([WEST])).cost)
        assert reached[:, :6].all()
        assert not reached[:, 6:].any()
    both, _ = minutes(WEST, EAST, rivers=two, crossings=crossing(LINE([(490, 450), (610, 450)])))
    assert both == pytest.approx(0.5 / WALK_KMH * 60, rel=0.02)


def test_a_bridge_in_the_middle_of_a_wide_river_reaches_both_banks():
    wide = river(shapely.box(210, -50, 790, 1050))
    found, made = minutes(51, 58, rivers=wide, crossings=crossing(shapely.Point(480, 450)))
    assert found == pytest.approx(0.7 / WALK_KMH * 60, rel=0.02)
    assert made.counts["crossings"] == 1


def test_a_bridge_over_an_island_without_a_centre_spans_both_arms():
    island = shapely.box(310, -50, 690, 1050).difference(shapely.box(460, 300, 490, 700))
    found, _ = minutes(WEST, EAST, rivers=river(island), crossings=crossing(LINE([(300, 450), (700, 450)])))
    assert found == pytest.approx(0.5 / WALK_KMH * 60, rel=1e-4)


@pytest.mark.parametrize("shape", [LINE([(500, -50), (500, 450), (500, 450), (500, 1050)]), LINE([(1, 1), (1, 1)])])
def test_vertices_drawn_twice_are_no_barrier_of_their_own(shape):
    found, made = minutes(WEST, EAST, rivers=river(shape), crossings=crossing(shapely.Point(500, 450)))
    assert found == pytest.approx(0.5 / WALK_KMH * 60, rel=0.02)
    assert made.counts["crossings"] + made.counts["crossings_unused"] == 1


def test_rivers_of_many_parts_with_heights_shut_their_banks():
    line = shapely.MultiLineString([[(500, -50, 3), (500, 450, 2)], [(500, 450, 2), (500, 1050, 1)]])
    area = shapely.MultiPolygon([shapely.force_3d(shapely.box(490, -50, 510, 1050), 7.0)])
    for shape in (line, area):
        assert minutes(WEST, EAST, rivers=river(shape), neighbours=16)[0] == np.inf


def gathered(*roads):
    return pd.concat(roads, ignore_index=True)


def test_a_bridge_of_another_surface_joins_roads_over_closed_ground():
    cover = ground(30.0, classes="esa_worldcover")
    cover.values[:, 4:7] = 80.0
    parts = [road(LINE([(0, 450), (420, 450)]), surface="gravel"), road(LINE([(680, 450), (420, 450)]), "provincial"),
             road(LINE([(680, 450), (1000, 450)]), surface="gravel")]  # fmt: skip
    found, _ = minutes(WEST, 58, roads=gathered(*parts), land_cover=cover, mode="motorbike")
    assert found == pytest.approx((0.17 + 0.17) / (0.75 * 45) * 60 + 0.26 / 40 * 60, rel=1e-6)


def test_roads_that_meet_in_water_join_there():
    wide = river(shapely.box(310, 310, 690, 690))
    roads = gathered(*(road(LINE([(500, 500), end]), "village") for end in [(0, 500), (500, 0), (1000, 500)]))
    made = friction(GRID, elevation=ground(), rivers=wide, roads=roads, mode="car")
    found = travel_time(made.surface, np.array([WEST])).cost
    along = (0.25 + 0.25) / 15 * 60  # 15 km/h
    assert found[5, 7] == pytest.approx(along, rel=1e-3)
    assert found[7, 5] == pytest.approx(along, rel=1e-3)
    assert made.counts["bridges_of_roads"] == 3  # each with each


@pytest.mark.parametrize("bridged", [None, False])
def test_roads_that_end_on_a_river_from_both_banks_are_one_road(bridged):
    parts = road(LINE([(0, 450), (500, 450)])), road(LINE([(500, 450), (1000, 450)]), "village", bridge=bridged)
    found, made = minutes(WEST, EAST, roads=gathered(*parts), rivers=river(LINE([(500, -50), (500, 1050)])), mode="car")
    if bridged is None:
        assert found == pytest.approx(0.25 / 50 * 60 + 0.25 / 15 * 60, rel=1e-6)
    else:
        assert found == np.inf
        assert made.counts["road_gaps"] == 1


def test_a_road_there_and_back_over_a_river_breaks_off_both_times():
    line = LINE([(100, 450), (900, 450), (900, 460), (900, 450), (100, 450)])
    shut = river(LINE([(500, -50), (500, 1050)]))
    found, made = minutes(WEST, EAST, rivers=shut, roads=road(line, bridge=False))
    assert found == np.inf
    assert made.counts["road_gaps"] == 2


def test_a_road_that_touches_a_river_goes_on():
    line = LINE([(0, 450), (480, 450), (500, 430), (520, 450), (1000, 450)])
    shut = river(LINE([(500, -50), (500, 430)]))
    found, made = minutes(WEST, EAST, rivers=shut, roads=road(line, bridge=False), mode="car")
    assert found == pytest.approx((0.46 + 0.04 * np.sqrt(2)) / 50 * 60, rel=1e-6)
    assert (made.counts["road_gaps"], made.counts["bridges_of_roads"]) == (0, 0)


def test_a_road_that_leaves_the_study_and_comes_back_keeps_its_length():
    line = LINE([(950, 450), (2000, 450), (2000, 750), (950, 750)])
    made = friction(GRID, elevation=ground(), roads=road(line, "motorway"), mode="car")
    links = made.surface.links
    assert links.length_m.tolist() == pytest.approx([2400.0, 2400.0])
    assert {links.from_cell[0], links.to_cell[0]} == {59, 29}
    far = LINE([(950, 450), (1e12, 450), (1e12, -1e12), (250, 450)])
    made = friction(GRID, elevation=ground(), roads=road(far), mode="car")
    assert np.isfinite(made.surface.links.length_m).all()


def test_what_became_of_every_road_is_counted():
    shapes = {
        "used": road(STRAIGHT),
        "one cell": road(LINE([(10, 10), (20, 20)])),
        "floods": road(STRAIGHT, floods=True),
        "motorway": road(STRAIGHT, "motorway"),
        "outside": road(LINE([(5000, 5000), (6000, 6000)])),
        "no length": road(LINE([(500, 500), (500, 500)])),
        "sea": road(LINE([(910, 910), (990, 990)])),
    }
    sea = ground()
    sea.values[0, 9] = 0.0
    made = friction(GRID, elevation=sea, roads=gathered(*shapes.values()), season="flooded")
    found = {name: made.counts[name] for name in ("roads", "roads_closed", "roads_unfit", "roads_nowhere")}
    assert found == {"roads": 2, "roads_closed": 1, "roads_unfit": 1, "roads_nowhere": 3}
    assert [(fault.code, fault.params["count"]) for fault in made.faults] == [("access.note.roads_nowhere", 3)]
    assert all(fault.say(lang) for fault in made.faults for lang in ("en", "vi"))


def test_roads_elsewhere_are_no_roads_of_the_study():
    elsewhere = road(LINE([(5000, 5000), (6000, 6000)]))
    found, made = minutes(WEST, EAST, roads=elsewhere)
    assert found == pytest.approx(0.5 / WALK_KMH * 60, rel=1e-6)
    assert (made.basis, made.counts["roads_nowhere"]) == ("walking_model", 1)


def test_no_height_is_void_and_codes_that_are_no_class_are_told():
    high = ground()
    high.values[:, 5] = np.inf
    found, made = minutes(WEST, EAST, elevation=high)
    assert (found, made.counts["cells_void"]) == (np.inf, 10)
    cover = ground(10.5, classes="esa_worldcover")
    cover.values[0] = [np.nan, np.inf, 0, 0, 0, 10, 10, 10, 10, 10]
    made = friction(GRID, elevation=ground(), land_cover=cover, roads=road(STRAIGHT))
    assert made.counts["cells_without_class"] == 95
    assert [fault.params["listed"] for fault in made.faults] == ["10.5 (90), inf (1)"]


def test_fibre_takes_motorways_and_neither_waits_nor_floods():
    flooded = road(STRAIGHT, "motorway", floods=True)
    assert minutes(WEST, EAST, roads=flooded, mode="fibre", season="flooded")[0] == pytest.approx(500.0)
    toll = crossing(shapely.Point(490, 450), wait_min=30.0)
    dear = minutes(WEST, EAST, rivers=river(ACROSS), crossings=toll, mode="fibre")[0]
    assert dear == minutes(WEST, EAST, rivers=river(ACROSS), crossings=crossing(toll.geometry[0]), mode="fibre")[0]


@pytest.mark.parametrize("name", ["roads", "rivers", "crossings"])
def test_a_layer_in_another_crs_is_refused_by_name(name):
    given = {"roads": road(STRAIGHT), "rivers": river(ACROSS), "crossings": crossing(shapely.Point(0, 0))}[name]
    with pytest.raises(CrsError, match=name):
        friction(GRID, elevation=ground(), **{name: given.set_crs("EPSG:32648", allow_override=True)})
