"""Which rules a study is judged by: packs that ship and its own, days, services, overrides, weights, contradictions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from phusong.api.rules import own_packs_of, packs_hash, rules_of
from phusong.coverage.rules import Rule, choose_rules, load_pack, parse_pack
from phusong.coverage.rules.judge import judge
from phusong.layers.errors import SettingsError
from phusong.layers.messages import LANGS
from phusong.layers.study import Study

ON = date(2012, 12, 31)
RULE = """[[rule]]
id = "{id}"
level = "unit"
service = "post"
indicator = "points_post_count"
comparison = "{comparison}"
threshold = {threshold}
unit = "points"
{more}
[rule.text]
en = "{{value}}, at least {{threshold}}"
vi = "{{value}}, ít nhất {{threshold}}"
"""
HEAD = """name = "{name}"
source = "a plan"
mark = "K"
standing = "assumption"
[title]
en = "Own"
vi = "Riêng"
"""
STUDY = """name = "Quảng Trị"
units_valid_on = 2012-12-31
crs = "EPSG:9212"
[rules]
packs = ["postal_qcvn1", "{pack}"]
"""


@dataclass(frozen=True)
class Override:
    rule: str
    threshold: float
    reason: str


def text(name: str, *rules: tuple[str, str, float], more: str = "") -> str:
    written = (RULE.format(id=one, comparison=sign, threshold=at, more=more) for one, sign, at in rules)
    return HEAD.format(name=name) + "".join(written)


def study_of(root: Path, *, pack: str = "hills", more: str = "", **packs: str) -> Study:
    (root / "packs").mkdir(parents=True)
    (root / "study.toml").write_text(STUDY.format(pack=pack) + more, encoding="utf-8")
    for name, words in packs.items():
        (root / "packs" / f"{name}.toml").write_text(words, encoding="utf-8")
    return Study(root)


def said(caught: pytest.ExceptionInfo[SettingsError]) -> str:
    for lang in LANGS:
        assert caught.value.say(lang)
    return caught.value.say("en")


def refused(code: str, **settings: object) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        choose_rules(("mobile_signal",), on=ON, **settings)  # type: ignore[arg-type]
    assert code in [fault.code for fault in caught.value.faults]
    return caught.value


# a study's own packs


def test_a_new_rule_needs_no_code(tmp_path: Path) -> None:
    """A file in the study's folder and its name in study.toml: the rule is in force and judges communes."""
    study = study_of(tmp_path, hills=text("hills", ("two_points", ">=", 2)))
    rules = rules_of(study)
    assert [rule.id for rule in rules.of("unit")][-1] == "two_points"
    assert (rules["two_points"].file, rules["two_points"].lines["threshold"]) == ("packs/hills.toml", 14)
    frame = pd.DataFrame({"points_post_count": [1.0, 2.0, np.nan]})
    judged = judge(frame, [rules["two_points"]], classes=pd.DataFrame(index=frame.index))
    assert judged.fails[:, 0].tolist() == [True, False, False]
    assert judged.not_judged[:, 0].tolist() == [False, False, True]
    assert rules["two_points"].sentence(1.0, "vi") == "1 điểm, ít nhất 2 điểm"
    assert list(own_packs_of(study)) == ["hills"]


def test_own_packs_are_part_of_what_results_depend_on(tmp_path: Path) -> None:
    bare = study_of(tmp_path / "bare", pack="mobile_signal")
    assert packs_hash(bare) == ""
    one = study_of(tmp_path / "one", hills=text("hills", ("two_points", ">=", 2)))
    other = study_of(tmp_path / "other", hills=text("hills", ("two_points", ">=", 3)))
    assert len({packs_hash(bare), packs_hash(one), packs_hash(other)}) == 3


def test_a_pack_nobody_has_names_the_nearest_at_its_line(tmp_path: Path) -> None:
    study = study_of(tmp_path, pack="hils", hills=text("hills", ("two_points", ">=", 2)))
    with pytest.raises(SettingsError) as caught:
        rules_of(study)
    assert "study.toml, row 5, column rules.packs.1: there is no rule pack hils; did you mean hills?" in said(caught)


@pytest.mark.parametrize("name", ["../hills", "..", "", "hills.toml", "/etc/hosts", "h\0"])
def test_a_name_is_no_way_out_of_the_folder(tmp_path: Path, name: str) -> None:
    study = study_of(tmp_path / "study", pack="mobile_signal")
    (tmp_path / "hills.toml").write_text(text("hills", ("two_points", ">=", 2)), encoding="utf-8")
    with pytest.raises(SettingsError, match="there is no rule pack"):
        rules_of(study, packs=(name,))


def test_a_pack_may_not_take_the_name_of_one_that_ships_nor_another_than_its_files(tmp_path: Path) -> None:
    taken = study_of(tmp_path / "a", postal_qcvn1=text("postal_qcvn1", ("two_points", ">=", 2)))
    with pytest.raises(SettingsError) as caught:
        rules_of(taken)
    assert "packs/postal_qcvn1.toml: postal_qcvn1 is the name of a rule pack that comes with phusong" in said(caught)
    other = study_of(tmp_path / "b", hills=text("mountains", ("two_points", ">=", 2)))
    with pytest.raises(SettingsError, match=r"packs/hills\.toml, .*mountains, its file hills"):
        rules_of(other)


def test_faults_of_all_packs_are_told_together_and_none_is_half_applied(tmp_path: Path) -> None:
    hills = text("hills", ("two_points", ">=", 2)).replace("threshold = 2", "treshold = 2")
    study = study_of(tmp_path, pack='hills", "gone', hills=hills)
    with pytest.raises(SettingsError) as caught:
        rules_of(study)
    places = [(fault.file, fault.row, fault.column) for fault in caught.value.faults]
    assert ("packs/hills.toml", 14, "treshold") in places
    assert ("study.toml", 5, "rules.packs.2") in places


def test_settings_of_rules_are_refused_at_their_line(tmp_path: Path) -> None:
    more = (
        '[[rules.overrides]]\nrule = "two_pints"\nthreshold = 1\nreason = "x"\n[rules.index_weights]\npost_radios = 2\n'
    )
    study = study_of(tmp_path, more=more, hills=text("hills", ("two_points", ">=", 2)))
    with pytest.raises(SettingsError) as caught:
        rules_of(study)
    words = said(caught)
    assert "study.toml, row 7, column rules.overrides.0.rule: " in words
    assert "did you mean two_points?" in words
    assert "study.toml, row 11, column rules.index_weights.post_radios: " in words


def test_other_packs_of_a_study_leave_its_settings_for_the_rest_aside(tmp_path: Path) -> None:
    more = '[[rules.overrides]]\nrule = "two_points"\nthreshold = 5\nreason = "x"\n'
    study = study_of(tmp_path, more=more, hills=text("hills", ("two_points", ">=", 2)))
    assert rules_of(study)["two_points"].threshold == 5.0
    assert [rule.pack for rule in rules_of(study, packs=("mobile_signal",)).rules] == ["mobile_signal"] * 3
    assert rules_of(study, packs=("hills",))["two_points"].override == "x"


# rules together


def test_rules_of_two_packs_that_contradict_each_other_are_refused() -> None:
    packs = (
        parse_pack(text("a", ("many", ">=", 5)), file="a.toml"),
        parse_pack(text("b", ("few", "<", 5)), file="b.toml"),
    )
    with pytest.raises(SettingsError) as caught:
        choose_rules(packs, on=ON)
    [fault] = caught.value.faults
    assert (fault.code, fault.file, fault.row, fault.column) == ("rules.contradiction", "b.toml", 14, "threshold")
    assert "few (points_post_count < 5 points) and many (points_post_count >= 5 points, a.toml, 14)" in said(caught)


def test_a_contradiction_made_by_an_override_is_told_at_the_override() -> None:
    packs = (
        parse_pack(text("a", ("some", ">=", 5)), file="a.toml"),
        parse_pack(text("b", ("few", "<", 9)), file="b.toml"),
    )
    assert len(choose_rules(packs, on=ON).rules) == 2
    with pytest.raises(SettingsError) as caught:
        choose_rules(packs, on=ON, overrides=(Override("some", 9, "more"),))
    [fault] = caught.value.faults
    assert (fault.code, fault.file, fault.column) == ("rules.contradiction", "", "rules.overrides.0.threshold")


def test_rules_of_other_days_do_not_contradict_those_in_force() -> None:
    early = parse_pack(text("a", ("many", ">=", 5), more="valid_to = 2012-06-30"), file="a.toml")
    late = parse_pack(text("b", ("few", "<", 5), more="valid_from = 2012-07-01"), file="b.toml")
    assert [rule.id for rule in choose_rules((early, late), on=ON).rules] == ["few"]
    assert choose_rules((early, late), on=ON).skipped == (("many", "out_of_date"),)


def test_one_id_may_stand_for_two_times_and_the_day_decides() -> None:
    early = parse_pack(text("a", ("points", ">=", 1), more="valid_to = 2012-06-30"), file="a.toml")
    late = parse_pack(text("b", ("points", ">=", 2), more="valid_from = 2012-07-01"), file="b.toml")
    for day, threshold in ((date(2012, 6, 30), 1.0), (date(2012, 7, 1), 2.0)):
        chosen = choose_rules((early, late), on=day)
        assert chosen["points"].threshold == threshold
        assert (len(chosen.rules), chosen.skipped) == (1, ())
    twice = parse_pack(text("c", ("points", ">=", 3), more="valid_from = 2012-12-31"), file="c.toml")
    with pytest.raises(SettingsError) as caught:
        choose_rules((late, twice), on=date(2012, 8, 1))
    assert [(fault.code, fault.file) for fault in caught.value.faults] == [("rules.twice", "c.toml")]


def test_the_same_id_in_two_packs_and_a_pack_twice_are_refused() -> None:
    pack = text("a", ("points", ">=", 1))
    with pytest.raises(SettingsError) as caught:
        choose_rules((parse_pack(pack, file="a"), parse_pack(pack.replace('"a"', '"b"'), file="b")), on=ON)
    assert [fault.code for fault in caught.value.faults] == ["rules.twice"]
    with pytest.raises(SettingsError) as caught:
        choose_rules(("mobile_signal", "mobile_signal"), on=ON)
    assert [(fault.code, fault.column) for fault in caught.value.faults] == [("rules.pack_twice", "rules.packs.1")]


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
    refused("rules.weight", weights={"mobile_people": float("nan")})
    refused("rules.override_threshold", overrides=(Override("mobile_people", 0, "why"),))
    refused("rules.override_threshold", overrides=(Override("mobile_people", 100.5, "why"),))
    refused("rules.override_threshold", overrides=(Override("village_centre_signal", 0, "never fails"),))
    refused("rules.override_threshold", overrides=(Override("mobile_people", float("nan"), "why"),))
    both = (Override("mobile_people", 90, "why"), Override("mobile_people", 80, "why"))
    refused("rules.override_twice", overrides=both)


def test_weights_that_sum_to_zero_are_refused() -> None:
    error = refused("rules.no_weight", weights={"mobile_people": 0.0})
    assert "mobile_people" in error.say("en")
    assert [fault.column for fault in error.faults] == ["rules.index_weights"]
    assert choose_rules(("mobile_operators",), on=ON).of("unit") == ()  # villages have no index: nothing to weigh
    weightless = choose_rules(("mobile_signal", "postal_qcvn1"), on=ON, weights={"mobile_people": 0.0})
    assert weightless["mobile_people"].weight == 0.0


def test_services_switched_off_and_packs_out_of_date_skip_their_rules() -> None:
    chosen = choose_rules(("mobile_signal", "postal_qcvn1"), on=ON, services=("post",))
    assert {rule.service for rule in chosen.rules} == {"post"}
    assert {why for _, why in chosen.skipped} == {"service_off"}
    assert len(chosen.skipped) == 3
    late = choose_rules(("resolution_08",), on=date(2016, 1, 1))
    assert late.rules == ()
    assert {why for _, why in late.skipped} == {"out_of_date"}
    assert len(choose_rules(("resolution_08",), on=date(2015, 12, 31)).rules) == 8
    assert len(choose_rules(("resolution_08",), on=date(2007, 1, 1)).rules) == 8
    assert choose_rules(("resolution_08",), on=date(2006, 12, 31)).rules == ()


def test_weights_of_the_study_replace_those_of_the_pack() -> None:
    chosen = choose_rules(("mobile_signal",), on=ON, weights={"mobile_people": 7.0})
    assert chosen["mobile_people"].weight == 7.0
    assert isinstance(chosen["mobile_people"], Rule)


def test_the_table_of_rules_says_where_each_comes_from() -> None:
    table = choose_rules(("resolution_08", "postal_qcvn1"), on=ON, lang="vi").table().set_index("id")
    row = table.loc["target_service_radius"]
    assert (row["standing"], row["unit"], row["threshold"]) == ("official", "km", 2.3)
    assert row["document"] == "Nghị quyết số 08-NQ/TU của Tỉnh ủy Quảng Trị"
    assert row["valid_to"] == pd.Timestamp("2015-12-31")
    assert pd.isna(table.loc["post_radius", "valid_from"])
    assert table.loc["post_radius", "standing"] == "unverified"
    assert (
        row["source_vi"]
        == row["source"]
        == "Nghị quyết số 08-NQ/TU của Tỉnh ủy Quảng Trị, theo Báo cáo số 127-BC/TU ngày 21/12/2012"
    )
    assert row["source_en"] == "Resolution 08-NQ/TU of Quang Tri, in Report 127-BC/TU of 2012-12-21"
    assert (row["document_en"], row["document_vi"]) == ("Resolution 08-NQ/TU of Quang Tri", row["document"])
    own = table.loc["commune_same_day_mail"]
    assert (own["document_en"], own["document_vi"]) == ("", "")
    assert own["source_en"].startswith("commune form")
    assert choose_rules((), on=ON).table().columns.tolist() == table.reset_index().columns.tolist()


def test_a_pack_of_class_tests_has_no_rules_and_is_read() -> None:
    assert load_pack("decree_272").rules == ()
    assert choose_rules(("decree_272",), on=ON).rules == ()
