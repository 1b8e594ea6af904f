"""What the sample places on given communes: published totals, sums a commune, places on land, given layers kept."""

from __future__ import annotations

import math
import os
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from phusong.layers.columns.cells import DTYPES
from phusong.layers.errors import InputError
from phusong.layers.grid import Grid, Raster
from phusong.layers.sample.content import Totals, populate
from phusong.layers.sample.figures import figures
from phusong.layers.sample.frames import layer_frame, points_xy
from phusong.layers.sample.ground import MOUNTAIN_SHARE, Ground, path_loss_db, spread, survey
from phusong.layers.sample.masts import LIMIT_DB, SMALL_CARRIER_DBM, least_loss_db, weaker_db
from phusong.layers.sample.settle import split_exactly
from phusong.layers.schema import LAYERS

CRS = "EPSG:9212"
LEFT, BOTTOM = 540_000.0, 1_800_000.0
END_2012 = pd.Timestamp("2012-12-31")
REAL_DATA = os.environ.get("PHUSONG_DATA", "")


def units_frame(shapes: list[shapely.Polygon], population: np.ndarray, **columns: object) -> gpd.GeoDataFrame:
    """Units per the schema around ``shapes``."""
    n = len(shapes)
    filled = {
        "code": [f"F{i:03d}" for i in range(n)],
        "valid_on": END_2012,
        "name": [f"Xã {i}" for i in range(n)],
        "district": [f"Huyện {i % 9}" for i in range(n)],
        "population": population,
        "households": population // 4,
        "as_of": END_2012,
    } | columns
    data = {}
    for column in LAYERS["units"].all_columns:
        values = pd.Series(filled.get(column.name), index=range(n))
        is_date = column.kind == "date"
        data[column.name] = (
            pd.to_datetime(values).astype("datetime64[s]") if is_date else values.astype(DTYPES[column.kind])
        )
    return gpd.GeoDataFrame(data, geometry=shapes, crs=CRS)


def terrain(bounds: tuple[float, float, float, float], *, cell_m: float) -> Raster:
    """Mountains with valleys in the west (to about 1,200 m), falling to a plain and the sea (0 m) in the east."""
    grid = Grid.covering(bounds, crs=CRS, cell_m=cell_m, margin_m=3_000)
    left, bottom, right, _ = bounds
    x, y = np.meshgrid(grid.x_m, grid.y_m)
    east = (x - left) / (right - left)
    waves = 0.55 + 0.45 * np.sin((x - left) / 1_500 + np.sin((y - bottom) / 2_500)) * np.cos((y - bottom) / 1_900)
    height = 1_300 * np.clip(0.6 - east, 0, 1) ** 1.1 * waves + 10 * np.clip(0.97 - east, 0, 1)
    return Raster(grid, height.astype(np.float32))


def province(n: int, *, width_m: float, height_m: float, cell_m: float, people: int) -> tuple[gpd.GeoDataFrame, Raster]:
    """``n`` Voronoi communes, smaller towards the coast, and an island of few people off it."""
    rng = np.random.default_rng(5)
    box = shapely.box(LEFT, BOTTOM, LEFT + width_m, BOTTOM + height_m)
    seeds = np.column_stack([rng.beta(1.6, 1.0, n) * width_m + LEFT, rng.random(n) * height_m + BOTTOM])
    cells = [shapely.intersection(cell, box) for cell in shapely.voronoi_polygons(shapely.multipoints(seeds)).geoms]
    island = shapely.box(box.bounds[2] + 4_000, BOTTOM + 9_000, box.bounds[2] + 5_400, BOTTOM + 10_400)
    east = (shapely.get_coordinates(shapely.centroid(cells))[:, 0] - LEFT) / width_m
    weight = (0.3 + east) * rng.lognormal(0, 0.35, n)
    population = np.append(np.floor(people * weight / weight.sum()), 346.0)
    units = units_frame(
        [*cells, island],
        population,
        counted=[True] * n + [False],
        island=[False] * n + [True],
        kind=["ward" if i % 15 == 0 else "commune" for i in range(n)] + ["island"],
    )
    elevation = terrain(tuple(units.total_bounds), cell_m=cell_m)
    values = elevation.values.copy()
    x, y = np.meshgrid(elevation.grid.x_m, elevation.grid.y_m)
    values[shapely.contains_xy(island, x, y)] = 12.0
    return units, Raster(elevation.grid, values)


@pytest.fixture(scope="module")
def whole() -> tuple[gpd.GeoDataFrame, Raster]:
    return province(141, width_m=62_000, height_m=76_000, cell_m=300.0, people=608_000)


@pytest.fixture(scope="module")
def layers(whole: tuple[gpd.GeoDataFrame, Raster]) -> dict[str, pd.DataFrame]:
    return populate(*whole)


@pytest.fixture(scope="module")
def ground(whole: tuple[gpd.GeoDataFrame, Raster]) -> Ground:
    return survey(*whole)


@pytest.fixture(scope="module")
def small() -> tuple[gpd.GeoDataFrame, Raster]:
    return province(12, width_m=24_000, height_m=24_000, cell_m=300.0, people=50_000)


def in_service(layers: dict[str, pd.DataFrame]) -> pd.DataFrame:
    sites = layers["sites"]
    running = sites.loc[sites["status"] == "in_service", "site_id"]
    return layers["sectors"][layers["sectors"]["site_id"].isin(running)]


def loss_to_masts_db(layers: dict[str, pd.DataFrame], ground: Ground, xy: np.ndarray) -> np.ndarray:
    """Loss to the 2G mast heard best, weaker stations counted as farther."""
    sectors = in_service(layers)
    sectors = sectors[sectors["technology"] == "2G"]
    weaker = pd.Series(weaker_db(sectors), index=sectors["site_id"]).groupby(level=0).min()
    masts = layers["sites"].set_index("site_id").loc[weaker.index]
    return least_loss_db(ground, points_xy(masts), xy, weaker_db=weaker.to_numpy())


# --- the published table -------------------------------------------------------------------------------------------


def test_base_stations_are_those_published(layers: dict[str, pd.DataFrame]) -> None:
    sectors = in_service(layers)
    assert len(sectors.drop_duplicates(["site_id", "operator", "technology"])) == 1_159
    assert sectors["site_id"].nunique() == 540
    assert set(sectors["technology"]) == {"2G", "3G"}
    assert sectors["operator"].nunique() == 7
    assert set(layers["sites"]["owner"]) <= set(sectors["operator"])


def test_postal_points_and_same_day_mail_are_those_published(layers: dict[str, pd.DataFrame]) -> None:
    posts, units = layers["postal_points"], layers["units"]
    assert len(posts) == 156
    assert posts["operator"].nunique() == 8
    assert set(posts["unit_code"]) == set(units["code"])
    same_day = set(posts.loc[posts["same_day_mail"], "unit_code"])
    assert len(same_day) == 94
    assert same_day <= set(units.loc[units["counted"], "code"])


def test_broadband_and_telephones_are_those_published(layers: dict[str, pd.DataFrame]) -> None:
    units, rows = layers["units"].set_index("code"), layers["broadband"]
    now, before = (rows[rows["as_of"] == f"{year}-12-31"].set_index("code") for year in (2012, 2011))
    people = units["population"].sum()
    assert round(100 * now["broadband_subscribers"].sum() / people, 2) == 3.77
    growth = 100 * (now["broadband_subscribers"].sum() / before["broadband_subscribers"].sum() - 1)
    assert 21 < growth < 22
    assert round(100 * now["telephone_subscribers"].sum() / people, 1) == 75.0
    assert now["telephone_access_point"].all()
    assert 60 < 100 * now.loc[units["counted"], "public_internet_point"].sum() / 141 < 63
    assert (now["telephone_subscribers"] >= now["fixed_telephones"]).all()
    assert (rows[["broadband_subscribers", "fixed_telephones"]] % 1 == 0).all(axis=None)


def test_programme_communes_are_those_published(layers: dict[str, pd.DataFrame]) -> None:
    units = layers["units"].set_index("code")
    now = layers["broadband"][layers["broadband"]["as_of"] == END_2012].set_index("code")
    chosen = units["programme"]
    assert chosen.sum() == 59
    assert not (chosen & ~units["counted"]).any()
    telephones = now.loc[chosen, "fixed_telephones"].sum()
    assert telephones == 32_063
    assert round(100 * telephones / units.loc[chosen, "population"].sum()) == 17


def test_schools_and_institutions_online_are_those_published(layers: dict[str, pd.DataFrame], ground: Ground) -> None:
    rows = layers["facilities"]
    high = rows["unit_code"].map(dict(zip(layers["units"]["code"], ground.mountainous, strict=True))).to_numpy(bool)
    lower = rows["kind"] == "lower_secondary_school"
    assert lower.to_numpy()[high].sum() > 5
    assert rows.loc[lower & ~high, "broadband"].all()
    assert 80 < 100 * rows.loc[lower & high, "broadband"].mean() < 90
    judged = rows["kind"].isin(["upper_secondary_school", "college", "hospital"]) | (lower & rows["urban"])
    assert 70 < 100 * (rows["lan"] & rows["broadband"])[judged].mean() < 73


def test_published_figures_are_the_shipped_ones_and_not_synthetic(layers: dict[str, pd.DataFrame]) -> None:
    everything = layers["published_figures"]
    rows = everything[everything["as_of"] == END_2012].set_index("indicator")
    assert rows["value"].to_dict() == figures().value
    assert rows.loc["mean_service_radius_post_km", "note"] == "inconsistent_area"
    assert rows.loc["public_internet_communes_pct", "note"] == "over"
    assert not rows["synthetic"].any()
    assert rows["source"].notna().all()


def test_figures_of_earlier_years_are_synthetic_and_say_so(layers: dict[str, pd.DataFrame]) -> None:
    everything = layers["published_figures"]
    earlier = everything[everything["as_of"] < END_2012]
    assert len(earlier) == len(figures().earlier) >= 8
    assert earlier["synthetic"].all()
    assert earlier["source"].str.contains("synthetic").all()
    assert not everything.duplicated(["indicator", "district", "as_of"]).any()
    points = everything[everything["indicator"] == "points_post_count"].set_index("as_of")["value"]
    radius = everything[everything["indicator"] == "mean_service_radius_post_km"].set_index("as_of")["value"]
    for day, value in radius.items():  # all by the area that the published 3.16 km imply
        assert value == pytest.approx(3.16 * math.sqrt(156 / points[day]), abs=0.006)


def test_broadband_has_six_dates_on_the_way_to_a_saturation(layers: dict[str, pd.DataFrame]) -> None:
    rows, people = layers["broadband"], layers["units"]["population"].sum()
    rate = 100 * rows.groupby("as_of")["broadband_subscribers"].sum() / people
    assert [day.year for day in rate.index] == [2007, 2008, 2009, 2010, 2011, 2012]
    assert rate.is_monotonic_increasing
    logits = np.log(rate / (30 - rate)).to_numpy()
    steps = np.diff(logits)
    assert np.ptp(steps) < 0.25
    assert steps.mean() == pytest.approx(0.22, abs=0.04)
    assert (rows["telephone_subscribers"] >= rows["fixed_telephones"]).all()
    there = rows.sort_values("as_of").groupby("code")["telephone_access_point"]
    assert all(flags.astype(int).is_monotonic_increasing for _, flags in there)  # what is there stays


# --- sums, places, types -------------------------------------------------------------------------------------------


def test_villages_sum_to_their_commune(layers: dict[str, pd.DataFrame]) -> None:
    villages, units = layers["villages"], layers["units"].set_index("code")
    sums = villages.groupby("unit_code")[["population", "households"]].sum()
    assert (sums == units.loc[sums.index, ["population", "households"]]).all(axis=None)
    assert (villages["population"] % 1 == 0).all()
    assert (villages["population"] > 0).all()
    counts = villages["unit_code"].value_counts()
    assert counts[units.index[units["counted"]]].min() >= 3
    assert 950 <= len(villages) <= 1_150
    assert 400 < villages["population"].median() < 800


def test_villages_lie_in_their_commune_on_low_land_apart(
    layers: dict[str, pd.DataFrame], whole: tuple[gpd.GeoDataFrame, Raster], ground: Ground
) -> None:
    villages = layers["villages"]
    home = layers["units"].set_index("code").geometry.loc[villages["unit_code"]]
    assert shapely.contains(home.to_numpy(), villages.geometry.to_numpy()).all()
    xy = points_xy(villages)
    assert (whole[1].sample(xy[:, 0], xy[:, 1]) > 0).all()
    in_units = (ground.unit >= 0) & ground.land
    assert ground.at(ground.slope_pct, xy).mean() < 0.6 * ground.slope_pct[in_units].mean()
    assert ground.at(ground.above_valley_m, xy).mean() < 0.6 * ground.above_valley_m[in_units].mean()
    gaps = shapely.distance(shapely.points(xy)[:, None], shapely.points(xy)[None]) + 1e9 * np.eye(len(xy))
    assert np.median(gaps.min(axis=1)) > 400


def test_clusters_sum_to_their_village_in_the_mountains(layers: dict[str, pd.DataFrame], ground: Ground) -> None:
    clusters, villages = layers["village_clusters"], layers["villages"].set_index("code")
    groups = clusters.groupby("village_code")
    sums = groups[["population", "households"]].sum()
    assert (sums == villages.loc[sums.index, ["population", "households"]]).all(axis=None)
    assert groups.size().between(1, 5).all()
    assert (groups.size() >= 2).mean() > 0.95
    hilly = set(layers["villages"]["code"][ground.hilly(points_xy(layers["villages"]))])
    assert set(clusters["village_code"]) == hilly
    home = villages.loc[clusters["village_code"]]
    away = shapely.distance(clusters.geometry.to_numpy(), home.geometry.to_numpy())
    assert away.max() < 3_500
    assert 0.02 < (away > 1_000).mean() < 0.5
    units = layers["units"].set_index("code").geometry.loc[home["unit_code"]]
    assert shapely.contains(units.to_numpy(), clusters.geometry.to_numpy()).all()


def test_a_few_remote_villages_have_no_grid_power(layers: dict[str, pd.DataFrame], ground: Ground) -> None:
    villages = layers["villages"]
    without = ~villages["grid_power"].to_numpy(dtype=bool)
    assert 10 <= without.sum() <= 40
    assert ground.hilly(points_xy(villages))[without].all()


def test_masts_stand_on_land_of_the_province(layers: dict[str, pd.DataFrame], ground: Ground) -> None:
    xy = points_xy(layers["sites"])
    assert (ground.at(ground.unit, xy) >= 0).all()
    assert ground.at(ground.land, xy).all()
    heights = in_service(layers)["height_m"]
    assert heights.between(11, 42).all()
    assert layers["sectors"].groupby(["site_id", "operator"])["height_m"].nunique().max() == 1


def test_planned_and_closed_sites_are_there_and_apart(layers: dict[str, pd.DataFrame]) -> None:
    sites = layers["sites"].set_index("status")
    assert len(sites.loc[["planned"]]) == 12
    assert len(sites.loc[["closed"]]) == 4
    assert (sites.loc["planned", "in_service_from"] > END_2012).all()
    assert (sites.loc["in_service", "in_service_from"] <= END_2012).all()
    assert (sites.loc["closed", "in_service_to"] < END_2012).all()
    assert sites.loc["in_service", "in_service_to"].isna().all()
    tenants = layers["sectors"].groupby("site_id")["operator"].nunique()
    shared = layers["sites"].set_index("site_id")["shared"]
    assert (shared == (tenants.loc[shared.index] > 1)).all()


def test_sectors_leave_work_for_the_defaults(layers: dict[str, pd.DataFrame]) -> None:
    sectors = layers["sectors"]
    for column in ("beamwidth_h_deg", "carrier_power_dbm", "antenna_gain_dbi", "feeder_loss_db"):
        assert sectors[column].isna().any(), column
    assert sectors.loc[sectors["technology"] == "2G", "band_mhz"].isin([900, 1800]).all()
    assert (sectors.loc[sectors["technology"] == "3G", "band_mhz"] == 2100).all()
    per_station = sectors.groupby(["site_id", "operator", "technology"]).size()
    assert set(per_station) <= {1, 2, 3}
    omni = sectors["azimuth_deg"].isna()
    assert (sectors[omni].groupby(["site_id", "operator", "technology"]).size() == 1).all()


def test_silent_villages_are_in_the_mountains(layers: dict[str, pd.DataFrame], ground: Ground) -> None:
    villages = layers["villages"]
    xy = points_xy(villages)
    silent = loss_to_masts_db(layers, ground, xy) > LIMIT_DB
    hilly = ground.hilly(xy)
    assert 5 <= silent.sum() <= 0.45 * hilly.sum()
    people = villages["population"].to_numpy()
    assert people[~hilly & silent].sum() <= 0.01 * people[~hilly].sum()


def test_most_mountain_communes_have_a_small_mast_among_their_villages(
    layers: dict[str, pd.DataFrame], ground: Ground
) -> None:
    villages, sectors = layers["villages"], in_service(layers)
    small = sectors[sectors["carrier_power_dbm"] == SMALL_CARRIER_DBM]
    assert (small["technology"] == "2G").any()
    assert small["azimuth_deg"].isna().all()  # all round
    xy = points_xy(layers["sites"][layers["sites"]["site_id"].isin(small["site_id"])])
    units = ground.units["code"].to_numpy()
    assert ground.mountainous[ground.at(ground.unit, xy)].all()
    with_mast = set(units[ground.at(ground.unit, xy)])
    high = set(units[ground.mountainous])
    assert 0.75 * len(high) <= len(with_mast) < len(high)  # the remote ones have none
    places = points_xy(villages)
    for code in with_mast:
        own = (villages["unit_code"] == code).to_numpy()
        to_villages = np.hypot(*(xy[units[ground.at(ground.unit, xy)] == code][0] - places[own]).T)
        assert to_villages.min() < 500  # metres


def test_reports_mostly_agree_with_the_terrain(layers: dict[str, pd.DataFrame], ground: Ground) -> None:
    reports, villages = layers["signal_reports"], layers["villages"].set_index("code")
    listed = reports[(reports["as_of"] == "2012-11-15") & (reports["place"] == "centre")]
    listed = listed[listed["technology"] == "2G"]
    heard = loss_to_masts_db(layers, ground, points_xy(listed)) <= LIMIT_DB
    agree = (listed["has_signal"].to_numpy(dtype=bool) == heard).mean()
    assert 0.88 <= agree < 1
    assert (~listed["has_signal"]).any()
    assert set(reports["place"]) == {"centre", "cluster"}
    assert reports["technology"].isna().any()
    levels = reports[reports["level_dbm"].notna()]
    assert len(levels)
    assert (levels["has_signal"] == (levels["level_dbm"] >= -95)).all()
    assert reports["as_of"].max() <= END_2012
    centre = reports["place"] == "centre"
    home = villages.loc[reports.loc[centre, "village_code"]]
    assert (shapely.distance(reports.geometry[centre].to_numpy(), home.geometry.to_numpy()) == 0).all()


def test_every_layer_is_as_the_schema_says(layers: dict[str, pd.DataFrame]) -> None:
    for name, frame in layers.items():
        schema = LAYERS[name]
        columns = [c.name for c in schema.all_columns] + (["geometry"] if schema.geometry != "none" else [])
        assert list(frame.columns) == columns, name
        assert isinstance(frame.index, pd.RangeIndex), name
        assert not frame.duplicated(list(schema.key)).any(), name
        for column in schema.all_columns:
            assert frame[column.name].dtype == DTYPES[column.kind], (name, column.name)
            assert column.nullable or frame[column.name].notna().all(), (name, column.name)
            if column.words:
                assert set(frame[column.name].dropna()) <= set(column.words), (name, column.name)
            if column.minimum is not None:
                assert frame[column.name].dropna().min() >= column.minimum or frame[column.name].isna().all()
        for column_name, (other, key) in schema.refers.items():
            assert set(frame[column_name].dropna()) <= set(layers[other][key]), (name, column_name)
        if schema.geometry != "none":
            assert frame.crs == CRS
            assert frame.geometry.is_valid.all()
        if name not in ("units", "published_figures"):
            assert frame["synthetic"].all(), name
            assert frame["source"].str.contains("synthetic").all(), name


# --- laws of the parts ---------------------------------------------------------------------------------------------


@given(
    st.integers(0, 200_000), st.lists(st.floats(0.01, 100), min_size=1, max_size=40), st.sampled_from([0.0, 0.25, 0.5])
)
def test_split_keeps_the_total_in_whole_parts(whole_part: int, weights: list[float], fraction: float) -> None:
    total = whole_part + fraction
    parts = split_exactly(total, np.array(weights))
    assert math.fsum(parts) == total
    assert (parts % 1 != 0).sum() <= (fraction > 0)
    assert parts.min() >= (1 if whole_part >= len(weights) else 0)


def test_split_of_an_unknown_total_is_unknown() -> None:
    assert np.isnan(split_exactly(math.nan, np.ones(3))).all()


@settings(max_examples=40)
@given(st.integers(1, 60), st.integers(0, 70), st.integers(0, 10_000))
def test_spread_takes_the_best_and_keeps_distance_while_there_is_room(n: int, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    xy, score = rng.uniform(0, 1_000, (n, 2)), rng.random(n)
    chosen = spread(xy, score, count, spacing_m=100.0)
    assert len(set(chosen.tolist())) == len(chosen) == min(n, count)
    if count:
        assert chosen[0] == np.argmax(score)
    if count == 2 and n > 2 and len(chosen) == 2:
        far = np.hypot(*(xy - xy[chosen[0]]).T) >= 100
        assert not far.any() or chosen[1] == np.flatnonzero(far)[np.argmax(score[far])]


def flat(height: float = 10.0) -> Raster:
    grid = Grid(CRS, LEFT, BOTTOM + 30_000, 100.0, (300, 300))
    return Raster(grid, np.full(grid.shape, height, dtype=np.float32))


def test_clear_path_is_free_space() -> None:
    mast = np.array([[LEFT + 5_000, BOTTOM + 5_000, 40.0]])
    place = np.array([[LEFT + 6_500, BOTTOM + 5_000]])
    expected = 32.45 + 20 * math.log10(900) + 20 * math.log10(1.5)
    assert path_loss_db(flat(), mast, place)[0] == pytest.approx(expected, abs=1e-9)


def test_ridge_costs_a_knife_edge_and_more_the_higher_it_is() -> None:
    mast = np.array([[LEFT + 5_050, BOTTOM + 5_050, 40.0]])
    place = np.array([[LEFT + 15_050, BOTTOM + 5_050]])
    losses = []
    for ridge in (100, 200, 400):
        values = flat().values.copy()
        values[:, 99:102] = ridge
        losses.append(float(path_loss_db(Raster(flat().grid, values), mast, place)[0]))
    # 400 m ridge half way, over flat 10 m, ends 40 and 1.5 m above it, bulge 1.5 m: nu from ITU-R P.526-15 (26), (31)
    clear = 400 - 10 - (40 + 1.5) / 2 + 25e6 / (2 * 4 / 3 * 6.371e6)
    nu = clear * math.sqrt(2 * 10_000 / (299.792458 / 900 * 25e6))
    knife = 6.9 + 20 * math.log10(math.hypot(nu - 0.1, 1) + nu - 0.1)
    free = 32.45 + 20 * math.log10(900) + 20 * math.log10(10)
    assert losses[2] == pytest.approx(free + knife + 10.2, abs=1.0)
    assert losses[0] < losses[1] < losses[2]


# --- other provinces, given layers, faults ------------------------------------------------------------------------


def test_same_seed_same_rows_other_seed_others(small: tuple[gpd.GeoDataFrame, Raster]) -> None:
    one, again, other = populate(*small, seed=7), populate(*small, seed=7), populate(*small, seed=8)
    for name in one:
        assert_frame_equal(pd.DataFrame(one[name]), pd.DataFrame(again[name]))
    assert not one["villages"].geometry.geom_equals(other["villages"].geometry).any()


def test_other_numbers_of_communes_scale_the_totals(small: tuple[gpd.GeoDataFrame, Raster]) -> None:
    layers = populate(*small)
    totals = Totals.of(figures(), communes=12)
    assert totals.bts == round(1_159 * 12 / 141)
    assert len(in_service(layers).drop_duplicates(["site_id", "operator", "technology"])) == totals.bts
    assert len(layers["postal_points"]) == totals.postal_points
    assert layers["units"]["programme"].sum() == totals.programme_communes
    assert "published_figures" not in layers


def test_units_keep_what_they_say(small: tuple[gpd.GeoDataFrame, Raster]) -> None:
    units, elevation = small
    before = units.copy(deep=True)
    said = units.assign(programme=pd.array([True] + [False] * 12, dtype="boolean"), minority_people=7.0)
    layers = populate(said, elevation)
    assert_frame_equal(pd.DataFrame(layers["units"]), pd.DataFrame(said))
    assert_frame_equal(pd.DataFrame(units), pd.DataFrame(before))
    filled = populate(units, elevation)["units"]
    assert_frame_equal(
        pd.DataFrame(filled.drop(columns=["programme", "minority_people", "source"])),
        pd.DataFrame(units.drop(columns=["programme", "minority_people", "source"])),
    )
    assert filled["source"].str.contains("programme: synthetic").all()
    assert filled["source"].str.contains("minority_people: synthetic").all()


def given_counters(units: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Three counters as a real list has them: no word on same-day mail, one without its unit's code."""
    xy = points_xy(units)[[0, 3, 5]]
    columns = {
        "point_id": ["A", "B", "C"],
        "kind": "post_office",
        "operator": "VNPost",
        "unit_code": ["F000", "F003", None],
        "source": "counters.csv",
    }
    return layer_frame("postal_points", columns, rows=3, source="", synthetic=False, xy_m=xy, crs=CRS)


def test_given_postal_points_are_kept_and_topped_up(small: tuple[gpd.GeoDataFrame, Raster]) -> None:
    counters = given_counters(small[0])
    posts = populate(*small, given={"postal_points": counters})["postal_points"]
    kept = posts.head(3)
    totals = Totals.of(figures(), communes=12)
    assert len(posts) == totals.postal_points
    assert_frame_equal(
        pd.DataFrame(kept.drop(columns=["same_day_mail", "source"])),
        pd.DataFrame(counters.drop(columns=["same_day_mail", "source"])),
    )
    filled = kept["same_day_mail"].notna()
    assert kept.loc[filled, "same_day_mail"].all()
    assert (kept["source"].str.contains("same_day_mail: synthetic") == filled).all()
    assert posts["synthetic"].tolist() == [False] * 3 + [True] * (len(posts) - 3)
    homes = posts["unit_code"].fillna("F005")
    assert homes[posts["same_day_mail"].fillna(False)].nunique() == totals.same_day_communes
    assert set(homes) == set(small[0]["code"])


def test_given_layers_replace_and_leave_the_others_as_they_were(small: tuple[gpd.GeoDataFrame, Raster]) -> None:
    plain = populate(*small)
    sites = plain["sites"].head(4).assign(site_id=["a", "b", "c", "d"], synthetic=False)
    sectors = plain["sectors"].head(4).assign(site_id=["a", "b", "c", "d"], synthetic=False)
    mixed = populate(*small, given={"sites": sites, "sectors": sectors})
    assert mixed["sites"] is sites
    assert mixed["sectors"] is sectors
    for name in ("villages", "village_clusters", "broadband", "facilities", "postal_points"):
        assert_frame_equal(pd.DataFrame(mixed[name]), pd.DataFrame(plain[name]))


def test_unknown_people_stay_unknown(small: tuple[gpd.GeoDataFrame, Raster]) -> None:
    units = small[0].copy()
    units.loc[2, ["population", "households"]] = np.nan
    villages = populate(units, small[1])["villages"]
    assert villages.loc[villages["unit_code"] == "F002", ["population", "households"]].isna().all(axis=None)
    assert villages.loc[villages["unit_code"] != "F002", "population"].notna().all()


def test_flat_country_has_no_clusters_and_no_silence(small: tuple[gpd.GeoDataFrame, Raster]) -> None:
    grid = small[1].grid
    layers = populate(small[0], Raster(grid, np.full(grid.shape, 5.0, dtype=np.float32)))
    assert len(layers["village_clusters"]) == 0
    assert layers["signal_reports"]["has_signal"].all()


def test_all_mountains_still_carry_all_stations(small: tuple[gpd.GeoDataFrame, Raster]) -> None:
    grid = small[1].grid
    x, y = np.meshgrid(grid.x_m, grid.y_m)
    high = 700 + 300 * np.sin(x / 1_300) * np.cos(y / 1_700)
    layers = populate(small[0], Raster(grid, high.astype(np.float32)))
    totals = Totals.of(figures(), communes=12)
    assert len(in_service(layers).drop_duplicates(["site_id", "operator", "technology"])) == totals.bts
    assert in_service(layers)["site_id"].nunique() == totals.masts


def test_unit_smaller_than_a_cell_gets_its_village(small: tuple[gpd.GeoDataFrame, Raster]) -> None:
    units = small[0].copy()
    centre = shapely.get_coordinates(units.geometry.iloc[12].centroid)[0]
    row, col = (int(a[0]) for a in small[1].grid.rowcol(centre[:1], centre[1:]))
    corner = np.array([small[1].grid.left_m + col * 300.0, small[1].grid.top_m - row * 300.0])
    units.loc[12, "geometry"] = shapely.box(*(corner + 20), *(corner + 60))
    villages = populate(units, small[1])["villages"]
    own = villages[villages["unit_code"] == units["code"].iloc[12]]
    assert own.geometry.within(units.geometry.iloc[12]).all()
    assert own["population"].sum() == 346


def test_mountainous_is_two_thirds_at_200_m(whole: tuple[gpd.GeoDataFrame, Raster], ground: Ground) -> None:
    high = whole[1].values >= 200
    for row in (0, 40, 90, 141):
        share = high[ground.unit == row].mean()
        assert ground.mountainous[row] == (share >= MOUNTAIN_SHARE)


def test_no_units_elevation_elsewhere_and_unknown_layers_are_refused(small: tuple[gpd.GeoDataFrame, Raster]) -> None:
    units, elevation = small
    with pytest.raises(InputError, match="at least one commune"):
        populate(units.head(0), elevation)
    away = Grid(CRS, LEFT - 90_000, elevation.grid.top_m, 300.0, (50, 50))
    with pytest.raises(InputError, match="no value inside any commune"):
        populate(units, Raster(away, np.ones(away.shape, dtype=np.float32)))
    with pytest.raises(InputError, match="power_grid"):
        populate(units, elevation, given={"power_grid": units})


# --- real communes -------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not REAL_DATA, reason="PHUSONG_DATA is not set")
def test_real_communes_of_2012_keep_their_people() -> None:
    path = Path(REAL_DATA) / "communes_2012_4prov.gpkg"
    if not path.is_file():
        pytest.skip("the communes of 2012 are not there")
    real = gpd.read_file(path, engine="pyogrio")
    real = real[real["province"] == "Quang Tri"].reset_index(drop=True).to_crs(CRS)
    units = units_frame(
        list(real.geometry),
        real["pop_2019"].to_numpy(),
        code=real["gso_code"].astype(str).tolist(),
        name=real["name"].tolist(),
        district=real["district"].tolist(),
        households=real["households_2019"].to_numpy(),
    )
    layers = populate(units, terrain(tuple(units.total_bounds), cell_m=300.0))
    assert len(units) == 141
    sums = layers["villages"].groupby("unit_code")[["population", "households"]].sum()
    wanted = units.set_index("code").loc[sums.index, ["population", "households"]]
    assert (sums == wanted).all(axis=None)
    assert set(sums.index) == set(units["code"])
    home = units.set_index("code").geometry.loc[layers["villages"]["unit_code"]]
    assert shapely.contains(home.to_numpy(), layers["villages"].geometry.to_numpy()).all()
    assert len(in_service(layers).drop_duplicates(["site_id", "operator", "technology"])) == 1_159
    assert layers["units"]["programme"].sum() == 59
    assert "published_figures" in layers
