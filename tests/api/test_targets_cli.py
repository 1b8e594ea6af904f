"""``phusong targets``: the province, districts that miss a target, one district, and the pace, in both languages."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from phusong.api.cli import main
from phusong.api.report import show_districts, show_pace, show_targets
from phusong.coverage.targets import COLUMNS
from phusong.layers.messages import Lang


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


def told(show: Callable[..., None], *frames: pd.DataFrame, **words: str) -> str:
    out = Console(file=StringIO(), width=400)
    show(*frames, out, **words)
    return " ".join(out.file.getvalue().split())  # type: ignore[attr-defined]


def asked(rows: list[dict[str, object]]) -> pd.DataFrame:
    base = dict.fromkeys(COLUMNS, "") | dict.fromkeys(
        ("published", "computed", "target", "distance", "build_count", "have", "base"), float("nan")
    )
    base |= {"published_as_of": pd.NaT, "unit": "km", "indicator": "mean_service_radius_post_km", "as_of": "2012-12-31"}
    return pd.DataFrame([base | row for row in rows])


def test_each_published_figure_has_its_day_and_source() -> None:
    rows = [
        {"published": 3.16, "published_as_of": pd.Timestamp("2012-12-31"), "source": "Report 127", "computed": 3.11},
        {
            "published": 3.24,
            "published_as_of": pd.Timestamp("2010-12-31"),
            "source": "Paper 5",
            "target_source": "R. 08",
        },
    ]
    out = told(show_targets, asked(rows), lang="vi")
    assert "3,16 km 3,11 km" in out
    assert "3,24 km (31/12/2010)" in out
    assert "Nguồn số công bố: Report 127; Paper 5." in out
    assert "Căn cứ của mục tiêu: R. 08." in out
    assert "Số liệu đến ngày 31/12/2012" in out


def test_districts_without_data_stand_beside_those_that_fail_and_the_one_without_a_point_first() -> None:
    one = {"level": "district", "rule": "r", "target": 2.3, "comparison": "<="}
    rows = [
        one | {"area": "Cam Lộ", "met": "no", "computed": 3.5, "distance": 1.2},
        one | {"area": "Gio Linh", "met": "no", "build_en": "24 more postal points"},
        one | {"area": "Đông Hà", "met": "yes", "computed": 1.4},
        one | {"area": "Cồn Cỏ", "met": "no_data"},
        one | {"area": "[b]Hải Lăng", "met": "no_data"},
    ]
    out = told(show_districts, asked(rows), lang="en")
    assert out.index("Gio Linh") < out.index("24 more postal points") < out.index("Cam Lộ")
    assert "Cồn Cỏ; [b]Hải Lăng no data" in out
    assert "Đông Hà" not in out


def test_a_pace_has_its_unit_once(study_dir: Path) -> None:
    pace = pd.read_parquet(study_dir / "results" / "pace.parquet")
    share = pace[pace["indicator"] == "broadband_per_100"].head(1).assign(indicator="fibre_communes_pct", value=60.99)
    out = told(show_pace, pd.concat([pace, share]), lang="en")
    assert "Communes with fibre, % 6 (2007-2012) 60.99" in out
    assert "Broadband subscribers per 100 people 6 (2007-2012) 3.77" in out
    assert "vào ngày 31/12/2015" in told(show_pace, pace, lang="vi")  # "1.712 ngày" would be days


def test_the_word_synthetic_stands_over_the_targets(study_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert phusong("--lang", "en", "targets", study_dir) == 0
    assert "synthetic layers" in said(capsys)


@pytest.mark.parametrize(("lang", "words"), [("en", "No targets"), ("vi", "Không có chỉ tiêu")])
def test_no_targets_are_said_and_not_drawn_as_an_empty_table(lang: Lang, words: str) -> None:
    out = StringIO()
    show_targets(pd.DataFrame(columns=list(COLUMNS)), Console(file=out, width=100), lang=lang)
    assert out.getvalue().startswith(words)
