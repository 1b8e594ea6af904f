"""Lists over HTTP: the index, every format, filters in addresses, and what is refused."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from phusong.api.app import create_app
from phusong.api.cli import main
from phusong.api.lists.specs import SPECS
from phusong.api.lists_step import PRINTED
from phusong.layers.writers.vectors import FORMATS

Client = Any  # tests/api/conftest.py
EVIL = "<img src=x onerror=alert(1)>"


def test_the_index_names_what_there_is(client: Client) -> None:
    body = client.json("/lists")
    found = {item["name"]: item for item in body["items"]}
    assert {"communes", "villages", "not-assessable", "targets", "district-targets", "plan"} <= set(found) <= set(SPECS)
    assert body["total"] == len(found)
    assert found["villages"]["title"] == "Danh sách thôn, bản còn thiếu sóng di động"
    assert "state" in found["villages"]["filters"]
    assert set(found["communes"]["hrefs"]) == set(FORMATS)


@pytest.mark.parametrize("name", ["communes", "villages", "not-assessable", "targets", "plan"])
def test_every_list_as_a_workbook(client: Client, name: str) -> None:
    answer = client.get(f"/api/v1/lists/{name}.xlsx?lang=en")
    assert answer.status_code == 200
    assert answer.headers["content-type"].endswith("spreadsheetml.sheet")
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}.xlsx"'
    assert answer.headers["content-language"] == "en"
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    texts = {str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row}
    assert "Synthetic data – not real figures" in texts
    assert answer.content == client.get(f"/api/v1/lists/{name}.xlsx?lang=en").content


def test_filters_in_addresses(client: Client) -> None:
    def codes(query: str) -> list[str]:
        answer = client.get(f"/api/v1/lists/communes.csv?lang=en&{query}")
        assert answer.status_code == 200, answer.text
        return list(pd.read_csv(io.BytesIO(answer.content), dtype=str)["Code"])

    assert codes("") == ["19400", "19402"]
    assert codes("flat=true&by_name=true") == ["19400", "19402"]  # Hướng Phùng, <img
    assert codes("class=mountainous") == ["19400"]
    assert codes("class=miền núi") == ["19400"]
    assert codes("basis=record") == ["19402"]
    assert codes("min_people=500") == ["19400"]
    assert codes("district=huong hoa&rule=postal_people_per_point") == ["19402"]


def test_names_of_data_stay_data(client: Client) -> None:
    shapes = json.loads(client.get("/api/v1/lists/communes.geojson").content)
    names = {feature["properties"]["code"]: feature["properties"]["name"] for feature in shapes["features"]}
    assert names["19402"] == EVIL


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("district=huong ho", "Hướng Hóa"),
        ("class=mountan", "mountainous"),
        ("threshold=x", "RULE=VALUE"),
        ("state=one_operator", "communes"),
        ("min_people=-1", ""),
        ("colour=red", ""),
    ],
)
def test_filters_that_are_refused(client: Client, query: str, word: str) -> None:
    answer = client.get(f"/api/v1/lists/communes.xlsx?lang=en&{query}")
    assert answer.status_code == 422
    body = answer.json()
    assert body["errors"]
    assert word in json.dumps(body, ensure_ascii=False)
    assert "/tmp" not in answer.text


@pytest.mark.parametrize("name", ["comunes.xlsx", "communes.docx", "communes", "..%2Fx.csv"])
def test_lists_that_are_not_there(client: Client, name: str) -> None:
    assert client.get(f"/api/v1/lists/{name}").status_code == 404


def phusong(*words: object) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(word) for word in words])
    return int(left.value.code or 0)


def test_the_command_prints_and_writes(study_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert phusong("--lang", "vi", "list", study_dir, "communes", "--class", "miền núi") == 0
    told = capsys.readouterr().out
    assert "Danh sách xã, phường, thị trấn chưa đạt tiêu chí" in told
    assert "Hướng Phùng" in told
    assert "Tổng cộng" not in told  # of one row
    for kind in FORMATS:
        path = tmp_path / f"x.{kind}"
        assert phusong("--lang", "en", "list", study_dir, "communes", "-o", path) == 0
        assert path.stat().st_size > 0
    assert phusong("--lang", "en", "list", study_dir, "communes", "--since", tmp_path / "x.csv") == 0
    assert "2 stayed as they were" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["comunes"], "communes"),
        (["communes", "--service", "pots"], "--service"),
        (["communes", "--threshold", "x"], "RULE=VALUE"),
        (["plan", "--basis", "model"], "--basis"),
        (["communes", "-o", "x.docx"], "xlsx"),
        (["communes", "--since", "none.csv"], "none.csv"),
        (["plan", "--since", "{study}"], "communes"),
    ],
)
def test_commands_that_are_refused(
    study_dir: Path, words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    named = [word.format(study=study_dir) for word in words]
    assert phusong("--lang", "en", "list", study_dir, *named) == 2
    assert told in capsys.readouterr().err


def test_a_list_this_run_did_not_make(
    fresh: Callable[..., Path], client_of: Callable[..., Client], capsys: pytest.CaptureFixture[str]
) -> None:
    root = fresh()
    assert client_of(create_app(root)).get("/api/v1/lists/ranking.csv").status_code == 200
    (root / "results" / "ranking.parquet").unlink()
    assert client_of(create_app(root)).get("/api/v1/lists/ranking.csv").status_code == 404
    assert phusong("--lang", "en", "list", root, "ranking") == 2
    assert "ranking" in capsys.readouterr().err


def test_the_printed_workbooks_are_lists_there_are() -> None:
    names = [name for names in PRINTED for name in names]
    assert len(names) == len(set(names))
    assert set(SPECS) - set(names) == {"not-assessable"}
    for together in PRINTED:
        assert len({SPECS[name].stem for name in together}) == 1
