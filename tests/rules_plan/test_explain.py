"""A commune explained: what is said follows from its rows, in both languages, and nothing that they do not hold."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phusong.coverage.explain.cures import UPGRADE_DB
from phusong.coverage.explain.explain import explain
from phusong.coverage.explain.known import Known, Weak
from phusong.coverage.explain.statement import TOPICS, Amount, Several, Statement
from phusong.coverage.rules.pack import meets
from phusong.layers.messages import LANGS, catalogue

ON = date(2012, 12, 31)
RULES: dict[str, dict[str, Any]] = {
    "mobile_people": {
        **{"id": "mobile_people", "level": "unit", "service": "mobile", "indicator": "people_covered_any_pct"},
        **{"comparison": ">=", "threshold": 95.0, "unit": "%", "weight": 4.0, "applies_to": "all"},
        **{"source": "a planner's parameter", "standing": "assumption", "valid_from": date(2010, 1, 1)},
    },
    "post_people": {
        **{"id": "post_people", "level": "unit", "service": "post", "indicator": "people_per_post_point"},
        **{"comparison": "<=", "threshold": 8000.0, "unit": "persons_per_point", "weight": 1.0, "applies_to": "all"},
        **{"source": "QCVN 1", "standing": "unverified", "valid_from": None},
    },
    "mountain_only": {
        **{"id": "mountain_only", "level": "unit", "service": "post", "indicator": "same_day_mail"},
        **{"comparison": ">=", "threshold": 1.0, "unit": "yes_no", "weight": 1.0, "applies_to": "mountainous"},
        **{"source": "x", "standing": "official", "valid_from": None},
    },
    "village_centre_signal": {"id": "village_centre_signal", "level": "village", "service": "mobile"},
}
UNIT: dict[str, Any] = {
    **{"code": "1", "name": "Xã Một", "district": "Huyện", "people": 2000.0, "area_km2": 100.0, "lon": 106.5},
    **{"lat": 16.5, "mountainous": True, "points_post_count": 1.0, "mean_distance_post_km": 4.0},
    **{"mean_time_post_office_min": 95.4},
}


def reason(rule: str, value: float, **changes: Any) -> dict[str, Any]:
    of = RULES[rule]
    margin = value - of["threshold"] if of["comparison"] == ">=" else of["threshold"] - value
    return {
        **{"rule": rule, "indicator": of["indicator"], "value": value, "comparison": of["comparison"]},
        **{"threshold": of["threshold"], "margin": margin, "unit": of["unit"], "basis": "model"},
        **{"people_affected": 1800.0, "source": of["source"], "standing": of["standing"], "override_reason": None},
        **{"text_en": f"{rule} fails", "text_vi": f"{rule} không đạt", "observed_as_of": None},
        **changes,
    }


def village(code: str, lon: float = 106.5, lat: float = 16.5) -> dict[str, Any]:
    return {"code": code, "name": f"Bản {code}", "population": 300.0, "lon": lon, "lat": lat}


def gap_village(code: str, state: str | None = "none_at_centre", **changes: Any) -> dict[str, Any]:
    return {
        **{"code": code, "name": f"Bản {code}", "unit_code": "1", "population": 300.0, "people_affected": 300.0},
        **{"signal_state": state, "observed": None, "predicted": False, "grid_power": True, "basis": "model"},
        **changes,
    }


def serves(candidate: str, code: str, *, rank: int | None, new: float | None, **changes: Any) -> dict[str, Any]:
    level = "unit" if code == "1" else "village"
    return {
        **{"candidate_id": candidate, "rank": rank, "level": level, "code": code, "people_lacking": 1800.0},
        **{"people_alone": new or 500.0, "people_new": new, "centre": "" if level == "unit" else "yes"},
        **changes,
    }


def site(name: str, rank: int | None, km: float = 1.0, cost_vnd: float = 0.83e9) -> dict[str, Any]:
    return {"name": name, "unit_name": "Xã Hai", "rank": rank, "km": km, "cost_vnd": cost_vnd}


def known(**changes: Any) -> Known:
    given: dict[str, Any] = {"as_of": ON, "unit": UNIT, "rules": RULES, "technology": "2G"}
    return Known(**(given | changes))


def gap_of(*reasons: dict[str, Any], **changes: Any) -> Known:
    row = {"rank": 3, "people_affected": 1800.0}
    return known(
        gap=row, gaps_count=9, reasons=reasons, need={"need_index": 61.2, "judged_weight_pct": 100.0}, **changes
    )


def of(known_: Known, code: str) -> list[Statement]:
    return [one for one in explain(known_) if one.code == code]


def one(known_: Known, code: str) -> Statement:
    found = of(known_, code)
    assert len(found) == 1, [statement.code for statement in explain(known_)]
    return found[0]


def test_a_commune_that_meets_all_rules_is_said_to_and_nothing_is_missing_or_to_be_cured() -> None:
    told = explain(known())
    assert {statement.topic for statement in told} == {"summary", "where"}
    assert told[0].say("en") == "Xã Một meets all 3 rules that could be judged: no gap was found."
    assert told[0].say("vi") == "Xã Một đạt cả 3 tiêu chí đánh giá được: không phát hiện thiếu hụt."


def test_rules_for_another_class_are_not_counted_and_no_data_is_neither_good_nor_bad() -> None:
    lowland = known(unit=UNIT | {"mountainous": False})
    assert one(lowland, "summary.none").params["judged"] == 2
    open_ = [
        {"level": "unit", "code": "1", "rule": rule, "indicator": RULES[rule]["indicator"], "why": "no_data"}
        for rule in ("mobile_people", "post_people")
    ]
    assert one(known(not_judged=open_), "summary.none").params["judged"] == 1
    nothing = known(unit=UNIT | {"mountainous": False}, not_judged=open_)
    assert one(nothing, "summary.not_judged").say("en").startswith("No rule could be judged for Xã Một")
    assert "People with mobile signal" in one(nothing, "unknown.unit").say("en")


def test_a_gap_says_what_for_whom_since_when_on_what_basis_and_by_which_standing() -> None:
    told = gap_of(reason("mobile_people", 10.0))
    assert one(told, "summary.gap").say("en") == (
        "Xã Một does not meet 1 of the 3 rules that could be judged; 1,800 people of 2,000 are affected."
    )
    sentences = [statement.say("en") for statement in explain(told) if statement.topic == "missing"]
    assert sentences == [
        "Mobile_people fails.",
        "Affected: 1,800 people, 90 % of the commune.",
        "Not met on 2012-12-31; the rule is in force since 2010-01-01.",
        "Basis: coverage computed from masts and terrain.",
        "The threshold is a planning assumption, not an official figure: a planner's parameter.",
    ]
    assert [statement.after for statement in explain(told) if statement.topic == "missing"] == [False, *[True] * 4]


def test_a_report_decides_the_day_and_an_own_threshold_is_told_with_its_reason() -> None:
    row = reason("mobile_people", 10.0, basis="observed", observed_as_of=date(2012, 10, 5), override_reason="hard area")
    told = gap_of(row)
    assert one(told, "missing.since.rule").params["day"] == date(2012, 10, 5)
    assert one(told, "missing.basis.observed").say("vi") == "Căn cứ: báo cáo thực tế về sóng tại địa bàn."
    assert one(told, "missing.override").say("en") == "This study set the threshold itself, because: hard area."


def test_unknown_people_are_said_to_be_unknown_and_everyone_is_everyone() -> None:
    row = reason("post_people", 9000.0, people_affected=None)
    unknown = known(gap={"rank": 1, "people_affected": None}, reasons=[row])
    assert of(unknown, "summary.gap_people_unknown")
    assert of(unknown, "missing.people_unknown")
    row = reason("post_people", 9000.0, people_affected=2000.0)
    everyone = known(gap={"rank": 1, "people_affected": 2000.0}, reasons=[row])
    assert of(everyone, "summary.gap_all")
    assert one(everyone, "missing.people_all").say("en") == "Affected: all 2,000 people of the commune."


def test_villages_stand_by_state_with_people_names_and_power() -> None:
    rows = [
        gap_village("a", grid_power=False, observed=False, predicted=True),
        gap_village("b", people_affected=120.0),
        gap_village("c", "none_at_cluster", people_affected=None, clusters_basis="populated_cells"),
        gap_village("d", "one_operator"),
        gap_village("e", None),
    ]
    told = known(villages=[village(code) for code in "abcdef"], gap_villages=rows)
    assert one(told, "summary.villages_only").params["count"] == 5
    assert one(told, "villages.none_at_centre").say("vi") == (
        "Trắng sóng (trung tâm thôn, bản không có sóng): 2 thôn, bản, 420 người: Bản a, Bản b."
    )
    assert one(told, "villages.none_at_centre").places == ("a", "b")
    assert one(told, "villages.none_at_cluster_people_unknown").places == ("c",)
    assert one(told, "villages.clusters_stand_in").params["count"] == 1
    assert one(told, "villages.one_operator").places == ("d",)
    assert one(told, "villages.other").places == ("e",)
    assert one(told, "villages.no_power").places == ("a",)
    assert one(told, "villages.reported_only").places == ("a",)
    assert one(told, "villages.model_only").places == ("b", "c")
    assert not of(told, "villages.both")
    both = known(villages=[village("a")], gap_villages=[gap_village("a", observed=False)])
    assert one(both, "villages.both").places == ("a",)
    assert not of(both, "villages.model_only")


def test_the_farthest_village_names_the_one_with_signal_and_the_mast() -> None:
    far = {"nearest_covered_village_km": 9.0, "nearest_covered_village": "z", "nearest_covered_village_name": "Bản Z"}
    mast = {"nearest_site": "M1", "nearest_site_km": 4.2}
    rows = [gap_village("a", nearest_covered_village_km=2.0), gap_village("b", **far, **mast)]
    rows.append(gap_village("c", "none_at_cluster", nearest_covered_village_km=30.0))  # its centre has signal
    told = known(villages=[village(code) for code in "abc"], gap_villages=rows)
    assert one(told, "villages.farthest").say("en") == (
        "Farthest from signal: Bản b, 9 km from Bản Z, the nearest village that has it."
    )
    assert one(told, "villages.nearest_site").say("vi") == "Trạm đang hoạt động gần nhất (M1) cách 4,2 km."


def test_sites_of_the_plan_are_named_by_the_people_they_bring_and_the_rest_is_counted() -> None:
    news = ((1, 100.0), (4, 900.0), (6, 300.0), (9, 50.0))
    rows = [serves(f"H{rank}", "1", rank=rank, new=new) for rank, new in news]
    rows += [
        serves("H4", "a", rank=4, new=280.0),
        serves("H4", "b", rank=4, new=90.0, centre="no"),
        serves("H6", "a", rank=6, new=0.0),
    ]
    told = gap_of(
        reason("mobile_people", 10.0),
        villages=[village("a"), village("b")],
        gap_villages=[gap_village("a"), gap_village("b")],
        serves=rows,
        sites={f"H{rank}": site(f"Đồi {rank}", rank) for rank in (1, 4, 6, 9)},
    )
    first = one(told, "cure.plan_site_villages")
    assert first.say("en") == (
        "Site 4 of the investment plan, near Đồi 4 (Xã Hai), brings 2G signal to 900 people of the 1,800 without it "
        "here, for VND 0.83 bn; it serves Bản a."
    )
    assert first.places == ("H4", "a")
    assert [statement.params["rank"] for statement in of(told, "cure.plan_site")] == [6, 1]
    assert one(told, "cure.plan_others").say("en") == ("Elsewhere in the plan (no. 9) it is brought to 50 people more.")
    assert one(told, "cure.plan_rest").params["rest"] == Amount(450.0, "persons", most=0)


def test_when_the_plan_reaches_everyone_nobody_remains() -> None:
    sites = {"H1": site("Đồi", 1)}
    told = gap_of(reason("mobile_people", 10.0), serves=[serves("H1", "1", rank=1, new=1799.6)], sites=sites)
    assert of(told, "cure.plan_all")
    assert not of(told, "cure.plan_rest")


def test_beyond_the_plan_the_best_candidate_for_its_money_is_named_and_the_nearest_site_of_the_plan() -> None:
    rows = [
        serves("H1", "1", rank=None, new=None, people_alone=600.0),
        serves("H2", "1", rank=None, new=None, people_alone=700.0),
    ]
    sites = {
        "H1": site("Đồi", None, cost_vnd=0.5e9),
        "H2": site("Núi", None, cost_vnd=1e9),
        "H7": site("Xa", 2, km=14.0),
        "H8": site("Gần", 5, km=8.04),
    }
    told = gap_of(reason("mobile_people", 10.0), serves=rows, sites=sites)
    assert one(told, "cure.beyond").places == ("H1",)
    assert one(told, "cure.nearest_planned").say("en") == (
        "The nearest site of the plan, number 5 near Gần (Xã Hai), is 8 km away."
    )
    nobody = gap_of(reason("mobile_people", 10.0), sites=sites)
    assert one(nobody, "cure.none_reaches").params["count"] == Amount(4, "", most=0)


@pytest.mark.parametrize(("short_db", "named"), [(0.4, True), (UPGRADE_DB, True), (UPGRADE_DB + 0.1, False)])
def test_an_upgrade_is_named_only_where_little_is_lacking(short_db: float, named: bool) -> None:
    weak = {"a": Weak(short_db, "M7", "Viettel", "2G", 3.21)}
    told = known(villages=[village("a")], gap_villages=[gap_village("a")], weak=weak)
    assert bool(of(told, "cure.upgrade")) is named
    if named:
        assert one(told, "cure.upgrade").places == ("a", "M7")


def test_posts_to_build_meet_the_rule_and_one_less_does_not() -> None:
    for people, points in ((25_000.0, 2), (16_001.0, 1), (16_000.0, 1), (40_000.0, 3)):
        unit = UNIT | {"people": people, "points_post_count": float(points)}
        told = gap_of(reason("post_people", people / points), unit=unit)
        said = one(told, "cure.build").say("en")
        more = int("".join(c for c in said if c.isdigit()))
        assert meets(people / (points + more), 8000.0, "<=")
        assert more == 1 or not meets(people / (points + more - 1), 8000.0, "<=")
    assert one(told, "cure.nearest_point").say("en") == "Today the nearest one is 4 km from the people on average."


RADIUS: dict[str, Any] = RULES["post_people"] | {
    **{"id": "post_radius", "indicator": "mean_service_radius_post_km", "threshold": 3.0, "unit": "km"},
}


def test_points_built_for_one_rule_count_for_the_others_of_the_service() -> None:
    """9,000 people ask for one more point, a radius of 6 km for three more: three meet both, not four."""
    radius = reason("post_people", 6.0) | {"rule": "post_radius", "indicator": RADIUS["indicator"], "unit": "km"}
    radius |= {"threshold": 3.0, "margin": -3.0}
    unit = UNIT | {"people": 9000.0, "area_km2": math.pi * 36.0}
    told = gap_of(reason("post_people", 9000.0), radius, unit=unit, rules=RULES | {"post_radius": RADIUS})
    assert one(told, "cure.build_all").say("en") == "To meet 2 rules at once: 3 more postal points."
    assert one(told, "cure.build_all").rule == "post_radius"
    assert not of(told, "cure.build")
    assert len(of(told, "cure.nearest_point")) == 1


def test_the_plan_and_the_rule_may_count_other_people_and_that_is_told() -> None:
    given: dict[str, Any] = {"serves": [serves("H1", "1", rank=1, new=1799.6)], "sites": {"H1": site("Đồi", 1)}}
    same = gap_of(reason("mobile_people", 10.0), **given)
    assert not of(same, "cure.counted")
    fewer = reason("mobile_people", 80.0, people_affected=400.0)
    assert one(gap_of(fewer, **given), "cure.counted").say("en") == (
        "The rule counts 400 people without any signal, by computation alone; the plan counts 1,800 people without 2G "
        "signal, and takes a village reported to lack it as lacking it as a whole."
    )
    assert of(gap_of(fewer, **given, operator="Viettel"), "cure.counted_operator")
    assert not of(gap_of(fewer | {"basis": "observed"}, **given), "cure.counted")


def test_sites_that_bring_little_are_summed_and_villages_beyond_the_first_are_counted() -> None:
    rows = [serves(f"H{rank}", "1", rank=rank, new=new) for rank, new in ((1, 1700.0), (2, 50.0), (3, 49.0))]
    codes = "abcdef"
    told = gap_of(
        reason("mobile_people", 10.0),
        villages=[village(code) for code in codes],
        gap_villages=[gap_village(code) for code in codes],
        weak={code: Weak(2.0, "M7", "Viettel", "2G", 3.0) for code in codes},
        serves=rows,
        sites={f"H{rank}": site("Đồi", rank) for rank in (1, 2, 3)},
    )
    assert [statement.params["rank"] for statement in of(told, "cure.plan_site")] == [1]
    assert one(told, "cure.plan_others").params["people"] == Amount(99.0, "persons", most=0)
    assert len(of(told, "cure.upgrade")) == 4
    assert one(told, "cure.upgrade_others").places == ("e", "f")
    assert not one(told, "cure.upgrades").after


def test_a_site_beyond_the_plan_is_none_of_the_plan() -> None:
    rows = [serves("H1", "1", rank=1, new=0.0, people_alone=900.0), serves("H2", "1", rank=None, new=None)]
    sites = {"H1": site("Đồi", 1), "H2": site("Núi", None, cost_vnd=9e9)}
    assert one(gap_of(reason("mobile_people", 10.0), serves=rows, sites=sites), "cure.beyond").places == ("H2",)


def test_a_source_is_cited_in_the_language_asked_for() -> None:
    cited = {"mobile_people": {"en": "a planner's parameter.", "vi": "tham số của người lập quy hoạch."}}
    told = one(gap_of(reason("mobile_people", 10.0), cited=cited), "missing.standing.assumption")
    assert told.say("vi").endswith("không phải quy định chính thức: tham số của người lập quy hoạch.")
    assert told.plain()["source"] == {"en": "a planner's parameter", "vi": "tham số của người lập quy hoạch"}


def test_where_to_look_turns_on_what_the_gap_is_of() -> None:
    post = gap_of(reason("post_people", 9000.0))
    assert [one.code for one in explain(post) if one.topic == "where"] == ["where.place", "where.post"]
    mobile = gap_of(reason("mobile_people", 10.0))
    assert [one.code for one in explain(mobile) if one.topic == "where"] == ["where.place", "where.signal"]


def test_mail_and_things_nobody_can_count_have_their_own_words() -> None:
    mail = gap_of(reason("mountain_only", 0.0))
    assert "a post office is 95 minutes away" in one(mail, "cure.mail_from").say("en")
    rules = RULES | {"r": RULES["post_people"] | {"id": "r", "indicator": "mean_time_post_min", "unit": "min"}}
    slow = {"rule": "r", "indicator": "mean_time_post_min", "unit": "min", "threshold": 30.0, "margin": -12.0}
    row = reason("post_people", 42.0) | slow
    assert "12 minutes less reach the threshold of 30 minutes" in one(gap_of(row, rules=rules), "cure.less").say("en")


def test_the_place_in_the_ranking_comes_with_its_range_and_what_it_depends_on() -> None:
    ranking = {"rank": 7, "rank_low": 3, "rank_high": 15, "in_first_pct": 98.4, "depends_on": "weights;thresholds"}
    told = gap_of(reason("mobile_people", 10.0), ranking=ranking, ranked=142, first_n=20, draws=1000)
    said = [statement.say("en") for statement in explain(told) if statement.topic == "ranking"]
    assert said[0] == "Place 7 of 142 communes by need (index 61.2 of 100)."
    assert "1,000 draws" in said[1]
    assert "between 3 and 15" in said[1]
    assert said[2] == "It is among the first 20 in 98.4 % of them."
    assert said[3].startswith("Whether it is among the first 20 depends on: ")
    together = gap_of(reason("mobile_people", 10.0), ranking=ranking | {"depends_on": "together"}, first_n=20)
    assert one(together, "ranking.depends_together").say("en").startswith("No single choice moves it")
    assert not of(together, "ranking.depends")
    fixed = gap_of(reason("mobile_people", 10.0), ranking=ranking | {"rank_low": 7, "rank_high": 7}, ranked=142)
    assert of(fixed, "ranking.same")
    without = gap_of(reason("mobile_people", 10.0))
    assert one(without, "ranking.place_of_gaps").say("en").startswith("Place 3 of the 9 communes with gaps")
    none = known(need={"need_index": 0.0, "judged_weight_pct": 100.0}, ranking=ranking, ranked=142)
    assert [one.code for one in explain(none) if one.topic == "ranking"] == ["ranking.no_need", "ranking.depends"]
    half = known(need={"need_index": 10.0, "judged_weight_pct": 54.4})
    assert one(half, "ranking.judged").say("vi").startswith("Mới đánh giá được 54 %")


@pytest.mark.parametrize(
    ("east", "north", "word"),
    [(0.04, 0.0, "e"), (0.03, 0.03, "ne"), (0.0, -0.04, "s"), (-0.04, 0.001, "w"), (0.004, 0.0, "")],
)
def test_the_map_is_pointed_at_by_where_the_villages_with_gaps_lie(east: float, north: float, word: str) -> None:
    places = [village("a", 106.5 + east, 16.5 + north)]
    told = known(villages=places, gap_villages=[gap_village("a")])
    if word:
        assert one(told, "where.direction").plain() == {"direction": f"explain.direction.{word}"}
    else:
        assert of(told, "where.spread")
    assert "106.5° E, 16.5° N" in one(told, "where.place").say("en")
    assert one(told, "where.signal").after


def test_a_class_is_told_with_what_speaks_against_it() -> None:
    rows = [
        {"class": "mountainous", "used": True, "official": True, "computed": False},
        {"class": "island", "used": False, "official": False, "computed": None},
        {"class": "land_border", "used": False, "official": False, "computed": True},
    ]
    told = known(classes=rows)
    assert one(told, "summary.classes").say("en") == "It is counted as: mountainous."
    assert of(told, "summary.class_not_computed")
    assert of(told, "summary.class_not_official")


def test_many_names_are_cut_and_counted() -> None:
    assert Several(("a", "b", "c"), most=2).say("en") == "a, b and 1 more"
    assert Several(("a", "b"), most=2).say("vi") == "a, b"
    assert Several((date(2012, 1, 2), 1500), most=2).say("vi") == "02/01/2012, 1.500"


def test_a_sentence_begins_with_a_capital_and_a_name_is_left_as_it_is() -> None:
    evil = "<b>{name}</b> $x$"
    told = known(unit=UNIT | {"name": evil})
    assert evil in one(told, "summary.none").say("en")
    assert one(gap_of(reason("mobile_people", 1.0, text_vi="đạt 1 %")), "missing.reason").say("vi") == "Đạt 1 %."


maybe = st.none() | st.floats(0, 5000)
flags = st.sampled_from([None, True, False])
villages_ = st.lists(
    st.builds(
        gap_village,
        st.sampled_from("abcdef"),
        st.sampled_from(["none_at_centre", "none_at_cluster", "one_operator", "", None]),
        people_affected=maybe,
        observed=flags,
        predicted=flags,
        grid_power=st.sampled_from([None, True, False]),
        nearest_covered_village_km=maybe,
        nearest_site_km=maybe,
    ),
    max_size=6,
    unique_by=lambda row: row["code"],
)
reasons_ = st.lists(
    st.builds(
        reason,
        st.sampled_from(["mobile_people", "post_people", "mountain_only"]),
        st.floats(0, 20_000),
        people_affected=maybe,
        basis=st.sampled_from(["observed", "model", "record"]),
        standing=st.sampled_from([None, "official", "unverified", "assumption"]),
    ),
    max_size=3,
    unique_by=lambda row: row["rule"],
)

chosen_ = st.lists(st.tuples(st.integers(1, 9), st.floats(0, 900)), max_size=4, unique_by=lambda pair: pair[0])


@settings(max_examples=120, deadline=None)
@given(
    reasons_,
    villages_,
    maybe,
    maybe,
    st.lists(st.tuples(st.integers(1, 9), st.floats(0, 900)), max_size=4, unique_by=lambda p: p[0]),
)
def test_whatever_is_known_is_said_in_both_languages_and_topics_keep_their_order(
    reasons: list[dict[str, Any]],
    gap_villages: list[dict[str, Any]],
    people: float | None,
    area_km2: float | None,
    chosen: list[tuple[int, float]],
) -> None:
    told = known(
        unit=UNIT | {"people": people, "area_km2": area_km2},
        gap={"rank": 1, "people_affected": people} if reasons else None,
        reasons=reasons,
        villages=[village(code) for code in "abcdef"],
        gap_villages=gap_villages,
        serves=[serves(f"H{rank}", "1", rank=rank, new=new) for rank, new in chosen],
        sites={f"H{rank}": site("Đồi", rank) for rank, _ in chosen},
        weak={"a": Weak(3.0, "M", "Viettel", "2G", 2.0)},
    )
    statements = explain(told)
    for statement in statements:
        for lang in LANGS:
            text = statement.say(lang)
            assert text
            assert "None" not in text
            assert "nan" not in text.split()
            assert "{" not in text
    order = [TOPICS.index(statement.topic) for statement in statements]
    assert order == sorted(order)
    assert {statement.rule for statement in statements if statement.topic == "missing"} == {r["rule"] for r in reasons}
    if not reasons and not gap_villages:
        assert not [statement for statement in statements if statement.topic in ("missing", "villages", "cure")]


def test_every_text_of_an_explanation_exists_in_both_languages() -> None:
    entries = {code: entry for code, entry in catalogue().items() if code.startswith("explain.")}
    assert all(set(entry) == set(LANGS) for entry in entries.values())
    assert {f"explain.topic.{topic}" for topic in TOPICS} <= set(entries)
