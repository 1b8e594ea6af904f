"""Tests of classes as data: what a pack file may say, and the three answers."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phusong.coverage.classes import default_tests
from phusong.coverage.indicators import CLASSES, find
from phusong.coverage.rules.class_tests import ClassTest, Condition, class_indicators
from phusong.coverage.rules.pack import load_pack, parse_pack
from phusong.layers.errors import SettingsError
from phusong.layers.messages import LANGS

HEAD = """
name = "own"
source = "the people's committee"
mark = "K"
standing = "assumption"
[title]
en = "own"
vi = "riêng"
"""
GOOD = """
[[class]]
id = "high_commune"
class = "mountainous"
level = "unit"
all = [
    { indicator = "area_at_200m_pct", comparison = ">", threshold = "3/4", unit = "share" },
    { indicator = "density_per_km2", comparison = "<=", threshold = 50, unit = "per_km2", optional = true },
]
[class.text]
en = "high and thinly peopled"
vi = "cao và thưa dân"
"""


def faults_of(text: str) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        parse_pack(HEAD + text, file="own.toml")
    faults = refused.value.faults
    assert all(fault.file == "own.toml" and fault.row for fault in faults)
    assert all(fault.say(lang) for fault in faults for lang in LANGS)
    return [fault.code for fault in faults]


def test_a_test_as_a_pack_has_it() -> None:
    (test,) = parse_pack(HEAD + GOOD, file="own.toml").classes
    assert (test.id, test.of, test.level, test.how, test.pack) == ("high_commune", "mountainous", "unit", "all", "own")
    assert test.source == "the people's committee"
    first, second = test.conditions
    assert (first.threshold, first.unit, first.written, first.optional) == (75.0, "%", "3/4", False)
    assert (second.threshold, second.unit, second.written, second.optional) == (50.0, "per_km2", "", True)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('"area_at_200m_pct"', '"area_at_300m_pct"', "class_tests.unknown_indicator"),
        ('"area_at_200m_pct"', '"people_covered_any_pct"', "class_tests.unknown_indicator"),
        ('unit = "share"', 'unit = "km"', "class_tests.unit"),
        ('unit = "share"', 'unit = "%"', "class_tests.threshold"),  # a fraction of what?
        ('unit = "per_km2"', 'unit = "share"', "class_tests.unit"),
        ('"3/4"', '"3/0"', "class_tests.threshold"),
        ('"3/4"', '"three quarters"', "class_tests.threshold"),
        ('"3/4"', "inf", "class_tests.threshold"),
        ('"3/4"', '"1e999999999"', "class_tests.threshold"),  # no fraction, and long to work out
        ("threshold = 50, unit", f"threshold = {'9' * 400}, unit", "class_tests.threshold"),
        ('"mountainous"\nlevel = "unit"', '"island"\nlevel = "village"', "class_tests.of_communes"),
        ('"3/4"', "true", "rules.wrong_kind"),
        ('"3/4"', "75", "class_tests.share"),
        ('">"', '"=="', "rules.unknown_word"),
        ('"mountainous"', '"hilly"', "rules.unknown_word"),
        ('level = "unit"', 'level = "province"', "rules.unknown_word"),
        ("all = [", "some = [", "rules.unknown_key"),
        ("all = [", "any = []\nall = [", "class_tests.any_or_all"),
        ("optional = true", "needed = true", "rules.unknown_key"),
        ("optional = true", 'optional = "yes"', "rules.wrong_kind"),
        ('id = "high_commune"', "", "rules.missing_key"),
        ('vi = "cao và thưa dân"', "", "rules.missing_key"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(old: str, new: str, code: str) -> None:
    assert GOOD.count(old) == 1
    assert code in faults_of(GOOD.replace(old, new))


def test_conditions_are_asked_for_and_classes_once() -> None:
    start, end = GOOD.index("all = ["), GOOD.index("[class.text]")
    assert faults_of(GOOD[:start] + "any = []\n" + GOOD[end:]) == ["rules.missing_key"]
    assert faults_of(GOOD + GOOD) == ["class_tests.id_twice"]
    assert faults_of(GOOD + GOOD.replace("high_commune", "other")) == ["class_tests.twice"]


def test_a_source_may_be_written_in_both_languages() -> None:
    cited = GOOD + '[class.source]\nen = "a list"\nvi = "một danh mục"\n'
    told = [parse_pack(HEAD + cited, file="own.toml", lang=lang).classes[0].source for lang in LANGS]
    assert dict(zip(LANGS, told, strict=True)) == {"en": "a list", "vi": "một danh mục"}


@pytest.mark.parametrize(("lang", "word"), [("en", "assumption"), ("vi", "giả định")])
def test_what_the_decree_does_not_say_does_not_pass_as_the_decree(lang: str, word: str) -> None:
    tests = {one.id: one for one in load_pack("decree_272", lang).classes}  # type: ignore[arg-type]
    assumed = {"land_border_commune", "sea_border_commune", "island_unit"}
    assert {name for name, one in tests.items() if one.standing != "official"} == assumed
    for name, one in tests.items():
        assert (word in one.source) == (name in assumed)
        assert one.mark == ("K" if name in assumed else "P")
    assert "272" not in tests["island_unit"].source  # the decree has no test of islands


def test_all_faults_are_told_together() -> None:
    wrong = GOOD.replace('"3/4"', '"3/0"').replace('unit = "per_km2"', 'unit = "km2"')
    assert faults_of(wrong) == ["class_tests.threshold", "class_tests.unit"]


@given(st.floats(-1e6, 1e6), st.sampled_from([">=", "<=", ">", "<", "="]), st.floats(-1e6, 1e6))
def test_comparisons_are_those_of_numbers(threshold: float, sign: str, value: float) -> None:
    asked = Condition("people", sign, threshold, "persons")  # type: ignore[arg-type]
    held = asked.holds(np.array([value, threshold, np.nan]))
    if abs(value - threshold) > 1e-9 * max(1.0, abs(threshold)):
        assert held[0] == {">=": value >= threshold, "<=": value <= threshold}.get(
            sign, {">": value > threshold, "<": value < threshold, "=": False}.get(sign)
        )
    assert held[1] == (sign in (">=", "<=", "="))
    assert np.isnan(held[2])


@pytest.mark.parametrize("how", ["any", "all"])
def test_three_answers(how: str) -> None:
    """Every combination of yes, no and not known of three conditions against Kleene's logic."""
    asked = tuple(Condition("people", ">=", 1.0, "persons") for _ in range(3))
    test = ClassTest("t", "remote", "unit", how, asked, {})  # type: ignore[arg-type]
    answers = np.array(list(itertools.product([0.0, 1.0, np.nan], repeat=3)))
    for row, found in zip(answers, test.verdicts(list(answers.T)), strict=True):
        least, most = ((np.where(np.isnan(row), fill, row)) for fill in (0.0, 1.0))
        ends = {bool(end.max() if how == "any" else end.min()) for end in (least, most)}
        assert (np.isnan(found) and len(ends) == 2) or ends == {bool(found)}


def test_optional_conditions_are_left_out_where_they_have_no_data() -> None:
    asked = (
        Condition("area_at_200m_pct", ">=", 50.0, "%"),
        Condition("villages_mountainous_pct", ">=", 50.0, "%", optional=True),
    )
    test = ClassTest("t", "mountainous", "unit", "any", asked, {})
    area, villages = np.array([0.0, 0.0, 0.0, np.nan, np.nan]), np.array([1.0, 0.0, np.nan, np.nan, 1.0])
    np.testing.assert_array_equal(test.verdicts([area, villages]), [1, 0, 0, np.nan, 1])
    np.testing.assert_array_equal(test.verdicts([area, villages], strict=True), [1, 0, np.nan, np.nan, 1])
    alone = ClassTest("t", "mountainous", "unit", "any", asked[1:], {})
    np.testing.assert_array_equal(alone.verdicts([villages]), [1, 0, np.nan, np.nan, 1])


def test_the_decree_as_published() -> None:
    """The limits of Decree 272/2025/ND-CP, number by number."""
    tests = {(one.of, one.level): one for one in load_pack("decree_272").classes}
    assert {of for of, _ in tests} <= set(CLASSES)
    asked = {key: {(c.indicator, c.comparison): c.threshold for c in one.conditions} for key, one in tests.items()}
    two_thirds = pytest.approx(200 / 3, rel=1e-15)
    assert asked["mountainous", "village"] == {
        ("area_at_200m_pct", ">="): two_thirds,
        ("area_slope_15_pct", ">="): two_thirds,
    }
    assert asked["mountainous", "unit"] == {
        ("area_at_200m_pct", ">="): two_thirds,
        ("villages_mountainous_pct", ">="): two_thirds,
    }
    assert asked["ethnic_minority", "unit"] == {
        ("minority_people_pct", ">="): 15.0,
        ("minority_people", ">="): 4500.0,
    }
    assert asked["ethnic_minority", "village"] == {("minority_people_pct", ">="): 15.0}
    assert {key for key, one in tests.items() if one.standing == "official"} == {
        ("mountainous", "village"),
        ("mountainous", "unit"),
        ("ethnic_minority", "unit"),
        ("ethnic_minority", "village"),
    }
    assert all(one.how == "any" for one in tests.values())


def test_remoteness_is_a_setting_unless_a_pack_tests_it() -> None:
    made = [one for one in default_tests(remote_min=45.0) if one.of == "remote"]
    assert [(one.level, one.conditions[0].threshold) for one in made] == [("unit", 45.0), ("village", 45.0)]
    own = [one for one in made if one.level == "unit"]
    assert [one.level for one in default_tests(own, remote_min=99.0)] == ["unit", "village"]
    assert default_tests(own, remote_min=99.0)[0].conditions[0].threshold == 45.0


@pytest.mark.parametrize("level", ["unit", "village"])
def test_everything_a_test_may_ask_for_is_declared(level: str) -> None:
    for indicator in class_indicators(level):
        assert find(indicator, level=level).kind == "number"  # type: ignore[arg-type]
