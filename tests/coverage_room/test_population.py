"""People are where the method says, and none is lost."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import box

from phusong.coverage.population import distribute, footprints
from phusong.coverage.slope import slope_pct
from phusong.coverage.zonal import zones
from phusong.layers.errors import ComputeError, InputError

FLAT = np.full((10, 20), 50.0)


@pytest.fixture
def two_units(layer):
    rows = [{"code": "A", "name": "A", "population": 1000.0}, {"code": "B", "name": "B", "population": 300.0}]
    return layer("units", rows, [box(0, 0, 1050, 1000), box(1050, 0, 2000, 1000)])


def place(units, elevation, **given_):
    return distribute(zones(units, grid=elevation.grid), units, **({"villages": None, "elevation": elevation} | given_))


def test_slope_of_a_plane_is_its_slope(raster):
    rows, cols = np.mgrid[0:6, 0:7]
    plane = raster(1000.0 + 30.0 * cols - 40.0 * rows)  # 30 m and 40 m a cell of 100 m: 50 %
    assert slope_pct(plane)[1:-1, 1:-1] == pytest.approx(np.full((4, 5), 50.0), rel=1e-6)


def test_a_coast_without_data_keeps_a_slope(raster):
    coast = raster([[10.0, 10.0, np.nan], [10.0, 10.0, np.nan], [10.0, 10.0, np.nan]])
    found = slope_pct(coast)
    assert (found[:, :2] == 0).all()
    assert np.isnan(found[:, 2]).all()


def test_uniform_over_land_by_hand(raster, layer):
    elevation = raster([[10.0, 0.0], [np.nan, 10.0]])
    units = layer("units", [{"code": "A", "name": "A", "population": 30.0}], [box(0, 0, 150, 200)])
    people = place(units, elevation)
    assert people.method == "uniform"
    # cells 0 (whole, land), 1 (half, sea), 2 (whole, no data), 3 (half, land)
    assert people.people.tolist() == [20.0, 0.0, 0.0, 10.0]
    assert np.array_equal(people.raster.values, np.array([[20, 0], [0, 10]], dtype=np.float32))
    assert len(people.fallbacks) == 0


def test_people_stand_around_their_village_by_the_kernel(raster, layer, points, two_units):
    villages = points("villages", [{"code": "V", "name": "V", "unit_code": "A", "population": 10.0, "xy": (450, 450)}])
    people = place(two_units, raster(FLAT), villages=villages, village_radius_m=200.0)
    assert people.method == "dasymetric"
    assert people.methods == ("dasymetric", "uniform")
    values = people.raster.values
    # the village's cell, four at 100 m and four at 141 m; 200 m and beyond nothing: 1, 0.5625 and 0.25
    whole = 1 + 4 * 0.5625 + 4 * 0.25
    assert values[5, 4] == pytest.approx(1000 / whole, rel=1e-6)
    assert values[5, 5] == pytest.approx(1000 * 0.5625 / whole, rel=1e-6)
    assert values[4, 5] == pytest.approx(1000 * 0.25 / whole, rel=1e-6)
    assert values[5, 6] == 0
    assert people.fallbacks[["code", "step"]].to_numpy().tolist() == [["B", "no_village"]]


def test_villages_share_their_unit_by_their_people(raster, points, two_units):
    villages = points(
        "villages",
        [
            {"code": "V1", "name": "1", "unit_code": "A", "population": 100.0, "xy": (150, 150)},
            {"code": "V2", "name": "2", "unit_code": "A", "population": 300.0, "xy": (750, 850)},
            {"code": "V3", "name": "3", "unit_code": "B", "population": 7.0, "xy": (1550, 550)},
        ],
    )
    people = place(two_units, raster(FLAT), villages=villages, village_radius_m=250.0)
    west = people.raster.values[:, :10]
    assert west[5:, :5].sum() == pytest.approx(250.0, rel=1e-5)
    assert west[:5, 5:].sum() == pytest.approx(750.0, rel=1e-5)
    assert people.totals == pytest.approx([1000.0, 300.0], rel=1e-12)


def test_missing_village_people_follow_households_and_are_reported(raster, points, two_units):
    rows = [
        {"code": "V1", "name": "1", "unit_code": "A", "population": 400.0, "households": 100.0, "xy": (150, 150)},
        {"code": "V2", "name": "2", "unit_code": "A", "households": 50.0, "xy": (750, 850)},
    ]
    people = place(two_units, raster(FLAT), villages=points("villages", rows), village_radius_m=250.0)
    assert people.raster.values[:5, 5:10].sum() == pytest.approx(1000 * 200 / 600, rel=1e-5)
    notes = people.fallbacks.set_index("code")
    assert notes.loc["A", "step"] == "village_people_assumed"
    assert notes.loc["A", "villages"] == 1


def test_no_one_on_water_or_on_slopes_unless_there_is_nothing_else(raster, layer, points):
    ground = np.full((4, 12), 50.0)
    ground[:, 2:4] = -1.0  # water in A
    ground[:, 4:8] = np.array([100, 300, 500, 700])  # B: steep everywhere
    ground[:, 8:] = np.nan  # C: no land at all
    elevation = raster(ground)
    rows = [{"code": c, "name": c, "population": 90.0} for c in "ABC"]
    units = layer("units", rows, [box(0, 0, 400, 400), box(400, 0, 800, 400), box(800, 0, 1200, 400)])
    people = place(units, elevation, max_slope_pct=60.0)
    values = people.raster.values
    assert (values[:, 2:4] == 0).all()
    assert values[:, :2].sum() == pytest.approx(90.0)
    assert (values[:, 4:] > 0).all()
    assert people.fallbacks[["code", "step"]].to_numpy().tolist() == [["B", "steep"], ["C", "water"]]
    assert people.totals == pytest.approx([90.0, 90.0, 90.0], rel=1e-12)


def test_a_village_far_from_its_unit_goes_to_the_nearest_cell(raster, points, two_units):
    elevation = raster(FLAT)
    rows = [{"code": "V", "name": "V", "unit_code": "B", "population": 5.0, "xy": (250, 550)}]
    villages = points("villages", [*rows, {"code": "X", "name": "X", "unit_code": "?", "xy": (50, 50)}])
    found = zones(two_units, grid=elevation.grid)
    marks = footprints(found, two_units, villages, elevation=elevation, village_radius_m=300.0, max_slope_pct=60.0)
    assert marks.step == ("nearest_cell", "no_unit")
    assert found.cell[marks.pair].tolist() == [4 * 20 + 10]
    people = place(two_units, elevation, villages=villages, village_radius_m=300.0)
    assert people.raster.values[4, 10] == pytest.approx(300.0 + 1000.0 * 0.5 / 105, rel=1e-5)  # and half a cell of A


def test_raster_values_count_by_their_share_in_the_unit(raster, layer):
    elevation = raster([[5.0, 5.0, 5.0]])
    given_ = raster([[30.0, 20.0, np.nan]])
    rows = [{"code": "A", "name": "A", "population": 80.0}, {"code": "B", "name": "B", "population": 6.0}]
    units = layer("units", rows, [box(0, 0, 150, 100), box(150, 0, 300, 100)])
    people = place(units, elevation, population=given_)
    assert people.method == "raster"
    assert people.people == pytest.approx([60.0, 20.0, 6.0, 0.0])


def test_an_empty_raster_falls_back_and_says_so(raster, layer):
    elevation = raster([[5.0, 5.0]])
    rows = [{"code": "A", "name": "A", "population": 8.0}, {"code": "B", "name": "B", "population": 6.0}]
    units = layer("units", rows, [box(0, 0, 100, 100), box(100, 0, 200, 100)])
    people = place(units, elevation, population=raster([[1.0, 0.0]]))
    assert people.methods == ("raster", "uniform")
    assert people.fallbacks["step"].tolist() == ["raster_empty", "no_village"]
    assert people.people.tolist() == [8.0, 6.0]


def test_unknown_population_is_no_data_not_zero(raster, layer):
    elevation = raster([[5.0, 5.0]])
    rows = [{"code": "A", "name": "A"}, {"code": "B", "name": "B", "population": 0.0}]
    people = place(layer("units", rows, [box(0, 0, 100, 100), box(100, 0, 200, 100)]), elevation)
    assert np.isnan(people.people[0])
    assert people.people[1] == 0
    assert np.isnan(people.raster.values[0, 0])


def test_impossible_people_are_refused(raster, layer):
    elevation = raster([[5.0]])
    units = layer("units", [{"code": "A", "name": "A", "population": -1.0}], [box(0, 0, 100, 100)])
    with pytest.raises(InputError, match="below 0"):
        place(units, elevation)
    units["population"] = 1.0
    with pytest.raises(InputError, match="raster"):
        place(units, elevation, method="raster")
    with pytest.raises(InputError, match="below 0"):
        place(units, elevation, population=raster([[-3.0]]))
    with pytest.raises(ComputeError):
        place(units, elevation, population=raster([[1.0, 1.0]]))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), radius_m=st.sampled_from([30.0, 150.0, 700.0]))
def test_totals_are_exact_whatever_the_ground(layer, points, raster, seed, radius_m):
    rng = np.random.default_rng(seed)
    ground = rng.uniform(-40, 400, (8, 12))
    ground[rng.random((8, 12)) < 0.2] = np.nan
    elevation = raster(ground)
    cut = float(rng.uniform(20, 1180))
    totals = rng.uniform(0, 1e5, 2)
    rows = [{"code": c, "name": c, "population": t} for c, t in zip("AB", totals, strict=True)]
    units = layer("units", rows, [box(0, 0, cut, 800), box(cut, 0, 1200, 800)])
    spots = rng.uniform(0, 1, (5, 2)) * (1200, 800)
    villages = points(
        "villages",
        [
            {"code": f"V{i}", "name": "", "unit_code": "AB"[i % 2], "population": rng.choice([np.nan, 0, 50]), "xy": s}
            for i, s in enumerate(spots)
        ],
    )
    people = place(units, elevation, villages=villages, village_radius_m=radius_m)
    assert (people.people >= 0).all()
    for i in range(2):
        part = people.people[people.zones.unit == i]
        assert math.fsum(part) == pytest.approx(totals[i], rel=1e-12)
    again = place(units, elevation, villages=villages, village_radius_m=radius_m)
    assert np.array_equal(people.people, again.people)
    turned = place(units.iloc[::-1].reset_index(drop=True), elevation, villages=villages, village_radius_m=radius_m)
    assert np.array_equal(turned.people[turned.zones.unit == 1], people.people[people.zones.unit == 0])
