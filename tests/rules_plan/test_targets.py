"""The tables of targets: of the province and of its districts, met or not, and what must be built."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from phusong.coverage.area_indicators import PART_COLUMNS
from phusong.coverage.rules import choose_rules
from phusong.coverage.rules.pack import parse_pack
from phusong.coverage.targets import COLUMNS, targets

ON = date(2012, 12, 31)
RADIUS = "mean_service_radius_post_km"

OF_A_DISTRICT = """
name = "of_districts"
mark = "K"
standing = "assumption"
source = "test"
[title]
en = "t"
vi = "t"
[[rule]]
id = "district_radius"
level = "district"
service = "post"
indicator = "mean_service_radius_post_km"
comparison = "<="
threshold = 3
unit = "km"
[rule.text]
en = "{value}"
vi = "{value}"
"""


@dataclass(frozen=True)
class Override:
    rule: str
    threshold: float
    reason: str


def published(rows: list[tuple[str, float, str | None, str]], district: str | None = None) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["indicator", "value", "note", "as_of"])
    of = pd.Series([district] * len(table), dtype="str")
    return table.assign(source="Report 127", as_of=table["as_of"].astype("datetime64[s]"), district=of)


def parts(rows: list[tuple[str, str, float, float]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(PART_COLUMNS))


def test_published_computed_and_target_stand_side_by_side() -> None:
    table = targets(
        {RADIUS: 3.11, "telephones_per_100": 75.0, "same_day_mail_communes": 94.0},
        rules=choose_rules(("resolution_08",), on=ON),
        published=published(
            [
                (RADIUS, 3.16, "inconsistent_area", "2012-12-31"),
                ("same_day_mail_communes", 94.0, None, "2012-12-31"),
            ]
        ),
        on=ON,
    ).set_index("indicator")
    assert list(table.columns) == [column for column in COLUMNS if column != "indicator"]
    radius = table.loc[RADIUS]
    assert radius[["published", "computed", "target"]].tolist() == [3.16, 3.11, 2.3]
    assert radius[["unit", "comparison", "met", "note"]].tolist() == ["km", "<=", "no", "inconsistent_area"]
    assert radius["published_as_of"] == pd.Timestamp(ON)
    assert radius[["level", "area", "asked_of", "standing"]].tolist() == ["province", "", "province", "official"]
    assert radius["document"]
    assert radius["distance"] == pytest.approx(0.81)
    assert table.loc["telephones_per_100", "met"] == "yes"
    assert table.loc["telephones_per_100", "distance"] == 0
    assert np.isnan(table.loc["telephones_per_100", "published"])
    assert table.loc["same_day_mail_communes", ["met", "comparison", "met_published"]].tolist() == ["", "", ""]
    assert table.loc["broadband_growth_pct", "met"] == "no_data"
    assert np.isnan(table.loc["broadband_growth_pct", "distance"])
    assert list(table.index[:2]) == [RADIUS, "same_day_mail_communes"]


def test_the_table_of_quang_tri_at_the_end_of_2012() -> None:
    """Report 127-BC/TU against Resolution 08: what the published and the computed figures meet, and what is lacking."""
    figures = {
        RADIUS: (3.16, "inconsistent_area"),
        "broadband_growth_pct": (21.0, "over"),
        "telephones_per_100": (75.0, None),
        "telephone_access_communes_pct": (100.0, None),
        "public_internet_communes_pct": (60.0, "over"),
    }
    computed = {RADIUS: (4740 / (np.pi * 156)) ** 0.5} | {name: value for name, (value, _) in list(figures.items())[1:]}
    table = targets(
        computed,
        parts=parts([("", RADIUS, 156, 4740), ("", "public_internet_communes_pct", 86, 141)]),
        rules=choose_rules(("resolution_08",), on=ON),
        published=published([(name, value, note, "2012-12-31") for name, (value, note) in figures.items()]),
        on=ON,
    ).set_index("indicator")
    assert table["target"].to_dict() == {
        RADIUS: 2.3,
        "broadband_growth_pct": 8.0,
        "telephones_per_100": 50.0,
        "telephone_access_communes_pct": 100.0,
        "public_internet_communes_pct": 50.0,
    }
    assert table["met"].to_dict() == dict.fromkeys(figures, "yes") | {RADIUS: "no"}
    assert table["met_published"].equals(table["met"])
    radius = table.loc[RADIUS]
    assert round(radius["computed"], 2) == 3.11
    assert (radius["build_count"], radius["build_unit"]) == (130, "points")
    assert radius["have"] + radius["build_count"] == 286
    assert radius["build_en"] == "130 more postal points"
    assert radius["build_vi"] == "thêm 130 điểm phục vụ bưu chính"
    assert table.loc["public_internet_communes_pct", ["build_count", "build_en"]].tolist() == [0, ""]


@pytest.mark.parametrize(
    ("value", "note", "met"),
    [(60.0, "over", "yes"), (40.0, "over", "no_data"), (40.0, None, "no"), (50.0, None, "yes")],
)
def test_what_was_printed_as_over_a_value_may_leave_a_target_open(value: float, note: str | None, met: str) -> None:
    table = targets(
        {},
        rules=choose_rules(("resolution_08",), on=ON),
        published=published([("public_internet_communes_pct", value, note, "2012-12-31")]),
        on=ON,
    ).set_index("indicator")
    assert table.loc["public_internet_communes_pct", ["met", "met_published"]].tolist() == ["no_data", met]


def test_over_a_most_that_is_passed_fails_and_below_it_is_open() -> None:
    for value, met in ((2.5, "no"), (2.0, "no_data")):
        table = targets(
            {},
            rules=choose_rules(("resolution_08",), on=ON),
            published=published([(RADIUS, value, "over", "2012-12-31")]),
            on=ON,
        ).set_index("indicator")
        assert table.loc[RADIUS, "met_published"] == met


def test_met_is_judged_by_the_computed_value_only() -> None:
    table = targets(
        {},
        rules=choose_rules(("resolution_08",), on=ON),
        published=published([("telephones_per_100", 75.0, None, "2012-12-31")]),
        on=ON,
    )
    assert set(table["met"]) == {"no_data"}
    assert table.set_index("indicator").loc["telephones_per_100", "met_published"] == "yes"


def test_the_newest_figure_not_after_the_day_counts() -> None:
    rows = [
        ("bts_in_operation", 1159.0, None, "2012-12-31"),
        ("bts_in_operation", 900.0, None, "2011-12-31"),
        ("bts_in_operation", 2000.0, None, "2014-12-31"),
    ]
    table = targets({}, rules=choose_rules((), on=ON), published=published(rows), on=ON)
    assert table["published"].tolist() == [1159.0]


def test_an_override_is_told_and_no_figures_give_an_empty_table() -> None:
    rules = choose_rules(("resolution_08",), on=ON, overrides=(Override("target_telephones", 80, "plan of 2020"),))
    table = targets({"telephones_per_100": 75.0}, rules=rules, published=None, on=ON).set_index("indicator")
    assert table.loc["telephones_per_100", ["target", "met", "override_reason"]].tolist() == [
        80.0,
        "no",
        "plan of 2020",
    ]
    empty = targets({}, rules=choose_rules((), on=ON), published=None, on=ON)
    assert len(empty) == 0
    assert list(empty.columns) == list(COLUMNS)


def test_districts_show_their_own_rules_and_the_provinces_for_information() -> None:
    pack = parse_pack(OF_A_DISTRICT, file="of_districts.toml")
    rules = choose_rules(("resolution_08", pack), on=ON)
    table = targets(
        {RADIUS: 3.11},
        districts=pd.DataFrame({"district": ["Gio Linh", "Cồn Cỏ"], RADIUS: [3.3, np.nan], "telephones_per_100": 60.0}),
        parts=parts([("", RADIUS, 156, 4740), ("Gio Linh", RADIUS, 14, 474)]),
        rules=rules,
        published=pd.concat(
            [
                published([(RADIUS, 3.16, None, "2012-12-31")]),
                published([("broadband_per_100", 3.5, None, "2012-12-31")], district="Gio Linh"),
            ]
        ),
        on=ON,
    )
    assert list(dict.fromkeys(table["area"])) == ["", "Gio Linh", "Cồn Cỏ"]
    mine = table[(table["area"] == "Gio Linh") & (table["indicator"] == RADIUS)]
    assert mine[["target", "asked_of", "met", "build_count"]].to_numpy().tolist() == [[3.0, "district", "no", 3.0]]
    assert 474 / (np.pi * 3.0**2) == pytest.approx(16.8, abs=0.05)
    provincial = table[(table["area"] == "") & (table["indicator"] == RADIUS)]
    assert provincial["target"].tolist() == [2.3]
    assert provincial["published"].tolist() == [3.16]
    by_indicator = table[table["area"] == "Gio Linh"].set_index("indicator")
    assert by_indicator.loc["telephones_per_100", ["asked_of", "met", "level"]].tolist() == [
        "province",
        "yes",
        "district",
    ]
    assert by_indicator.loc["broadband_per_100", ["published", "rule"]].tolist() == [3.5, ""]
    assert np.isnan(mine["published"].iloc[0])
    island = table[(table["area"] == "Cồn Cỏ") & (table["indicator"] == RADIUS)].iloc[0]
    assert island[["met", "build_unit", "build_en"]].tolist() == ["no_data", "", ""]


@pytest.mark.parametrize(
    ("comparison", "value", "met"),
    [
        (">", 50.0, "yes"),  # over 50 is more than 50
        ("<=", 50.0, "no"),
        ("<", 50.0, "no"),
        ("<=", 40.0, "no_data"),
        ("=", 50.0, "no"),
        ("=", 40.0, "no_data"),  # over 40 may be 50
    ],
)
def test_over_a_value_against_every_comparison(comparison: str, value: float, met: str) -> None:
    rules = choose_rules(("resolution_08",), on=ON)
    rule = next(rule for rule in rules.rules if rule.id == "target_public_internet")
    table = targets(
        {},
        rules=replace(rules, rules=(replace(rule, comparison=comparison),)),
        published=published([(rule.indicator, value, "over", "2012-12-31")]),
        on=ON,
    )
    assert table["met_published"].tolist() == [met]


def test_an_area_without_a_point_misses_the_target_of_a_radius_and_no_layer_of_points_is_no_data() -> None:
    rules = choose_rules(("resolution_08",), on=ON)
    found = pd.DataFrame({"district": ["Đakrông", "Hướng Hóa"], RADIUS: [np.nan, np.nan]})
    table = targets(
        {}, districts=found, parts=parts([("Đakrông", RADIUS, 0, 1180)]), rules=rules, published=None, on=ON
    )
    rows = table[(table["indicator"] == RADIUS) & (table["level"] == "district")].set_index("area")
    assert rows["met"].to_dict() == {"Đakrông": "no", "Hướng Hóa": "no_data"}
    assert rows.loc["Đakrông", "build_count"] == 72  # 1180 / (pi 2.3^2) = 71.0028: 71 do not do
    assert rows["distance"].isna().all()
    assert np.isnan(rows.loc["Hướng Hóa", "build_count"])
