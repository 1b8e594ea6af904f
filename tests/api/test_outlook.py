"""What a study asks of its progress, refused where it cannot be: each fault with file, line and key."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from shapely.geometry import box

from phusong.api.outlook import check_progress
from phusong.layers.errors import Fault
from phusong.layers.messages import LANGS
from phusong.layers.study import Study

TOML = """name = "T"
units_valid_on = 2012-12-31
crs = "EPSG:9212"
"""


def units(districts: tuple[str | None, ...] = ("Gio Linh", "Cam Lộ")) -> gpd.GeoDataFrame:
    count = len(districts)
    return gpd.GeoDataFrame(
        {
            "code": [str(i) for i in range(count)],
            "district": pd.Series(districts, dtype="str"),
            "population": 100.0,
            "households": 25.0,
            "counted": pd.Series([None] * count, dtype="boolean"),
            "programme": pd.Series([None] * count, dtype="boolean"),
        },
        geometry=[box(i, 0, i + 1, 1) for i in range(count)],
        crs="EPSG:9212",
    )


def figures(rows: list[tuple[str, float, str, str | None]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["indicator", "value", "as_of", "district"])
    return table.assign(as_of=table["as_of"].astype("datetime64[s]"), district=table["district"].astype("str"))


def lines(rows: list[tuple[str, str, float]]) -> pd.DataFrame:
    made = pd.DataFrame(rows, columns=["code", "as_of", "broadband_subscribers"])
    made["as_of"] = made["as_of"].astype("datetime64[s]")
    for name in ("adsl_subscribers", "fttx_subscribers", "telephone_subscribers", "fixed_telephones"):
        made[name] = float("nan")
    for name in ("telephone_access_point", "public_internet_point", "fibre_to_commune"):
        made[name] = pd.Series([None] * len(made), dtype="boolean")
    return made


def check(root: Path, progress: str, **layers: pd.DataFrame) -> list[Fault]:
    (root / "study.toml").write_text(TOML + progress, encoding="utf-8")
    faults = check_progress(Study(root), {"units": units(), **layers})
    for fault in faults:
        assert all(fault.say(lang) for lang in LANGS)
    return faults


def test_a_good_study_has_no_fault(tmp_path: Path) -> None:
    text = "[progress]\ntarget_year = 2015\n[progress.saturation]\nbroadband_per_100 = 30\n"
    rows = figures([("broadband_per_100", 3.77, "2012-12-31", None), ("broadband_per_100", 99.0, "2013-12-31", None)])
    found = check(tmp_path, text, published_figures=rows, broadband=lines([("0", "2012-12-31", 30.0)]))
    assert found == []
    assert check(tmp_path, "") == []


def test_a_target_year_that_is_over_is_refused_at_its_line(tmp_path: Path) -> None:
    (fault,) = check(tmp_path, "[progress]\ntarget_year = 2011\n")
    assert (fault.code, fault.file, fault.row, fault.fatal) == ("error.progress.year_over", "study.toml", 5, True)
    assert "2011" in fault.say("en")
    assert "2012-12-31" in fault.say("en")
    assert check(tmp_path, "[progress]\ntarget_year = 2012\n") == []  # its last day is the study's


def test_a_saturation_of_no_indicator_names_the_nearest(tmp_path: Path) -> None:
    (fault,) = check(tmp_path, "[progress.saturation]\nbroadbnd_per_100 = 30\n")
    assert (fault.code, fault.row, fault.fatal) == ("error.progress.no_indicator", 5, True)
    assert "broadband_per_100" in fault.say("en")


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([("broadband_per_100", 31.0, "2011-12-31", None), ("broadband_per_100", 32.0, "2012-12-31", None)], "32"),
        ([("broadband_per_100", 31.0, "2011-12-31", "Cam Lộ")], "Cam Lộ"),
    ],
)
def test_a_published_value_above_the_saturation_is_refused_once(
    tmp_path: Path, rows: list[tuple[str, float, str, str | None]], told: str
) -> None:
    text = "[progress.saturation]\nbroadband_per_100 = 30\n"
    (fault,) = check(tmp_path, text, published_figures=figures(rows))
    assert (fault.code, fault.column, fault.row) == ("error.progress.above", "progress.saturation.broadband_per_100", 5)
    assert told in fault.say("vi")


def test_a_computed_value_above_it_is_refused_before_the_run(tmp_path: Path) -> None:
    text = "[progress.saturation]\nbroadband_per_100 = 30\n"
    (fault,) = check(tmp_path, text, broadband=lines([("0", "2010-12-31", 40.0), ("1", "2010-12-31", 5.0)]))
    assert "Gio Linh" in fault.say("en")
    assert "2010-12-31" in fault.say("en")


def test_a_share_above_all_is_refused_without_any_setting(tmp_path: Path) -> None:
    (fault,) = check(tmp_path, "", published_figures=figures([("fibre_communes_pct", 104.0, "2012-12-31", None)]))
    assert fault.code == "error.progress.above"
    assert fault.fatal
    growth = figures([("broadband_growth_pct", 140.0, "2012-12-31", None)])
    assert check(tmp_path, "", published_figures=growth) == []


def test_a_figure_of_no_district_is_told_and_changes_nothing(tmp_path: Path) -> None:
    rows = figures([("fibre_communes_pct", 50.0, "2012-12-31", "Gio Lin")])
    (fault,) = check(tmp_path, "", published_figures=rows)
    assert (fault.code, fault.layer, fault.row, fault.fatal) == (
        "note.figure_of_no_district",
        "published_figures",
        1,
        False,
    )
    assert "Gio Linh" in fault.say("en")


def test_a_figure_of_no_indicator_is_told_once_with_the_nearest(tmp_path: Path) -> None:
    rows = figures(
        [
            ("points_post_count", 1.0, "2012-12-31", None),
            *[("points_pst_count", 2.0, f"20{y}-12-31", None) for y in (11, 12)],
        ]
    )
    (fault,) = check(tmp_path, "", published_figures=rows)
    assert (fault.code, fault.row, fault.fatal) == ("note.figure_of_no_indicator", 2, False)
    assert "points_" in fault.say("en")


def test_all_faults_come_together(tmp_path: Path) -> None:
    text = "[progress]\ntarget_year = 2000\n[progress.saturation]\nno_such = 3\nbroadband_per_100 = 1\n"
    found = check(tmp_path, text, published_figures=figures([("broadband_per_100", 3.77, "2012-12-31", None)]))
    assert [fault.row for fault in found] == [5, 7, 8]


def test_a_share_below_0_is_refused_at_its_row_and_one_that_rounding_lifts_over_100_is_not(tmp_path: Path) -> None:
    rows = figures([("points_post_count", 1.0, "2012-12-31", None), ("fibre_communes_pct", -4.0, "2012-12-31", None)])
    (fault,) = check(tmp_path, "", published_figures=rows)
    assert (fault.code, fault.layer, fault.row, fault.column, fault.fatal) == (
        "error.progress.below",
        "published_figures",
        2,
        "value",
        True,
    )
    assert "-4" in fault.say("vi")
    falling = figures([("broadband_growth_pct", -4.0, "2012-12-31", None)])
    assert check(tmp_path, "", published_figures=falling) == []
    rounded = figures([("fibre_communes_pct", 100.00000000000003, "2012-12-31", None)])
    assert check(tmp_path, "", published_figures=rounded) == []
