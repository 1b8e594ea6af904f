"""``phusong targets``: the province, districts that miss a target, one district, and the pace, in both languages."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from phusong.api.cli import main


def phusong(*words: object) -> int:
    try:
        main([str(word) for word in words])
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


def test_the_province_its_districts_and_the_pace(study_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert phusong("--lang", "en", "targets", study_dir) == 0
    out = said(capsys)
    assert "130 more postal points" in out
    assert "Hướng Hóa" in out
    assert "46 more postal points" in out
    assert "6 (2007-2012)" in out
    assert "6.5 (5.8 to 7.2)" in out


def test_in_vietnamese_with_decimal_commas(study_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert phusong("--lang", "vi", "targets", study_dir) == 0
    out = said(capsys)
    assert "thêm 130 điểm" in out
    assert all(word in out for word in ("6,5", "5,8", "7,2)", "31/12/2015"))  # in narrow columns a line is broken
    assert "6.5" not in out


def test_one_district_with_or_without_tones(study_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert phusong("--lang", "en", "targets", study_dir, "--district", "huong hoa") == 0
    out = said(capsys)
    assert "Targets in the district Hướng Hóa" in out
    assert "46 more postal points" in out
    assert "130 more" not in out


def test_an_unknown_district_names_the_nearest(study_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert phusong("--lang", "en", "targets", study_dir, "--district", "Hướng Hoá B") == 2
    assert "Hướng Hóa" in capsys.readouterr().err


def test_a_study_without_districts_says_so(fresh: object, capsys: pytest.CaptureFixture[str]) -> None:
    root: Path = fresh()  # type: ignore[operator]
    path = root / "results" / "targets.parquet"
    table = pd.read_parquet(path)
    table[table["level"] == "province"].to_parquet(path)
    assert phusong("--lang", "en", "targets", root) == 0
    assert "No targets of districts" in said(capsys)
