"""Classes of communes and villages, at the limits of their tests."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import box

from phusong.coverage.classes import CLASS_COLUMNS, VILLAGE_OWN, default_tests, find_classes
from phusong.coverage.classes.terrain import terrain_shares
from phusong.coverage.indicators import CLASSES
from phusong.coverage.population import distribute
from phusong.coverage.rules.class_tests import Condition
from phusong.coverage.zonal import zones
from phusong.layers.messages import LANGS

AREA = "computed:mountainous_commune"


def classes_of(elevation, units, **layers):
    pairs = zones(units, grid=elevation.grid)
    people = distribute(pairs, units, villages=layers.get("villages"), elevation=elevation)
    return find_classes({"units": units, **layers}, people=people, elevation=elevation)


def named_test(name, level):
    return next(one for one in default_tests() if (one.of, one.level) == (name, level))


def plain(flags):
    return [None if pd.isna(flag) else bool(flag) for flag in flags]


def mountainous(elevation, units, **layers):
    found = classes_of(elevation, units, **layers)
    table = found.table[(found.table["class"] == "mountainous") & (found.table["level"] == "unit")]
    return plain(found.units["mountainous"]), found.units["mountainous_basis"].tolist(), table["hinges_on"].tolist()


def one_unit(layer, width_m, **more):
    return layer("units", [{"code": "A", "name": "A", "population": 1, **more}], [box(0, 0, width_m, 100)])


@pytest.mark.parametrize(
    ("heights", "expected"),
    [([200, 200, 199], True), ([200, 199.9, 199], False), ([500, 500, 0], True), ([900, 0, 0], False)],
)
def test_two_thirds_at_200_m_or_higher(raster, layer, heights, expected):
    assert mountainous(raster([heights]), one_unit(layer, 300))[:2] == ([expected], [AREA])


def test_cells_count_by_their_share(raster, layer):
    elevation = raster([[300.0, 0.0]])
    assert mountainous(elevation, one_unit(layer, 150))[0] == [True]  # 2/3 exactly
    assert mountainous(elevation, one_unit(layer, 151))[0] == [False]


def test_records_stand_beside_what_is_computed_and_no_elevation_is_no_data(raster, layer):
    elevation = raster([[300.0, 300.0, np.nan]])
    rows = [
        {"code": c, "name": c, "population": 1, "mountainous": m, "source": "list of 2021"}
        for c, m in zip("ABC", [None, False, None], strict=True)
    ]
    units = layer("units", rows, [box(i * 100, 0, i * 100 + 100, 100) for i in range(3)])
    found = classes_of(elevation, units)
    assert plain(found.units["mountainous"]) == [True, False, None]
    assert found.units["mountainous_basis"].tolist() == [AREA, "recorded", "none"]
    rows = found.table[found.table["class"] == "mountainous"].set_index("code")
    assert rows.loc["B", ["official", "computed", "used", "agree", "source"]].tolist() == [
        *(False, True, False),
        *("no", "list of 2021"),
    ]
    assert rows.loc["A", "agree"] == rows.loc["C", "agree"] == ""
    assert "Decree 272/2025" in rows.loc["A", "source"]
    assert rows.loc["A", ["value", "threshold", "unit"]].tolist() == [100.0, pytest.approx(200 / 3), "%"]
    assert np.isnan(rows.loc["C", "value"])


def test_a_village_by_slope_or_height(raster, layer, points):
    steps = np.repeat(np.array([[0.0, 15.1, 30.2, 45.3, 45.3, 45.3, 250, 250, 250]]), 4, axis=0)
    areas = [box(0, 100, 300, 300), box(400, 100, 500, 300), box(700, 0, 900, 400)]
    rows = [
        {"code": c, "name": c, "unit_code": "A", "xy": a.centroid.coords[0]} for c, a in zip("SFH", areas, strict=True)
    ]
    units = layer("units", [{"code": "A", "name": "A", "population": 9}], [box(0, 0, 900, 400)])
    found = classes_of(
        raster(steps),
        units,
        villages=points("villages", rows),
        village_areas=layer("village_areas", [{"code": c} for c in "SFH"], areas),
    ).villages
    # S: slopes 7.6 (the raster's edge), 15.1, 15.1 %: two thirds; F: flat; H: high
    assert plain(found["mountainous"]) == [True, False, True]
    assert found["area_slope_15_pct"].tolist() == pytest.approx([200 / 3, 0.0, 0.0])
    assert found["area_at_200m_pct"].tolist() == [0.0, 0.0, 100.0]


def test_villages_decide_and_the_verdict_says_what_it_hinges_on(raster, layer, points):
    elevation = raster(np.r_[[250.0] * 3, [10.0] * 6].reshape(1, 9))
    spots = [(50, 50), (150, 50), (850, 50)]
    villages = points(
        "villages", [{"code": f"V{i}", "name": "", "unit_code": "A", "xy": s} for i, s in enumerate(spots)]
    )
    areas = [box(0, 0, 100, 100), box(100, 0, 200, 100), box(600, 0, 900, 100)]
    known = layer("village_areas", [{"code": f"V{i}"} for i in range(3)], areas)
    units = one_unit(layer, 900)
    assert mountainous(elevation, units) == ([False], [AREA], ["unknown"])
    assert mountainous(elevation, units, villages=villages, village_areas=known) == ([True], [AREA], [""])
    # two of three by their own areas: the third, derived, changes nothing
    assert mountainous(elevation, units, villages=villages, village_areas=known.iloc[:2]) == ([True], [AREA], [""])
    # derived: V0 has one cell, V1 (250 250 and three low ones), V2 the rest
    assert mountainous(elevation, units, villages=villages) == ([False], [AREA], ["derived"])
    flat = known.assign(geometry=[box(600, 0, 700, 100), box(700, 0, 800, 100), areas[2]])
    assert mountainous(elevation, units, villages=villages, village_areas=flat) == ([False], [AREA], [""])
    recorded = villages.assign(mountainous=pd.array([True, True, None], dtype="boolean"))
    assert mountainous(elevation, units, villages=recorded) == ([True], [AREA], [""])
    words = classes_of(elevation, units, villages=recorded).table.set_index(["level", "class"])
    assert "2 of 3 villages; 2 as recorded; 1 by derived ground" in words.loc[("unit", "mountainous"), "evidence_en"]
    assert "2 trên 3 thôn, bản; 2 theo hồ sơ" in words.loc[("unit", "mountainous"), "evidence_vi"]


def partly_known(raster, layer, points, *, low_cells, tests=None):
    """A commune of ten villages: five recorded as mountainous, one as not, of four nothing is known."""
    elevation = raster([[250.0] * (6 - low_cells) + [10.0] * low_cells + [np.nan] * 4])
    flags = [True] * 5 + [False] + [None] * 4
    rows = [
        {"code": f"V{i}", "name": "", "unit_code": "A", "xy": (50 + 100 * i, 50), "mountainous": flag}
        for i, flag in enumerate(flags)
    ]
    areas = layer(
        "village_areas",
        [{"code": f"V{i}"} for i in range(10)],
        [box(100 * i, 0, 100 * i + 100, 100) for i in range(10)],
    )
    units = one_unit(layer, 1000)
    villages = points("villages", rows)
    people = distribute(zones(units, grid=elevation.grid), units, villages=villages, elevation=elevation)
    layers = {"units": units, "villages": villages, "village_areas": areas}
    found = find_classes(layers, people=people, elevation=elevation, tests=tests)
    assert found.units["villages_mountainous_pct"].tolist() == [pytest.approx(500 / 6)]
    table = found.table[(found.table["class"] == "mountainous") & (found.table["level"] == "unit")]
    return table.iloc[0]


@pytest.mark.parametrize(("low_cells", "area_pct", "hinges_on"), [(4, 100 / 3, "unknown"), (1, 500 / 6, "")])
def test_a_share_of_some_villages_does_not_pass_as_what_decided(raster, layer, points, low_cells, area_pct, hinges_on):
    row = partly_known(raster, layer, points, low_cells=low_cells)
    # five of ten at least, nine of ten at most are mountainous: the area decides, not the 83 % of those known
    assert row["value"] == pytest.approx(area_pct)
    assert row["computed"] == (row["value"] >= row["threshold"])
    assert row["hinges_on"] == hinges_on
    assert "5 of 10 villages; 6 as recorded; 4 not known" in row["evidence_en"]
    assert ("of too many villages" in row["evidence_en"]) == (hinges_on == "unknown")


def test_an_open_verdict_has_no_deciding_value(raster, layer, points):
    asked = tuple(replace(one, optional=False) for one in named_test("mountainous", "unit").conditions)
    tests = [replace(named_test("mountainous", "unit"), conditions=asked), named_test("mountainous", "village")]
    row = partly_known(raster, layer, points, low_cells=4, tests=tests)
    assert pd.isna(row["computed"])
    assert np.isnan(row["value"])
    assert (row["unit"], row["hinges_on"]) == ("", "")


def test_the_words_of_a_doubt_are_those_of_its_conditions(raster, layer):
    asked = (
        Condition("area_at_200m_pct", ">=", 50.0, "%"),
        Condition("minority_people_pct", ">=", 15.0, "%", optional=True),
    )
    test = replace(named_test("mountainous", "unit"), conditions=asked)
    units, elevation = one_unit(layer, 100), raster([[10.0]])
    people = distribute(zones(units, grid=elevation.grid), units, villages=None, elevation=elevation)
    found = find_classes({"units": units}, people=people, elevation=elevation, tests=[test]).table.set_index("class")
    row = found.loc["mountainous"]
    assert (row["computed"], row["hinges_on"]) == (False, "unknown")
    assert "villages" not in row["evidence_en"]
    assert "the others could change it" in row["evidence_en"]
    assert "các điều kiện còn lại có thể làm thay đổi kết quả" in row["evidence_vi"]


def test_villages_and_communes_tell_derived_ground_in_their_own_words(raster, layer, points):
    elevation = raster([[250.0, 250.0, 10.0, 250.0]])
    rows = [{"code": f"V{i}", "name": "", "unit_code": "A", "xy": (50 + 300 * i, 50)} for i in range(2)]
    found = classes_of(elevation, one_unit(layer, 400), villages=points("villages", rows)).table
    said = found[found["class"] == "mountainous"].set_index(["level", "code"])
    assert said.loc[("village", "V0"), ["computed", "hinges_on"]].tolist() == [True, ""]
    assert "The village's ground is derived" in said.loc[("village", "V0"), "evidence_en"]
    assert said.loc[("village", "V1"), ["computed", "hinges_on"]].tolist() == [False, "derived"]  # one cell of two
    assert "shares off by 20 points would change it" in said.loc[("village", "V1"), "evidence_en"]
    assert "tỷ lệ lệch 20 điểm phần trăm" in said.loc[("village", "V1"), "evidence_vi"]
    assert said.loc[("unit", "A"), ["computed", "derived"]].tolist() == [True, "no"]  # by its area
    flat = classes_of(raster([[10.0] * 4]), one_unit(layer, 400), villages=points("villages", rows)).table
    row = flat[(flat["class"] == "mountainous") & (flat["level"] == "unit")].iloc[0]
    assert (row["computed"], row["derived"], row["hinges_on"]) == (False, "yes", "")
    assert "The ground of villages is derived" in row["evidence_en"]


def test_a_village_of_an_unknown_commune_counts_in_none_and_inherits_nothing(raster, layer, points):
    elevation = raster([[250.0, 10.0, 10.0]])
    rows = [
        {"code": "V0", "unit_code": "A", "xy": (50, 50), "mountainous": True},
        {"code": "V1", "unit_code": "gone", "xy": (150, 50), "mountainous": False},
        {"code": "V2", "unit_code": None, "xy": (250, 50)},
    ]
    units = one_unit(layer, 300, programme=True)
    found = classes_of(elevation, units, villages=points("villages", [{"name": "", **row} for row in rows]))
    assert found.units["villages_mountainous_pct"].tolist() == [100.0]
    assert plain(found.villages["mountainous"]) == [True, False, None]
    assert plain(found.villages["programme"]) == [True, None, None]
    assert found.villages["programme_basis"].tolist() == ["inherited", "none", "none"]


def test_slope_is_told_with_the_size_of_its_cells(raster, layer):
    found = classes_of(raster([[300.0] * 3] * 2, cell_m=90.0), one_unit(layer, 200)).table
    row = found.set_index("class").loc["mountainous"]
    assert "cells of 90 m; wide cells understate it" in row["evidence_en"]
    assert "ô lưới 90 m" in row["evidence_vi"]
    assert "Area at 200 m or higher: 100 %, at least 2/3 asked" in row["evidence_en"]


def test_a_share_that_rounds_to_the_threshold_is_told_apart_from_it(raster, layer):
    elevation = raster([[300.0, 0.0]])
    row = classes_of(elevation, one_unit(layer, 150.05)).table.set_index("class").loc["mountainous"]
    assert not row["computed"]
    assert "66.644 %" in row["evidence_en"]


@pytest.mark.parametrize(
    ("people", "minority", "pct", "expected"),
    [
        (1000, 150, None, True),
        (1000, 149, None, False),
        (100_000, 4500, None, True),
        (100_000, 4499, None, False),
        (1000, None, 15.0, True),
        (1000, None, 14.9, False),
        (40_000, None, 12.0, True),  # 4,800 people
        (1000, None, None, None),
        (0, 0, None, None),
    ],
)
def test_ethnic_minority_communes(raster, layer, people, minority, pct, expected):
    row = {"code": "A", "name": "A", "population": people, "minority_people": minority, "minority_pct": pct}
    found = classes_of(raster([[1.0]]), layer("units", [row], [box(0, 0, 100, 100)]))
    assert plain(found.units["ethnic_minority"]) == [expected]
    if (people, minority) == (0, 0):
        assert found.units["minority_people"].tolist() == [0.0]


def test_villages_have_their_own_class_where_it_is_known_else_their_communes(raster, layer, points):
    units = one_unit(layer, 300, ethnic_minority=True, programme=True, minority_pct=2.0)
    rows = [
        {"code": "V0", "unit_code": "A", "population": 100, "minority_people": 15},
        {"code": "V1", "unit_code": "A", "population": 100, "minority_people": 14},
        {"code": "V2", "unit_code": "A", "population": 100, "minority_people": 14, "ethnic_minority": True},
        {"code": "V3", "unit_code": "A"},
        {"code": "V4", "unit_code": "A", "programme": False},
    ]
    villages = points("villages", [{"name": "x", "xy": (30 + 50 * i, 50), **row} for i, row in enumerate(rows)])
    found = classes_of(raster([[1.0, 1.0, 1.0]]), units, villages=villages)
    table = found.villages
    assert plain(table["ethnic_minority"]) == [True, False, True, True, True]
    assert table["ethnic_minority_basis"].tolist() == [
        *["computed:ethnic_minority_village"] * 2,
        *("recorded", "inherited", "inherited"),
    ]
    assert plain(table["programme"]) == [True, True, True, True, False]
    assert table["programme_basis"].tolist() == [*["inherited"] * 4, "recorded"]
    assert plain(table["land_border"]) == [None] * 5
    assert set(table["land_border_basis"]) == {"none"}
    told = found.table[found.table["level"] == "village"]
    assert set(told["class"]) <= set(VILLAGE_OWN)
    minority = told[told["class"] == "ethnic_minority"].set_index("code")
    assert sorted(minority.index) == ["V0", "V1", "V2"]  # nothing of their own is known of the others
    assert minority.loc["V2", "agree"] == "no"
    assert plain(found.units["ethnic_minority"]) == [True]
    unit = found.table[(found.table["level"] == "unit") & (found.table["class"] == "ethnic_minority")].iloc[0]
    assert (unit["official"], unit["computed"], unit["agree"]) == (True, False, "no")


def test_without_layers_nothing_is_known_and_all_is_told(raster, layer):
    found = classes_of(raster([[300.0]]), one_unit(layer, 100))
    assert tuple(found.table.columns) == CLASS_COLUMNS
    assert found.table["class"].tolist() == list(CLASSES)
    for name in ("land_border", "sea_border", "island", "ethnic_minority", "programme", "remote"):
        assert plain(found.units[name]) == [None]
        assert found.units[f"{name}_basis"].tolist() == ["none"]
    words = found.table.set_index("class")
    assert "no data" in words.loc["remote", "evidence_en"]
    assert "Chỉ theo hồ sơ" in words.loc["programme", "evidence_vi"]
    assert found.villages.empty
    for lang in LANGS:
        assert not found.table[f"evidence_{lang}"].eq("").any()


def allocate_by_hand(units, villages, elevation, cells):
    """The cells of each village: of each unit's cells the nearest centre, by looking at all."""
    share = np.zeros((len(villages), 2))
    for u, f, x, y, z in cells:
        mine = [k for k in range(len(villages)) if villages["unit_code"].iloc[k] == units["code"].iloc[u]]
        if not mine:
            continue
        away = [(villages.geometry.iloc[k].x - x) ** 2 + (villages.geometry.iloc[k].y - y) ** 2 for k in mine]
        for k, d in zip(mine, away, strict=True):
            if d == min(away):
                share[k] += f, f * (z >= 200)
    return share


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1), n_villages=st.integers(0, 12))
def test_derived_ground_is_the_nearest_centres_within_the_commune(raster, layer, points, seed, n_villages):
    rng = np.random.default_rng(seed)
    heights = rng.choice([10.0, 300.0], size=(6, 8))
    elevation = raster(heights)
    cut = float(rng.uniform(100, 700))
    shapes = [box(0, 0, cut, 600), box(cut, 0, 800, 600)]
    units = layer("units", [{"code": c, "name": c, "population": 1} for c in "AB"], shapes)
    spots = rng.uniform((0, 0), (800, 600), size=(n_villages, 2))
    if n_villages > 1 and seed % 3 == 0:
        spots[1] = spots[0]  # two villages at one place share their ground
    rows = [
        {"code": f"V{i}", "name": "", "unit_code": rng.choice(["A", "B"]), "xy": tuple(s)} for i, s in enumerate(spots)
    ]
    villages = points("villages", rows)
    pairs = zones(units, grid=elevation.grid)
    found = terrain_shares(units, zones_of_units=pairs, elevation=elevation, villages=villages)
    x, y = pairs.centres_m()
    share = allocate_by_hand(
        units, villages, elevation, zip(pairs.unit, pairs.fraction, x, y, pairs.at(elevation.values), strict=True)
    )
    expected = np.divide(100 * share[:, 1], share[:, 0], out=np.full(n_villages, np.nan), where=share[:, 0] > 0)
    np.testing.assert_allclose(found.village_high_pct, expected, atol=1e-9)
    assert found.ground.tolist() == ["derived" if one > 0 else "" for one in share[:, 0]]


def test_ground_of_villages_with_areas_is_not_given_to_others(raster, layer, points):
    elevation = raster([[300.0, 300.0, 10.0, 10.0]])
    spots = [(50, 50), (350, 50)]
    villages = points(
        "villages", [{"code": f"V{i}", "name": "", "unit_code": "A", "xy": s} for i, s in enumerate(spots)]
    )
    units = one_unit(layer, 400)
    pairs = zones(units, grid=elevation.grid)

    def shares(areas):
        found = terrain_shares(units, zones_of_units=pairs, elevation=elevation, villages=villages, village_areas=areas)
        return found.village_high_pct.tolist(), found.ground.tolist()

    assert shares(None) == ([100.0, 0.0], ["derived", "derived"])
    areas = layer("village_areas", [{"code": "V1"}], [box(200, 0, 400, 100)])
    assert shares(areas) == ([100.0, 0.0], ["derived", "own"])
    areas = layer("village_areas", [{"code": "V1"}], [box(0, 0, 200, 100)])
    assert shares(areas) == ([0.0, 100.0], ["derived", "own"])
    # a cell that two communes share: the area of one takes nothing from the villages of the other
    halves = layer(
        "units", [{"code": c, "name": c, "population": 1} for c in "AB"], [box(0, 0, 250, 100), box(250, 0, 400, 100)]
    )
    spots = [(50, 50), (60, 50), (350, 50)]
    rows = [{"code": f"V{i}", "name": "", "unit_code": "AAB"[i], "xy": s} for i, s in enumerate(spots)]
    elevation = raster([[10.0, 10.0, 300.0, 10.0]])
    two = zones(halves, grid=elevation.grid)
    areas = layer("village_areas", [{"code": "V0"}], [box(0, 0, 250, 100)])
    found = terrain_shares(
        halves, zones_of_units=two, elevation=elevation, villages=points("villages", rows), village_areas=areas
    )
    assert found.village_high_pct.tolist() == [
        pytest.approx(20.0),
        pytest.approx(np.nan, nan_ok=True),
        pytest.approx(100 / 3),
    ]
    assert found.ground.tolist() == ["own", "", "derived"]  # nothing is left of A for V1, half a cell of 300 m is B's
    # an area drawn across the line takes what it holds of the neighbour
    across = layer("village_areas", [{"code": "V0"}], [box(0, 0, 300, 100)])
    found = terrain_shares(
        halves, zones_of_units=two, elevation=elevation, villages=points("villages", rows), village_areas=across
    )
    assert found.village_high_pct[2] == 0.0
    everything = layer("village_areas", [{"code": "V1"}], [box(0, 0, 400, 100)])
    high, ground = shares(everything)
    assert np.isnan(high[0])
    assert ground == ["", "own"]
