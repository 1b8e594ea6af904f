"""Progress: every dated value, the pace so far against the pace needed, and the outlook."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phusong.coverage.area_indicators import Areas
from phusong.coverage.forecast import fit_growth
from phusong.coverage.progress import (
    PACE_COLUMNS,
    PROGRESS_COLUMNS,
    broadband_dated_areas,
    pace,
    progress,
    saturation_of,
)
from phusong.coverage.rules import choose_rules
from phusong.layers.errors import ComputeError
from phusong.layers.schema import LAYERS

ON = date(2012, 12, 31)
RULES = choose_rules(("resolution_08",), on=ON)
NO_RULES = choose_rules((), on=ON)
RADIUS = "mean_service_radius_post_km"


@dataclass(frozen=True)
class Outlook:
    target_year: int | None = None
    saturation: dict[str, float] = field(default_factory=dict)
    interval_pct: float = 95.0


def values(indicator: str, rows: dict[str, float], *, area: str = "", basis: str = "computed") -> pd.DataFrame:
    """Progress rows of one series."""
    made = [(area, indicator, pd.Timestamp(day), value) for day, value in rows.items()]
    table = pd.DataFrame(made, columns=["area", "indicator", "as_of", "value"])
    level = "district" if area else "province"
    return table.assign(level=level, unit="", basis=basis, note="", source="")[list(PROGRESS_COLUMNS)]


def yearly(found: list[float], *, last: int = 2012) -> dict[str, float]:
    return {f"{last - len(found) + 1 + i}-12-31": value for i, value in enumerate(found)}


def one(table: pd.DataFrame) -> pd.Series:
    assert len(table) == 1
    return table.iloc[0]


def test_the_pace_so_far_and_the_pace_needed_by_hand() -> None:
    """40 to 48 per 100 in two years are 4 a year; 2 more are missing, three years are left: 0.67 a year."""
    row = one(pace(values("telephones_per_100", yearly([40, 43, 48])), rules=RULES, outlook=Outlook()))
    assert row["pace_per_year"] == pytest.approx(4, rel=0.002)
    assert row["needed_per_year"] == pytest.approx(2 / 3, rel=0.002)
    assert row[["dates", "method", "on_pace", "target", "rule"]].tolist() == [
        3,
        "straight",
        "yes",
        50,
        "target_telephones",
    ]
    assert row["target_on"] == pd.Timestamp("2015-12-31")  # the last day of the resolution's targets
    assert row["reaches_on"] == pytest.approx(pd.Timestamp("2013-07-01"), abs=pd.Timedelta(days=2))
    assert row["forecast"] == pytest.approx(60, rel=0.002)
    assert np.isnan([row["low"], row["high"], row["interval_pct"]]).all()


def test_the_setting_of_the_target_year_goes_before_the_rule() -> None:
    row = one(pace(values("telephones_per_100", yearly([40, 48])), rules=RULES, outlook=Outlook(target_year=2020)))
    assert row["target_on"] == pd.Timestamp("2020-12-31")
    assert row["needed_per_year"] == pytest.approx(2 / 8, rel=0.002)


def test_falling_towards_a_most_is_a_pace_too() -> None:
    row = one(pace(values(RADIUS, yearly([3.24, 3.20, 3.16]), basis="published"), rules=RULES, outlook=Outlook()))
    assert row["pace_per_year"] == pytest.approx(-0.04, rel=0.002)
    assert row["needed_per_year"] == pytest.approx(-0.86 / 3, rel=0.002)
    assert row[["on_pace", "basis"]].tolist() == ["no", "published"]
    assert row["reaches_on"].year == 2034


def test_a_target_that_is_met_says_since_when() -> None:
    series = values("telephones_per_100", yearly([52, 48, 51, 60]))
    row = one(pace(series, rules=RULES, outlook=Outlook()))
    assert row["needed_per_year"] == 0
    assert row["on_pace"] == "yes"
    assert row["reaches_on"] == pd.Timestamp("2011-12-31")


def test_away_from_the_target_or_with_one_date_it_is_never_reached() -> None:
    row = one(pace(values("telephones_per_100", yearly([48, 40])), rules=RULES, outlook=Outlook()))
    assert row["on_pace"] == "no"
    assert pd.isna(row["reaches_on"])
    row = one(pace(values("telephones_per_100", yearly([40])), rules=RULES, outlook=Outlook()))
    assert row[["method", "on_pace", "dates"]].tolist() == ["", "", 1]
    assert np.isnan(row["pace_per_year"])
    assert row["needed_per_year"] == pytest.approx(10 / 3, rel=0.002)
    assert pd.isna(row["reaches_on"])
    assert np.isnan(row["forecast"])
    assert len(pace(values("broadband_per_100", yearly([3])), rules=RULES, outlook=Outlook())) == 0  # nothing to tell


def test_what_is_slow_beyond_all_years_is_not_reached() -> None:
    row = one(pace(values("telephones_per_100", yearly([40, 40.01])), rules=RULES, outlook=Outlook()))
    assert pd.isna(row["reaches_on"])


def test_six_dates_and_a_saturation_make_a_forecast_with_an_interval() -> None:
    found = [1.4, 1.7, 2.1, 2.6, 3.1, 3.77]
    outlook = Outlook(saturation={"broadband_per_100": 30.0})
    row = one(pace(values("broadband_per_100", yearly(found)), rules=RULES, outlook=outlook))
    years = np.array([(pd.Timestamp(day) - pd.Timestamp("2007-12-31")).days / 365.25 for day in yearly(found)])
    growth = fit_growth(years, np.array(found), saturation=30.0)
    ahead = years[-1] + (pd.Timestamp("2015-12-31") - pd.Timestamp("2012-12-31")).days / 365.25
    assert row["method"] == "saturating"
    assert row["forecast"] == pytest.approx(growth.at(ahead))
    assert (row["low"], row["high"]) == pytest.approx(growth.interval(ahead, level_pct=95))
    assert row["low"] < row["forecast"] < row["high"] < 30
    assert row[["saturation", "interval_pct", "rule"]].tolist() == [30.0, 95.0, ""]
    five = one(pace(values("broadband_per_100", yearly(found[1:])), rules=RULES, outlook=outlook))
    assert five["method"] == "straight"
    unknown = one(pace(values("broadband_per_100", yearly(found)), rules=RULES, outlook=Outlook()))
    assert unknown["method"] == "straight"
    assert np.isnan(unknown["saturation"])


def test_a_forecast_says_when_the_curve_meets_the_target_and_never_that_it_passes_the_saturation() -> None:
    share = [100 / (1 + np.exp(-0.5 * (year - 2011.0))) for year in range(2005, 2011)]
    rows = yearly(share, last=2010)
    row = one(pace(values("public_internet_communes_pct", rows), rules=RULES, outlook=Outlook(target_year=2050)))
    assert row["method"] == "saturating"
    assert row["saturation"] == 100
    assert row["reaches_on"] == pytest.approx(pd.Timestamp("2011-12-31"), abs=pd.Timedelta(days=3))
    assert 99 < row["forecast"] <= 100
    whole = one(pace(values("telephone_access_communes_pct", yearly([90, 99.9])), rules=RULES, outlook=Outlook()))
    assert whole["forecast"] == 100
    falling = one(pace(values("telephones_per_100", yearly([40, 10])), rules=RULES, outlook=Outlook()))
    assert falling["forecast"] == 0


def test_all_at_the_saturation_stays_there() -> None:
    row = one(pace(values("telephone_access_communes_pct", yearly([100] * 7)), rules=RULES, outlook=Outlook()))
    assert row[["method", "forecast", "on_pace"]].tolist() == ["straight", 100, "yes"]
    assert row["reaches_on"] == pd.Timestamp("2006-12-31")


def test_values_above_the_saturation_are_refused() -> None:
    series = values("broadband_per_100", yearly([20, 22, 24, 26, 28, 31]))
    with pytest.raises(ComputeError, match="31"):
        pace(series, rules=RULES, outlook=Outlook(saturation={"broadband_per_100": 30.0}))


def test_the_basis_with_more_dates_is_taken_and_of_as_many_the_computed_one() -> None:
    both = [
        values("telephones_per_100", yearly([30, 40, 48]), basis="published"),
        values("telephones_per_100", yearly([41, 45]), basis="computed"),
    ]
    assert one(pace(pd.concat(both), rules=RULES, outlook=Outlook()))[["basis", "value"]].tolist() == ["published", 48]
    even = [both[0].iloc[1:], both[1]]
    assert one(pace(pd.concat(even), rules=RULES, outlook=Outlook()))[["basis", "value"]].tolist() == ["computed", 45]


def test_districts_are_held_against_the_target_of_the_province_and_growth_has_no_pace() -> None:
    table = pd.concat(
        [
            values("telephones_per_100", yearly([40, 48]), area="Gio Linh"),
            values("broadband_growth_pct", yearly([20, 21])),
        ]
    )
    row = one(pace(table, rules=RULES, outlook=Outlook()))
    assert row[["level", "area", "asked_of", "target"]].tolist() == ["district", "Gio Linh", "province", 50]
    empty = pace(table.iloc[:0], rules=NO_RULES, outlook=Outlook())
    assert list(empty.columns) == list(PACE_COLUMNS)
    assert len(empty) == 0


def test_without_a_day_to_look_ahead_to_nothing_is_forecast() -> None:
    row = one(pace(values("broadband_per_100", yearly([1, 2])), rules=NO_RULES, outlook=Outlook()))
    assert pd.isna(row["target_on"])
    assert np.isnan(row["forecast"])
    over = one(pace(values("telephones_per_100", yearly([40, 48])), rules=RULES, outlook=Outlook(target_year=2011)))
    assert np.isnan([over["needed_per_year"], over["forecast"]]).all()


@given(
    found=st.lists(st.floats(0, 100), min_size=2, max_size=9),
    year=st.integers(2012, 2060),
    indicator=st.sampled_from(["public_internet_communes_pct", "telephones_per_100", RADIUS]),
)
def test_the_needed_pace_kept_from_the_last_value_meets_the_target_in_time(
    found: list[float], year: int, indicator: str
) -> None:
    row = one(pace(values(indicator, yearly(found)), rules=RULES, outlook=Outlook(target_year=year)))
    rule = next(rule for rule in RULES.of("province") if rule.indicator == indicator)
    left = (row["target_on"] - row["to"]).days / 365.25
    if np.isnan(row["needed_per_year"]):
        assert left == 0
        assert rule.met(found[-1]) is False
    else:
        assert rule.met(found[-1] + row["needed_per_year"] * left) is True
    most = np.nan_to_num(saturation_of(indicator, {}), nan=np.inf)
    assert np.isnan(row["forecast"]) or 0 <= row["forecast"] <= most


def frame(name: str, rows: list[dict[str, object]]) -> pd.DataFrame:
    kinds = {"number": "float64", "yes_no": "boolean", "date": "datetime64[s]"}
    columns = {
        column.name: pd.Series([row.get(column.name) for row in rows], dtype=kinds.get(column.kind, "str"))
        for column in LAYERS[name].all_columns
        if column.name != "geometry"
    }
    return pd.DataFrame(columns)


def test_broadband_of_every_day_rests_on_the_communes_of_that_day() -> None:
    units = frame(
        "units",
        [
            {"code": "A", "district": "Đông", "population": 300.0, "households": 70.0},
            {"code": "B", "district": "Đông", "population": 100.0, "households": 30.0},
            {"code": "C", "district": "Tây", "population": 600.0},
        ],
    )
    rows = [("A", "2010", 3), ("C", "2010", 6), ("A", "2011", 6), ("A", "2012", 9), ("B", "2012", 5), ("C", "2012", 30)]
    layer = frame(
        "broadband",
        [
            {"code": code, "as_of": pd.Timestamp(f"{year}-12-31"), "broadband_subscribers": float(lines)}
            for code, year, lines in [*rows, ("A", "2013", 99), ("Z", "2012", 99)]
        ],
    )
    programme = pd.Series([False] * 3, dtype="boolean")
    found = {}
    for areas in (Areas.whole(3), Areas.named(units["district"])):
        table = broadband_dated_areas(layer, units, areas=areas, programme=programme, on=ON)
        rates = table[table["indicator"] == "broadband_per_100"]
        found |= {(row.area, row.as_of.year): row.value for row in rates.itertuples()}
    assert found == pytest.approx(
        {
            ("", 2010): 100 * 9 / 900,
            # 2011: A alone holds 300 of 1,000 people: no data of the province, but of its own district
            ("Đông", 2011): 100 * 6 / 300,
            ("", 2012): 100 * 44 / 1000,
            ("Đông", 2010): 100 * 3 / 300,
            ("Tây", 2010): 100 * 6 / 600,
            ("Đông", 2012): 100 * 14 / 400,
            ("Tây", 2012): 100 * 30 / 600,
        }
    )
    growth = broadband_dated_areas(layer, units, areas=Areas.whole(3), programme=programme, on=ON)
    assert "broadband_growth_pct" not in set(
        growth.loc[growth["as_of"] == "2012-12-31", "indicator"]
    )  # 1 of 3 knew 2011
    assert len(broadband_dated_areas(None, units, areas=Areas.whole(3), programme=programme, on=ON)) == 0


def test_progress_has_published_and_computed_values_and_none_for_no_data() -> None:
    published = pd.DataFrame(
        {
            "indicator": ["telephones_per_100", "telephones_per_100", "telephones_per_100", "points_post_count"],
            "district": pd.Series([None, None, "Tây", None], dtype="str"),
            "value": [70.0, 75.0, 60.0, 200.0],
            "as_of": pd.to_datetime(["2011-12-31", "2012-12-31", "2012-12-31", "2014-12-31"]),
            "note": [None, "over", None, None],
            "source": ["r", "r", None, "r"],
        }
    )
    dated = pd.DataFrame(
        {"area": [""], "indicator": ["broadband_per_100"], "as_of": pd.to_datetime(["2012-06-30"]), "value": [3.0]}
    )
    table = progress(
        published,
        dated,
        province={"telephones_per_100": 74.0, "broadband_per_100": 9.9, "points_post_count": np.nan},
        districts=pd.DataFrame({"district": ["Tây"], "telephones_per_100": [61.0]}),
        wanted={"telephones_per_100", "broadband_per_100", "points_post_count"},
        on=ON,
    )
    rows = [(r.area, r.indicator, r.as_of.date().isoformat(), r.value, r.basis) for r in table.itertuples()]
    assert rows == [
        ("", "broadband_per_100", "2012-06-30", 3.0, "computed"),
        ("", "telephones_per_100", "2012-12-31", 74.0, "computed"),
        ("", "telephones_per_100", "2011-12-31", 70.0, "published"),
        ("", "telephones_per_100", "2012-12-31", 75.0, "published"),
        ("Tây", "telephones_per_100", "2012-12-31", 61.0, "computed"),
        ("Tây", "telephones_per_100", "2012-12-31", 60.0, "published"),
    ]
    assert table["note"].tolist().count("over") == 1
    assert list(table.columns) == list(PROGRESS_COLUMNS)


def test_a_share_ends_at_100_and_others_where_the_study_says() -> None:
    assert saturation_of("public_internet_communes_pct", {}) == 100
    assert saturation_of("public_internet_communes_pct", {"public_internet_communes_pct": 90.0}) == 90
    assert saturation_of("broadband_per_100", {"broadband_per_100": 30.0}) == 30
    assert np.isnan(saturation_of("broadband_per_100", {}))
    assert np.isnan(saturation_of("broadband_growth_pct", {}))


def test_a_strict_target_at_its_threshold_asks_for_a_move_the_right_way() -> None:
    """2.3 km where less is asked: what grows is not on pace, though 0 more a year are "needed"."""
    rule = replace(next(rule for rule in RULES.of("province") if rule.indicator == RADIUS), comparison="<")
    strict = replace(RULES, rules=(rule,))
    for found, told in (([2.1, 2.2, 2.3], "no"), ([2.3, 2.3, 2.3], "no"), ([2.5, 2.4, 2.3], "yes")):
        assert one(pace(values(RADIUS, yearly(found)), rules=strict, outlook=Outlook()))["on_pace"] == told
    exact = replace(RULES, rules=(replace(rule, comparison="="),))
    for found, told in (([3.0, 2.9], "no"), ([3.0, 2.6], "yes"), ([2.6, 3.0], "no")):
        assert one(pace(values(RADIUS, yearly(found)), rules=exact, outlook=Outlook()))["on_pace"] == told


def test_a_pace_of_a_year_is_not_told_from_days() -> None:
    days = {f"2012-12-{day}": float(day) for day in range(20, 31)}
    row = one(pace(values("public_internet_communes_pct", days), rules=RULES, outlook=Outlook()))
    assert row[["dates", "method", "on_pace"]].tolist() == [11, "", ""]
    assert np.isnan([row["pace_per_year"], row["forecast"], row["low"]]).all()
    assert pd.isna(row["reaches_on"])
    assert row["needed_per_year"] == pytest.approx(20 / 3, rel=0.002)


def test_what_has_arrived_does_not_go_back_along_the_curve_of_the_years_before() -> None:
    found = [20.0, 30, 45, 60, 75, 90, 100]
    row = one(pace(values("public_internet_communes_pct", yearly(found)), rules=RULES, outlook=Outlook()))
    assert row[["method", "forecast"]].tolist() == ["straight", 100]
    gone = one(pace(values("public_internet_communes_pct", yearly([*found[:-1], 0.0])), rules=RULES, outlook=Outlook()))
    assert gone[["method", "forecast"]].tolist() == ["straight", 0]


def test_a_target_still_missed_is_not_reached_on_the_day_of_its_last_value() -> None:
    found = [20.0, 30, 45, 60, 75, 90, 49]  # the curve is past 50 at the end, the value is not
    row = one(pace(values("public_internet_communes_pct", yearly(found)), rules=RULES, outlook=Outlook()))
    assert row["method"] == "saturating"
    assert row["reaches_on"] == pd.Timestamp("2013-01-01")


def test_a_share_that_rounding_lifts_over_100_is_100() -> None:
    row = one(
        pace(values("telephone_access_communes_pct", yearly([90, 100.00000000000003])), rules=RULES, outlook=Outlook())
    )
    assert row[["on_pace", "forecast"]].tolist() == ["yes", 100]


def test_a_saturation_of_a_count_is_the_provinces() -> None:
    found = yearly([10.0, 11, 12, 13, 14, 15])
    table = pd.concat([values("points_post_count", found), values("points_post_count", found, area="Gio Linh")])
    both = pace(table, rules=RULES, outlook=Outlook(saturation={"points_post_count": 300.0}))
    assert both["method"].tolist() == ["saturating", "straight"]
    assert np.isnan(both["saturation"].iloc[1])


def test_a_total_of_a_day_rests_on_all_of_its_communes() -> None:
    """10 and 20 telephones, then one commune's 30 alone: no fall from 50 to 30 is told."""
    units = frame("units", [{"code": code, "district": "Đông", "population": 100.0} for code in "ABC"])
    rows = [("A", "2011", 10), ("B", "2011", 20), ("C", "2011", 99), ("B", "2012", 30), ("C", "2012", 99)]
    layer = frame(
        "broadband",
        [{"code": c, "as_of": pd.Timestamp(f"{y}-12-31"), "fixed_telephones": float(n)} for c, y, n in rows],
    )
    programme = pd.Series([True, True, False], dtype="boolean")
    table = broadband_dated_areas(layer, units, areas=Areas.whole(3), programme=programme, on=ON)
    totals = table[table["indicator"] == "programme_fixed_telephones"]
    assert totals[["as_of", "value"]].to_numpy().tolist() == [[pd.Timestamp("2011-12-31"), 30.0]]
    rates = table[table["indicator"] == "programme_fixed_per_100"]
    assert rates["value"].tolist() == pytest.approx([15.0, 30.0])  # a rate is of those that say


def test_progress_leaves_out_a_district_that_is_none_and_keeps_a_value_told_of_another_area_only() -> None:
    published = pd.DataFrame(
        {
            "indicator": ["telephones_per_100"] * 2,
            "district": pd.Series([" Tây ", "Nam"], dtype="str"),
            "value": [60.0, 50.0],
            "as_of": pd.to_datetime(["2012-12-31"] * 2),
            "note": [None] * 2,
            "source": ["r"] * 2,
        }
    )
    dated = pd.DataFrame(
        {"area": [""], "indicator": ["telephones_per_100"], "as_of": pd.to_datetime(["2012-06-30"]), "value": [70.0]}
    )
    table = progress(
        published,
        dated,
        province={"telephones_per_100": 71.0},
        districts=pd.DataFrame({"district": ["Tây"], "telephones_per_100": [61.0]}),
        wanted={"telephones_per_100"},
        on=ON,
    )
    assert table[["area", "value", "basis"]].to_numpy().tolist() == [
        ["", 70.0, "computed"],
        ["Tây", 61.0, "computed"],
        ["Tây", 60.0, "published"],
    ]
