"""Rules against values: closed-form cases for each sign, and the laws every set of rules obeys."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phusong.coverage.rules import Rule
from phusong.coverage.rules.choose import RuleSet
from phusong.coverage.rules.judge import judge
from phusong.coverage.rules.notes import COLUMNS, figured, notes_of_layers, notes_table, rule_notes

NAN = float("nan")
PLAIN = Rule(
    id="r",
    level="unit",
    indicator="mean_service_radius_post_km",
    comparison=">=",
    threshold=50.0,
    unit="km",
    service="post",
    source="s",
    mark="K",
    text={"en": "{value}", "vi": "{value}"},
    file="own.toml",
    lines={"indicator": 5, "level": 3, "applies_to": 8},
)
SIGNS = (">=", ">", "<=", "<", "=")
signs = st.sampled_from(SIGNS)
values = st.one_of(st.floats(-1e6, 1e6), st.just(NAN), st.integers(-100, 100).map(float))


def judged(rules: list[Rule], frame: pd.DataFrame, classes: pd.DataFrame | None = None):  # type: ignore[no-untyped-def]
    return judge(frame, rules, classes=pd.DataFrame(index=frame.index) if classes is None else classes)


@pytest.mark.parametrize(
    ("sign", "below", "at", "above"),
    [
        (">=", (-10.0, True), (0.0, False), (10.0, False)),
        (">", (-10.0, True), (0.0, True), (10.0, False)),
        ("<=", (10.0, False), (0.0, False), (-10.0, True)),
        ("<", (10.0, False), (0.0, True), (-10.0, True)),
        ("=", (-10.0, True), (0.0, False), (-10.0, True)),
    ],
)
def test_margin_and_verdict_of_each_sign(
    sign: str, below: tuple[float, bool], at: tuple[float, bool], above: tuple[float, bool]
) -> None:
    rule = replace(PLAIN, comparison=sign)  # type: ignore[arg-type]
    frame = pd.DataFrame({PLAIN.indicator: [40.0, 50.0, 60.0, NAN]})
    found = judged([rule], frame)
    for row, (margin, fails) in enumerate((below, at, above)):
        assert (found.margin[row, 0], found.fails[row, 0]) == (margin, fails)
        assert rule.met(frame[PLAIN.indicator][row]) is not fails
    assert math.isnan(found.margin[3, 0])
    assert not found.fails[3, 0]
    assert found.not_judged[3, 0]
    assert rule.met(NAN) is None


@pytest.mark.parametrize("sign", SIGNS)
def test_distances_of_rounding_size_are_none(sign: str) -> None:
    rule = replace(PLAIN, comparison=sign, threshold=0.3)  # type: ignore[arg-type]
    assert rule.margin(0.1 + 0.2) == 0.0
    assert rule.met(0.1 + 0.2) is (sign in (">=", "<=", "="))


@pytest.mark.parametrize(
    ("who", "asked"), [("all", [1, 1, 1]), ("mountainous", [1, 0, -1]), ("not mountainous", [0, 1, -1])]
)
def test_a_rule_asks_its_class_and_waits_where_the_class_is_unknown(who: str, asked: list[int]) -> None:
    frame = pd.DataFrame({PLAIN.indicator: [1.0, 1.0, 1.0]})
    classes = pd.DataFrame({"mountainous": pd.array([True, False, None], dtype="boolean")})
    found = judged([replace(PLAIN, applies_to=who)], frame, classes)
    assert found.fails[:, 0].tolist() == [one == 1 for one in asked]
    assert found.not_judged[:, 0].tolist() == [one == -1 for one in asked]
    assert found.class_known[:, 0].tolist() == [one != -1 for one in asked]


def test_a_rule_asks_only_where_its_condition_is_yes_and_waits_where_that_is_unknown() -> None:
    rule = replace(PLAIN, level="village", asked_where="centre_covered_any")
    frame = pd.DataFrame({PLAIN.indicator: [1.0, 1.0, 1.0, 90.0, NAN, NAN]})
    frame["centre_covered_any"] = pd.array([True, False, None, True, True, False], dtype="boolean")
    found = judged([rule], frame)
    assert found.fails[:, 0].tolist() == [True, False, False, False, False, False]
    assert found.applies[:, 0].tolist() == [True, False, True, True, True, False]
    assert found.not_judged[:, 0].tolist() == [False, False, True, False, True, False]
    assert found.class_known.all()


@given(signs, st.floats(-1e5, 1e5), values)
def test_a_verdict_is_the_comparison(sign: str, threshold: float, value: float) -> None:
    """Against Python's own comparison, wherever value and threshold are not within rounding of each other."""
    rule = replace(PLAIN, comparison=sign, threshold=threshold)  # type: ignore[arg-type]
    if math.isnan(value):
        assert rule.met(value) is None
        return
    if 0 < abs(value - threshold) <= 2e-9 * max(1.0, abs(threshold)):
        return
    wanted = {
        ">=": value >= threshold,
        ">": value > threshold,
        "<=": value <= threshold,
        "<": value < threshold,
        "=": value == threshold,
    }[sign]
    assert rule.met(value) is wanted


@given(
    st.lists(st.tuples(signs, st.floats(-100, 100)), min_size=1, max_size=6), st.lists(values, min_size=1, max_size=8)
)
def test_a_row_that_meets_every_rule_fails_none_and_no_data_never_fails(
    asked: list[tuple[str, float]], column: list[float]
) -> None:
    rules = [replace(PLAIN, id=f"r{n}", comparison=sign, threshold=at) for n, (sign, at) in enumerate(asked)]  # type: ignore[arg-type]
    found = judged(rules, pd.DataFrame({PLAIN.indicator: column}))
    for row, value in enumerate(column):
        met = [rule.met(value) for rule in rules]
        assert bool(found.fails[row].any()) is (False in met)
        assert not (found.fails[row] & np.isnan(found.margin[row])).any()
        if math.isnan(value):
            assert not found.fails[row].any()
            assert found.not_judged[row].all()


@given(st.sampled_from((">=", ">", "<=", "<")), st.floats(-100, 100), st.floats(0, 100), st.lists(values, max_size=12))
def test_tightening_a_threshold_never_removes_a_gap(
    sign: str, threshold: float, by: float, column: list[float]
) -> None:
    loose = replace(PLAIN, comparison=sign, threshold=threshold)  # type: ignore[arg-type]
    tight = replace(loose, threshold=threshold + by if ">" in sign else threshold - by)
    frame = pd.DataFrame({PLAIN.indicator: np.array(column, dtype=np.float64)})
    before, after = (judged([rule], frame) for rule in (loose, tight))
    assert not (before.fails & ~after.fails).any()
    assert (before.not_judged == after.not_judged).all()


@given(signs, signs, st.integers(-6, 6), st.integers(-6, 6), st.booleans())
def test_rules_exclude_each_other_just_where_no_value_meets_both(
    one: str, other: str, at: int, other_at: int, whole: bool
) -> None:
    """Against trying every quarter from 0 to 8, every whole number where things are counted: nothing is negative."""
    unit, indicator = ("points", "points_post_count") if whole else ("km", PLAIN.indicator)
    first = replace(PLAIN, comparison=one, threshold=at / 2, unit=unit, indicator=indicator)  # type: ignore[arg-type]
    second = replace(first, comparison=other, threshold=other_at / 2)  # type: ignore[arg-type]
    tried = np.arange(0.0, 9.0) if whole else np.arange(0.0, 8.25, 0.25)
    both = any(first.met(value) and second.met(value) for value in tried)
    assert first.idle is all(first.met(value) for value in tried)
    assert first.excludes(second) is not both
    assert second.excludes(first) is first.excludes(second)


# notes


def rules_of(*rules: Rule) -> RuleSet:
    return RuleSet((), rules)


def units(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({"code": ["1", "2"], "district": ["A", "A"]} | columns)


def test_rules_that_judge_nothing_are_told_with_file_line_and_key() -> None:
    village = replace(PLAIN, id="v", level="village", indicator="centre_covered_any", unit="yes_no", threshold=1.0)
    island = replace(PLAIN, id="i", applies_to="island")
    coast = replace(PLAIN, id="c", applies_to="not island")
    remote = replace(PLAIN, id="m", applies_to="remote")
    flags = {
        "island": pd.array([False, False], dtype="boolean"),
        "remote": pd.array([None, None], dtype="boolean"),
        PLAIN.indicator: [1.0, NAN],
    }
    notes = rule_notes(rules_of(village, island, coast, remote), units=units(**flags), villages=None)
    told = [(note.params["rule"], note.code.rsplit(".", 1)[-1], note.file, note.row, note.column) for note in notes]
    assert told == [
        ("v", "no_villages", "own.toml", 3, "level"),
        ("i", "class_nobody", "own.toml", 8, "applies_to"),
        ("m", "class_unknown", "own.toml", 8, "applies_to"),
    ]
    assert not any(note.fatal for note in notes)
    table = notes_table(notes)
    assert tuple(table.columns) == COLUMNS
    assert table["text_vi"].str.startswith("tiêu chí ").all()
    assert 'of the class "Island"' in table["text_en"][1]
    everywhere = rule_notes(rules_of(coast), units=units(**flags | {"island": [True, True]}), villages=None)
    assert [note.code for note in everywhere] == ["note.rules.class_everybody"]


def test_an_indicator_without_any_value_is_told() -> None:
    assert rule_notes(rules_of(PLAIN), units=units(**{PLAIN.indicator: [NAN, 2.0]}), villages=None) == []
    for frame in (units(), units(**{PLAIN.indicator: [NAN, NAN]})):
        assert [note.column for note in rule_notes(rules_of(PLAIN), units=frame, villages=None)] == ["indicator"]
    target = replace(PLAIN, level="province", indicator="mean_download_4g_mbit_s")
    for figures, why in (((), ["no_figure"]), ([("district", target.indicator)], ["no_figure"])):
        found = rule_notes(rules_of(target), units=units(), villages=None, province={}, figures=figures)
        assert [note.code.rsplit(".", 1)[-1] for note in found] == why
    published = [("province", target.indicator)]
    assert rule_notes(rules_of(target), units=units(), villages=None, province={}, figures=published) == []
    district = replace(target, level="district")
    for figures, count in (([], 1), ([("district", target.indicator)], 0)):
        tables = {"units": units(), "villages": None, "districts": pd.DataFrame({"district": ["A"]})}
        assert len(rule_notes(rules_of(district), **tables, figures=figures)) == count  # type: ignore[arg-type]
    assert notes_table([]).columns.tolist() == list(COLUMNS)


def test_rules_are_told_by_the_layers_there_are_before_a_run() -> None:
    village = replace(PLAIN, level="village", service="mobile", indicator="centre_covered_any", unit="yes_no")
    districts = replace(PLAIN, level="district")

    def codes(rule: Rule, *present: str, district: object = "A", figures: object = ()) -> list[str]:
        frame = units().assign(district=district)
        notes = notes_of_layers(rules_of(rule), present=present, units=frame, figures=figures)  # type: ignore[arg-type]
        assert all(note.say(lang) for note in notes for lang in ("en", "vi"))
        return [note.code.rsplit(".", 1)[-1] for note in notes]

    assert codes(PLAIN, "units", "postal_points") == []
    assert codes(PLAIN, "units", "elevation") == ["no_layers"]
    assert codes(village, "sites", "sectors") == ["no_villages"]
    assert codes(village, "villages", "signal_reports") == []
    assert codes(village, "villages") == ["no_layers"]
    assert codes(districts, "postal_points", district=None) == ["no_districts"]
    assert codes(districts, "postal_points") == []
    target, speed = (
        replace(PLAIN, level="province", indicator=name) for name in (PLAIN.indicator, "mean_download_4g_mbit_s")
    )
    assert codes(target, "published_figures") == ["no_layers"]
    assert codes(target, "published_figures", figures=[("province", target.indicator)]) == []
    assert codes(speed, "published_figures", "postal_points") == ["no_figure"]
    assert codes(speed, "published_figures", figures=[("province", speed.indicator)]) == []


def test_figures_count_from_their_day_on_for_their_area() -> None:
    layer = pd.DataFrame(
        {
            "indicator": ["a", "b", "c"],
            "district": [None, "Hướng Hóa", ""],
            "as_of": pd.to_datetime(["2012-12-31", "2011-12-31", "2013-01-01"]),
        }
    )
    assert figured(layer, date(2012, 12, 31)) == {("province", "a"), ("district", "b")}
    assert figured(layer.drop(columns="district"), date(2013, 1, 1)) == {("province", name) for name in "abc"}
    assert figured(layer.iloc[:0], date(2012, 12, 31)) == figured(None, date(2012, 12, 31)) == set()
