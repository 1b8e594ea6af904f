"""Facilities online, readiness by weights, and broadband of every day, by hand."""

import numpy as np
import pandas as pd
import pytest
from shapely.geometry import box

from phusong.coverage import facilities, services
from phusong.coverage.area_indicators import Areas
from phusong.coverage.broadband import DATED_COLUMNS, RATES, broadband_dated
from phusong.coverage.facilities import FACILITIES, NETWORKS, Part, Readiness, facilities_of, online, readiness
from phusong.coverage.indicators import CLASSES, find
from phusong.layers.messages import LANGS, say

NAN = np.nan


@pytest.fixture
def units(layer):
    rows = [
        {"code": code, "name": code, "population": 1000.0 * (i + 1), "households": 250 * (i + 1)}
        for i, code in enumerate("ABC")
    ]
    return layer("units", rows, [box(1000 * i, 0, 1000 * (i + 1), 1000) for i in range(3)])


@pytest.fixture
def table(points):
    def at(unit, kind, **flags):
        return {"kind": kind, "unit_code": unit, "xy": (500, 500), **flags}

    rows = [
        at("A", "primary_school", broadband=True),
        at("A", "primary_school", broadband=False),
        at("A", "lower_secondary_school"),
        at("A", "commune_office", lan=True, broadband=True, government_network=True, video_conference=False),
        at("B", "primary_school"),
        at("B", "primary_school"),
        at("B", "primary_school", broadband=True),
        at("B", "commune_office", lan=True),
    ]
    return points("facilities", [{"facility_id": f"{i}", **row} for i, row in enumerate(rows)])


def classes(**given):
    return {name: pd.Series(given.get(name, [False] * 3), dtype="boolean") for name in CLASSES}


def test_shares_are_of_those_that_say_if_half_of_them_do(units, table):
    found = online(table, units)
    assert found["primary_school", "broadband"].shares().tolist()[:1] == [0.5]
    assert np.isnan(found["primary_school", "broadband"].shares()[1:]).all()  # one of three says; none there
    assert found["schools", "broadband"].total.tolist() == [3.0, 3.0, 0.0]
    assert found["schools", "broadband"].shares()[0] == 0.5
    assert found["offices", "video_conference"].shares()[0] == 0.0  # said to have none is 0
    assert np.isnan(found["offices", "video_conference"].shares()[1])  # nothing said is no data
    everywhere = np.ones(3, dtype=bool)
    whole = Areas.whole(3).sums
    assert found["primary_school", "broadband"].among(everywhere, whole).shares() == pytest.approx([2 / 3])
    assert np.isnan(found["primary_school", "broadband"].among(np.array([False, True, True]), whole).shares()).all()
    assert facilities_of({"facilities": table}) == (
        "primary_school",
        "lower_secondary_school",
        "commune_office",
        "schools",
        "offices",
    )
    assert facilities_of({}) == ()


def weights(monkeypatch, *parts):
    made = Readiness(readiness().as_of, "test", "K", tuple(Part(*part) for part in parts))
    monkeypatch.setattr(facilities, "readiness", lambda: made)


def test_the_score_is_the_weighted_mean_of_what_is_known(units, table, monkeypatch):
    weights(
        monkeypatch,
        ("commune_office", "lan", 1.0),
        ("commune_office", "video_conference", 2.0),
        ("schools", "broadband", 1.0),
        ("hospital", "lan", 50.0),
    )
    score, known = facilities.scores(online(table, units), classes(), n_units=3)
    # A: (1 x 1 + 2 x 0 + 1 x 0.5) / 4, no hospital; B: LAN alone is known, 1 of 4; C has no facility at all
    assert score[0] == pytest.approx(37.5)
    assert np.isnan(score[1:]).all()
    assert known[:2].tolist() == [100.0, 25.0]
    assert np.isnan(known[2])
    score, known = facilities.area_scores(online(table, units), classes(), n_units=3, sums=Areas.whole(3).sums)
    # LAN 1; video 0 of the one of two that says; broadband: 3 of 6 say, two have it
    assert score == pytest.approx(100 * (1 + 0 + 2 / 3) / 4)
    assert known == 100.0


def test_institutions_online_stand_only_if_half_of_them_say(units, points):
    def at(number, unit, **flags):
        return {"facility_id": f"{number}", "kind": "hospital", "unit_code": unit, "xy": (500, 500), **flags}

    ready = {"lan": True, "broadband": True}
    rows = [at(0, "A", **ready), at(1, "A", lan=True), at(2, "A"), at(3, "B", **ready), at(4, "B", lan=False)]
    told = services.facilities(points("facilities", rows), units)
    assert told["institutions"].tolist() == [3.0, 2.0, 0.0]
    assert told["institutions_known"].tolist() == [1.0, 2.0, 0.0]
    shares = facilities.institutions(told).shares()
    assert np.isnan(shares[[0, 2]]).all()  # one of three says, and it is online: not 100 %
    assert shares[1] == 0.5
    whole = facilities.institutions(told).among(np.ones(3, dtype=bool), Areas.whole(3).sums)
    assert whole.shares() == pytest.approx([2 / 3])


def test_a_part_for_a_class_counts_only_there_and_is_unknown_where_the_class_is(units, table, monkeypatch):
    weights(
        monkeypatch,
        ("commune_office", "lan", 1.0, "mountainous"),
        ("commune_office", "lan", 1.0, "not mountainous"),
        ("commune_office", "broadband", 1.0, "mountainous"),
    )
    given = classes(mountainous=[False, True, False])
    score, known = facilities.scores(online(table, units), given, n_units=3)
    assert score[:2].tolist() == [100.0, 100.0]
    assert known[:2].tolist() == [100.0, 50.0]
    score, known = facilities.scores(online(table, units), classes(mountainous=[None, True, False]), n_units=3)
    assert np.isnan(score[0])
    assert known[0] == 0.0


def test_the_shipped_weights_are_marked_and_can_be_read():
    assert readiness().mark == "K"
    assert readiness().source
    offices = {part.network for part in readiness().parts if part.facility == "provincial_office"}
    assert offices == set(NETWORKS)  # its source asks for the networks of provincial offices too
    assert len({(part.facility, part.network, part.applies_to) for part in readiness().parts}) == len(readiness().parts)
    for part in readiness().parts:
        assert part.applies_to in {"all", *CLASSES, *(f"not {name}" for name in CLASSES)}
    for lang in LANGS:
        assert all(say(f"facility.{name}.name", lang) for name in FACILITIES)
        assert all(say(f"network.{name}.name", lang) for name in NETWORKS)


def test_broadband_is_told_of_every_day_and_unknown_is_left_out(units, layer):
    rows = [
        {"code": "A", "as_of": pd.Timestamp("2012-12-31"), "adsl_subscribers": 40, "fttx_subscribers": 0},
        {"code": "A", "as_of": pd.Timestamp("2011-12-31"), "adsl_subscribers": 20, "source": "Report of 2011"},
        {"code": "Z", "as_of": pd.Timestamp("2011-12-31"), "adsl_subscribers": 20},
    ]
    found = broadband_dated({"broadband": layer("broadband", rows)}, units)
    assert tuple(found.columns) == DATED_COLUMNS
    assert found["source"].tolist() == ["Report of 2011"] * 2 + ["test"] * 4
    told = [tuple(row) for row in found.drop(columns=["unit", "source"]).itertuples(index=False)]
    assert told == [
        ("A", pd.Timestamp("2011-12-31"), "adsl_per_100", 2.0),
        ("A", pd.Timestamp("2011-12-31"), "adsl_per_100_households", 8.0),
        ("A", pd.Timestamp("2012-12-31"), "adsl_per_100", 4.0),
        ("A", pd.Timestamp("2012-12-31"), "adsl_per_100_households", 16.0),
        ("A", pd.Timestamp("2012-12-31"), "fttx_per_100", 0.0),
        ("A", pd.Timestamp("2012-12-31"), "fttx_per_100_households", 0.0),
    ]
    assert found["unit"].tolist()[:2] == ["per_100", "per_100_households"]
    for name in RATES:
        assert find(name).unit == ("per_100_households" if name.endswith("households") else "per_100")
    assert broadband_dated({}, units).empty
    assert tuple(broadband_dated({}, units).columns) == DATED_COLUMNS


def test_nobody_and_no_household_make_no_rate(units, layer):
    empty = units.assign(population=[0.0, NAN, 10.0], households=pd.array([0, None, 5], dtype="Int64"))
    rows = [{"code": code, "broadband_subscribers": 2} for code in "ABC"]
    found = broadband_dated({"broadband": layer("broadband", rows)}, empty)
    assert set(found["code"]) == {"C"}
    assert found["value"].tolist() == [20.0, 40.0]


def test_a_study_weighs_the_parts_itself(units, table, monkeypatch):
    weights(monkeypatch, ("commune_office", "lan", 1.0), ("commune_office", "video_conference", 2.0))
    own = {"commune_office.video_conference": 0.0, "schools.broadband": 3.0}
    assert [(part.name, part.weight) for part in facilities.weighed(own)] == [
        ("commune_office.lan", 1.0),
        ("schools.broadband", 3.0),
    ]
    score, _ = facilities.scores(online(table, units), classes(), n_units=3, weights=own)
    assert score[0] == pytest.approx(100 * (1 + 3 * 0.5) / 4)
    whole = Areas.whole(3).sums
    province, _ = facilities.area_scores(online(table, units), classes(), n_units=3, weights=own, sums=whole)
    assert province == pytest.approx(100 * (1 + 3 * 2 / 3) / 4)
    with pytest.raises(KeyError, match=r"schools\.telex"):
        facilities.weighed({"schools.telex": 1.0})
