"""Rule packs on the command line: listed, shown, checked and compared on a study that has run."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from openpyxl import load_workbook

from phusong.api.cli import main
from phusong.api.pipeline import read_study, run
from phusong.api.rule_sets import compare_packs, sheets, write_sets
from phusong.api.steps import STEPS
from phusong.coverage.rules import choose_rules, pack_names, parse_pack
from phusong.coverage.rules.notes import notes_table, rule_notes
from phusong.layers.errors import InputError
from phusong.layers.messages import LANGS, Lang, say
from phusong.layers.study import Study

FIRST, SECOND = ("mobile_signal", "postal_qcvn1"), ("mobile_signal", "own")
OWN = """name = "own"
source = "a plan"
mark = "K"
standing = "assumption"
[title]
en = "Own"
vi = "Riêng"
[[rule]]
id = "many_points"
level = "unit"
service = "post"
indicator = "points_post_count"
comparison = ">="
threshold = 99
unit = "points"
[rule.text]
en = "{value}"
vi = "{value}"
"""


def phusong(*words: object) -> int:
    try:
        main([str(word) for word in words])
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHUSONG_LANG", "en")


@pytest.fixture(scope="module")
def done(tiny_study_of_module: Path) -> Path:
    assert phusong("--quiet", "run", tiny_study_of_module) == 0
    (tiny_study_of_module / "packs").mkdir()
    (tiny_study_of_module / "packs" / "own.toml").write_text(OWN, encoding="utf-8")
    return tiny_study_of_module


def test_the_packs_that_ship_are_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert phusong("rules") == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in pack_names())
    assert phusong("rules", "resolution_08", "--lang", "vi") == 0
    shown = capsys.readouterr().out
    assert "target_service_radius" in shown
    assert "≤ 2,3 km" in shown
    assert "từ 01/01/2007 đến 31/12/2015" in shown
    assert phusong("rules", "decree_272", "--lang", "vi") == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "đơn vị có toàn bộ ranh giới là bờ biển (giả định quy hoạch: ít nhất 99 % ranh giới là bờ biển)" in shown


def test_a_file_is_checked_with_every_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "own.toml"
    path.write_text(OWN, encoding="utf-8")
    assert phusong("rules", path) == 0
    assert "is good: rules: 1" in capsys.readouterr().out
    path.write_text(OWN.replace("threshold", "treshold").replace("points_post", "pionts_post"), encoding="utf-8")
    assert phusong("rules", path) == 2
    said = capsys.readouterr().err
    assert "own.toml, row 14, column treshold" in said
    assert "own.toml, row 12, column indicator" in said
    assert phusong("rules", tmp_path / "gone.toml") == 2
    assert phusong("rules", "mobile_signl") == 2
    assert "did you mean mobile_signal?" in capsys.readouterr().err


@pytest.mark.parametrize("lang", LANGS)
def test_the_form_of_a_pack_is_a_good_pack(lang: Lang) -> None:
    [rule] = parse_pack(say("rules.template", lang), file="my_rules.toml", lang=lang).rules
    assert rule.sentence(7.0, lang)
    assert rule.standing == "official"


def test_a_new_study_has_the_form(tmp_path: Path) -> None:
    assert phusong("new", tmp_path / "a", "--units-date", "2012-12-31") == 0
    form = tmp_path / "a" / "templates" / "rule_pack.toml"
    (tmp_path / "my_rules.toml").write_bytes(form.read_bytes())
    assert phusong("rules", tmp_path / "my_rules.toml") == 0


def test_the_rules_of_a_study_are_told_with_those_left_out(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert phusong("rules", done) == 0
    said = capsys.readouterr().out
    assert "Rules by which" in said
    assert "In the folder packs but not named in study.toml: own." in said


def test_rules_that_judge_nothing_are_told_with_their_place(
    done: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = choose_rules(("mobile_signal",), on=date(2012, 12, 31))
    notes = rule_notes(rules, units=pd.DataFrame({"people_covered_any_pct": [50.0]}), villages=None)
    monkeypatch.setattr(pd, "read_parquet", lambda path: notes_table(notes))
    assert phusong("rules", done) == 0
    said = capsys.readouterr().out
    assert [note.params["rule"] for note in notes] == ["village_centre_signal", "village_clusters_signal"]
    assert all(note.say("en") in said for note in notes)
    assert "mobile_signal.toml, row " in said


def test_two_sets_are_compared_and_written(done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted((path.name, path.stat().st_mtime_ns) for path in (done / "results").iterdir())
    out = tmp_path / "compared.xlsx"
    words = ("rules", done, "--packs", ",".join(FIRST), "--against", ",".join(SECOND))
    assert phusong(*words, "-o", out) == 0
    said = capsys.readouterr().out
    assert "gap by the second only" in said
    assert "many_points" in said
    sets = compare_packs(Study(done), FIRST, SECOND)
    summary = sets.found.summary.set_index(["level", "side"])["places"]
    units = pd.read_parquet(done / "results" / "units.parquet")
    assert summary["unit"].sum() == len(units)
    known = int(units["points_post_count"].notna().sum())
    places = sets.found.places[sets.found.places["level"] == "unit"]
    assert int(places["side"].isin(["both", "second_only"]).sum()) >= known > 0
    book = load_workbook(out)
    assert book.sheetnames[:3] == ["Summary", "Rules", "Communes"]
    table = pd.read_csv(write_sets(sets, tmp_path / "compared.csv", "en"))
    assert len(table) == len(sets.found.places)
    assert set(table["data"]) == {"synthetic"}
    write_sets(sets, tmp_path / "again.xlsx", "en")
    assert out.read_bytes() == (tmp_path / "again.xlsx").read_bytes()
    assert sorted((path.name, path.stat().st_mtime_ns) for path in (done / "results").iterdir()) == before


def test_an_own_pack_is_judged_by_and_a_change_of_it_judges_again(tiny_study: Path) -> None:
    (tiny_study / "packs").mkdir()
    own = tiny_study / "packs" / "own.toml"
    own.write_text(OWN, encoding="utf-8")
    toml = tiny_study / "study.toml"
    text = toml.read_text(encoding="utf-8")
    assert 'packs = ["resolution_08"' in text
    toml.write_text(text.replace('packs = ["resolution_08"', 'packs = ["own", "resolution_08"'), encoding="utf-8")
    study = Study(tiny_study)
    run(study, steps=STEPS)
    reasons = pd.read_parquet(tiny_study / "results" / "reasons.parquet")
    units = pd.read_parquet(tiny_study / "results" / "units.parquet")
    mine = reasons[reasons["rule"] == "many_points"]
    assert len(mine) == int((units["points_post_count"] < 99).sum()) > 0
    assert set(mine["standing"]) == {"assumption"}
    own.write_text(OWN.replace("threshold = 99", "threshold = 98"), encoding="utf-8")
    computed = set(run(study, steps=STEPS)["timing"]["computed"])
    assert "gaps" in computed
    assert not computed & {"people", "radio", "access"}
    again = pd.read_parquet(tiny_study / "results" / "reasons.parquet")
    assert set(again.loc[again["rule"] == "many_points", "threshold"]) == {98.0}
    own.write_text(OWN.replace("unit = ", "unti = "), encoding="utf-8")
    with pytest.raises(InputError, match=r"packs/own\.toml, row 15, column unti"):
        run(study, steps=STEPS)
    assert pd.read_parquet(tiny_study / "results" / "reasons.parquet").equals(again)


def test_faults_of_packs_settings_and_layers_are_told_in_one_go(
    tiny_study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tiny_study / "packs").mkdir()
    (tiny_study / "packs" / "own.toml").write_text(OWN.replace("unit = ", "unti = "), encoding="utf-8")
    (tiny_study / "packs" / "hills.toml").write_text(OWN.replace('"K"', '"Q"'), encoding="utf-8")
    toml = tiny_study / "study.toml"
    text = toml.read_text(encoding="utf-8").replace(
        'packs = ["resolution_08"', 'packs = ["own", "gone", "resolution_08"'
    )
    text = text.replace('packs = ["decree_272"', 'packs = ["hills", "decre_272"')
    toml.write_text(text.replace('remote_service = "district_office"', 'remote_service = "moon"'), encoding="utf-8")
    (tiny_study / "rasters" / "elevation.tif").unlink()
    assert phusong("check", tiny_study) == 2
    said = " ".join(capsys.readouterr().err.split())
    for words in ("column unti", "no rule pack gone", "column mark", "no rule pack decre_272", "moon", "elevation"):
        assert words in said, words
    assert said.count("column unti") == 1  # told once, though two settings may name the pack
    assert "no rule pack own" not in said
    assert "no rule pack hills" not in said
    with pytest.raises(InputError) as caught:
        read_study(Study(tiny_study))
    assert len(caught.value.faults) >= 6


def test_two_forms_of_one_pack_are_told_each_with_its_threshold(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fewer = OWN.replace('"own"', '"fewer"').replace("threshold = 99", "threshold = 98")
    (done / "packs" / "fewer.toml").write_text(fewer, encoding="utf-8")
    assert phusong("rules", done, "--packs", "own,own", "--against", "fewer") == 0  # a name twice is one pack
    said = capsys.readouterr().out
    assert "≥ 99 points" in said
    assert "≥ 98 points" in said
    asked = sheets(compare_packs(Study(done), ("own",), ("fewer",)), "en")[1].rows
    assert [(row[1], row[3], row[4], row[5]) for row in asked] == [
        ("many_points", "≥ 99 points", "own", "first"),
        ("many_points", "≥ 98 points", "fewer", "second"),
    ]
    (done / "packs" / "fewer.toml").unlink()


def test_the_first_set_is_ranked_as_the_study_is(done: Path) -> None:
    study = Study(done)
    places = compare_packs(study, study.settings.rules.packs, ("own",)).found.places
    listed = pd.read_parquet(done / "results" / "gaps.parquet").set_index("code")["rank"]
    here = places[(places["level"] == "unit") & places["rank_first"].notna()].set_index("code")["rank_first"]
    assert here.to_dict() == listed.to_dict()


@pytest.mark.parametrize("lang", LANGS)
def test_the_sheets_count_what_was_found(done: Path, lang: Lang) -> None:
    sets = compare_packs(Study(done), FIRST, SECOND)
    summary, rules, communes, *_ = sheets(sets, lang)
    assert [row[2] for row in summary.rows] == sets.found.summary["places"].tolist()
    assert len(rules.rows) == len(sets.found.rules)
    places = sets.found.places
    assert len(communes.rows) == int(((places["level"] == "unit") & (places["side"] != "neither")).sum())


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--packs", "mobile_signal"), "a comparison needs a study and a second set"),
        (("--against", "mobile_signl"), "did you mean mobile_signal?"),
        (("--against", ","), "a set names no pack"),
        (("--against", "own", "-o", "a.docx"), "cannot be written as .docx"),
    ],
)
def test_what_cannot_be_compared_is_told(
    done: Path, words: tuple[str, ...], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert phusong("rules", done, *words) == 2
    assert reason in capsys.readouterr().err
