"""Classes over HTTP and on the command line, from hand-made results; and faults of their settings."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from phusong.api.class_report import show_classes
from phusong.api.classes import centres_of, check_classes, class_tests_of
from phusong.coverage.rules.pack import parse_pack
from phusong.layers.errors import MissingError, SettingsError
from phusong.layers.messages import LANGS
from phusong.layers.study import Study

OWN = """
name = "own"
source = "the people's committee"
mark = "K"
standing = "assumption"
[title]
en = "own"
vi = "riêng"
[[class]]
id = "high"
class = "mountainous"
level = "unit"
any = [{ indicator = "elevation_mean_m", comparison = ">", threshold = 300, unit = "m" }]
[class.text]
en = "high"
vi = "cao"
"""


def study_of(root: Path, text: str = "") -> Study:
    head = 'name = "t"\nunits_valid_on = 2012-12-31\ncrs = "EPSG:9212"\n'
    (root / "study.toml").write_text(head + text, encoding="utf-8")
    return Study(root)


def test_classes_are_listed_and_filtered(client) -> None:
    rows = client.json("/classes?lang=en")["items"]
    assert [(row["code"], row["class"]) for row in rows][:2] == [("19400", "mountainous"), ("19400", "land_border")]
    first = rows[0]
    assert (first["official"], first["computed"], first["used"], first["agree"]) == (True, False, True, False)
    assert (first["derived"], first["hinges_on"], first["evidence"]) == (True, "derived", "en mountainous")
    assert rows[1]["agree"] is None
    assert rows[2]["used"] is None
    assert rows[3]["test"] is None
    assert rows[3]["valid_on"] is None
    for asked, codes in (
        ("agree=false", ["19400"]),
        ("level=village", ["V1"]),
        ("class=remote", ["19402"]),
        ("used=true&level=unit", ["19400", "19400"]),
        ("hinges_on=derived", ["19400"]),
        ("code=V1", ["V1"]),
        ("q=huong phung", ["19400", "19400"]),
        ("agree=true", []),
    ):
        assert [row["code"] for row in client.json(f"/classes?{asked}")["items"]] == codes, asked
    assert client.get("/api/v1/classes?class=hilly").status_code == 422


def test_a_commune_shows_its_classes(client) -> None:
    told = client.json("/communes/19400?lang=vi")["classes"]
    assert [row["class"] for row in told] == ["mountainous", "land_border"]
    assert told[0]["evidence"] == "vi mountainous"
    assert client.json("/communes/19401")["classes"] == []


@pytest.mark.parametrize("lang", LANGS)
def test_the_command_counts_and_names_what_disagrees(study_dir, lang) -> None:
    out = StringIO()
    show_classes(Study(study_dir), Console(file=out, width=200), lang=lang, limit=5)
    text = out.getvalue()
    assert f"{lang} mountainous" in text
    assert "Hướng Phùng" in text
    assert {"en": "recorded yes, computed no", "vi": "hồ sơ có, phép xét không"}[lang] in text


def test_the_command_counts_no_records_and_no_verdicts_as_no_data(study_dir) -> None:
    out = StringIO()
    show_classes(Study(study_dir), Console(file=out, width=200), lang="en", limit=5)
    lines = {line.strip().split("  ")[0]: line for line in out.getvalue().splitlines()}
    none = "…"
    assert "…: no data: nothing recorded, or nothing to test by" in out.getvalue()
    # recorded, computed, used, not known, disagree, in doubt
    assert cells(lines["Land border"]) == [none, "1", "1", "0", none, "0"]
    assert cells(lines["Remote area"]) == [none, none, none, "1", none, none]
    assert cells(lines["Mountainous"]) == ["1", "0", "1", "0", "1", "1"]


def cells(line: str) -> list[str]:
    return [part.strip() for part in line.split("  ") if part.strip()][1:]


def test_tests_of_a_study_are_those_of_its_packs_first_named_first(tmp_path: Path) -> None:
    own = {"own": parse_pack(OWN, file="own.toml")}
    settings = study_of(tmp_path, '[classes]\npacks = ["own", "decree_272"]\nremote_min = 90\n').settings
    tests = {(one.of, one.level): one.id for one in class_tests_of(settings, own)}
    assert tests["mountainous", "unit"] == "high"
    assert tests["mountainous", "village"] == "mountainous_village"
    assert tests["remote", "unit"] == "remote_unit_time"
    swapped = study_of(tmp_path, '[classes]\npacks = ["decree_272", "own"]\n').settings
    assert {(one.of, one.level): one.id for one in class_tests_of(swapped, own)}[
        "mountainous", "unit"
    ] == "mountainous_commune"
    only = study_of(tmp_path, "[classes]\npacks = []\n").settings
    assert {one.of for one in class_tests_of(only)} == {"remote"}
    with pytest.raises((SettingsError, MissingError)):
        class_tests_of(study_of(tmp_path, '[classes]\npacks = ["decre_272"]\n').settings)


def test_faults_of_the_settings_have_their_lines(tmp_path: Path) -> None:
    assert check_classes(study_of(tmp_path)) == []
    text = '[classes]\npacks = ["decre_272", "postal_qcvn1"]\nremote_service = "fibre_node"\n'
    faults = check_classes(study_of(tmp_path, text))
    assert [(fault.code, fault.row) for fault in faults] == [
        ("error.rules.no_pack", 5),
        ("classes.no_tests", 5),
        ("classes.remote_service", 6),
    ]
    assert all(fault.fatal and fault.say(lang) for fault in faults for lang in LANGS)
    assert "decree_272" in faults[0].say("en")


def test_the_studys_own_centre_comes_first(tmp_path: Path) -> None:
    settings = study_of(tmp_path, '[classes]\nremote_service = "hospital"\n').settings
    assert centres_of(settings)[0] == "hospital"


@pytest.mark.parametrize("wrong", ["border_tolerance_m = 0", "remote_min = -5", "tolerance = 5", 'packs = "x"'])
def test_impossible_settings_are_refused(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(SettingsError) as refused:
        study_of(tmp_path, f"[classes]\n{wrong}\n")
    assert refused.value.faults[0].row in (4, 5)
