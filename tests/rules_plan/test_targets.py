"""The table of provincial targets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from phusong.coverage.rules import choose_rules
from phusong.coverage.targets import COLUMNS, targets

ON = date(2012, 12, 31)


@dataclass(frozen=True)
class Override:
    rule: str
    threshold: float
    reason: str


def published(rows: list[tuple[str, float, str | None, str]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["indicator", "value", "note", "as_of"])
    return table.assign(source="Report 127", as_of=table["as_of"].astype("datetime64[s]"))


def test_published_computed_and_target_stand_side_by_side() -> None:
    table = targets(
        {"mean_service_radius_post_km": 3.11, "telephones_per_100": 75.0, "same_day_mail_communes": 94.0},
        rules=choose_rules(("resolution_08",), on=ON),
        published=published(
            [
                ("mean_service_radius_post_km", 3.16, "inconsistent_area", "2012-12-31"),
                ("same_day_mail_communes", 94.0, None, "2012-12-31"),
            ]
        ),
        on=ON,
    ).set_index("indicator")
    assert list(table.columns) == [column for column in COLUMNS if column != "indicator"]
    radius = table.loc["mean_service_radius_post_km"]
    assert radius[["published", "computed", "target"]].tolist() == [3.16, 3.11, 2.3]
    assert radius[["unit", "comparison", "met", "note"]].tolist() == ["km", "<=", "no", "inconsistent_area"]
    assert table.loc["telephones_per_100", "met"] == "yes"
    assert np.isnan(table.loc["telephones_per_100", "published"])
    assert table.loc["same_day_mail_communes", ["met", "comparison"]].tolist() == ["", ""]
    assert table.loc["broadband_growth_pct", "met"] == "no_data"
    assert list(table.index[:2]) == ["mean_service_radius_post_km", "same_day_mail_communes"]


def test_met_is_judged_by_the_computed_value_only() -> None:
    table = targets(
        {},
        rules=choose_rules(("resolution_08",), on=ON),
        published=published([("telephones_per_100", 75.0, None, "2012-12-31")]),
        on=ON,
    )
    assert set(table["met"]) == {"no_data"}


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
