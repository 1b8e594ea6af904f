"""The sample's borders, minorities and villages' records: synthetic, seeded, in sums and nearly all consistent."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely.geometry import LineString, box

from phusong.layers.grid import Grid, Raster
from phusong.layers.sample.classing import make_borders, with_minorities, with_village_records
from phusong.layers.sample.frames import layer_frame
from phusong.layers.sample.ground import survey

CRS = "EPSG:9212"


@pytest.fixture(scope="module")
def place() -> tuple:
    """Forty communes of 2 x 2 km, high in the west and peopled by minorities there, on a coast in the east."""
    shapes = [box(2000 * i, 2000 * j, 2000 * (i + 1), 2000 * (j + 1)) for i in range(10) for j in range(4)]
    n = len(shapes)
    west = np.arange(n) < n // 2
    units = layer_frame(
        "units",
        {
            "code": [f"S{i:05d}" for i in range(n)],
            "valid_on": "2012-12-31",
            "name": [f"X{i}" for i in range(n)],
            "population": 1000.0 + 10 * np.arange(n),
            "ethnic_minority": west,
            "island": [False] * n,
        },
        rows=n,
        source="test",
        shapes=shapes,
        crs=CRS,
    )
    grid = Grid(CRS, -1000.0, 9000.0, 250.0, (40, 88))
    heights = np.where(grid.x_m < 10_000, 400.0, 10.0) * np.ones(grid.shape)
    ground = survey(units, Raster(grid, heights.astype(np.float32)))
    centres = np.array([shape.centroid.coords[0] for shape in shapes])
    xy = np.concatenate([centres + shift for shift in ((-400, 0), (400, 100), (0, -500))])
    villages = layer_frame(
        "villages",
        {
            "code": [f"V{i}" for i in range(3 * n)],
            "name": "x",
            "unit_code": units["code"].tolist() * 3,
            "population": np.tile(units["population"] / 3, 3).round(),
        },
        rows=3 * n,
        source="test",
        xy_m=xy,
        crs=CRS,
    )
    return units, villages, ground


def made(place, seed=7):
    units, villages, ground = place
    rng = np.random.default_rng(seed)
    units, villages = with_minorities(units, villages, ground, rng=rng, source="test")
    return units, with_village_records(villages, ground, rng=rng)


def test_minorities_sum_to_the_communes_and_few_disagree(place) -> None:
    units, villages = made(place)
    total = villages.groupby("unit_code")["minority_people"].sum().reindex(units["code"]).to_numpy()
    np.testing.assert_array_equal(total, units["minority_people"])
    assert (villages["minority_people"] <= villages["population"]).all()
    pct = 100 * units["minority_people"] / units["population"]
    apart = (pct >= 15) != units["ethnic_minority"]
    assert 1 <= apart.sum() <= 3
    assert not units.loc[apart, "ethnic_minority"].isin([False]).any()


def test_some_villages_are_recorded_and_a_few_against_the_ground(place) -> None:
    _, villages = made(place)
    known = villages["mountainous"].notna()
    assert known.mean() == pytest.approx(0.4, abs=0.02)
    assert villages.loc[known].groupby("unit_code").size().eq(3).all()  # whole communes
    high = villages.geometry.x.to_numpy() < 10_000
    other = (villages["mountainous"] != high).fillna(False).to_numpy(dtype=bool)
    assert 0 < other.sum() <= 0.2 * known.sum()


def test_the_same_seed_gives_the_same_and_what_is_given_is_kept(place) -> None:
    first, again, other = made(place), made(place), made(place, seed=8)
    for one, two in zip(first, again, strict=True):
        assert one.equals(two)
    assert not first[1]["minority_people"].equals(other[1]["minority_people"])
    units, villages, ground = place
    told = units.assign(minority_people=5.0)
    rng = np.random.default_rng(1)
    kept = with_minorities(told, villages, ground, rng=rng, source="test")
    assert kept[0] is told
    assert kept[1] is villages


def test_borders_run_along_the_rim(place) -> None:
    units = gpd.GeoDataFrame(place[0])
    west, east = LineString([(-300, -500), (-300, 8500)]), LineString([(20_200, -500), (20_200, 8500)])
    borders = make_borders(units, border=west, coast=east, source="test")
    assert sorted(borders["kind"]) == ["coast", "land_border"]
    assert borders["synthetic"].all()
    rim = shapely.boundary(units.geometry.union_all())
    for kind, x in (("land_border", 0.0), ("coast", 20_000.0)):
        line = borders.loc[borders["kind"] == kind].geometry.iloc[0]
        assert line.distance(rim) == 0
        assert line.intersection(shapely.box(x - 1, -1, x + 1, 8001)).length == pytest.approx(8000, abs=5)
    isle = units.assign(island=[*[False] * 39, True])
    with_isle = make_borders(isle, border=west, coast=east, source="test")
    assert with_isle.geometry.iloc[-1].is_ring
