"""What must be built: the number, put back into the formula, meets the target, and one less does not."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from phusong.coverage.indicators import INDICATORS
from phusong.coverage.rules.pack import Rule, meets
from phusong.coverage.shortfall import FORMS, bounded, build_words, form_of, to_build, unit_parts
from phusong.layers.messages import has

COUNTS = st.integers(0, 100_000).map(float)
EXAMPLES = {
    "count": "points_post_count",
    "share": "public_internet_communes_pct",
    "rate": "broadband_per_100",
    "growth": "broadband_growth_pct",
    "per_point": "people_per_post_point",
    "radius": "mean_service_radius_post_km",
}


def test_quang_tri_at_the_end_of_2012() -> None:
    """156 points on 4,740 km2 against 2.3 km: pi 2.3^2 = 16.62 km2 a point, 286 points, 130 more (3.11 km before)."""
    build = to_build("mean_service_radius_post_km", have=156, base=4740, threshold=2.3, comparison="<=")
    assert build == (130, "points")
    assert math.ceil(4740 / (math.pi * 2.3**2)) == 286
    # the published 3.16 km fits 4,894 km2: 295 points
    assert to_build("mean_service_radius_post_km", have=156, base=4894, threshold=2.3, comparison="<=") == (
        139,
        "points",
    )
    # newspapers and mail of the day in 94 of 141 communes: all need 47 more; 60 % of 141 is 85
    assert to_build("communes_with_post_pct", have=94, base=141, threshold=100, comparison=">=") == (47, "communes")
    assert to_build("government_network_communes_pct", have=66, base=141, threshold=60, comparison=">=") == (
        19,
        "communes",
    )
    # 3.77 per 100 of 608,000 people are 22,922 subscribers; 5 per 100 are 30,400
    assert to_build("broadband_per_100", have=22_922, base=608_000, threshold=5, comparison=">=") == (
        7_478,
        "subscribers",
    )
    assert to_build("people_per_post_point", have=156, base=1_300_000, threshold=8000, comparison="<=") == (7, "points")
    assert to_build("broadband_growth_pct", have=104, base=100, threshold=8, comparison=">=") == (4, "subscribers")


@pytest.mark.parametrize("kind", EXAMPLES)
@given(have=COUNTS, base=st.integers(1, 100_000).map(float), threshold=st.floats(0.01, 2e5), strict=st.booleans())
@example(have=0.0, base=10716.0, threshold=0.015625, strict=True)  # 14 million points: rounding is more than one
@example(have=0.0, base=9046.0, threshold=0.015625, strict=False)
def test_that_many_meet_the_target_and_one_less_does_not(
    kind: str, have: float, base: float, threshold: float, strict: bool
) -> None:
    indicator = EXAMPLES[kind]
    form = form_of(indicator)
    assert form is not None
    assert form.kind == kind
    if kind == "share":
        have, threshold = min(have, base), 100 * threshold / 2e5
    comparison = ("<=" if kind in ("per_point", "radius") else ">=").removesuffix("=" if strict else "")
    build = to_build(indicator, have=have, base=base, threshold=threshold, comparison=comparison)
    if build is None:
        assert form.needed(threshold, base) - have > 1e12 or (
            kind == "share" and strict and threshold > 100 * (base - 1) / base
        )
        return
    count, unit = build
    assert unit == form.unit
    assert meets(form.value(have + count, base), threshold, comparison)
    if count:
        less = have + count - 1
        assert (less == 0 and kind in ("per_point", "radius")) or not meets(
            form.value(less, base), threshold, comparison
        )


@given(have=st.floats(0, 1e6), base=st.floats(1, 1e6), threshold=st.floats(0, 100))
def test_people_without_a_way_are_taken_from_those_that_are(have: float, base: float, threshold: float) -> None:
    assume(have <= base)
    build = to_build("people_unreached_post_pct", have=have, base=base, threshold=threshold, comparison="<=")
    assert build is not None
    assert meets(100 * max(0.0, have - build[0]) / base, threshold, "<=")
    assert build[0] == 0 or not meets(100 * (have - build[0] + 1) / base, threshold, "<=")


@pytest.mark.parametrize(
    ("indicator", "have", "base", "threshold", "comparison"),
    [
        ("mean_time_post_min", 1.0, 1.0, 30.0, "<="),  # a mean time follows from no count
        ("no_such_indicator", 1.0, 1.0, 30.0, ">="),
        ("public_internet_communes_pct", 100.0, 141.0, 101.0, ">="),  # more than all
        ("public_internet_communes_pct", math.nan, 141.0, 50.0, ">="),
        ("public_internet_communes_pct", 0.0, 0.0, 50.0, ">="),
        ("public_internet_communes_pct", 100.0, 141.0, 50.0, "<="),  # building takes nothing away
        ("mean_service_radius_post_km", 100.0, 4740.0, 0.0, "<="),
        ("mean_service_radius_post_km", 100.0, 4740.0, 9.0, ">="),
        ("mean_service_radius_post_km", 100.0, 4740.0, 1e-9, "<="),  # 1e21 points
        ("people_unreached_post_pct", 5.0, 100.0, 50.0, ">="),
    ],
)
def test_what_no_building_meets_has_no_number(
    indicator: str, have: float, base: float, threshold: float, comparison: str
) -> None:
    assert to_build(indicator, have=have, base=base, threshold=threshold, comparison=comparison) is None


def test_the_first_point_where_there_is_none() -> None:
    assert to_build("people_per_post_point", have=0, base=900, threshold=8000, comparison="<=") == (1, "points")
    assert to_build("mean_service_radius_post_km", have=0, base=30, threshold=3, comparison="<=") == (2, "points")


@given(value=st.floats(-1e4, 1e4), comparison=st.sampled_from([">=", "<=", ">", "<", "="]))
def test_meets_as_rules_judge(value: float, comparison: str) -> None:
    rule = Rule(
        id="r",
        level="province",
        indicator="broadband_per_100",
        comparison=">=",
        threshold=1.0,
        unit="per_100",
        service="broadband",
        source="test",
        mark="K",
        text={},
    )
    for threshold in (2.3, value, value * (1 + 1e-12), round(value)):
        judged = replace(rule, threshold=threshold, comparison=comparison)
        assert meets(value, threshold, comparison) is judged.met(value)


def test_no_data_meets_nothing() -> None:
    assert not any(meets(math.nan, 1.0, sign) for sign in (">=", "<=", ">", "<", "="))


def test_every_form_is_of_a_declared_indicator_and_has_words() -> None:
    declared = {one.id for one in INDICATORS}
    assert set(FORMS) <= declared
    assert all(has(f"build.{form.unit}") and has(f"build.{form.unit}_one") for form in FORMS.values())


def test_in_words() -> None:
    assert build_words("mean_service_radius_post_km", 130, "points", "en") == "130 more postal points"
    assert build_words("mean_service_radius_post_km", 1130, "points", "vi") == "thêm 1.130 điểm phục vụ bưu chính"
    assert build_words("public_internet_communes_pct", 1, "communes", "en") == "1 more commune"
    assert "Trường trung học cơ sở" in build_words("lower_secondary_school_lan_pct", 4, "facilities", "vi")
    assert build_words("mean_time_post_min", math.nan, "", "vi") == ""


def test_a_commune_by_its_own_row() -> None:
    row = {"points_post_count": 1.0, "area_km2": 116.0, "people": 4000.0, "households": 1000.0}
    assert unit_parts("mean_service_radius_post_km", 6.08, row) == (1.0, 116.0)
    assert unit_parts("people_per_post_point", 4000.0, row) == (1.0, 4000.0)
    assert unit_parts("people_covered_any_pct", 66.5, row) == (pytest.approx(2660.0), 4000.0)
    assert unit_parts("broadband_per_100_households", 10.0, row) == (pytest.approx(100.0), 1000.0)
    assert unit_parts("schools_lan_pct", 50.0, row) is None
    assert unit_parts("mean_time_post_min", 50.0, row) is None
    assert unit_parts("broadband_per_100", 5.0, {"people": None}) is None


def test_shares_are_bounded_and_growth_is_not() -> None:
    assert bounded("public_internet_communes_pct")
    assert bounded("readiness_score")
    assert not bounded("broadband_growth_pct")
    assert not bounded("broadband_per_100")
    assert not bounded("no_such_indicator")
