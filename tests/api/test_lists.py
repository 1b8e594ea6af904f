"""Lists out of results: what filters leave, what is judged anew, what changed since an older list, what is written."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Point, box

from phusong.api.lists.anew import judged_anew
from phusong.api.lists.build import build
from phusong.api.lists.changes import KINDS, compare, older_of, read_older
from phusong.api.lists.filters import Filters, checked, parse_thresholds
from phusong.api.lists.frames import OF_GAPS, reasons_of
from phusong.api.lists.make import anew, write_list
from phusong.api.lists.specs import SPECS
from phusong.api.lists.tables import Tables
from phusong.api.lists_step import lists_step
from phusong.coverage.gaps import find_gaps
from phusong.coverage.rules import RuleSet, choose_rules
from phusong.layers.errors import InputError, MissingError
from phusong.layers.messages import say
from phusong.layers.messages.format import number
from phusong.layers.study import Settings

DAY = date(2012, 12, 31)
CRS = "EPSG:9212"
NAN = float("nan")
NAMES = ["Xã Đông", "Xã Dương", "Xã An", "Xã Ân", "Xã Bà", "Xã Ba 10", "Xã Ba 2", "Xã Cam"]
DISTRICTS = ["Đakrông", "Đakrông", "Hải Lăng", "Đakrông", "Hải Lăng", "Cam Lộ", "Cam Lộ", "Hải Lăng"]


def units_frame(count: int = 8, *, day: date = DAY, **columns: Any) -> gpd.GeoDataFrame:
    """Communes in a row, each 4 km wide."""
    table = {
        "code": [f"{n:05d}" for n in range(count)],
        "valid_on": np.array([day] * count, dtype="datetime64[s]"),
        "name": NAMES[:count],
        "district": DISTRICTS[:count],
        "people": [1000.0 + 100 * n for n in range(count)],
        "households": [250.0] * count,
        "mountainous": pd.array([n % 2 == 0 for n in range(count)], dtype="boolean"),
        "people_covered_any_pct": [50.0, 80.0, 99.0, 20.0, 94.0, 97.0, 10.0, NAN][:count],
        "people_covered_2g_pct": [50.0, 80.0, 99.0, 20.0, 94.0, 97.0, 10.0, NAN][:count],
        "people_covered_2g_viettel_pct": [50.0, 80.0, 99.0, 20.0, 94.0, 97.0, 0.0, NAN][:count],
        "people_covered_3g_viettel_pct": [10.0, 96.0, 10.0, 10.0, 10.0, 10.0, 10.0, NAN][:count],
        "people_covered_2g_vinaphone_pct": [0.0] * count,
        "people_per_post_point": [9000.0, 100.0, 9500.0, 100.0, 100.0, NAN, 100.0, 12000.0][:count],
        "points_post_count": [1.0] * count,
        "has_post": pd.array([True] * count, dtype="boolean"),
        "mean_service_radius_post_km": [1.0] * count,
    }
    shapes = [box(500000 + 4000 * n, 1800000, 504000 + 4000 * n, 1804000) for n in range(count)]
    return gpd.GeoDataFrame(table | columns, geometry=shapes, crs=CRS)


def villages_frame(**columns: Any) -> gpd.GeoDataFrame:
    table = {
        "code": ["v1", "v2", "v3"],
        "name": ["Bản Đá", "Bản 10", "Bản 2"],
        "unit_code": ["00000", "00000", "00002"],
        "population": [400.0, 300.0, NAN],
        "households": [100.0, 75.0, 50.0],
        "grid_power": pd.array([True, False, None], dtype="boolean"),
        "centre_covered_any": pd.array([False, False, True], dtype="boolean"),
        "clusters_uncovered": [1.0, NAN, 0.0],
        "operators_at_centre": ["", "", "Viettel;Vinaphone"],
        "operators_at_centre_count": [0.0, 0.0, 2.0],
    }
    places = [Point(502000 + 100 * n, 1802000) for n in range(3)]
    return gpd.GeoDataFrame(table | columns, geometry=places, crs=CRS)


@cache
def _shipped(*packs: str) -> RuleSet:
    return choose_rules(packs, on=DAY)


def rules_of(*packs: str, **asked: Any) -> RuleSet:
    packs = packs or ("mobile_signal", "postal_qcvn1")
    return choose_rules(packs, on=DAY, **asked) if asked else _shipped(*packs)


def run_of(units: gpd.GeoDataFrame, villages: gpd.GeoDataFrame | None, rules: RuleSet, *, day: date = DAY) -> Tables:
    """The frames a run leaves."""
    bare = pd.DataFrame(units.drop(columns="geometry"))
    own = None if villages is None else pd.DataFrame(villages.drop(columns="geometry"))
    gaps = find_gaps(bare, own, rules=rules, villages=villages)
    marks = {"as_of": day.isoformat(), "data": "synthetic"}
    frames: dict[str, pd.DataFrame | None] = {
        "units": units.assign(**marks),
        "villages": None if villages is None else villages.assign(**marks),
        "gaps": _placed(gaps.units, units).assign(**marks),
        "gap_villages": None if villages is None else _placed(gaps.villages, villages).assign(**marks),
        "reasons": gaps.reasons.assign(**marks),
        "not_judged": gaps.not_judged.assign(**marks),
        "need": gaps.need.assign(**marks),
        "rules": rules.table(),
        "sectors": pd.DataFrame({"operator": ["Viettel", "Vinaphone", "Viettel"]}),
    }
    made = Settings(name="Thử", units_valid_on=day, crs=CRS, organisation="Sở TT&TT")
    record = {
        "synthetic": True,
        "settings": {"units_valid_on": day.isoformat()},
        "inputs": {"units": "a", "villages": "b"},
    }
    return Tables(made, frames.get, record)


def _placed(frame: pd.DataFrame, home: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    shapes = home.set_index("code").geometry.reindex(frame["code"])
    return gpd.GeoDataFrame(frame, geometry=shapes.to_numpy(), crs=CRS)


@pytest.fixture(scope="module")
def tables() -> Tables:
    return run_of(units_frame(), villages_frame(), rules_of())


def listed(tables: Tables, which: str = "communes", **asked: Any) -> pd.DataFrame:
    return build(tables, which, lang="vi", filters=Filters(**asked)).frame


# order, groups, totals


def test_districts_and_names_stand_in_vietnamese_order(tables: Tables) -> None:
    one = build(tables, "communes", lang="vi", by_name=True).office
    assert list(dict.fromkeys(one.groups)) == ["Cam Lộ", "Đakrông", "Hải Lăng"]
    at = [column.id for column in one.columns].index("name")
    assert [row[at] for row in one.rows] == ["Xã Ba 2", "Xã Ân", "Xã Dương", "Xã Đông", "Xã An", "Xã Bà", "Xã Cam"]
    by_rank = build(tables, "communes", lang="vi").office
    assert [row[0] for row in by_rank.rows if row[0]] != sorted(row[0] for row in by_rank.rows)
    flat = build(tables, "communes", lang="vi", grouped=False).office
    assert [row[0] for row in flat.rows] == list(range(1, 8))
    assert flat.groups == ()
    assert "district" in [column.id for column in flat.columns]


def test_the_figures_of_the_paper_are_those_of_the_frames(tables: Tables) -> None:
    gaps = tables.frame("gaps")
    assert gaps is not None
    one = build(tables, "communes", lang="vi").office
    ids = ["", *(column.id for column in one.columns)]
    for role, cells in one.texts():
        if role == "row":
            own = gaps[gaps["code"] == cells[ids.index("code")]].iloc[0]
            assert cells[ids.index("population")] == number(own["population"], "vi")
            assert cells[ids.index("need_index")] == number(own["need_index"], "vi", decimals=1)
    total = one.texts()[-1]
    assert total[1][ids.index("population")] == number(gaps["population"].sum(), "vi")
    assert total[1][ids.index("people_affected")] == number(gaps["people_affected"].sum(), "vi")


def test_a_study_without_districts_has_one_piece() -> None:
    units = units_frame(district=[None] * 8)
    one = build(run_of(units, None, rules_of()), "communes", lang="en").office
    assert one.groups == ()
    assert "district" not in [column.id for column in one.columns]
    assert one.texts()[-1][0] == "total"


def test_head_says_whose_list_it_is_and_that_it_is_synthetic(tables: Tables) -> None:
    one = build(tables, "communes", lang="vi", filters=Filters(district="cam lo", min_people=5)).office
    assert one.organisation == "Sở TT&TT"
    assert one.lines == (
        "Thử, theo đơn vị hành chính ngày 31/12/2012",
        "Chỉ gồm: địa bàn: Cam Lộ; từ 5 người trở lên",
    )
    assert one.mark == say("map.ui.synthetic", "vi")
    assert any("QCVN 1:2015" in note for note in one.notes)


def test_reasons_stand_on_a_second_sheet(tables: Tables) -> None:
    main, detail = build(tables, "communes", lang="en").sheets
    reasons = tables.frame("reasons")
    assert reasons is not None
    assert len(detail.rows) == (reasons["level"] == "unit").sum()
    ids = [column.id for column in detail.columns]
    margins = [row[ids.index("margin")] for row in detail.rows]
    assert all(margin < 0 for margin in margins)
    assert main.title in detail.title


# filters


def test_a_service_leaves_its_gaps_with_its_reasons_and_people_only(tables: Tables) -> None:
    assert list(listed(tables)["code"]) != list(listed(tables, service="post")["code"])
    post = listed(tables, service="post").set_index("code")
    assert set(post.index) == {"00000", "00002", "00007"}
    assert post.loc["00000", "reasons_count"] == 1
    assert post.loc["00000", "basis"] == "record"
    assert "bưu chính" in post.loc["00000", "reasons"]
    assert "sóng" not in post.loc["00000", "reasons"]
    mobile = listed(tables, service="mobile").set_index("code")
    assert mobile.loc["00000", "people_affected"] == pytest.approx(500.0)
    assert set(reasons_of(tables, "communes", Filters(service="mobile"))["service"]) == {"mobile"}


def test_the_services_together_are_the_whole_list(tables: Tables) -> None:
    parts = [set(listed(tables, service=one)["code"]) for one in ("mobile", "post", "broadband", "facilities")]
    assert set().union(*parts) == set(listed(tables)["code"])


@pytest.mark.parametrize("word", ["mountainous", "miền núi", "MIEN NUI"])
def test_a_class_by_its_code_or_in_words(tables: Tables, word: str) -> None:
    assert set(listed(tables, unit_class=word)["code"]) == {"00000", "00002", "00004", "00006"}
    assert set(listed(tables, "not-assessable", unit_class=word)["code"]) <= {"00000", "00002", "00004", "00006", "v2"}


@pytest.mark.parametrize("word", ["Đakrông", "dakrong", "huyện Đakrông", "DAKRÔNG"])
def test_a_district_with_or_without_tones_and_kind(tables: Tables, word: str) -> None:
    assert set(listed(tables, district=word)["code"]) == {"00000", "00001", "00003"}
    assert set(listed(tables, "villages", district=word)["code"]) == {"v1", "v2"}


def test_people_rule_and_basis(tables: Tables) -> None:
    assert set(listed(tables, min_people=1000)["code"]) <= set(listed(tables)["code"])
    assert (listed(tables, min_people=1000)["people_affected"] >= 1000).all()
    assert set(listed(tables, rule="mobile_people")["code"]) == {"00000", "00001", "00003", "00004", "00006"}
    assert set(listed(tables, basis="record")["code"]) == {"00000", "00002", "00007"}


def test_all_faults_of_filters_together_with_the_nearest_words(tables: Tables) -> None:
    asked = Filters(service="pots", unit_class="mountan", district="Hai Lang 2", rule="mobile_peopl", min_people=-1.0)
    with pytest.raises(InputError) as caught:
        checked(asked, "communes", tables)
    told = {fault.column: fault.params.get("nearest") for fault in caught.value.faults}
    assert told == {
        "service": "post",
        "class": "mountainous",
        "district": "Hải Lăng",
        "rule": "mobile_people",
        "min_people": None,
    }
    for lang in ("vi", "en"):
        assert "pots" in caught.value.say(lang)  # type: ignore[arg-type]


def test_a_filter_that_the_list_does_not_take_is_refused(tables: Tables) -> None:
    with pytest.raises(InputError, match="state"):
        checked(Filters(state="none_at_centre"), "communes", tables)
    with pytest.raises(InputError, match="min_people"):
        checked(Filters(threshold=(("mobile_people", 90.0),)), "plan", tables)


def test_thresholds_as_people_write_them() -> None:
    assert parse_thresholds(["a=2,5", "b = 3", "c=1e2"]) == (("a", 2.5), ("b", 3.0), ("c", 100.0))
    with pytest.raises(InputError) as caught:
        parse_thresholds(["a", "b=", "=3", "c=nan", "d=1"])
    assert len(caught.value.faults) == 4


def test_lists_that_are_not_there(tables: Tables) -> None:
    with pytest.raises(InputError, match="communes"):
        build(tables, "comunes", lang="en")
    with pytest.raises(MissingError):
        build(tables, "plan", lang="en")


# judged anew


def again(tables: Tables, rules: RuleSet | None = None, **asked: Any) -> Tables:
    filters = checked(Filters(**asked), "communes", tables)
    return judged_anew(tables, filters, rules=rules or rules_of(), villages=villages_frame())


def test_the_same_threshold_gives_the_same_list(tables: Tables) -> None:
    same = again(tables, threshold=(("mobile_people", 95.0),))
    for stem in ("gaps", "gap_villages", "reasons", "not_judged", "need"):
        one, two = tables.frame(stem), same.frame(stem)
        assert one is not None
        assert two is not None
        pd.testing.assert_frame_equal(
            pd.DataFrame(one.drop(columns="geometry", errors="ignore")),
            pd.DataFrame(two.drop(columns="geometry", errors="ignore")),
            check_dtype=False,
        )


def test_another_threshold_is_the_rule_with_that_threshold(tables: Tables) -> None:
    moved = again(tables, threshold=(("mobile_people", 60.0),))
    override = SimpleNamespace(rule="mobile_people", threshold=60.0, reason="thử")
    truth = run_of(units_frame(), villages_frame(), rules_of(overrides=[override]))
    assert list(listed(moved)["code"]) == list(listed(truth)["code"])
    assert set(listed(moved, rule="mobile_people")["code"]) == {"00000", "00003", "00006"}
    assert moved.frame("ranking") is None
    old = tables.frame("rules")
    assert old is not None
    assert set(old.loc[old["id"] == "mobile_people", "threshold"]) == {95.0}


@settings(max_examples=5, deadline=None)
@given(one=st.floats(1, 100), other=st.floats(1, 100))
def test_tightening_never_takes_a_commune_off_the_list(one: float, other: float) -> None:
    tables = run_of(units_frame(), None, rules_of())
    loose, tight = sorted((one, other))
    codes = [
        set(
            listed(judged_anew(tables, Filters(threshold=(("mobile_people", at),)), rules=rules_of(), villages=None))[
                "code"
            ]
        )
        for at in (loose, tight)
    ]
    assert codes[0] <= codes[1]


def test_thresholds_that_cannot_be_judged_by(tables: Tables) -> None:
    with pytest.raises(InputError) as caught:
        again(tables, threshold=(("mobile_people", -1.0),))
    assert caught.value.faults[0].code == "list.fault.threshold_unusable"
    twice = Filters(threshold=(("mobile_people", 90.0), ("mobile_people", 80.0), ("mobile_peple", 3.0)))
    with pytest.raises(InputError) as caught:
        checked(twice, "communes", tables)
    assert [fault.code for fault in caught.value.faults] == ["list.fault.threshold_twice", "list.fault.unknown_word"]


def test_targets_of_the_province_are_not_judged_anew(tables: Tables) -> None:
    rules = pd.DataFrame({"id": ["t"], "level": ["province"], "service": ["post"]})
    changed = replace(tables, changed={"rules": rules})
    with pytest.raises(InputError) as caught:
        checked(Filters(threshold=(("t", 3.0),)), "communes", changed)
    assert caught.value.faults[0].code == "list.fault.threshold_level"


def test_one_operator_is_judged_by_its_own_network(tables: Tables) -> None:
    viettel = again(tables, operator="viettel")
    found = listed(viettel, service="mobile").set_index("code")
    # of two technologies the better counts: 96 % of commune 1 have 3G of Viettel
    assert set(found.index) == {"00000", "00003", "00004", "00006"}
    assert found.loc["00006", "people_affected"] == pytest.approx(0.9 * 1600)
    assert set(listed(viettel, "villages")["code"]) == {"v1", "v2"}
    vinaphone = again(tables, operator="Vinaphone")
    assert set(listed(vinaphone)["code"]) == {f"0000{n}" for n in range(8)}  # 0 % is no lack of data
    reasons = vinaphone.frame("reasons")
    assert reasons is not None
    assert set(reasons["service"]) == {"mobile"}


def test_a_network_alone_tells_nothing_of_the_masts_of_others(tables: Tables) -> None:
    own = {"nearest_site": ["M1", "M2", "M3"], "nearest_site_km": [1.0, 2.0, 3.0]}
    run = run_of(units_frame(), villages_frame(**own), rules_of())
    assert listed(run, "villages")["nearest_site_km"].notna().all()
    found = listed(again(run, operator="Vinaphone"), "villages")
    assert len(found)
    assert found["nearest_site_km"].isna().all()
    assert found["operators_count"].isna().all()
    assert set(found["nearest_site"]) == {""}
    built = build(again(run, operator="Vinaphone"), "villages", lang="vi", filters=Filters(operator="Vinaphone"))
    assert not {"nearest_site_km", "operators_count"} & {column.id for column in built.office.columns}


def test_a_threshold_that_was_changed_is_not_called_official(tables: Tables) -> None:
    override = SimpleNamespace(rule="post_people", threshold=9100.0, reason="thử")
    run = run_of(units_frame(), villages_frame(), rules_of(overrides=[override]))
    filters = Filters(threshold=(("mobile_people", 60.0),))
    for lang in ("vi", "en"):
        built = build(again(run, **filters.asked), "communes", lang=lang, filters=filters)  # type: ignore[arg-type]
        [_, detail] = built.sheets
        standing = [column.id for column in detail.columns].index("standing")
        text = [column.id for column in detail.columns].index("text")
        changed = say("list.standing.changed", lang)  # type: ignore[arg-type]
        figures = ("60", "9.100" if lang == "vi" else "9,100")
        for row in detail.rows:
            assert (row[standing] == changed) == any(one in row[text] for one in figures), row
        assert any(row[standing] == changed for row in detail.rows)
        head = built.office.lines[-1]
        assert "mobile_people" in head  # both thresholds, with their unit of measure
        assert "95 %" in head
        assert "60 %" in head
        assert say("list.note.judged_anew", lang) in built.office.notes  # type: ignore[arg-type]
    assert "list.judged_anew" not in str(build(run, "communes", lang="vi").office.lines)


def test_layers_that_changed_after_the_run_are_not_judged_anew(tables: Tables) -> None:
    inputs: Any = SimpleNamespace(hashes={"units": "a", "villages": "c"}, rules=rules_of(), layers={})
    with pytest.raises(InputError, match="villages") as caught:
        anew(tables, Filters(), inputs, folder="DIR")
    assert "phusong run DIR" in caught.value.say("en")


# the same list at another time


def changes_of(now: Tables, before: Tables, which: str = "communes", **asked: Any) -> Any:
    filters = Filters(**asked)
    reasons, old = (reasons_of(one, which, filters) if which in OF_GAPS else None for one in (now, before))
    older = older_of(before, listed(before, which, **asked), old)
    return compare(which, listed(now, which, **asked), now, reasons=reasons, older=older, lang="vi", study=Path("DIR"))


def test_against_itself_nothing_changes(tables: Tables) -> None:
    for which in ("communes", "villages"):
        found = changes_of(tables, tables, which)
        assert found.counts == {"entered": 0, "left": 0, "moved": 0, "unchanged": len(listed(tables, which))}
        assert not found.margins["moved"].any()


def test_what_entered_left_and_moved(tables: Tables) -> None:
    covered = [60.0, 96.0, 99.0, 20.0, 94.0, 50.0, 10.0, NAN]
    now = run_of(units_frame(people_covered_any_pct=covered), villages_frame(), rules_of())
    found = changes_of(now, tables, service="mobile").rows.set_index("code")
    assert found.loc["00005", "change"] == "entered"
    assert found.loc["00001", "change"] == "left"
    assert found.loc["00000", "change"] == "moved"
    assert found.loc["00000", "margins_moved"] == 1
    assert np.isnan(found.loc["00001", "rank"])
    assert found.loc["00001", "name"] == "Xã Dương"
    assert np.isnan(found.loc["00005", "rank_before"])
    margins = changes_of(now, tables, service="mobile").margins.set_index("code")
    assert margins.loc["00000", "margin_before"] == pytest.approx(-45.0)
    assert margins.loc["00000", "margin_change"] == pytest.approx(10.0)
    assert not margins.loc["00003", "moved"]


shares = st.lists(st.one_of(st.just(NAN), st.floats(0, 100)), min_size=8, max_size=8)


@settings(max_examples=6, deadline=None)
@given(one=shares, other=shares)
def test_what_entered_left_and_stayed_adds_up(one: list[float], other: list[float]) -> None:
    before, now = (run_of(units_frame(people_covered_any_pct=each), None, rules_of()) for each in (one, other))
    found = changes_of(now, before)
    counts = found.counts
    assert counts["entered"] + counts["moved"] + counts["unchanged"] == len(listed(now))
    assert counts["left"] + counts["moved"] + counts["unchanged"] == len(listed(before))
    assert sum(counts.values()) == len(found.rows) == found.rows["code"].nunique()
    assert [KINDS.index(kind) for kind in found.rows["change"]] == sorted(KINDS.index(k) for k in found.rows["change"])
    back = changes_of(before, now).counts
    assert (back["entered"], back["left"], back["moved"]) == (counts["left"], counts["entered"], counts["moved"])


def test_other_rules_are_told(tables: Tables) -> None:
    override = SimpleNamespace(rule="mobile_people", threshold=60.0, reason="thử")
    before = run_of(units_frame(), villages_frame(), rules_of("mobile_signal", overrides=[override]))
    told = " ".join(changes_of(tables, before).notes)
    assert "ngưỡng mobile_people đổi từ 60 thành 95" in told
    assert "post_people mới áp dụng" in told


LATER = date(2025, 7, 1)


def merged() -> Tables:
    """Land of 0 and 1; of 3 and half of 2 (under a code that another had); the rest up to 5; 6 and 7 as they were."""
    edges = [(0.0, 2.0, 0.0), (2.5, 4.0, 0.0), (4.0, 6.0, 2.0), (6.0, 7.0, 0.0), (7.0, 8.0, 0.0)]
    shapes = [box(500000 + 4000 * left, 1800000, 500000 + 4000 * right, 1804000) for left, right, _ in edges]
    shapes[2] = shapes[2].union(box(508000, 1800000, 510000, 1804000))
    units = units_frame(5, day=LATER, code=["00003", "00000", "00001", "00006", "00007"], people_per_post_point=100.0)
    names, covered = ["Một", "Hai", "Ba", "Xã Ba 2", "Xã Cam"], [10.0, 99.0, 99.0, 10.0, 99.0]
    units = units.assign(name=names, people_covered_any_pct=covered).set_geometry(shapes, crs=CRS)
    return run_of(units, None, rules_of(), day=LATER)


def test_units_of_two_dates_are_followed_by_their_land(tables: Tables) -> None:
    found = changes_of(merged(), tables, service="mobile")
    rows = found.rows.set_index("code")
    # before: 0, 1, 3, 4, 6 were listed; now the land of 0 and 1, and 6
    assert set(rows.index) == {"00003", "00006", "00000"}
    assert rows.loc["00000", "change"] == "left"
    assert set(rows.loc[["00003", "00006"], "change"]) <= {"moved", "unchanged"}
    assert rows["was_pct"].to_dict() == pytest.approx({"00003": 100.0, "00006": 100.0, "00000": 66.7}, abs=0.1)
    assert rows.loc["00000", "name"] == "Hai"
    assert np.isnan(rows.loc["00003", "rank_before"])  # two communes have no common rank
    assert not np.isnan(rows.loc["00006", "rank_before"])  # the same commune as before
    assert any("31/12/2012" in note and "diện tích" in note for note in found.notes)


def test_where_units_differ_and_land_does_not_tell_the_way_out_is_named(tables: Tables) -> None:
    later = merged()
    with pytest.raises(InputError) as caught:
        changes_of(later, tables, "not-assessable")
    assert "phusong list DIR communes --since" in caught.value.say("en")
    without = replace(later, changed={"units": pd.DataFrame(later.frame("units")).drop(columns="geometry")})
    with pytest.raises(InputError) as caught:
        changes_of(without, tables)
    assert caught.value.code == "list.error.since_outlines"


def test_rows_of_targets_are_not_followed(tables: Tables) -> None:
    older = older_of(tables, pd.DataFrame(), None)
    with pytest.raises(InputError, match="communes"):
        compare("targets", pd.DataFrame(), tables, reasons=None, older=older, lang="en", study=Path("DIR"))


# written


@pytest.mark.parametrize("kind", ["csv", "parquet", "gpkg", "geojson"])
@pytest.mark.parametrize("lang", ["vi", "en"])
def test_an_exported_list_can_be_compared_with(tables: Tables, tmp_path: Path, kind: str, lang: Any) -> None:
    built = build(tables, "communes", lang=lang)
    path = write_list(built, tmp_path / f"x.{kind}", lang)
    older = read_older(path, "communes")
    assert older.as_of == DAY
    found = compare("communes", listed(tables), tables, reasons=None, older=older, lang="vi", study=Path("DIR"))
    assert found.counts["unchanged"] == len(listed(tables))


def test_files_that_are_no_older_list(tables: Tables, tmp_path: Path) -> None:
    cases = {
        "x.doc": ("", "list.error.since_file"),
        "a.csv": ("name,as_of\nx,2012-12-31\n", "list.error.since_column"),
        "b.csv": ("code,name\n00001,x\n", "list.error.since_date"),
        "c.csv": ("code,as_of\n00001,2012-12-31\n00002,2011-12-31\n", "list.error.since_date"),
    }
    for name, (text, code) in cases.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        with pytest.raises(InputError) as caught:
            read_older(tmp_path / name, "communes")
        assert caught.value.code == code


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_an_exported_list_of_villages_is_told_from_one_of_communes(tables: Tables, tmp_path: Path, lang: Any) -> None:
    paths = {which: write_list(build(tables, which, lang=lang), tmp_path / f"{which}.csv", lang) for which in OF_GAPS}
    older = read_older(paths["villages"], "villages")
    now = listed(tables, "villages")
    assert list(older.rows["name"]) == list(now["name"])  # in English communes have two headings called so
    found = compare("villages", now, tables, reasons=None, older=older, lang="vi", study=Path("DIR"))
    assert found.counts["unchanged"] == len(now)
    assert say("list.note.from_file", "vi") in found.notes
    assert found.rows["margins_moved"].isna().all()  # not compared is not none
    for which, other in (("villages", "communes"), ("communes", "villages"), ("communes", "ranking")):
        with pytest.raises(InputError) as caught:
            read_older(paths[which], other)
        assert caught.value.code == "list.error.since_other"


def test_a_filter_that_leaves_nothing_is_told_without_a_warning(tables: Tables) -> None:
    for which in OF_GAPS:
        built = build(tables, which, lang="vi", filters=Filters(service="facilities"))
        assert built.office.rows == ()
        assert say("list.note.empty", "vi") in built.office.remarks()


def test_what_filters_cannot_tell_is_not_forgotten() -> None:
    known = pd.array([True, None, None, False, True, True, True, True], dtype="boolean")
    nobody_knows = villages_frame(population=[400.0, NAN, NAN], households=[100.0, NAN, NAN])
    run = run_of(units_frame(mountainous=known), nobody_knows, rules_of())
    notes = build(run, "communes", lang="vi", filters=Filters(unit_class="mountainous")).office.notes
    assert say("list.note.class_unknown", "vi", count="2") in notes
    whole = listed(run, "villages")
    unknown = int(whole["people_affected"].isna().sum())
    assert unknown
    built = build(run, "villages", lang="vi", filters=Filters(min_people=1.0))
    assert say("list.note.people_unknown", "vi", count=str(unknown)) in built.office.notes
    assert len(built.frame) == len(whole) - unknown


def test_sources_are_those_of_the_rule_asked_for(tables: Tables) -> None:
    rules = tables.frame("rules")
    assert rules is not None
    sources = dict(zip(rules["id"], rules["source"], strict=True))
    notes = build(tables, "communes", lang="vi", filters=Filters(rule="mobile_people")).office.notes
    assert say("list.note.rules", "vi", sources=sources["mobile_people"]) in notes


def classes_run(tables: Tables) -> Tables:
    rows = pd.DataFrame(
        {
            "level": ["village", "unit", "unit", "village"],
            "code": ["v1", "00000", "00002", "v3"],
            "name": ["Bản Đá", "Xã Đông", "Xã An", "Bản 2"],
            "class": ["mountainous"] * 4,
            "official": pd.array([None, True, None, True], dtype="boolean"),
            "computed": pd.array([True, False, True, True], dtype="boolean"),
            "used": pd.array([True, True, True, True], dtype="boolean"),
        }
    )
    return replace(tables, changed={"classes": rows})


def test_classes_have_a_sheet_of_communes_and_one_of_villages(tables: Tables, tmp_path: Path) -> None:
    built = build(classes_run(tables), "classes", lang="vi")
    assert [one.sheet for one in built.sheets] == ["Cấp xã", "Thôn, bản"]
    codes = [[row[[c.id for c in one.columns].index("code")] for row in one.rows] for one in built.sheets]
    assert [set(own) for own in codes] == [{"00000", "00002"}, {"v1", "v3"}]
    assert len(built.office.rows) == len(built.frame) == 4
    table = pd.read_csv(write_list(built, tmp_path / "x.csv", "vi"), dtype=str)
    assert len(table) == 4
    empty = build(classes_run(tables), "classes", lang="vi", filters=Filters(unit_class="island"))
    assert [len(one.rows) for one in empty.sheets] == [0]


def test_targets_of_the_province_beside_districts_are_said_to_be_the_provinces(tables: Tables) -> None:
    row = {"level": "district", "area": "Cam Lộ", "indicator": "telephones_per_100", "published": NAN, "computed": 60.0}
    row |= {"target": 50.0, "comparison": ">=", "met": "yes", "rule": "target_telephones", "standing": "official"}
    for asked, told in (("province", True), ("district", False)):
        run = replace(tables, changed={"targets": pd.DataFrame([row | {"asked_of": asked}])})
        notes = build(run, "district-targets", lang="en").office.notes
        assert (say("list.note.asked_of_province", "en") in notes) == told


@pytest.mark.parametrize("record", [{}, {"settings": {"index": {"first_n": 7, "draws": 500}}}])
def test_a_ranking_says_what_the_first_are_and_a_plan_what_its_prices_are(tables: Tables, record: Any) -> None:
    ranking = pd.DataFrame({"code": ["00000"], "rank": [1], "rank_low": [1], "rank_high": [2], "in_first_pct": [80.0]})
    run = replace(tables, changed={"ranking": ranking}, record=record)
    index = tables.settings.index
    first_n, draws = (7, 500) if record else (index.first_n, index.draws)
    notes = build(run, "ranking", lang="en").office.notes
    assert say("list.note.ranking", "en", first_n=number(first_n, "en"), draws=number(draws, "en")) in notes
    row = {
        "rank": 1,
        "name": "Bản Đá",
        "unit_code": "00000",
        "unit_name": "Xã Đông",
        "cost_vnd": 1e9,
        "people_new": 3.0,
    }
    plan = replace(tables, changed={"plan": pd.DataFrame([row])})
    assert say("list.note.plan", "vi") in build(plan, "plan", lang="vi").office.notes


def test_what_no_rule_counts_is_not_shown_as_0(tables: Tables) -> None:
    row = {"district": "", "service": "mobile", "units": 1, "villages": 2, "none_at_centre": 2, "none_at_cluster": 0}
    totals = pd.DataFrame([row | {"one_operator": 0, "people_affected": 700.0, "unknown": 0}])
    rules = tables.frame("rules")
    assert rules is not None
    other = rules.assign(indicator=["operators_at_centre_count", *rules["indicator"][1:]])
    for known, shown in ((rules, False), (other, True)):
        run = replace(tables, changed={"gap_totals": totals, "rules": known})
        found = build(run, "totals", lang="vi").office
        assert ("one_operator" in [column.id for column in found.columns]) == shown


def test_every_format_holds_the_same_rows(tables: Tables, tmp_path: Path) -> None:
    built = build(tables, "communes", lang="vi", filters=Filters(district="Đakrông"))
    codes = list(built.frame["code"])
    assert len(codes) == 3
    paths = {
        kind: write_list(built, tmp_path / f"x.{kind}", "vi") for kind in ("csv", "xlsx", "geojson", "gpkg", "parquet")
    }
    assert list(pd.read_csv(paths["csv"], dtype=str)["Mã số"]) == codes
    for kind in ("geojson", "gpkg"):
        frame = gpd.read_file(paths[kind])
        assert list(frame["code"]) == codes
        assert (frame.geometry.geom_type == "Polygon").all()
    assert list(gpd.read_parquet(paths["parquet"])["code"]) == codes
    sheet = openpyxl.load_workbook(paths["xlsx"]).worksheets[0]
    found = [row[2] for row in sheet.iter_rows(values_only=True) if row[0] in ("1", "2", "3")]
    assert found == codes
    again_ = {kind: write_list(built, tmp_path / f"y.{kind}", "vi").read_bytes() for kind in ("csv", "xlsx", "parquet")}
    assert again_ == {kind: paths[kind].read_bytes() for kind in again_}


def test_formats_that_are_none(tables: Tables, tmp_path: Path) -> None:
    built = build(tables, "communes", lang="vi")
    with pytest.raises(InputError, match="xlsx"):
        write_list(built, tmp_path / "x.docx", "vi")
    plain_ = build(tables, "not-assessable", lang="vi")
    with pytest.raises(InputError, match="no places"):
        write_list(plain_, tmp_path / "x.geojson", "vi")


def test_every_list_has_words_in_both_languages(tables: Tables) -> None:
    for name, spec in SPECS.items():
        for lang in ("vi", "en"):
            assert say(f"list.title.{name}", lang)  # type: ignore[arg-type]
            for column in spec.columns:
                assert say(f"list.column.{column.id}", lang)  # type: ignore[arg-type]


def test_a_run_leaves_workbooks_ready_to_print(tables: Tables, tmp_path: Path) -> None:
    for stem in ("units", "villages", "gaps", "gap_villages", "reasons", "rules"):
        frame = tables.frame(stem)
        assert frame is not None
        frame.to_parquet(tmp_path / f"{stem}.parquet")
    job: Any = SimpleNamespace(
        settings=tables.settings, path=tmp_path.joinpath, draft=SimpleNamespace(steps={}), progress=lambda share: None
    )
    made = lists_step(job)
    assert [path.name for path in made.files] == ["gaps.xlsx", "gap_villages.xlsx"]
    assert made.counts["workbooks"] == 2
    book = openpyxl.load_workbook(tmp_path / "gaps.xlsx")
    assert book.sheetnames[1] == say("list.sheet.reasons", "vi")
    assert book.worksheets[0].page_setup.orientation == "landscape"
    first = (tmp_path / "gaps.xlsx").read_bytes()
    lists_step(job)
    assert (tmp_path / "gaps.xlsx").read_bytes() == first


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    names = ['=HYPERLINK("http://x")', "<img src=x>", "@a", "+1", "a\x00b", "Xã\nHai", "{x}", "%s"]
    tables = run_of(units_frame(name=names, district=names), None, rules_of())
    for lang in ("vi", "en"):
        built = build(tables, "communes", lang=lang)  # type: ignore[arg-type]
        for kind in ("csv", "xlsx", "geojson", "gpkg", "parquet"):
            write_list(built, tmp_path / f"x.{kind}", lang)  # type: ignore[arg-type]
        book = openpyxl.load_workbook(io.BytesIO((tmp_path / "x.xlsx").read_bytes()))
        for sheet in book.worksheets:
            for row in sheet.iter_rows():
                assert all(cell.data_type != "f" for cell in row)
                assert not any(str(cell.value or "").startswith(("=", "+", "@")) for cell in row)


def test_an_interval_of_places_stands_beside_its_own_place_only(tables: Tables) -> None:
    gaps = tables.frame("gaps")
    assert gaps is not None
    ranks = gaps["rank"].to_numpy().copy()
    ranks[0] += 1  # by the need index it stands elsewhere among all communes
    places = {"code": gaps["code"], "rank": ranks, "rank_low": 1, "rank_high": 9, "in_first_pct": 80.0}
    run = replace(tables, changed={"ranking": pd.DataFrame(places)})
    ranges = build(run, "communes", lang="en").frame.set_index("code")["rank_range"]
    assert ranges[gaps["code"].iloc[0]] == ""
    assert set(ranges[gaps["code"].iloc[1:]]) == {"1–9"}
