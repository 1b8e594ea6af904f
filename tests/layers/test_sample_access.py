"""What the sample moves over and serves with: rivers that drain, roads to every village, bridges where they meet."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pandas.testing import assert_frame_equal
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from phusong.coverage.access.friction import friction
from phusong.coverage.access.serving import placed
from phusong.coverage.access.travel_time import travel_time
from phusong.layers.checks.validate import validate
from phusong.layers.grid import Grid, Raster
from phusong.layers.readers.raw import RawTable
from phusong.layers.sample.content import populate
from phusong.layers.sample.crossings import FORD_M, meets
from phusong.layers.sample.figures import figures
from phusong.layers.sample.frames import points_xy
from phusong.layers.sample.geography import geography
from phusong.layers.sample.ground import survey
from phusong.layers.sample.network import ROUND, _spanner, _within
from phusong.layers.sample.rivers import AROUND_M, RIVER_KM2, STREAM_KM2, WIDTH_M, courses, drained
from phusong.layers.sample.roads import road_chains
from phusong.layers.schema import LAYERS

NEW = ("service_points", "fibre_nodes", "roads", "rivers", "crossings")
Layers = dict[str, pd.DataFrame]
Place = tuple[gpd.GeoDataFrame, Raster, list[shapely.LineString]]


@pytest.fixture(scope="module")
def place() -> Place:
    made = geography(cell_m=180.0)
    return made.units, made.elevation, made.roads.geometry.tolist()


@pytest.fixture(scope="module")
def layers(place: Place) -> Layers:
    units, elevation, drawn = place
    return populate(units, elevation, main_roads=drawn)


def mainland(layers: Layers) -> pd.DataFrame:
    units = layers["units"]
    return layers["villages"][layers["villages"]["unit_code"].isin(units.loc[~units["island"].astype(bool), "code"])]


@pytest.mark.parametrize("name", NEW)
def test_rows_pass_their_own_schema(layers: Layers, name: str) -> None:
    frame = layers[name]
    shapes, table = np.asarray(frame.geometry.array), pd.DataFrame(frame.drop(columns="geometry"))
    raw = RawTable(table, np.arange(2, len(table) + 2), "sample", "", shapes, str(frame.crs))
    checked = validate(raw, LAYERS[name], crs=str(frame.crs))
    assert checked.faults == ()
    assert len(checked.frame) == len(frame) > 0
    assert frame["synthetic"].all()


def test_the_same_seed_gives_the_same_rows_and_others_keep_theirs(place: Place, layers: Layers) -> None:
    units, elevation, drawn = place
    again = populate(units, elevation, main_roads=drawn, given={"roads": layers["roads"]})
    for name in ("service_points", "rivers", "fibre_nodes", "facilities", "postal_points", "broadband"):
        assert_frame_equal(pd.DataFrame(again[name]), pd.DataFrame(layers[name]))
    assert again["roads"] is layers["roads"]
    assert "crossings" not in again  # nobody knows the junctions of given roads
    other = populate(units, elevation, main_roads=drawn, seed=1)
    assert not other["rivers"].geometry.equals(layers["rivers"].geometry)


# rivers


def test_water_runs_down_to_the_sea_or_out_of_the_frame(
    place: Place,
) -> None:
    work, receiver, area_km2, land = drained(place[1], rng=np.random.default_rng(1))
    here = np.arange(len(receiver))
    for _ in range(work.shape[0] * 4):
        down = receiver[here]
        if (down == here).all():
            break
        here = down
    rows, cols = np.divmod(here, work.shape[1])
    edge = (rows == 0) | (cols == 0) | (rows == work.shape[0] - 1) | (cols == work.shape[1] - 1)
    assert (edge | ~land.ravel()[here]).all()
    outlets = receiver == np.arange(len(receiver))
    drained_km2 = area_km2.ravel()[outlets].sum()
    assert drained_km2 == pytest.approx(receiver.size * (work.cell_m / 1000) ** 2)  # every cell leaves once


def test_rivers_meet_and_grow_downstream(place: Place) -> None:
    ground = survey(place[0], place[1])
    reaches = courses(ground, rng=np.random.default_rng([2012, 12]))
    assert min(reach.km2 for reach in reaches) >= STREAM_KM2
    starts = {reach.line.coords[0]: reach for reach in reaches}
    joined = [(reach, starts[reach.line.coords[-1]]) for reach in reaches if reach.line.coords[-1] in starts]
    assert len(joined) > len(reaches) / 2
    assert all(below.km2 >= above.km2 for above, below in joined)
    home = shapely.buffer(shapely.union_all(np.asarray(place[0].geometry.array)), AROUND_M)
    ends = shapely.points([reach.line.coords[-1] for reach in reaches if reach.line.coords[-1] not in starts])
    at_sea = np.array([place[1].bilinear(np.array([p.x]), np.array([p.y]))[0] <= 0.5 for p in ends])
    at_rim = shapely.distance(ends, shapely.boundary(home)) < 300.0
    assert (at_sea | at_rim).all()


def test_streams_stop_people_in_floods_only_and_wide_rivers_are_outlines(layers: Layers) -> None:
    rivers = layers["rivers"]
    lines = rivers[rivers.geom_type == "LineString"]
    limit_m, dry = round(WIDTH_M * RIVER_KM2**0.5), lines["floods_only"].astype(bool)
    assert lines.loc[dry, "width_m"].max() <= limit_m <= lines.loc[~dry, "width_m"].min()
    outlines = rivers[(rivers.geom_type != "LineString") & ~rivers["floods_only"].astype(bool)]
    assert len(outlines) >= 1
    low = rivers[(rivers.geom_type != "LineString") & rivers["floods_only"].astype(bool)]
    assert len(low) >= 1
    water = shapely.union_all(np.asarray(rivers[rivers.geom_type != "LineString"].geometry.array))
    for name in ("villages", "village_clusters", "facilities", "postal_points", "service_points"):
        wet = shapely.contains_xy(water, *points_xy(layers[name]).T)
        assert wet.sum() == 0, name


# roads


def junctions(roads: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places where roads end, and the numbers of both ends of each road."""
    ends = np.array([(line.coords[0], line.coords[-1]) for line in roads.geometry]).reshape(-1, 2)
    at, number = np.unique(ends, axis=0, return_inverse=True)
    pairs = number.reshape(-1, 2)
    return at, pairs[:, 0], pairs[:, 1]


def test_roads_join_every_village_of_the_mainland(layers: Layers) -> None:
    at, one, other = junctions(layers["roads"])
    graph = csr_array((np.ones(len(one)), (one, other)), shape=(len(at), len(at)))
    _, part = connected_components(graph, directed=False)
    away_m, near = cKDTree(at).query(points_xy(mainland(layers)))
    assert (away_m < 360.0).all()  # two villages may share a cell of 180 m
    assert np.mean(away_m == 0) > 0.9
    assert len(set(part[near])) == 1


def test_classes_stand_in_their_order(place: Place, layers: Layers) -> None:
    roads = layers["roads"]
    km = roads.length.groupby(roads["class"]).sum() / 1000
    assert set(km.index) == {"national", "provincial", "district", "commune", "village", "track", "path"}
    assert 150 < km["national"] < 450
    assert km["village"] > km["national"]
    hills = np.array([line.coords[0] for line in roads[roads["class"] == "track"].geometry])
    assert survey(place[0], place[1]).hilly(hills).mean() > 0.7


def test_main_roads_follow_what_is_drawn(place: Place, layers: Layers) -> None:
    drawn = shapely.multilinestrings(place[2])
    national = layers["roads"][layers["roads"]["class"] == "national"]
    near = shapely.length(shapely.intersection(np.asarray(national.geometry.array), shapely.buffer(drawn, 1500.0)))
    assert near.sum() / national.length.sum() > 0.85
    assert national.length.sum() / drawn.length == pytest.approx(1.0, abs=0.35)


def test_roads_keep_to_gentle_ground(place: Place, layers: Layers) -> None:
    """In the mountains the ground is less steep under roads than around them."""
    ground = survey(place[0], place[1])
    roads = layers["roads"][layers["roads"]["class"].isin(["national", "provincial", "district"])]
    at = shapely.get_coordinates(shapely.segmentize(np.asarray(roads.geometry.array), 200.0))
    at = at[ground.hilly(at)]
    rng = np.random.default_rng(3)
    beside = at + rng.normal(0.0, 2_000.0, at.shape)
    assert np.mean(ground.at(ground.slope_pct, at)) < 0.75 * np.mean(ground.at(ground.slope_pct, beside))


def test_a_spanner_has_no_long_way_round() -> None:
    rng = np.random.default_rng(4)
    at = rng.random((30, 2))
    links = {
        (i, j): float(np.hypot(*(at[i] - at[j]))) for i in range(30) for j in range(i + 1, 30) if rng.random() < 0.4
    }
    used = {next(iter(links))}
    kept = _spanner(links, 30, needed=set(range(30)), used=used)
    assert used <= set(kept) < set(links)
    beside: list[dict[int, float]] = [{} for _ in range(30)]
    for (one, other), cost in kept.items():
        beside[one][other] = beside[other][one] = cost
    for (one, other), cost in links.items():
        assert _within(beside, one, other, limit=ROUND * cost * (1 + 1e-12))
    pruned = _spanner(links, 30, needed=set(range(1, 30)), used=set())
    assert sum(0 in pair for pair in pruned) != 1  # no dead end at a place that nobody needs


def test_islands_and_a_country_without_rivers(small_island: tuple[gpd.GeoDataFrame, Raster]) -> None:
    layers = populate(*small_island)
    assert "rivers" not in layers
    assert "crossings" not in layers
    assert layers["roads"]["bridge"].all()
    ground = survey(*small_island)
    assert road_chains(ground, layers["villages"], []) != []


@pytest.fixture
def small_island(place: Place) -> tuple[gpd.GeoDataFrame, Raster]:
    """Two flat islands of two communes each, too small to gather a river."""
    grid = Grid("EPSG:9212", 540_000.0, 1_820_000.0, 90.0, (80, 160))
    boxes = [
        shapely.box(x, 1_815_000.0, x + 2_000.0, 1_818_000.0) for x in (541_000.0, 543_000.0, 548_000.0, 550_000.0)
    ]
    units = place[0].head(4).set_geometry(gpd.GeoSeries(boxes, crs="EPSG:9212"))
    x_m, y_m = np.meshgrid(grid.x_m, grid.y_m)
    land = shapely.contains_xy(shapely.union_all(boxes), x_m, y_m)
    return units, Raster(grid, np.where(land, 6.0, 0.0).astype(np.float32))


# crossings


def test_bridges_and_fords_stand_where_roads_meet_rivers(layers: Layers) -> None:
    crossings, roads, rivers = layers["crossings"], layers["roads"], layers["rivers"]
    on_roads = crossings[crossings["kind"] != "ferry"]
    lines = shapely.STRtree(np.asarray(roads.geometry.array))
    waters = shapely.STRtree(np.asarray(rivers.geometry.array))
    shapes = np.asarray(on_roads.geometry.array)
    for tree, limit_m in ((lines, 0.1), (waters, 90.0)):
        found, _ = tree.query_nearest(shapes, max_distance=limit_m, all_matches=False)
        assert len(found) == len(shapes)
    fords = crossings[crossings["kind"] == "ford"]
    _, road = lines.query_nearest(np.asarray(fords.geometry.array), all_matches=False)
    assert not roads["bridge"].to_numpy(dtype=bool)[road].any()
    assert set(roads["class"].to_numpy()[road]) <= {"track", "path"}
    assert set(crossings["kind"]) == {"bridge", "ferry", "ford"}
    assert len(crossings[crossings["kind"] == "bridge"]) > 5 * len(crossings[crossings["kind"] == "ferry"]) > 0
    assert crossings.loc[crossings["kind"] == "ferry", "wait_min"].between(5, 30).all()


def test_roads_meet_rivers_seldom(place: Place, layers: Layers) -> None:
    ground = survey(place[0], place[1])
    reaches = courses(ground, rng=np.random.default_rng([2012, 12]))
    chains = road_chains(ground, layers["villages"], reaches, drawn=place[2])
    over = meets(chains, reaches)
    km = sum(one.line.length for one in chains) / 1000
    assert 0 < len(over.chain) < km / 5
    waded = ~layers["roads"]["bridge"].to_numpy(dtype=bool)[over.chain]
    assert np.array([reach.width_m for reach in reaches])[over.reach][waded].max() <= FORD_M


# services


def test_telephones_everywhere_and_internet_where_operators_report_it(layers: Layers) -> None:
    points, units = layers["service_points"], layers["units"]
    counted = set(units.loc[units["counted"].astype(bool), "code"])
    of = points[points["in_service"].astype(bool)].groupby("kind")["unit_code"].agg(set)
    assert of["telephone_access"] == counted
    latest = layers["broadband"][layers["broadband"]["as_of"] == pd.Timestamp("2012-12-31")]
    assert of["public_internet"] == set(latest.loc[latest["public_internet_point"].astype(bool), "code"])
    assert len(of["public_internet"]) > 0.6 * len(counted)
    homes = gpd.GeoSeries(units.set_index("code").geometry)
    assert shapely.distance(np.asarray(points.geometry.array), np.asarray(homes.loc[points["unit_code"]])).max() == 0


def test_adsl_is_what_was_published_and_fibre_a_little(layers: Layers) -> None:
    broadband, people = layers["broadband"], layers["units"]["population"].sum()
    assert (broadband["adsl_subscribers"] + broadband["fttx_subscribers"] == broadband["broadband_subscribers"]).all()
    latest = broadband[broadband["as_of"] == pd.Timestamp("2012-12-31")]
    adsl_per_100 = 100 * latest["adsl_subscribers"].sum() / people
    assert round(adsl_per_100, 2) == figures().value["broadband_per_100"] == 3.77
    assert 0 < latest["fttx_subscribers"].sum() < 60
    assert (broadband["fttx_subscribers"] <= broadband["broadband_subscribers"]).all()


def test_capacities_and_video_conference_by_kind(layers: Layers) -> None:
    facilities = layers["facilities"].groupby("kind")
    people = layers["units"]["population"].sum()
    capacity = facilities["capacity"]
    assert capacity.get_group("primary_school").sum() == pytest.approx(0.085 * people, rel=0.02)
    assert capacity.get_group("hospital").between(80, 300).all()
    assert capacity.get_group("commune_office").isna().all()
    meeting = facilities["video_conference"].mean()
    assert meeting["district_office"] == 1.0
    assert 0 < meeting["commune_office"] < 0.15
    assert layers["postal_points"]["capacity"].between(1, 6).all()


def test_fibre_stands_at_the_seats_and_where_a_commune_is_reached(layers: Layers) -> None:
    nodes, units = layers["fibre_nodes"], layers["units"]
    running = nodes[nodes["status"] == "operational"]
    homes = np.asarray(units.geometry.array)
    inside = shapely.STRtree(homes).query(np.asarray(running.geometry.array), predicate="within")[1]
    latest = layers["broadband"][layers["broadband"]["as_of"] == pd.Timestamp("2012-12-31")]
    reached = set(latest.loc[latest["fibre_to_commune"].astype(bool), "code"])
    assert reached <= set(units["code"].to_numpy()[inside])
    assert (nodes["status"] == "planned").any()
    national = shapely.union_all(np.asarray(layers["roads"].loc[layers["roads"]["class"] == "national"].geometry.array))
    along = nodes[nodes["kind"] == "joint"]
    assert len(along) >= 5
    assert shapely.distance(np.asarray(along.geometry.array), national).max() < 0.1


# moving over it


@pytest.mark.parametrize("mode", ["walk", "motorbike"])
def test_villages_reach_their_seat_and_floods_cut_some_off(place: Place, layers: Layers, mode: str) -> None:
    grid, home = place[1].grid, mainland(layers)
    offices = layers["facilities"][layers["facilities"]["kind"] == "commune_office"]
    minutes = {}
    for season in ("dry", "flooded"):
        made = friction(
            grid,
            elevation=place[1],
            roads=layers["roads"],
            rivers=layers["rivers"],
            crossings=layers["crossings"],
            mode=mode,  # type: ignore[arg-type]
            season=season,  # type: ignore[arg-type]
        )
        assert made.counts["crossings_unused"] <= 0.05 * len(layers["crossings"])
        assert made.counts["bridges_of_roads"] > 50
        assert made.counts["road_gaps"] > 0
        stand = placed(home, made)
        assert (stand >= 0).all()
        minutes[season] = travel_time(made.surface, placed(offices, made)).cost.reshape(-1)[stand]
    assert np.isfinite(minutes["dry"]).all()
    cut = np.isfinite(minutes["dry"]) & ~np.isfinite(minutes["flooded"])
    assert 0 < cut.sum() < 0.1 * len(home)
    both = np.isfinite(minutes["flooded"])
    assert (minutes["flooded"][both] >= minutes["dry"][both] - 1e-9).mean() > 0.95
    limit = {"walk": 60.0, "motorbike": 25.0}[mode]
    assert np.median(minutes["dry"]) < limit
