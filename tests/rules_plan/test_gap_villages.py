"""Villages' states, distances, sentences and people affected: by hand, and as laws through ``find_gaps``."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Point

from phusong.coverage.evidence import village_signal
from phusong.coverage.gap_totals import TOTAL_COLUMNS
from phusong.coverage.gaps import Gaps, find_gaps
from phusong.coverage.rules import RuleSet, choose_rules

ON = date(2012, 12, 31)
NAN = float("nan")
MOBILE = ("mobile_signal", "mobile_operators")


def yes_no(*values: bool | None) -> object:
    return pd.array(list(values), dtype="boolean")


def communes(**columns: object) -> pd.DataFrame:
    table = {
        "code": ["1", "2"],
        "valid_on": np.array(["2012-12-31"] * 2, dtype="datetime64[s]"),
        "name": ["A", "B"],
        "district": ["x", "y"],
        "people": [1000.0, 500.0],
        "households": [250.0, 100.0],
        "mountainous": pd.array([True, False], dtype="boolean"),
    }
    return pd.DataFrame(table | columns)


def rows(count: int, **columns: object) -> pd.DataFrame:
    """So many villages of commune 1."""
    keys = {"code": [f"v{i}" for i in range(count)], "name": [f"V {i}" for i in range(count)], "unit_code": "1"}
    return pd.DataFrame(keys | columns)


def layer(table: pd.DataFrame, *, people: object = 100.0, x_km: list[float] | None = None) -> pd.DataFrame:
    """The villages of a table with their people, along a line."""
    made = table[["code", "name", "unit_code"]].assign(population=people, households=NAN)
    if x_km is None:
        return made
    return gpd.GeoDataFrame(made, geometry=[Point(1000 * x, 0) for x in x_km], crs="EPSG:9212")


def found(
    table: pd.DataFrame, villages: pd.DataFrame, units: pd.DataFrame | None = None, packs: object = MOBILE
) -> Gaps:
    rules = choose_rules(packs, on=ON)  # type: ignore[arg-type]
    return find_gaps(communes() if units is None else units, table, rules=rules, villages=villages)


def test_states_go_from_the_centre_to_the_clusters_to_the_operators() -> None:
    table = rows(
        5,
        centre_covered_2g=yes_no(False, True, True, True, None),
        centre_covered_any=yes_no(False, True, True, True, None),
        clusters_uncovered=[0.0, 2.0, 0.0, 0.0, NAN],
        clusters_basis=["clusters", "populated_cells", "clusters", "clusters", ""],
        operators_at_centre_count=[0.0, 1.0, 1.0, 3.0, NAN],
        operators_at_centre=pd.Series(["", "X", "X", "X;Y;Z", None], dtype="str"),
        people_covered_any_pct=[0.0, 50.0, 100.0, 100.0, NAN],
    )
    gaps = found(table, layer(table, people=[10.0, 500.0, 900.0, 10.0, 10.0])).villages
    # the state comes before the people: a village of ten without signal stands before one of 900 with one operator
    assert gaps["code"].tolist() == ["v0", "v1", "v2"]
    assert gaps["signal_state"].tolist() == ["none_at_centre", "none_at_cluster", "one_operator"]
    assert gaps["operators_count"].tolist() == [0, 1, 1]
    assert gaps["operators"].tolist() == ["", "X", "X"]
    assert gaps["clusters_basis"].tolist() == ["clusters", "populated_cells", "clusters"]
    assert gaps["predicted"].tolist() == [False, True, True]
    assert gaps["observed"].isna().all()
    assert gaps["people_affected"].tolist() == [10.0, 500.0, 900.0]  # one operator: everyone of the village


def test_populated_cells_are_named_in_the_reason() -> None:
    table = rows(
        2,
        clusters_uncovered=[1.0, 1.0],
        clusters_basis=["clusters", "populated_cells"],
        people_covered_any_pct=[60.0, 60.0],
    )
    reasons = found(table, layer(table)).reasons.set_index("code")
    assert reasons.loc["v0", "text_en"] == '1 cluster of houses without mobile signal ("lõm sóng")'
    assert reasons.loc["v1", "text_en"].startswith(reasons.loc["v0", "text_en"])
    assert "populated cells" in reasons.loc["v1", "text_en"]
    assert "ô có dân" in reasons.loc["v1", "text_vi"]
    single = table.assign(clusters_uncovered=NAN, clusters_uncovered_4g=[1.0, 1.0])  # one technology known alone
    lacks = found(single, layer(table), packs=("mobile_signal_4g",)).reasons.set_index("code")["text_en"]
    assert lacks.str.contains("populated").to_dict() == {"v0": False, "v1": True}
    reported = found(table.assign(observed_clusters_uncovered=[2.0, 2.0]), layer(table))
    assert not reported.reasons["text_en"].str.contains("populated").any()
    assert reported.villages["clusters_basis"].tolist() == ["clusters", "clusters"]


def test_a_reason_says_since_when_and_on_what_standing() -> None:
    table = rows(
        2,
        observed_signal_any=yes_no(False, None),
        centre_covered_any=yes_no(True, False),
        observed_as_of=pd.to_datetime(["2012-06-01", "2012-07-01"]),
    )
    units = communes(people_covered_any_pct=[NAN, 10.0], telephone_access_point=yes_no(False, True))
    reasons = found(table, layer(table), units, packs=("mobile_signal", "resolution_08")).reasons
    centre = reasons[reasons["rule"] == "village_centre_signal"].set_index("code")
    assert centre["basis"].to_dict() == {"v0": "observed", "v1": "model"}
    assert centre.loc["v0", "observed_as_of"] == pd.Timestamp("2012-06-01")
    assert pd.isna(centre.loc["v1", "observed_as_of"])  # there is a report, but the model decided
    assert set(centre["service"]) == {"mobile"}
    assert set(centre["standing"]) == {"official"}
    phone = reasons[reasons["rule"] == "commune_telephone_access"].iloc[0]
    assert phone["valid_from"].date() == choose_rules(("resolution_08",), on=ON)["commune_telephone_access"].valid_from
    assert "08" in phone["document"]
    assert phone["service"] == "broadband"


@pytest.mark.parametrize(
    ("centre", "observed", "model", "count", "basis"),
    [
        (False, NAN, 2.0, 0.0, "observed"),  # nobody has signal: the model's operators do not stand against it
        (True, NAN, 0.0, NAN, ""),  # somebody has signal, it is not known who
        (True, NAN, 1.0, 1.0, "model"),
        (True, 2.0, 0.0, 2.0, "observed"),
        (None, NAN, 1.0, 1.0, "model"),
    ],
)
def test_the_count_of_operators_keeps_step_with_the_signal(
    centre: bool | None, observed: float, model: float, count: float, basis: str
) -> None:
    table = rows(
        1,
        observed_signal_any=yes_no(centre),
        observed_operators_at_centre_count=[observed],
        operators_at_centre_count=[model],
    )
    signal, bases = village_signal(table)
    np.testing.assert_equal(signal["operators_at_centre_count"].to_numpy(), [count])
    assert bases["operators_at_centre_count"].tolist() == [basis]


def test_a_second_operator_is_asked_for_only_where_there_is_signal() -> None:
    table = rows(
        5,
        centre_covered_any=yes_no(False, True, True, None, True),
        observed_signal_any=yes_no(None, None, None, None, False),
        operators_at_centre_count=[0.0, 1.0, NAN, NAN, 1.0],
    )
    alone = found(table, layer(table), packs=("mobile_operators",))
    assert alone.reasons[["code", "rule", "value"]].to_numpy().tolist() == [["v1", "village_one_operator", 1.0]]
    assert alone.not_judged[["code", "why"]].to_numpy().tolist() == [["v2", "no_data"], ["v3", "no_data"]]
    both = found(table, layer(table)).reasons
    assert both.loc[both["code"].isin(["v0", "v4"]), "rule"].tolist() == ["village_centre_signal"] * 2


def test_the_nearest_covered_village_is_another_one_by_the_deciding_signal() -> None:
    table = rows(
        5,
        centre_covered_any=yes_no(False, False, True, True, True),
        observed_signal_any=yes_no(None, True, False, None, None),
        operators_at_centre_count=[0.0, 1.0, 0.0, 2.0, 1.0],
        nearest_site_km=[4.0, 3.0, 2.0, 1.0, 9.0],
        nearest_site=["S1"] * 5,
    )
    villages = layer(table, x_km=[0, 2, 1, 7, 30])
    gaps = found(table, villages).villages.set_index("code")
    # v2 has signal by the model, but none was reported; v1 the other way round
    assert gaps.loc["v0", "nearest_covered_village"] == "v1"
    assert gaps.loc["v0", "nearest_covered_village_km"] == pytest.approx(2.0)
    assert gaps.loc["v0", "nearest_covered_village_name"] == "V 1"
    assert gaps.loc["v2", "nearest_covered_village"] == "v1"
    assert gaps.loc["v4", "nearest_covered_village"] == "v3"  # itself does not count
    assert gaps.loc["v4", "nearest_covered_village_km"] == pytest.approx(23.0)
    assert gaps.loc["v0", ["nearest_site_km", "nearest_site"]].tolist() == [4.0, "S1"]
    none = found(
        table.assign(centre_covered_any=yes_no(*[False] * 5), observed_signal_any=yes_no(*[None] * 5)), villages
    )
    assert none.villages["nearest_covered_village_km"].isna().all()
    assert none.villages["nearest_covered_village"].isna().all()
    placeless = found(table, layer(table))
    assert placeless.villages["nearest_covered_village"].isna().all()


def test_villages_are_told_by_what_finds_them_uncovered() -> None:
    table = rows(
        8,
        observed_signal_2g=yes_no(False, False, True, None, None, True, False, False),
        centre_covered_2g=yes_no(False, True, False, False, True, True, None, None),
    )
    counts = found(table, layer(table)).counts
    assert (counts["uncovered_by_both"], counts["uncovered_by_reports_only"]) == (1, 1)
    assert (counts["uncovered_by_model_only"], counts["uncovered_unreported"]) == (1, 1)
    assert counts["uncovered_unmodelled"] == 2
    # without a village that only the model leaves out these are the villages that lack signal
    assert counts["villages_none_at_centre"] == 1 + 1 + 1 + 2


def test_own_classes_of_villages_come_before_the_communes() -> None:
    table = rows(2, centre_covered_any=yes_no(False, False))
    assert found(table, layer(table)).villages["classes"].tolist() == ["mountainous", "mountainous"]
    own = found(table.assign(mountainous=yes_no(False, None)), layer(table)).villages
    assert own["classes"].tolist() == ["", ""]


def test_totals_count_nobody_twice() -> None:
    units = communes(people_covered_any_pct=[70.0, 99.0], telephone_access_point=yes_no(True, False))
    table = rows(3, centre_covered_any=yes_no(False, False, True), clusters_uncovered=[1.0, NAN, 0.0])
    table.loc[2, "unit_code"] = "2"
    table = pd.concat([table, rows(1, centre_covered_any=yes_no(False)).assign(code="stray", unit_code="9")])
    table = table.reset_index(drop=True)
    gaps = found(table, layer(table, people=[300.0, 150.0, 80.0, 7.0]), units, packs=("mobile_signal", "resolution_08"))
    totals = gaps.totals.set_index(["district", "service"])
    assert list(gaps.totals.columns) == list(TOTAL_COLUMNS)
    # A: 300 people by the share, 450 by its villages; B: all 500 without telephone; a village of no commune: 7
    assert totals.loc[("", ""), "people_affected"] == pytest.approx(450 + 500 + 7)
    assert totals.loc[("", "mobile"), "people_affected"] == pytest.approx(457)
    assert totals.loc[("x", "mobile"), "people_affected"] == pytest.approx(450)
    assert totals.loc[("y", "broadband"), "people_affected"] == pytest.approx(500)
    assert totals.loc[("y", "mobile"), "people_affected"] == 0
    assert totals.loc[("", "mobile"), ["units", "villages", "none_at_centre"]].tolist() == [1, 3, 3]
    assert totals.loc[("x", ""), "villages"] == 2
    crowded = found(table, layer(table, people=[900.0, 950.0, 80.0, 7.0]), units)
    assert crowded.totals.set_index(["district", "service"]).loc[("x", ""), "people_affected"] == 1000  # all of A


def test_states_are_counted_whether_or_not_a_rule_asks_for_them() -> None:
    """Without the rule on a second operator villages with one are no gaps, but it would be wrong to count none."""
    table = rows(
        4,
        centre_covered_any=yes_no(False, True, True, True),
        clusters_uncovered=[NAN, 0.0, 2.0, 0.0],
        operators_at_centre_count=[0.0, 1.0, 3.0, 3.0],
    )
    gaps = found(table, layer(table), packs=("mobile_signal", "resolution_08"))
    states = ["none_at_centre", "none_at_cluster", "one_operator"]
    assert gaps.villages["code"].tolist() == ["v0", "v2"]
    assert [gaps.counts[f"villages_{state}"] for state in states] == [1, 1, 1]
    totals = gaps.totals.set_index(["district", "service"])
    assert totals.loc[("", ""), ["villages", *states]].tolist() == [2, 1, 1, 1]
    assert totals.loc[("x", "mobile"), ["villages", *states]].tolist() == [2, 1, 1, 1]
    assert totals.loc[("y", "mobile"), ["villages", *states]].isna().all()  # no village is known there
    assert totals.loc[("x", "broadband"), states].isna().all()  # signal is no matter of broadband


def test_what_could_not_be_judged_is_no_data_and_not_none() -> None:
    units = communes(people_covered_any_pct=[NAN, 100.0])
    nothing = rows(2).assign(unit_code=["1", "2"])
    for table in (None, nothing):
        gaps = found(table, None if table is None else layer(table), units)  # type: ignore[arg-type]
        totals = gaps.totals.set_index(["district", "service"])
        assert totals.loc[("", "mobile"), "units"] == 0  # B meets the rule
        assert totals.loc[("x", "mobile"), ["units", "people_affected"]].isna().all()  # A waits for data
        assert totals.loc[("y", "mobile"), ["units", "people_affected"]].tolist() == [0, 0]
        villages = ["villages", "none_at_centre", "none_at_cluster", "one_operator"]
        assert totals[villages].isna().all(axis=None)


def test_people_that_nobody_knows_are_counted_as_not_known() -> None:
    units = communes(people=[NAN, 500.0], households=[NAN, NAN], telephone_access_point=yes_no(False, True))
    table = rows(1, centre_covered_any=yes_no(False))
    gaps = found(table, layer(table, people=NAN), units, packs=("mobile_signal", "resolution_08"))
    whole = gaps.totals.iloc[0]
    assert np.isnan(whole["people_affected"])
    assert whole["unknown"] == 2
    assert gaps.totals.loc[0, "villages"] == 1
    none = gaps.totals.set_index(["district", "service"]).loc[("y", "")]
    assert (none["people_affected"], none["unknown"]) == (0.0, 0)


# laws, on communes and villages drawn at random


signals = st.sampled_from([True, False, None])
numbers_or_none = st.one_of(st.just(NAN), st.floats(0, 100))


@st.composite
def studies(draw: st.DrawFn) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    def many(of: st.SearchStrategy[object], count: int) -> list[object]:
        return draw(st.lists(of, min_size=count, max_size=count))

    units = communes(
        people=many(st.one_of(st.just(NAN), st.integers(1, 5000).map(float)), 2),
        people_covered_any_pct=many(numbers_or_none, 2),
        points_post_count=many(st.sampled_from([0.0, 1.0, NAN]), 2),
        telephone_access_point=yes_no(*many(signals, 2)),  # type: ignore[arg-type]
    )
    count = draw(st.integers(0, 5))
    table = pd.DataFrame(
        {
            "code": [f"v{i}" for i in range(count)],
            "name": [f"V {i}" for i in range(count)],
            "unit_code": many(st.sampled_from(["1", "2", "9"]), count),
            "centre_covered_2g": yes_no(*many(signals, count)),  # type: ignore[arg-type]
            "observed_signal_2g": yes_no(*many(signals, count)),  # type: ignore[arg-type]
            "clusters_uncovered": many(st.sampled_from([0.0, 1.0, NAN]), count),
            "operators_at_centre_count": many(st.sampled_from([0.0, 1.0, 2.0, NAN]), count),
            "people_covered_any_pct": many(numbers_or_none, count),
        }
    ).astype({"code": "str", "name": "str", "unit_code": "str"})
    people = many(st.one_of(st.just(NAN), st.integers(1, 900).map(float)), count)
    return units, table, layer(table, people=np.array(people, dtype=float))


PACKS = (*MOBILE, "resolution_08", "postal_qcvn1")


def without(rules: RuleSet, rule_id: str) -> RuleSet:
    return RuleSet(rules.packs, tuple(rule for rule in rules.rules if rule.id != rule_id), rules.skipped)


@settings(max_examples=12, deadline=None)
@given(study=studies())
def test_gaps_are_the_rows_with_a_reason_and_nothing_is_both_failed_and_not_judged(
    study: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame],
) -> None:
    units, table, villages = study
    gaps = find_gaps(units, table, rules=choose_rules(PACKS, on=ON), villages=villages)
    for level, listed in (("unit", gaps.units), ("village", gaps.villages)):
        own = gaps.reasons[gaps.reasons["level"] == level]
        assert set(listed["code"]) == set(own["code"])
        assert listed.set_index("code")["reasons_count"].to_dict() == own["code"].value_counts().to_dict()
        assert listed["rank"].tolist() == list(range(1, len(listed) + 1))
        largest = own.groupby("code")["people_affected"].max()
        pd.testing.assert_series_equal(
            listed.set_index("code")["people_affected"].sort_index(), largest.sort_index(), check_names=False
        )
    failed = set(zip(gaps.reasons["code"], gaps.reasons["rule"], strict=True))
    assert not failed & set(zip(gaps.not_judged["code"], gaps.not_judged["rule"], strict=True))
    assert (gaps.reasons["margin"] < 0).all()
    assert gaps.reasons["text_vi"].str.len().gt(0).all()
    order = {"none_at_centre": 0, "none_at_cluster": 1, "one_operator": 2, "": 3}
    assert gaps.villages["signal_state"].map(order).is_monotonic_increasing


@settings(max_examples=12, deadline=None)
@given(study=studies())
def test_a_row_that_meets_all_rules_is_no_gap(study: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]) -> None:
    units, table, villages = study
    met = units.assign(
        people_covered_any_pct=100.0,
        points_post_count=1.0,
        telephone_access_point=yes_no(True, True),
        public_internet_point=yes_no(True, True),
        same_day_mail=yes_no(True, True),
        mean_service_radius_post_km=1.0,
        people_per_post_point=100.0,
    )
    count = len(table)
    good = table.assign(
        centre_covered_2g=yes_no(*[True] * count),
        observed_signal_2g=yes_no(*[True] * count),
        clusters_uncovered=0.0,
        operators_at_centre_count=2.0,
    )
    gaps = find_gaps(met, good, rules=choose_rules(PACKS, on=ON), villages=villages)
    assert (len(gaps.units), len(gaps.villages), len(gaps.reasons), len(gaps.not_judged)) == (0, 0, 0, 0)
    assert gaps.totals[["units", "villages", "people_affected", "unknown"]].sum().sum() == 0


@settings(max_examples=12, deadline=None)
@given(study=studies(), dropped=st.sampled_from([rule.id for rule in choose_rules(PACKS, on=ON).rules]))
def test_a_rule_more_never_takes_a_gap_or_a_person_away(
    study: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame], dropped: str
) -> None:
    units, table, villages = study
    rules = choose_rules(PACKS, on=ON)
    every = find_gaps(units, table, rules=rules, villages=villages)
    fewer = find_gaps(units, table, rules=without(rules, dropped), villages=villages)
    assert set(fewer.units["code"]) <= set(every.units["code"])
    assert set(fewer.villages["code"]) <= set(every.villages["code"])
    people = [np.nan_to_num(gaps.totals.iloc[0]["people_affected"]) for gaps in (fewer, every)]
    assert people[0] <= people[1] + 1e-9


@settings(max_examples=12, deadline=None)
@given(study=studies())
def test_totals_lie_between_the_largest_reason_and_all_people(
    study: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame],
) -> None:
    units, table, villages = study
    gaps = find_gaps(units, table, rules=choose_rules(PACKS, on=ON), villages=villages)
    whole = gaps.totals.iloc[0]
    people = np.nan_to_num(whole["people_affected"])
    in_communes = gaps.units["people_affected"].sum()
    assert people >= in_communes - 1e-6
    if units["people"].notna().all():
        strays = villages.loc[villages["unit_code"] == "9", "population"].sum()
        assert people <= units["people"].sum() + strays + 1e-6
    for level, listed in (("unit", gaps.units), ("village", gaps.villages)):
        counted = whole[f"{level}s"]
        assert counted == len(listed) if not pd.isna(counted) else not len(listed)
    districts = gaps.totals[(gaps.totals["district"] != "") & (gaps.totals["service"] == "")]
    assert districts["units"].sum() == whole["units"]
    none_known = np.isnan(whole["people_affected"])
    assert not none_known or whole["unknown"] > 0


@settings(max_examples=8, deadline=None)
@given(study=studies(), seed=st.integers(0, 99))
def test_the_order_of_the_rows_does_not_matter(
    study: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame], seed: int
) -> None:
    units, table, villages = study
    rules = choose_rules(PACKS, on=ON)
    turn = np.random.default_rng(seed).permutation(len(table))
    turned = table.iloc[turn].reset_index(drop=True), villages.iloc[turn].reset_index(drop=True)
    first = find_gaps(units, table, rules=rules, villages=villages)
    second = find_gaps(units, turned[0], rules=rules, villages=turned[1])
    pd.testing.assert_frame_equal(first.villages, second.villages)
    pd.testing.assert_frame_equal(first.totals, second.totals)
    assert first.counts == second.counts


@settings(max_examples=60, deadline=None)
@given(value=st.floats(0, 94.9), threshold=st.integers(950, 1000).map(lambda tenths: tenths / 10))
def test_the_numbers_of_a_sentence_add_up(value: float, threshold: float) -> None:
    rule = replace(choose_rules(("mobile_signal",), on=ON)["mobile_people"], threshold=threshold)
    numbers = [float(word) for word in re.findall(r"\d+(?:\.\d+)?", rule.sentence(value, "en"))]
    told, asked, short = numbers
    assert told == pytest.approx(value, abs=0.0500001)
    assert asked == threshold
    assert told + short == pytest.approx(asked, abs=1e-9)
    assert rule.sentence(rule.told(value), "vi") == rule.sentence(value, "vi")
