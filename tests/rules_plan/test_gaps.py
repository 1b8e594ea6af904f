"""Gaps, reasons, people affected and the need index on hand-checked communes and villages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phusong.coverage.gap_tables import NOT_JUDGED_COLUMNS, REASON_COLUMNS
from phusong.coverage.gaps import UNIT_COLUMNS, VILLAGE_COLUMNS, Gaps, find_gaps
from phusong.coverage.ranking import need_table
from phusong.coverage.rules import RuleSet, choose_rules, parse_pack
from phusong.coverage.rules.judge import judge

ON = date(2012, 12, 31)
NAN = float("nan")


@dataclass(frozen=True)
class Override:
    rule: str
    threshold: float
    reason: str


def communes(**columns: object) -> pd.DataFrame:
    """Communes A, B, C of 1000, 2000 and 500 people."""
    table = {
        "code": ["1", "2", "3"],
        "valid_on": np.array(["2012-12-31"] * 3, dtype="datetime64[s]"),
        "name": ["A", "B", "C"],
        "district": ["x", "x", None],
        "people": [1000.0, 2000.0, 500.0],
        "households": [250.0, 500.0, NAN],
        "mountainous": pd.array([True, False, None], dtype="boolean"),
        "land_border": pd.array([True, False, False], dtype="boolean"),
    }
    return pd.DataFrame(table | columns)


def village_rows(**columns: object) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Villages of A, A and C: 400 people, 50 households (200 people by A's mean of 4), 300 people."""
    keys = {"code": ["v1", "v2", "v3"], "name": ["a", "b", "c"], "unit_code": ["1", "1", "3"]}
    layer = {
        "population": [400.0, NAN, 300.0],
        "households": [100.0, 50.0, NAN],
        "grid_power": pd.array([True, None, False], dtype="boolean"),
    }
    return pd.DataFrame(keys | columns), pd.DataFrame(keys | layer)


def yes_no(*values: bool | None) -> object:
    return pd.array(list(values), dtype="boolean")


def mobile(**settings: object) -> RuleSet:
    return choose_rules(("mobile_signal",), on=ON, **settings)  # type: ignore[arg-type]


def gaps_of_units(indicators: pd.DataFrame, rules: RuleSet) -> Gaps:
    return find_gaps(indicators, None, rules=rules, villages=None)


def test_a_commune_that_fails_stands_with_reason_margin_people_and_class() -> None:
    found = gaps_of_units(communes(people_covered_any_pct=[72.0, 99.0, 95.0]), mobile())
    assert list(found.units.columns) == list(UNIT_COLUMNS)
    gap = found.units.iloc[0].to_dict()
    assert len(found.units) == 1
    assert (gap["code"], gap["rank"], gap["reasons_count"], gap["basis"]) == ("1", 1, 1, "model")
    assert gap["classes"] == "mountainous;land_border"
    assert gap["people_affected"] == pytest.approx(280.0)
    assert gap["need_index"] == pytest.approx(100 * 23 / 95)
    reason = found.reasons.iloc[0]
    assert list(found.reasons.columns) == list(REASON_COLUMNS)
    assert (reason["value"], reason["threshold"], reason["margin"], reason["unit"]) == (72.0, 95.0, -23.0, "%")
    assert reason["text_en"] == "72 % of people have mobile signal; the rule asks for 95 % (23 points short)"
    assert reason["text_vi"].startswith("72 % người dân có sóng di động")


def test_no_data_is_neither_a_gap_nor_fine_but_listed() -> None:
    found = gaps_of_units(communes(people_covered_any_pct=[72.0, NAN, 99.0]), mobile())
    assert list(found.units["code"]) == ["1"]
    assert list(found.not_judged.columns) == list(NOT_JUDGED_COLUMNS)
    assert found.not_judged[["code", "rule", "why"]].to_numpy().tolist() == [["2", "mobile_people", "no_data"]]
    assert np.isnan(found.need.loc[1, "need_index"])
    assert found.need["need_index"].tolist()[2] == 0.0


def test_an_indicator_that_was_never_computed_is_no_data_for_all() -> None:
    found = gaps_of_units(communes(), mobile())
    assert len(found.units) == 0
    assert len(found.not_judged) == 3
    assert found.counts["not_judged"] == 3


def test_people_affected_are_not_added_over_reasons() -> None:
    rules = choose_rules(("mobile_signal", "resolution_08"), on=ON)
    found = gaps_of_units(
        communes(people_covered_any_pct=[72.0, 99.0, 99.0], telephone_access_point=yes_no(False, True, False)), rules
    )
    people = found.units.set_index("code")["people_affected"]
    assert people.to_dict() == {"1": 1000.0, "3": 500.0}
    assert found.units.set_index("code").loc["1", "basis"] == "model;record"


def test_rules_for_a_class_ask_only_that_class() -> None:
    pack = """
name = "hills"
source = "s"
mark = "K"
standing = "assumption"
[title]
en = "t"
vi = "t"
[[rule]]
id = "r"
level = "unit"
service = "post"
indicator = "points_post_count"
comparison = ">="
threshold = 2
unit = "points"
applies_to = "{who}"
[rule.text]
en = "x"
vi = "x"
"""
    frame = communes(points_post_count=[1.0, 1.0, 1.0])
    for who, gap, unknown in (("mountainous", ["1"], ["3"]), ("not mountainous", ["2"], ["3"])):
        rules = choose_rules((parse_pack(pack.replace("{who}", who), file="hills"),), on=ON)
        found = gaps_of_units(frame, rules)
        assert list(found.units["code"]) == gap
        assert list(found.not_judged["code"]) == unknown
        assert list(found.not_judged["why"]) == ["class_unknown"]


def test_an_override_moves_the_threshold_and_is_reported() -> None:
    frame = communes(people_covered_any_pct=[72.0, 93.0, 99.0])
    found = gaps_of_units(frame, mobile(overrides=(Override("mobile_people", 80, "budget of 2013"),)))
    assert list(found.units["code"]) == ["1"]
    assert found.reasons["override_reason"].tolist() == ["budget of 2013"]
    assert found.reasons["threshold"].tolist() == [80.0]


def test_communes_rank_by_need() -> None:
    rules = choose_rules(("mobile_signal", "postal_qcvn1"), on=ON)
    found = gaps_of_units(communes(people_covered_any_pct=[90.0, 10.0, 99.0], points_post_count=[0.0, 0.0, 1.0]), rules)
    assert found.units["code"].tolist() == ["2", "1"]
    assert found.units["rank"].tolist() == [1, 2]


def test_the_need_index_weighs_the_rules_that_could_be_judged() -> None:
    rules = choose_rules(("mobile_signal", "postal_qcvn1"), on=ON)  # weights: 4; point 2, radius 1, people 1
    found = gaps_of_units(
        communes(
            people_covered_any_pct=[47.5, NAN, 95.0],
            points_post_count=[0.0, 1.0, 1.0],
            mean_service_radius_post_km=[NAN, 4.5, 3.0],
            people_per_post_point=[NAN, 24000.0, 500.0],
        ),
        rules,
    )
    # A: (4 * 0.5 + 2 * 1) / 6; B: (0 + 1 * 0.5 + 1 * 1) / 4; C: nothing lacks
    assert found.need["need_index"].to_numpy() == pytest.approx([100 * 4 / 6, 100 * 1.5 / 4, 0.0])
    assert found.need["judged_weight_pct"].to_numpy() == pytest.approx([75.0, 50.0, 100.0])


def test_a_report_decides_over_the_model_and_both_are_compared() -> None:
    rows, layer = village_rows(
        centre_covered_2g=yes_no(True, False, None),
        centre_level_2g_dbm=[-80.0, -110.0, NAN],
        observed_signal_2g=yes_no(False, True, False),
        observed_signal_any=yes_no(False, True, False),
        clusters_uncovered=[0.0, 2.0, NAN],
        people_covered_any_pct=[100.0, 60.0, NAN],
    )
    found = find_gaps(communes(people_covered_any_pct=[99.0, 99.0, 99.0]), rows, rules=mobile(), villages=layer)
    assert list(found.villages.columns) == list(VILLAGE_COLUMNS)
    gaps = found.villages.set_index("code")
    assert gaps["basis"].to_dict() == {"v1": "observed", "v3": "observed", "v2": "model"}
    assert gaps["population"].to_dict() == {"v1": 400.0, "v3": 300.0, "v2": 200.0}  # 50 households of 4
    assert gaps["people_affected"].to_dict() == pytest.approx({"v1": 400.0, "v3": 300.0, "v2": 80.0})
    assert gaps.loc["v1", ["unit_name", "district", "classes"]].tolist() == ["A", "x", "mountainous;land_border"]
    assert found.units.empty
    said = found.comparison[found.comparison["technology"] == "2G"].set_index("code")
    assert said["agree"].to_dict() == {"v1": "no", "v2": "no", "v3": ""}
    assert said.loc["v1", "model_level_dbm"] == -80.0
    assert {key: found.counts[key] for key in ("compared", "agree", "observed_only", "model_only")} == {
        "compared": 2,
        "agree": 0,
        "observed_only": 1,
        "model_only": 1,
    }


def test_a_village_has_signal_by_the_technology_that_is_seen_there() -> None:
    rows, layer = village_rows(
        centre_covered_2g=yes_no(False, False, True),
        centre_covered_3g=yes_no(False, None, False),
        observed_signal_3g=yes_no(True, None, None),
    )
    found = find_gaps(communes(), rows, rules=mobile(), villages=layer)
    assert found.villages.empty
    centre = found.not_judged[found.not_judged["rule"] == "village_centre_signal"]
    assert centre["code"].tolist() == ["v2"]  # 2G no, 3G not known


def test_a_commune_whose_villages_cannot_be_judged_has_no_count_of_gap_villages() -> None:
    rows, layer = village_rows()
    units = communes().assign(people_covered_any_pct=[50.0] * len(communes()))
    found = find_gaps(units, rows, rules=mobile(), villages=layer)
    assert len(found.units)
    assert found.units["gap_villages"].isna().all()
    without = find_gaps(units, None, rules=mobile(), villages=None)
    assert without.units["gap_villages"].isna().all()


def test_gaps_run_from_reports_alone() -> None:
    rows, layer = village_rows(observed_signal_any=yes_no(True, False, False))
    found = find_gaps(communes(), rows, rules=mobile(), villages=layer)
    assert found.villages["code"].tolist() == ["v3", "v2"]
    assert set(found.villages["basis"]) == {"observed"}
    # A: 400 of 600 reported people have signal; C: none of 300; B has no reports
    values = found.reasons[found.reasons["level"] == "unit"].set_index("code")["value"]
    assert values.to_dict() == pytest.approx({"1": 100 * 400 / 600, "3": 0.0})
    assert set(found.units["basis"]) == {"observed"}
    assert found.units.set_index("code")["gap_villages"].to_dict() == {"1": 1, "3": 1}
    assert found.comparison["agree"].tolist() == ["", "", ""]
    assert "2" in found.not_judged["code"].tolist()


def test_reports_of_less_than_half_the_people_say_nothing_of_a_commune() -> None:
    rows, layer = village_rows(observed_signal_any=yes_no(None, False, None))  # 200 of A's 600
    found = find_gaps(communes(), rows, rules=mobile(), villages=layer)
    assert found.units.empty
    assert found.villages["code"].tolist() == ["v2"]


def test_the_model_judges_a_commune_where_it_says_something() -> None:
    rows, layer = village_rows(observed_signal_any=yes_no(False, False, False))
    found = find_gaps(communes(people_covered_any_pct=[99.0, NAN, NAN]), rows, rules=mobile(), villages=layer)
    assert found.units[["code", "basis"]].to_numpy().tolist() == [["3", "observed"]]


def test_nothing_at_all_gives_empty_lists_with_their_columns() -> None:
    found = gaps_of_units(communes().iloc[:0], mobile())
    assert (len(found.units), len(found.villages), len(found.reasons), len(found.not_judged)) == (0, 0, 0, 0)
    assert list(found.villages.columns) == list(VILLAGE_COLUMNS)
    empty = gaps_of_units(communes(people_covered_any_pct=[1.0, 2.0, 3.0]), choose_rules((), on=ON))
    assert len(empty.units) == 0
    assert empty.need["need_index"].isna().all()


shares = st.lists(st.one_of(st.just(NAN), st.floats(0, 100)), min_size=3, max_size=3)


@settings(max_examples=8, deadline=None)
@given(values=shares, threshold=st.floats(1, 99), stricter=st.floats(0, 1))
def test_a_stricter_threshold_never_removes_a_gap(values: list[float], threshold: float, stricter: float) -> None:
    frame = communes(people_covered_any_pct=values)
    tighter = threshold + stricter * (100 - threshold)
    loose = gaps_of_units(frame, mobile(overrides=(Override("mobile_people", threshold, "a"),)))
    tight = gaps_of_units(frame, mobile(overrides=(Override("mobile_people", tighter, "a"),)))
    assert set(loose.units["code"]) <= set(tight.units["code"])
    assert not set(tight.units["code"]) & {code for code, v in zip("123", values, strict=True) if np.isnan(v)}


@settings(max_examples=20, deadline=None)
@given(signal=shares, points=shares, radius=shares, weights=st.tuples(st.floats(0, 10), st.floats(0, 10)))
def test_the_need_index_stays_between_0_and_100(
    signal: list[float], points: list[float], radius: list[float], weights: tuple[float, float]
) -> None:
    rules = choose_rules(
        ("mobile_signal", "postal_qcvn1"),
        on=ON,
        weights={"mobile_people": weights[0], "post_radius": weights[1]},
    )
    frame = communes(people_covered_any_pct=signal, points_post_count=points, mean_service_radius_post_km=radius)
    need = need_table(frame, judge(frame, rules.of("unit"), classes=frame))
    known = need["need_index"].dropna()
    assert ((known >= 0) & (known <= 100)).all()
    assert need["judged_weight_pct"].dropna().between(0, 100).all()


def test_the_order_of_communes_does_not_matter() -> None:
    rules = choose_rules(("mobile_signal", "postal_qcvn1"), on=ON)
    frame = communes(people_covered_any_pct=[50.0, 50.0, 20.0], points_post_count=[0.0, 1.0, 1.0])
    turned = frame.iloc[::-1].reset_index(drop=True)
    pd.testing.assert_frame_equal(gaps_of_units(frame, rules).units, gaps_of_units(turned, rules).units)
