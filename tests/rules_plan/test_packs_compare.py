"""Two sets of rules on one study, on communes and villages whose verdicts are counted by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phusong.coverage.gaps import find_gaps
from phusong.coverage.rules import RuleSet, choose_rules
from phusong.coverage.rules.compare import PLACE_COLUMNS, SIDES, Compared, compare_gaps

ON = date(2012, 12, 31)
NAN = float("nan")
FIRST = choose_rules(("mobile_signal",), on=ON)
SECOND = choose_rules(("postal_qcvn1",), on=ON)


def communes(signal: list[float], points: list[float]) -> pd.DataFrame:
    count = len(signal)
    frame = pd.DataFrame(
        {
            "code": [str(n) for n in range(count)],
            "valid_on": pd.Timestamp(ON),
            "name": [f"Xã {n}" for n in range(count)],
            "district": "Hướng Hóa",
            "people": [1000.0] * count,
            "households": [250.0] * count,
            "people_covered_any_pct": signal,
            "points_post_count": points,
            "mean_service_radius_post_km": [1.0] * count,
            "people_per_post_point": [500.0] * count,
        }
    )
    return frame


def compared(units: pd.DataFrame, first: RuleSet = FIRST, second: RuleSet = SECOND) -> Compared:
    found = [find_gaps(units, None, rules=rules, villages=None) for rules in (first, second)]
    return compare_gaps(found[0], found[1], sets=(first, second), units=units, villages=None)


def test_each_commune_is_on_its_side_with_the_rules_that_make_the_difference() -> None:
    both = communes([50.0, 50.0, 99.0, 99.0, NAN], [0.0, 1.0, 0.0, 1.0, 1.0])
    found = compared(both)
    places = found.places.set_index("code")
    assert places["side"].tolist() == ["both", "first_only", "second_only", "neither", "neither"]
    assert places["rules_first"].tolist() == ["mobile_people", "mobile_people", "", "", ""]
    assert places["rules_second"].tolist() == ["post_point_in_commune", "", "post_point_in_commune", "", ""]
    assert places["people_first"].tolist()[:2] == [500.0, 500.0]
    assert np.isnan(places["people_first"].iloc[2:]).all()
    assert places["people_second"].iloc[[0, 2]].tolist() == [1000.0, 1000.0]
    assert places["open_first"].tolist() == [0, 0, 0, 0, 1]
    assert tuple(found.places.columns) == PLACE_COLUMNS


def test_the_summary_counts_places_and_people_by_side() -> None:
    found = compared(communes([50.0, 50.0, 99.0, 99.0, NAN], [0.0, 1.0, 0.0, 1.0, 1.0])).summary.set_index("side")
    assert found["places"].to_dict() == {"both": 1, "first_only": 1, "second_only": 1, "neither": 2}
    assert found.loc["first_only", "people_first"] == 500.0
    assert found.loc["second_only", "people_second"] == 1000.0
    assert np.isnan(found.loc["neither", "people_first"])
    assert found.loc["neither", "open_first"] == 1
    assert set(found.index) == set(SIDES)


def test_a_rule_decides_where_it_alone_makes_a_gap_of_one_side() -> None:
    rules = compared(communes([50.0, 50.0, 99.0], [0.0, 1.0, 0.0])).rules.set_index("rule")
    assert rules.loc["mobile_people", ["in_set", "fails", "decides", "people_decided"]].tolist() == [
        "first",
        2,
        1,
        500.0,
    ]
    assert rules.loc["post_point_in_commune", ["in_set", "fails", "decides"]].tolist() == ["second", 2, 1]
    assert rules.loc["post_radius", ["fails", "decides"]].tolist() == [0, 0]


def test_a_rule_of_both_sets_makes_no_difference() -> None:
    all_of_them = choose_rules(("mobile_signal", "postal_qcvn1"), on=ON)
    found = compared(communes([50.0, 99.0], [1.0, 0.0]), second=all_of_them)
    assert found.places["side"].tolist() == ["both", "second_only"]
    assert found.places["rules_first"].tolist() == ["", ""]
    assert found.rules.set_index("rule")["in_set"]["mobile_people"] == "both"
    assert found.rules["rule"].is_unique


def test_a_threshold_moved_makes_a_difference_though_the_id_is_the_same() -> None:
    tighter = RuleSet(FIRST.packs, tuple(replace(rule, threshold=99.0) for rule in FIRST.rules if rule.level == "unit"))
    found = compared(communes([50.0, 97.0, 99.5], [1.0, 1.0, 1.0]), second=tighter)
    assert found.places["side"].tolist() == ["both", "second_only", "neither"]
    assert found.places["rules_second"].tolist() == ["", "mobile_people", ""]
    own = found.rules[found.rules["rule"] == "mobile_people"].set_index("in_set")
    assert own["fails"].to_dict() == {"first": 1, "second": 2}
    assert own["decides"].to_dict() == {"first": 0, "second": 1}
    assert own.loc["second", "people_decided"] == pytest.approx(30.0)


def test_villages_are_compared_too() -> None:
    units = communes([99.0], [1.0])
    names = {"code": ["v1", "v2"], "unit_code": ["0", "0"], "name": ["Thôn 1", "Thôn 2"]}
    layer = pd.DataFrame(names | {"population": [40.0, 60.0]})
    frame = pd.DataFrame(names | {"centre_covered_any": pd.array([False, True], dtype="boolean")})
    found = [find_gaps(units, frame, rules=rules, villages=layer) for rules in (FIRST, SECOND)]
    both = compare_gaps(found[0], found[1], sets=(FIRST, SECOND), units=units, villages=frame)
    villages = both.places[both.places["level"] == "village"].set_index("code")
    assert villages["side"].tolist() == ["first_only", "neither"]
    assert villages.loc["v1", ["unit_name", "population", "people_first"]].tolist() == ["Xã 0", 40.0, 40.0]
    assert both.rules.set_index("rule").loc["village_centre_signal", "decides"] == 1


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(st.one_of(st.floats(0, 100), st.just(NAN)), st.one_of(st.integers(0, 3).map(float), st.just(NAN))),
        min_size=1,
        max_size=8,
    )
)
def test_the_sides_add_up_and_turn_round(rows: list[tuple[float, float]]) -> None:
    units = communes([signal for signal, _ in rows], [points for _, points in rows])
    found = [find_gaps(units, None, rules=rules, villages=None) for rules in (FIRST, SECOND)]
    one = compare_gaps(found[0], found[1], sets=(FIRST, SECOND), units=units, villages=None)
    other = compare_gaps(found[1], found[0], sets=(SECOND, FIRST), units=units, villages=None)
    assert one.summary["places"].sum() == len(units)
    turned = {"first_only": "second_only", "second_only": "first_only"}
    assert one.places["side"].replace(turned).tolist() == other.places["side"].tolist()
    assert one.places["rules_first"].tolist() == other.places["rules_second"].tolist()
    here = one.places["side"].isin(["both", "first_only"])
    assert set(one.places.loc[here, "code"]) == set(found[0].units["code"])
