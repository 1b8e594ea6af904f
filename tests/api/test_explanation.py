"""One commune explained: in the terminal, over HTTP and as a page, out of the results of one run."""

from __future__ import annotations

import html
import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docx
import geopandas as gpd
import pandas as pd
import pytest

from phusong.api.app import create_app
from phusong.api.cli import main
from phusong.api.explaining import explained, find_commune, page_bytes, page_document
from phusong.api.pipeline import run
from phusong.api.results import ResultsReader
from phusong.api.rules import rules_of
from phusong.api.served import Served
from phusong.api.steps import STEPS
from phusong.coverage.explain.statement import TOPICS
from phusong.layers.errors import InputError, MissingError
from phusong.layers.messages import LANGS
from phusong.layers.messages.format import number
from phusong.layers.study import Study
from phusong.maps.report.document import Document

Client = Any  # tests/api/conftest.py
EVIL = "<img src=x onerror=alert(1)>"


def phusong(*words: object) -> int:
    try:
        main([str(word) for word in words])
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


@pytest.fixture(scope="module")
def done(tiny_study_of_module: Path) -> Path:
    """A tiny study that was run; tests only read it."""
    run(Study(tiny_study_of_module), steps=STEPS)
    return tiny_study_of_module


@pytest.fixture(scope="module")
def worst(done: Path) -> dict[str, Any]:
    """The first commune of the gap list."""
    first: dict[str, Any] = pd.read_parquet(done / "results" / "gaps.parquet").iloc[0].to_dict()
    return first


@pytest.fixture(scope="module")
def page(done: Path, worst: dict[str, Any]) -> Document:
    """Its page in Vietnamese."""
    study = Served.of(done)
    results = study.results.snapshot()
    return page_document(study, results, explained(study, results, worst["code"]), "vi")


# what results say, without inputs


def test_a_commune_of_an_older_run_is_explained_by_what_there_is(client: Client) -> None:
    """These results have no plan, ranking, need or classes beside them."""
    body = client.json("/communes/19400/explanation", params={"lang": "en"})
    assert body["name"] == "Hướng Phùng"
    said = {one["code"]: one for one in body["statements"]}
    assert said["missing.reason"]["text"] == "10 % of people have signal."
    assert said["missing.reason"]["rule"] == "commune_people_covered"
    assert said["missing.people"]["params"]["people"] == {"value": 900.0, "unit": "persons"}
    assert any(one["topic"] == "villages" and one["places"] == ["V1"] for one in body["statements"])
    assert body["meta"]["synthetic"] is True
    topics = [TOPICS.index(one["topic"]) for one in body["statements"]]
    assert topics == sorted(topics)
    assert all(one["text"] in body["text"] for one in body["statements"])


def test_languages_and_unknown_codes(client: Client) -> None:
    vietnamese = client.get("/api/v1/communes/19400/explanation", params={"lang": "vi"})
    assert vietnamese.headers["content-language"] == "vi"
    assert "10 % số dân có sóng." in vietnamese.json()["text"]
    for path in ("explanation", "page.html", "page.docx", "page.pdf"):
        answer = client.get(f"/api/v1/communes/nowhere/{path}")
        assert answer.status_code == 404, path
        assert answer.json()["code"] == "api.no_unit"
        assert client.get(f"/api/v1/communes/19400/{path}", params={"colour": "red"}).status_code == 422


def test_a_hostile_name_is_a_name(client: Client) -> None:
    body = client.json("/communes/19402/explanation")
    assert body["name"] == EVIL
    assert EVIL in body["text"]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("19403", "19403"),
        ("dakrong", "19403"),
        ("ĐAKRÔNG", "19403"),
        ("xa 2", "19408"),
        ("Hai Lang", "19405"),
        ("2", "19408"),
    ],
)
def test_communes_are_found_by_code_and_by_name_without_tones(study_dir: Path, asked: str, code: str) -> None:
    assert find_commune(ResultsReader(study_dir).snapshot(), asked) == code


def test_a_name_of_several_or_of_none_is_answered_with_the_right_ones(study_dir: Path) -> None:
    results = ResultsReader(study_dir).snapshot()
    with pytest.raises(InputError) as several:
        find_commune(results, "huong")
    assert "19400 Hướng Phùng (Hướng Hóa)" in several.value.say("vi")
    assert "19401" in several.value.say("en")
    with pytest.raises(MissingError) as unknown:
        find_commune(results, "Hải Lênh")
    assert "Hải Lăng (19405)" in unknown.value.say("en")
    for empty in ("", "  "):
        with pytest.raises(MissingError):
            find_commune(results, empty)


# a study that was run


def test_the_terminal_tells_the_figures_of_the_lists(
    done: Path, worst: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    for lang in LANGS:
        assert phusong("--lang", lang, "explain", done, worst["code"]) == 0
        text = capsys.readouterr().out
        assert worst["name"] in text
        assert number(worst["people_affected"], lang) in text
        reasons = pd.read_parquet(done / "results" / "reasons.parquet")
        own = reasons[(reasons["level"] == "unit") & (reasons["code"] == worst["code"])]
        assert len(own)
        for sentence in own[f"text_{lang}"]:
            assert sentence[1:] in text


def test_sources_are_in_the_language_asked_for_whatever_the_run_spoke(done: Path, worst: dict[str, Any]) -> None:
    study = Served.of(done)
    told = explained(study, study.results.snapshot(), worst["code"])
    sources = [one for one in told.statements if one.code.startswith("missing.standing.")]
    assert sources
    for one in sources:
        rule = {lang: rules_of(study.study, lang=lang)[one.rule] for lang in LANGS}
        for lang in LANGS:
            wanted = rule[lang].document if rule[lang].standing == "unverified" else rule[lang].source
            assert wanted.rstrip(".") in one.say(lang)
            assert "not checked against the print: a parameter" not in one.say(lang)


def test_people_brought_by_the_plan_are_those_of_the_plan(done: Path) -> None:
    study = Served.of(done)
    results = study.results.snapshot()
    serves = pd.read_parquet(done / "results" / "plan_serves.parquet")
    chosen = serves[(serves["level"] == "unit") & (serves["people_new"] >= 1)]
    assert len(chosen)
    for code in chosen["code"].unique():
        statements = explained(study, results, code).statements
        told = [one for one in statements if one.code.startswith("cure.plan_site")]
        own = chosen[chosen["code"] == code].sort_values("people_new", ascending=False)
        if told:  # nothing is to be cured where no rule on signal fails
            assert told[0].params["people"].value == own["people_new"].iloc[0]  # type: ignore[union-attr]


@pytest.mark.parametrize("ending", ["html", "docx", "pdf"])
def test_a_page_is_written_and_made_again_alike(page: Document, ending: str) -> None:
    first = page_bytes(page, f".{ending}")
    assert first == page_bytes(page, f".{ending}")
    if ending == "html":
        text = first.decode()
        assert html.escape(page.title) in text
        assert EVIL not in text
        assert text.count("data:image/png;base64,") == 2  # the map and the profile
        assert "http://" not in text.replace("http://www.w3.org", "")
        assert "Thiếu những gì" in text
    if ending == "docx":
        office = docx.Document(io.BytesIO(first))
        words = "\n".join(paragraph.text for paragraph in office.paragraphs)
        assert page.title in words
        assert len(office.inline_shapes) == 2
        assert len(office.tables) >= 2
    if ending == "pdf":
        assert first.startswith(b"%PDF")


def test_the_command_writes_the_same_page(
    done: Path, worst: dict[str, Any], page: Document, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "trang.docx"
    assert phusong("--lang", "vi", "explain", done, worst["name"], "-o", path) == 0
    assert str(path) in capsys.readouterr().out.replace("\n", "")
    assert path.read_bytes() == page_bytes(page, ".docx")


def test_what_a_centre_lacks_is_what_its_mast_must_bring_less_the_level_of_the_table(done: Path) -> None:
    study = Served.of(done)
    results = study.results.snapshot()
    villages = pd.read_parquet(done / "results" / "villages.parquet").set_index("code")
    sectors = pd.read_parquet(done / "results" / "sectors.parquet")
    weak = {
        code: one for row in results.communes for code, one in explained(study, results, row["code"]).known.weak.items()
    }
    assert weak
    for code, one in weak.items():
        level_dbm = villages.loc[code, f"centre_level_{one.technology.lower()}_dbm"]
        own = sectors[(sectors["site_id"] == one.site) & (sectors["technology"] == one.technology)]
        assert one.operator in set(own["operator"])
        assert one.short_db > 0
        assert min(abs(own["required_dbm"] - level_dbm - one.short_db)) < 0.01
        x_m, y_m = own.iloc[0][["x_m", "y_m"]]
        spot = gpd.read_parquet(done / "results" / "villages.parquet").set_index("code").geometry[code]
        assert one.km == pytest.approx(math.hypot(spot.x - x_m, spot.y - y_m) / 1000.0, rel=1e-3)


def test_every_commune_has_a_page_whatever_it_lacks(done: Path) -> None:
    study = Served.of(done)
    results = study.results.snapshot()
    for row in results.communes:
        told = explained(study, results, row["code"])
        assert told.statements[0].topic == "summary"
        is_gap = row["code"] in {gap["code"] for gap in results.gaps}
        assert any(one.topic == "missing" for one in told.statements) == is_gap
        for lang in LANGS:
            assert "None" not in told.text(lang)
        json.dumps([one.plain() for one in told.statements])


def test_another_ending_is_refused_before_anything_is_written(
    done: Path, worst: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert phusong("--lang", "en", "explain", done, worst["code"], "-o", tmp_path / "page.odt") == 2
    assert "must end in .html, .docx or .pdf" in capsys.readouterr().err.replace("\n", " ")
    assert not list(tmp_path.iterdir())
    assert phusong("--lang", "en", "explain", done, "nobody knows it") == 2
    assert "did you mean" in capsys.readouterr().err


def test_pages_are_served_with_a_policy_that_runs_nothing(
    done: Path, worst: dict[str, Any], client_of: Callable[..., Client]
) -> None:
    client = client_of(create_app(done))
    page = client.get(f"/api/v1/communes/{worst['code']}/page.html", params={"lang": "vi"})
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "script" not in page.headers["content-security-policy"]
    assert "<script" not in page.text
    assert page.text == client.get(f"/api/v1/communes/{worst['code']}/page.html", params={"lang": "vi"}).text
    office = client.get(f"/api/v1/communes/{worst['code']}/page.docx")
    assert office.headers["content-disposition"] == 'attachment; filename="commune.docx"'
    assert docx.Document(io.BytesIO(office.content)).paragraphs
    assert client.get(f"/api/v1/communes/{worst['code']}/page.pdf").content.startswith(b"%PDF")
