"""What a pack file may not say: each fault with file, line and key, all of them together, nothing half applied."""

from __future__ import annotations

from datetime import date
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phusong.coverage.rules import parse_pack
from phusong.layers.errors import Fault, SettingsError
from phusong.layers.messages import LANGS

PACK = """name = "own"
source = "a paper"
mark = "P"
standing = "official"
valid_to = 2020-12-31
[title]
en = "Own"
vi = "Riêng"
[[rule]]
id = "own_people"
level = "unit"
service = "mobile"
indicator = "people_covered_2g_pct"
comparison = ">="
threshold = 90
unit = "%"
affected = "people_covered_2g_pct"
[rule.text]
en = "{value} of {threshold}, {short} short"
vi = "{value} trên {threshold}, thiếu {short}"
"""
RULE = PACK[PACK.index("[[rule]]") :]


def faults_of(text: str | bytes) -> tuple[Fault, ...]:
    with pytest.raises(SettingsError) as caught:
        parse_pack(text, file="own.toml")
    for lang in LANGS:
        said = caught.value.say(lang)
        assert "own.toml" in said
        assert all(str(fault.row) in said for fault in caught.value.faults if fault.row)
    assert all(fault.fatal for fault in caught.value.faults)
    return caught.value.faults


def test_the_pack_these_tests_break_is_good() -> None:
    pack = parse_pack(PACK, file="own.toml")
    [rule] = pack.rules
    assert (rule.pack, rule.file, rule.lines["threshold"], rule.lines["id"]) == ("own", "own.toml", 15, 10)
    assert (rule.standing, rule.document, rule.source, rule.valid_to) == ("official", "", "a paper", date(2020, 12, 31))


@pytest.mark.parametrize(
    ("old", "new", "code", "row", "key"),
    [
        ('mark = "P"', 'mark = "P"\nvalid_form = 2012-01-01', "rules.unknown_key", 4, "valid_form"),
        ('mark = "P"', 'mark = "Q"', "rules.unknown_word", 3, "mark"),
        ('source = "a paper"\n', "", "rules.no_document", None, "document"),
        ('standing = "official"\n', "", "rules.missing_key", None, "standing"),
        ('standing = "official"', 'standing = "law"', "rules.unknown_word", 4, "standing"),
        ('name = "own"', 'name = "../own"', "rules.bad_id", 1, "name"),
        ("2020-12-31", '"2020-12-31"', "rules.wrong_kind", 5, "valid_to"),
        ("2020-12-31", "2020-12-31T07:00:00", "rules.wrong_kind", 5, "valid_to"),
        ("2020-12-31", "2020-12-31\nvalid_from = 2021-01-01", "rules.no_day", 6, "valid_from"),
        ('vi = "Riêng"\n', "", "rules.missing_key", 6, "vi"),
        ("threshold = 90", "treshold = 90", "rules.unknown_key", 15, "treshold"),
        ("threshold = 90", "", "rules.missing_key", 9, "threshold"),
        ("threshold = 90", 'threshold = "90"', "rules.wrong_kind", 15, "threshold"),
        ("threshold = 90", "threshold = nan", "rules.wrong_kind", 15, "threshold"),
        ("threshold = 90", "threshold = true", "rules.wrong_kind", 15, "threshold"),
        ("threshold = 90", "threshold = 900", "rules.impossible", 15, "threshold"),
        ("threshold = 90", f"threshold = {10**400}", "rules.wrong_kind", 15, "threshold"),
        ("threshold = 90", "threshold = 1e300", "rules.wrong_kind", 15, "threshold"),
        ('">="\nthreshold = 90', '"<="\nthreshold = 100', "rules.idle", 15, "threshold"),
        ("threshold = 90", "threshold = 90\nweight = -1", "rules.wrong_kind", 16, "weight"),
        ("threshold = 90", "threshold = 90\nvalid_from = 2022-01-01", "rules.no_day", 16, "valid_from"),
        ("threshold = 90", "threshold = 0", "rules.full_need_at", 9, "full_need_at"),
        ("threshold = 90", "threshold = 90\nfull_need_at = 95", "rules.full_need_at", 16, "full_need_at"),
        ("threshold = 90", "threshold = 90\nfull_need_at = 90", "rules.full_need_at", 16, "full_need_at"),
        ('">="', '"=>"', "rules.unknown_word", 14, "comparison"),
        ('level = "unit"', 'level = "commune"', "rules.unknown_word", 11, "level"),
        ('service = "mobile"', 'service = "water"', "rules.unknown_word", 12, "service"),
        ('"own_people"', '"own people"', "rules.bad_id", 10, "id"),
        ('"own_people"', '" "', "rules.missing_key", 10, "id"),
        ('unit = "%"\n', "", "rules.missing_key", 9, "unit"),
        ('unit = "%"', 'unit = "share"', "rules.unit_times", 16, "unit"),
        ('unit = "%"', 'unit = "km"', "rules.unit_other", 16, "unit"),
        ('unit = "%"', 'unit = "furlong"', "rules.unit_unknown", 16, "unit"),
        ('unit = "%"', 'unit = "%"\napplies_to = "hilly"', "rules.unknown_word", 17, "applies_to"),
        ('unit = "%"', 'unit = "%"\nasked_where = "centre_covered_any"', "rules.asked_where", 17, "asked_where"),
        ('unit = "%"', 'unit = "%"\nasked_where = "centre_coverd"', "rules.unknown_indicator", 17, "asked_where"),
        ('"people_covered_2g_pct"\nc', '"people_coverd_2g_pct"\nc', "rules.unknown_indicator", 13, "indicator"),
        ('"people_covered_2g_pct"\nc', '"centre_covered_2g"\nc', "rules.unknown_indicator", 13, "indicator"),
        ('affected = "people_covered_2g_pct"', 'affected = "points_post_count"', "rules.affected", 17, "affected"),
        ('affected = "people_covered_2g_pct"', 'affected = "nobody"', "rules.unknown_indicator", 17, "affected"),
        ('vi = "{value} trên {threshold}, thiếu {short}"', "", "rules.missing_key", 18, "vi"),
        ("{short} short", "{lack} short", "rules.text_field", 19, "text.en"),
        ("{short} short", "{} short", "rules.text_field", 19, "text.en"),
        ("{short} short", "{short:>99999999} short", "rules.text_field", 19, "text.en"),
        ("{short} short", "{short.__class__} short", "rules.text_field", 19, "text.en"),
        ("{short} short", "{short!r} short", "rules.text_field", 19, "text.en"),
        ("{short} short", "{short short", "rules.text_field", 19, "text.en"),
        ("[[rule]]", "[rule]", "rules.wrong_kind", 9, "rule"),
    ],
)
def test_a_faulty_pack_is_refused_at_its_line_and_key(old: str, new: str, code: str, row: int | None, key: str) -> None:
    assert old in PACK
    found = faults_of(PACK.replace(old, new, 1))
    assert (code, row, key) in [(fault.code, fault.row, fault.column) for fault in found]


def test_faults_of_a_pack_are_reported_together_with_the_nearest_name() -> None:
    text = PACK.replace("threshold = 90", "treshold = 90").replace("mark =", "marc =").replace('"mobile"', '"mobil"')
    said = "\n".join(fault.say("en") for fault in faults_of(text))
    for name in ("threshold", "mark", "mobile"):
        assert f"did you mean {name}?" in said


def test_a_threshold_in_another_unit_is_told_in_the_expected_one() -> None:
    text = PACK.replace("people_covered_2g_pct", "mean_service_radius_post_km").replace('affected = "mean', '#"')
    text = text.replace("threshold = 90", "threshold = 3000").replace('unit = "%"', 'unit = "m"').replace(">=", "<=")
    [fault] = faults_of(text)
    assert 'threshold = 3, unit = "km"' in fault.say("en")
    assert 'threshold = 3, unit = "km"' in fault.say("vi")


def test_a_threshold_in_another_unit_keeps_its_digits() -> None:
    text = PACK.replace("people_covered_2g_pct", "mean_service_radius_post_km").replace('affected = "mean', '#"')
    text = text.replace("threshold = 90", "threshold = 1234567").replace('unit = "%"', 'unit = "m"')
    [fault] = faults_of(text)
    assert '1234567 m would be threshold = 1234.567, unit = "km"' in fault.say("en")


@pytest.mark.parametrize(
    ("indicator", "unit", "words"),
    [
        ("mean_service_radius_post_km", "km", "the indicator is never negative"),
        ("points_post_count", "points", "the indicator is a whole number and never negative"),
        ("people_covered_2g_pct", "%", "the indicator is between 0 and 100"),
    ],
)
def test_a_threshold_below_all_values_is_refused(indicator: str, unit: str, words: str) -> None:
    text = PACK.replace('affected = "people_covered_2g_pct"', "full_need_at = 0").replace("90", "-1")
    text = text.replace("people_covered_2g_pct", indicator).replace('unit = "%"', f'unit = "{unit}"')
    [fault] = faults_of(text.replace(">=", "<="))
    assert (fault.code, fault.row) == ("rules.impossible", 15)
    assert words in fault.say("en")
    [fault] = faults_of(text.replace('level = "unit"', 'level = "province"').replace("full_need_at = 0", ""))
    assert (fault.code, fault.row) == ("rules.idle", 15)


def test_growth_and_levels_may_be_negative() -> None:
    text = PACK.replace('affected = "people_covered_2g_pct"', "full_need_at = -20")
    text = text.replace("people_covered_2g_pct", "broadband_growth_pct").replace("= 90", "= -5")
    assert parse_pack(text, file="own.toml").rules[0].threshold == -5.0


def test_signs_that_steer_a_terminal_are_not_said() -> None:
    said = [
        fault.say(lang)
        for fault in faults_of(PACK.replace('"own_people"', '"\\u001b[31mred\\u0000"'))
        for lang in LANGS
    ]
    assert not any(sign in words for words in said for sign in "\x1b\0")


def rule(name: str, comparison: str, threshold: float, **more: str) -> str:
    text = RULE.replace("own_people", name).replace(">=", comparison).replace("= 90", f"= {threshold:g}")
    return text.replace("[rule.text]", "".join(f"{key} = {value}\n" for key, value in more.items()) + "[rule.text]")


HEAD = PACK[: PACK.index("[[rule]]")]


@pytest.mark.parametrize(
    ("first", "second", "clash"),
    [
        ((">=", 90), ("<", 50), True),
        ((">=", 50), ("<=", 50), False),
        ((">", 50), ("<=", 50), True),
        ((">=", 50), ("<", 50), True),
        (("=", 20), ("=", 30), True),
        (("=", 20), ("=", 20), False),
        (("=", 20), (">=", 20), False),
        (("=", 20), (">", 20), True),
        ((">=", 20), (">=", 90), False),
        (("<=", 20), ("<", 90), False),
    ],
)
def test_rules_that_no_value_meets_together_are_refused(
    first: tuple[str, float], second: tuple[str, float], clash: bool
) -> None:
    text = (
        HEAD
        + rule("a", *first, full_need_at="1e9" if "<" in first[0] else "-1")
        + rule("b", *second, full_need_at="1e9" if "<" in second[0] else "-1")
    )
    text = text.replace("people_covered_2g_pct", "broadband_growth_pct").replace(
        'affected = "broadband_growth_pct"', ""
    )
    if not clash:
        assert len(parse_pack(text, file="own.toml").rules) == 2
        return
    [fault] = faults_of(text)
    assert (fault.code, fault.column) == ("rules.contradiction", "threshold")
    assert text.splitlines()[fault.row - 1].startswith("threshold")  # type: ignore[operator]
    assert f"own.toml, {text.splitlines().index('threshold = ' + format(first[1], 'g')) + 1}" in fault.say("en")


def test_whole_things_contradict_where_no_whole_number_lies_between() -> None:
    between = HEAD + rule("a", ">", 2) + rule("b", "<", 3)
    counted = between.replace("people_covered_2g_pct", "points_post_count").replace('"%"', '"points"')
    counted = counted.replace('affected = "points_post_count"', "")
    assert [fault.code for fault in faults_of(counted)] == ["rules.contradiction"]
    assert len(parse_pack(between, file="own.toml").rules) == 2
    half = HEAD + rule("a", "=", 2.5)
    half = half.replace("people_covered_2g_pct", "points_post_count").replace('"%"', '"points"')
    assert [fault.code for fault in faults_of(half.replace('affected = "points_post_count"', ""))] == [
        "rules.impossible"
    ]


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        ("all", "mountainous", True),
        ("mountainous", "not mountainous", False),
        ("mountainous", "land_border", True),
        ("not mountainous", "not island", True),
    ],
)
def test_rules_for_communes_that_are_never_the_same_do_not_contradict(one: str, other: str, clash: bool) -> None:
    text = HEAD + rule("a", ">=", 90, applies_to=f'"{one}"') + rule("b", "<", 50, applies_to=f'"{other}"')
    if clash:
        assert [fault.code for fault in faults_of(text)] == ["rules.contradiction"]
    else:
        assert len(parse_pack(text, file="own.toml").rules) == 2


def test_rules_of_different_days_may_share_an_id_and_contradict() -> None:
    first = rule("a", ">=", 90, valid_to="2012-12-31")
    later = rule("a", "<", 50, valid_from="2013-01-01")
    assert [one.valid_from for one in parse_pack(HEAD + first + later, file="own.toml").rules] == [
        None,
        date(2013, 1, 1),
    ]
    [fault] = faults_of(HEAD + first + later.replace("2013-01-01", "2012-12-31"))
    assert (fault.code, fault.column, fault.row) == ("rules.twice", "id", 23)


def test_a_file_that_is_no_toml_or_no_utf8_is_refused_at_its_line() -> None:
    [fault] = faults_of('name = "own"\nsource = \n')
    assert (fault.code, fault.row) == ("rules.not_toml", 2)
    assert [one.code for one in faults_of("name = 'Quảng Trị'".encode("utf-16"))] == ["rules.not_utf8"]
    assert [one.code for one in faults_of("x = " + "[" * 9999)] == ["rules.not_toml"]
    assert [one.code for one in faults_of("x = " + "9" * 9999)] == ["rules.not_toml"]
    assert parse_pack(b"\xef\xbb\xbf" + PACK.encode(), file="own.toml").name == "own"


def test_document_and_article_make_the_source_where_none_is_given() -> None:
    text = PACK.replace('source = "a paper"', 'document = { en = "Decree 1", vi = "Nghị định 1" }\narticle = "5"')
    [english], [vietnamese] = (parse_pack(text, file="own.toml", lang=lang).rules for lang in ("en", "vi"))
    assert (english.document, english.article, english.source) == ("Decree 1", "5", "Decree 1, 5")
    assert vietnamese.source == "Nghị định 1, 5"
    assert english.cited == vietnamese.cited
    assert english.cited["vi"] == ("Nghị định 1, 5", "Nghị định 1", "5")
    own = text.replace("[rule.text]", 'article = "Art. 7"\n[rule.text]')
    [rule_] = parse_pack(own, file="own.toml").rules
    assert (rule_.document, rule_.article, rule_.source) == ("Decree 1", "Art. 7", "Decree 1, Art. 7")
    [elsewhere] = parse_pack(text.replace("[rule.text]", 'source = "a talk"\n[rule.text]'), file="own.toml").rules
    assert (elsewhere.document, elsewhere.article, elsewhere.source) == ("", "", "a talk")


@given(st.text(max_size=80), st.integers(0, len(PACK)), st.integers(0, 30))
def test_any_text_is_a_pack_or_refused_in_words(more: str, at: int, cut: int) -> None:
    said = []
    try:
        parse_pack(PACK[:at] + more + PACK[at + cut :], file="own.toml")
    except SettingsError as error:
        said = [error.say(lang) for lang in LANGS]
    assert all("own.toml" in words for words in said)


def test_a_rule_on_villages_is_asked_only_where_a_yes_no_indicator_of_theirs_is_yes() -> None:
    text = files("phusong.coverage.rules").joinpath("data/mobile_operators.toml").read_text(encoding="utf-8")
    assert parse_pack(text, file="own.toml").rules[0].asked_where == "centre_covered_any"
    other = text.replace('asked_where = "centre_covered_any"', 'asked_where = "clusters_uncovered"')
    assert [fault.code for fault in faults_of(other)] == ["rules.asked_where"]
