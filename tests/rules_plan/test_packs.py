"""Rule packs: what ships, what a pack file may say, and how a study changes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pytest

from phusong.coverage.indicators import find
from phusong.coverage.rules import Rule, choose_rules, load_pack, pack_names, parse_pack
from phusong.layers.errors import SettingsError
from phusong.layers.messages import LANGS

ON = date(2012, 12, 31)

PACK = """
name = "own"
source = "a paper"
mark = "P"
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
affected = "people_covered_2g_pct"
[rule.text]
en = "{value} of {threshold}, {short} short"
vi = "{value} trên {threshold}, thiếu {short}"
"""


@dataclass(frozen=True)
class Override:
    rule: str
    threshold: float
    reason: str


def refused(code: str, **settings: object) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        choose_rules(("mobile_signal",), on=ON, **settings)  # type: ignore[arg-type]
    assert code in [fault.code for fault in caught.value.faults]
    return caught.value


def faults_of(text: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse_pack(text, file="own.toml")
    for lang in LANGS:
        assert "own.toml" in caught.value.say(lang)
    return [fault.code for fault in caught.value.faults]


def test_shipped_packs_read_and_name_declared_indicators() -> None:
    assert {"resolution_08", "postal_qcvn1", "mobile_signal"} <= set(pack_names())
    for name in pack_names():
        pack = load_pack(name)
        assert pack.name == name
        for rule in pack.rules:
            assert rule.pack == name
            assert rule.unit == find(rule.indicator, level=rule.level).unit
            for lang in LANGS:
                failing = rule.threshold - 1 if rule.comparison == ">=" else rule.threshold + 1
                assert "{" not in rule.sentence(failing, lang)


def test_the_ids_of_all_shipped_rules_are_unique() -> None:
    rules = choose_rules(pack_names(), on=date(2025, 1, 1))
    assert len(rules.rules) + len(rules.skipped) == sum(len(load_pack(name).rules) for name in pack_names())


def test_resolution_08_is_as_the_report_prints_it() -> None:
    printed = {
        "mean_service_radius_post_km": ("<=", 2.3, "P"),
        "broadband_growth_pct": (">=", 8.0, "P"),
        "telephones_per_100": (">=", 50.0, "P"),
        "telephone_access_communes_pct": (">=", 100.0, "P"),
        "public_internet_communes_pct": (">=", 50.0, "C"),
    }
    pack = load_pack("resolution_08")
    stands = {r.indicator: (r.comparison, r.threshold, r.mark) for r in pack.rules if r.level == "province"}
    assert stands == printed
    assert pack.valid_to == date(2015, 12, 31)


def test_a_rule_says_its_reason_in_words() -> None:
    rule = choose_rules(("mobile_signal",), on=ON)["mobile_people"]
    assert rule.sentence(72.0, "en") == ("72 % of people have mobile signal; the rule asks for 95 % (23 points short)")
    assert rule.sentence(94.96, "vi") == (
        "94,96 % người dân có sóng di động; tiêu chí yêu cầu 95 % (thiếu 0,04 điểm phần trăm)"
    )


def test_margins_are_signed_and_forgive_rounding() -> None:
    rule = choose_rules(("mobile_signal",), on=ON)["mobile_people"]
    assert rule.margin(72.0) == -23.0
    assert rule.margin(94.99999999999999) == 0.0
    radius = choose_rules(("postal_qcvn1",), on=ON)["post_radius"]
    assert radius.margin(2.5) == 0.5
    assert radius.margin(4.0) == -1.0


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('mark = "P"\nvalid', 'mark = "P"\nvalid_form = 2012-01-01\nvalid', "rules.unknown_key"),
        ("threshold = 90", "treshold = 90", "rules.unknown_key"),
        ("threshold = 90", "", "rules.missing_key"),
        ("threshold = 90", 'threshold = "90"', "rules.wrong_kind"),
        ("threshold = 90", "threshold = nan", "rules.wrong_kind"),
        ("threshold = 90", "threshold = true", "rules.wrong_kind"),
        ("threshold = 90", "threshold = 90\nweight = -1", "rules.wrong_kind"),
        ("threshold = 90", "threshold = 0", "rules.full_need_at"),
        ("threshold = 90", "threshold = 90\nfull_need_at = 95", "rules.full_need_at"),
        ('">="', '">"', "rules.unknown_word"),
        ('level = "unit"', 'level = "commune"', "rules.unknown_word"),
        ("people_covered_2g_pct", "people_coverd_2g_pct", "rules.unknown_indicator"),
        ('affected = "people_covered_2g_pct"', 'affected = "points_post_count"', "rules.affected"),
        ('vi = "{value} trên {threshold}, thiếu {short}"', "", "rules.missing_key"),
        ("{short} short", "{lack} short", "rules.text_field"),
    ],
)
def test_a_faulty_pack_is_refused_in_words(old: str, new: str, code: str) -> None:
    assert old in PACK
    assert code in faults_of(PACK.replace(old, new))


def test_faults_of_a_pack_are_reported_together_with_the_nearest_name() -> None:
    text = PACK.replace("threshold = 90", "treshold = 90").replace("mark =", "marc =")
    with pytest.raises(SettingsError) as caught:
        parse_pack(text, file="own.toml")
    said = caught.value.say("en")
    assert "did you mean threshold?" in said
    assert "did you mean mark?" in said


def test_a_rule_given_twice_and_broken_toml_are_refused() -> None:
    twice = PACK + PACK[PACK.index("[[rule]]") :]
    assert "rules.twice" in faults_of(twice)
    with pytest.raises(SettingsError, match=r"own\.toml is not valid TOML"):
        parse_pack("name = ", file="own.toml")
    with pytest.raises(SettingsError) as caught:
        choose_rules((parse_pack(PACK, file="a"), parse_pack(PACK, file="b")), on=ON)
    assert [fault.code for fault in caught.value.faults] == ["rules.twice"]


def test_an_unknown_pack_names_the_nearest() -> None:
    with pytest.raises(SettingsError, match="did you mean mobile_signal"):
        load_pack("mobile_signals")


def test_an_override_needs_a_reason_and_stands_on_the_rule() -> None:
    for reason in ("", "   "):
        refused("rules.override_no_reason", overrides=(Override("mobile_people", 90, reason),))
    rule = choose_rules(("mobile_signal",), on=ON, overrides=(Override("mobile_people", 90, "plan of 2013"),))[
        "mobile_people"
    ]
    assert (rule.threshold, rule.override) == (90.0, "plan of 2013")


def test_settings_that_fit_no_rule_are_refused() -> None:
    error = refused("rules.unknown_rule", overrides=(Override("mobile_peple", 90, "why"),))
    assert "mobile_people" in error.say("vi")
    refused("rules.unknown_rule", weights={"mobile": 1.0})
    refused("rules.weight", weights={"mobile_people": -1.0})
    refused("rules.override_threshold", overrides=(Override("mobile_people", 0, "why"),))
    refused("rules.override_threshold", overrides=(Override("mobile_people", float("nan"), "why"),))
    both = (Override("mobile_people", 90, "why"), Override("mobile_people", 80, "why"))
    refused("rules.override_twice", overrides=both)


def test_services_switched_off_and_packs_out_of_date_skip_their_rules() -> None:
    chosen = choose_rules(("mobile_signal", "postal_qcvn1"), on=ON, services=("post",))
    assert {rule.service for rule in chosen.rules} == {"post"}
    assert {why for _, why in chosen.skipped} == {"service_off"}
    assert len(chosen.skipped) == 3
    late = choose_rules(("resolution_08",), on=date(2016, 1, 1))
    assert late.rules == ()
    assert {why for _, why in late.skipped} == {"out_of_date"}
    assert len(choose_rules(("resolution_08",), on=date(2015, 12, 31)).rules) == 8


def test_weights_of_the_study_replace_those_of_the_pack() -> None:
    chosen = choose_rules(("mobile_signal",), on=ON, weights={"mobile_people": 7.0})
    assert chosen["mobile_people"].weight == 7.0
    assert isinstance(chosen["mobile_people"], Rule)
