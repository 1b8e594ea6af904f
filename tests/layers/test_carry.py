"""Tables carried to other units: what is summed is conserved, null is never 0, what is estimated is marked."""

import math
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phusong.coverage.access.services import services
from phusong.coverage.facilities import FACILITIES
from phusong.coverage.indicators import expand
from phusong.layers.dated.carry import Carried, carry
from phusong.layers.dated.crosswalk import PAIR_COLUMNS, UNMATCHED_COLUMNS, Crosswalk, kinds, tidy
from phusong.layers.dated.kinds import ColumnKind, column_kind, kinds_of
from phusong.layers.errors import InputError
from phusong.layers.messages import catalogue
from phusong.layers.schema import LAYERS

OLD, NEW = date(2012, 12, 31), date(2025, 7, 1)


def counted(old: str, new: str, *, people: list[float] | None = None) -> Crosswalk:
    """The crosswalk of two strings of labels, one letter a km2; a blank belongs to nobody."""
    sums: dict[tuple[str, str], list[float]] = {}
    for one, other, weight in zip(old, new, people or [1.0] * len(old), strict=True):
        if (one, other) != (" ", " "):
            sums.setdefault((one, other), [0.0, 0.0])
            sums[one, other] = [sums[one, other][0] + weight, sums[one, other][1] + 1.0]
    rows: list[dict[str, Any]] = []
    left: tuple[list[dict[str, Any]], list[dict[str, Any]]] = ([], [])
    for labels, (weight, area) in sums.items():
        cells: dict[str, Any] = {"basis": "polygons", "weight": weight, "area_km2": area}
        for side, by in ((0, "old"), (1, "new")):
            mine = [part for both, part in sums.items() if both[side] == labels[side]]
            total = sum(w for w, _ in mine)
            share, area_share = weight / total if total else math.nan, area / sum(a for _, a in mine)
            cells |= {f"share_of_{by}": 1.0 if len(mine) == 1 else share, f"area_share_of_{by}": area_share}
            cells[f"{by}_by"] = "whole" if len(mine) == 1 else "population raster"
            if labels[1 - side] == " ":
                unit = {"code": labels[side], "name": labels[side], "area_km2": area}
                left[side].append(unit | {"share": cells[f"share_of_{by}"], "area_share": area_share})
        for side, label in zip(("from", "to"), labels, strict=True):
            cells |= {f"{side}_code": label, f"{side}_name": label}
        if " " not in labels:
            rows.append(cells)
    pairs = pd.DataFrame(rows, columns=[name for name in PAIR_COLUMNS if name != "kind"])
    sole = [(pairs[f"{by}_by"] == "whole").to_numpy() for by in ("old", "new")]
    pairs["kind"] = kinds(sole[0], sole[1], same_name=(pairs["from_code"] == pairs["to_code"]).to_numpy())
    frames = [pd.DataFrame(one, columns=list(UNMATCHED_COLUMNS)).astype(UNMATCHED_COLUMNS) for one in left]
    return Crosswalk(OLD, NEW, tidy(pairs), "population raster", frames[0], frames[1])


def row(carried: Carried, code: str) -> dict[str, Any]:
    found: dict[str, Any] = carried.frame.set_index("code").loc[code].to_dict()
    return found


def reasons(carried: Carried, column: str) -> set[tuple[str, str, str]]:
    rows = carried.listed[carried.listed["column"] == column]
    return set(zip(rows["from_code"], rows["to_code"], rows["reason"], strict=True))


MERGED = counted("aabbc", "xxxxx")
SPLIT = counted("aaaab", "xyyyb")
STAYED = counted("abcde", "abcde")


def test_a_merge_sums_people_and_weighs_rates_by_their_own_denominators() -> None:
    table = pd.DataFrame(
        {
            "code": ["a", "b", "c"],
            "people": [100.0, 300.0, 600.0],
            "area_km2": [2.0, 2.0, 1.0],
            "density_per_km2": [50.0, 150.0, 600.0],
            "broadband_per_100": [4.0, 8.0, 1.0],
            "area_covered_any_pct": [100.0, 50.0, 0.0],
            "points_post_count": [1.0, 0.0, 3.0],
            "people_per_post_point": [100.0, np.nan, 200.0],
            "mean_service_radius_post_km": [math.sqrt(2 / math.pi), np.nan, math.sqrt(1 / (3 * math.pi))],
        }
    )
    found = row(carry(table, MERGED), "x")
    assert found["people"] == 1000
    assert found["density_per_km2"] == 200  # 1,000 on 5 km2, not the mean of the densities
    assert found["broadband_per_100"] == pytest.approx((4 * 1 + 8 * 3 + 1 * 6) / 10)
    assert found["area_covered_any_pct"] == pytest.approx((100 * 2 + 50 * 2) / 5)
    assert found["points_post_count"] == 4
    assert found["people_per_post_point"] == 250  # with the people of b, who have no point of their own
    assert found["mean_service_radius_post_km"] == pytest.approx(math.sqrt(5 / (4 * math.pi)))
    assert found["estimated"] == found["incomplete"] == ""
    assert found["from_codes"] == "a;b;c"


def test_a_split_is_shared_out_by_people_and_marked_estimated() -> None:
    walk = counted("aaaab", "xyyyb", people=[6.0, 2.0, 1.0, 1.0, 1.0])
    table = pd.DataFrame(
        {"code": ["a", "b"], "people": [1000.0, 7.0], "area_km2": [4.0, 1.0], "fixed_per_100": [5.0, 6.0]}
    )
    carried = carry(table, walk)
    assert row(carried, "x")["people"] == pytest.approx(600)
    assert row(carried, "y")["people"] == pytest.approx(400)
    assert row(carried, "y")["area_km2"] == pytest.approx(3)  # land is shared out by land
    assert row(carried, "x")["fixed_per_100"] == 5
    assert row(carried, "x")["estimated"] == "people, area_km2, fixed_per_100"
    assert row(carried, "b")["estimated"] == ""
    report = {one.column: one for one in carried.report.columns}
    assert (report["people"].estimated, report["people"].unknown) == (2, 0)


def test_masts_of_a_split_unit_are_listed_not_shared_out() -> None:
    table = pd.DataFrame({"code": ["a", "b"], "sites_count": [5.0, 2.0], "bts_count": [0.0, 9.0]})
    carried = carry(table, SPLIT)
    assert np.isnan(row(carried, "x")["sites_count"])
    assert row(carried, "x")["bts_count"] == 0  # nothing anywhere is nothing in each part
    assert row(carried, "b")["sites_count"] == 2
    assert reasons(carried, "sites_count") == {("a", "x;y", "place_unknown")}
    assert carried.listed["amount"].tolist() == [5.0]


def test_null_is_no_zero_and_what_stands_beside_it_is_listed() -> None:
    table = pd.DataFrame({"code": ["a", "b"], "people": [100.0, np.nan], "fixed_per_100": [3.0, 4.0]})
    carried = carry(table, MERGED)  # c is no row of the table
    assert np.isnan(row(carried, "x")["people"])
    assert reasons(carried, "people") == {
        ("a", "x", "part_unknown"),
        ("b", "x", "no_data"),
        ("c", "x", "no_row"),
    }
    assert np.isnan(row(carried, "x")["fixed_per_100"])
    partial = carry(table, MERGED, partial="sum")
    assert row(partial, "x")["people"] == 100
    assert row(partial, "x")["incomplete"] == "people"
    nothing = carry(pd.DataFrame({"code": ["a", "b", "c"], "people": [np.nan] * 3}), MERGED)
    assert np.isnan(row(nothing, "x")["people"])
    assert nothing.listed.empty


def test_a_rate_without_denominator_is_carried_only_where_its_parts_agree() -> None:
    walk = counted("aabbcc", "xxxxyy")
    table = pd.DataFrame({"code": ["a", "b", "c"], "lower_secondary_school_broadband_pct": [80.0, 20.0, 40.0]})
    carried = carry(table, walk)
    assert np.isnan(row(carried, "x")["lower_secondary_school_broadband_pct"])
    assert row(carried, "y")["lower_secondary_school_broadband_pct"] == 40
    assert reasons(carried, "lower_secondary_school_broadband_pct") == {
        ("a", "x", "no_denominator"),
        ("b", "x", "no_denominator"),
    }
    equal = carry(table.assign(lower_secondary_school_broadband_pct=80.0), walk)
    assert row(equal, "x")["lower_secondary_school_broadband_pct"] == 80
    with_schools = carry(table.assign(lower_secondary_school_broadband_known=[3.0, 1.0, 2.0]), walk)
    assert row(with_schools, "x")["lower_secondary_school_broadband_pct"] == pytest.approx(65)


Y, N, U = True, False, None


@pytest.mark.parametrize(
    ("rule", "whole", "expected"),
    [
        ("any", (Y, N, N), Y), ("any", (N, N, N), N), ("any", (N, N, U), U), ("any", (Y, U, N), Y),
        ("all", (Y, Y, Y), Y), ("all", (Y, N, Y), N), ("all", (Y, Y, U), U), ("all", (U, N, Y), N),
        ("agree", (Y, Y, Y), Y), ("agree", (N, N, N), N), ("agree", (Y, N, Y), U), ("agree", (Y, Y, U), U),
        ("majority", (Y, N, Y), Y), ("majority", (N, Y, U), U), ("majority", (N, N, Y), N),
    ],
)  # fmt: skip
def test_flags_of_merged_units_follow_their_rule(rule: str, whole: tuple[Any, ...], expected: bool | None) -> None:
    table = pd.DataFrame({"code": ["a", "b", "c"], "f": pd.array(list(whole), dtype="boolean")})
    carried = carry(table, MERGED, kinds={"f": f"flag:{rule}"})  # a, b, c hold 40, 40 and 20 % of x
    found = carried.frame["f"].iloc[0]
    assert (None if pd.isna(found) else bool(found)) is expected
    assert (len(carried.listed) > 0) is (expected is None)


def test_of_a_split_yes_it_is_not_known_in_which_part_it_holds() -> None:
    table = pd.DataFrame({"code": ["a", "b"], "land_border": [True, True], "island": [True, True]})
    carried = carry(table, SPLIT)
    assert pd.isna(row(carried, "x")["land_border"])
    assert row(carried, "b")["land_border"] is True
    assert row(carried, "x")["island"] is True  # a part of an island is one
    assert reasons(carried, "land_border") == {("a", "x", "somewhere"), ("a", "y", "somewhere")}
    no = carry(table.assign(land_border=False, island=False), SPLIT)
    assert row(no, "x")["land_border"] is False
    assert pd.isna(row(no, "x")["island"])


def test_words_and_dates_are_kept_where_all_parts_say_the_same() -> None:
    table = pd.DataFrame(
        {
            "code": ["a", "b", "c"],
            "source": ["Sở TT", "Sở TT", "Sở TT"],
            "people_method": ["raster", "raster", None],
            "as_of": pd.to_datetime(["2012-12-31"] * 3).astype("datetime64[s]"),
            "year": [2012, 2012, 2011],
        }
    )
    carried = carry(table, MERGED, kinds={"year": "same"})
    found = row(carried, "x")
    assert found["source"] == "Sở TT"
    assert found["as_of"] == pd.Timestamp("2012-12-31")
    assert pd.isna(found["people_method"])
    assert pd.isna(found["year"])
    assert reasons(carried, "year") == {(code, "x", "differ") for code in "abc"}


def test_what_lies_outside_and_codes_that_are_none_are_listed_with_their_amounts() -> None:
    walk = counted("aaab", "xx x")
    table = pd.DataFrame({"code": ["a", "b", "?"], "people": [300.0, 10.0, 5.0]})
    carried = carry(table, walk)
    assert row(carried, "x")["people"] == pytest.approx(210)
    assert reasons(carried, "people") == {("a", "x", "outside"), ("?", "", "unknown_code")}
    people = carried.report.columns[0]
    assert (people.total, people.listed) == (315, pytest.approx(105))


def test_a_new_unit_that_no_old_unit_covers_is_no_sum_of_its_covered_part() -> None:
    """A table of one province says nothing of a commune that lies for the most part in the next."""
    walk = counted("aab  ", "axxxx")
    assert walk.unmatched_to["code"].tolist() == ["x"]
    table = pd.DataFrame({"code": ["a", "b"], "people": [20.0, 5.0], "land_border": [False, False], "source": "S"})
    carried = carry(table, walk)
    assert row(carried, "a")["people"] == pytest.approx(10)
    assert np.isnan(row(carried, "x")["people"])
    assert pd.isna(row(carried, "x")["land_border"])
    assert pd.isna(row(carried, "x")["source"])
    assert reasons(carried, "people") == {
        ("a", "x", "part_unknown"),
        ("b", "x", "part_unknown"),
        ("", "x", "uncovered"),
    }
    people = carried.report.columns[0]
    assert people.moved + people.listed == pytest.approx(people.total, rel=1e-12)
    partial = carry(table, walk, partial="sum")
    assert row(partial, "x")["people"] == pytest.approx(15)
    assert row(partial, "x")["incomplete"] == "people"
    assert row(partial, "x")["from_codes"] == "a;b"
    nobody = counted("aab  ", "axxxx", people=[1.0, 1.0, 1.0, 0.0, 0.0])  # the sea
    assert row(carry(table, nobody), "x")["people"] == pytest.approx(15)


def test_a_column_of_unknown_kind_is_said_and_left_out() -> None:
    table = pd.DataFrame({"code": ["a"], "ti_le_ho_ngheo": [5.0], "name": ["Xã A"]})
    carried = carry(table, SPLIT)
    assert "ti_le_ho_ngheo" not in carried.frame
    assert [note.column for note in carried.report.notes] == ["ti_le_ho_ngheo"]
    assert carried.frame["name"].tolist() == ["x", "y"]
    with pytest.raises(InputError, match="no kind of figure"):
        carry(table, SPLIT, kinds={"ti_le_ho_ngheo": "average"})
    with pytest.raises(InputError, match="no column poor"):
        carry(table, SPLIT, kinds={"poor": "extensive"})
    with pytest.raises(InputError, match="a column valid_on of its own"):
        carry(table.assign(valid_on="2012-12-31"), SPLIT, kinds={"valid_on": "same"})
    with pytest.raises(InputError, match="1e\\+300"):
        carry(pd.DataFrame({"code": ["a"], "people": [1e300]}), SPLIT)
    for kind in ("intensive:households", "ratio:people/km", "radius:area_km2/points"):
        with pytest.raises(InputError, match="no column"):
            carry(table, SPLIT, kinds={"ti_le_ho_ngheo": kind})


def test_each_year_of_a_table_is_carried_by_itself() -> None:
    years = pd.to_datetime(["2011-12-31"] * 2 + ["2012-12-31"] * 3).astype("datetime64[s]")
    table = pd.DataFrame({"code": list("abcab"), "as_of": years[[0, 1, 2, 3, 4]], "people": [1.0, 2, 4, 8, 16]})
    table.loc[2, "as_of"] = years[0]
    with pytest.raises(InputError, match="stands twice"):
        carry(table, MERGED)
    carried = carry(table, MERGED, per=["as_of"])
    assert carried.frame["as_of"].dt.year.tolist() == [2011, 2012]
    assert carried.frame["people"].tolist()[0] == 7
    assert np.isnan(carried.frame["people"].tolist()[1])
    assert carried.listed["as_of"].dt.year.tolist() == [2012] * 3


def test_what_was_estimated_or_incomplete_stays_so_when_it_is_carried_on() -> None:
    """Carried twice, 2012 to 2024 to 2025, a figure tells no less of itself than carried once."""
    table = pd.DataFrame({"code": ["a", "b"], "people": [40.0, 10.0], "area_km2": [4.0, 1.0]})
    table["density_per_km2"] = table["fixed_per_100"] = [10.0, 10.0]
    first = carry(table, counted("aaaabc", "xyyyzz"), partial="sum")
    assert row(first, "z")["incomplete"] == "people, area_km2, density_per_km2, fixed_per_100"
    last = carry(first.frame, counted("xyyyzz", "mmmmzn"))
    assert row(last, "m")["estimated"] == "people, area_km2, density_per_km2, fixed_per_100"  # though x and y are whole
    assert row(last, "m")["incomplete"] == ""
    assert row(last, "z")["people"] == pytest.approx(5)
    assert row(last, "z")["incomplete"] == "people, area_km2, density_per_km2, fixed_per_100"
    assert [note.code for note in last.report.notes] == []
    of_an_office = carry(table.assign(estimated="x", district="y"), MERGED)  # no mark of ours
    assert [note.params for note in of_an_office.report.notes] == [{"names": "estimated, district"}]


letters = st.lists(st.sampled_from("abcd"), min_size=12, max_size=12).map("".join)
targets = st.lists(st.sampled_from("uvwx "), min_size=12, max_size=12).map("".join)
amounts = st.lists(st.one_of(st.none(), st.floats(0, 1e9, allow_subnormal=False)), min_size=5, max_size=5)
weights = st.lists(st.floats(0.01, 1e4), min_size=12, max_size=12)


@settings(max_examples=25, deadline=None)
@given(old=letters, new=targets, cells=amounts, people=weights, partial=st.sampled_from(["none", "sum"]))
def test_moved_and_listed_make_the_total_in_both_directions(
    old: str, new: str, cells: list[float | None], people: list[float], partial: Any
) -> None:
    walk = counted(old, new, people=people)
    for crosswalk, codes in ((walk, "abcd?"), (walk.back(), "uvwx?")):
        table = pd.DataFrame({"code": list(codes), "people": cells, "area_km2": cells, "sites_count": cells})
        table = table.astype({"people": "float64", "area_km2": "float64", "sites_count": "float64"})
        carried = carry(table, crosswalk, partial=partial)
        for column in carried.report.columns:
            assert column.moved + column.listed == pytest.approx(column.total, rel=1e-9, abs=1e-9)
            assert column.moved == pytest.approx(carried.frame[column.column].sum(), rel=1e-9)
        known = carried.frame.set_index("code")["people"]
        for code, part in crosswalk.pairs.groupby("to_code"):
            given_cells = table.set_index("code")["people"].reindex(part["from_code"])
            if code in known.index and given_cells.isna().all():
                assert np.isnan(known[code])


@settings(max_examples=15, deadline=None)
@given(cells=amounts, flags=st.lists(st.sampled_from([Y, N, U]), min_size=5, max_size=5))
def test_the_crosswalk_of_units_that_stayed_changes_nothing(
    cells: list[float | None], flags: list[bool | None]
) -> None:
    declared = [one.id for one in expand("unit", technologies=("2G",), services=["post"], facilities=["schools"])]
    as_numbers = np.array([np.nan if cell is None else cell for cell in cells])
    columns: dict[str, Any] = {"code": list("abcde")}
    for name, kind in kinds_of(declared).items():
        assert kind is not None
        others = pd.array(flags, dtype="boolean") if kind.kind == "flag" else pd.array(cells, dtype="Float64")
        columns[name] = as_numbers if kind.numeric else others
    table = pd.DataFrame(columns)
    carried = carry(table, STAYED)
    pd.testing.assert_frame_equal(carried.frame[["code", *declared]], table.astype({"code": "str"}))
    assert carried.listed.empty
    assert (carried.frame["estimated"] == "").all()


@settings(max_examples=30, deadline=None)
@given(groups=st.lists(st.sampled_from("uvw"), min_size=6, max_size=6).map("".join), people=weights)
def test_merged_and_back_gives_what_was_there_if_people_live_as_the_weights_say(
    groups: str, people: list[float]
) -> None:
    table = pd.DataFrame({"code": list("abcdef"), "people": people[:6]})
    walk = counted("abcdef", groups, people=people[:6])
    there = carry(table, walk)
    back = carry(there.frame[["code", "people"]], walk.back())
    assert back.frame["people"].to_numpy() == pytest.approx(np.array(people[:6]), rel=1e-9)
    moved = [one for one in there.frame["from_codes"] if ";" in one]
    assert all((";" in codes) is False for codes in back.frame["from_codes"])
    assert back.report.columns[0].estimated == sum(codes.count(";") + 1 for codes in moved)


@settings(max_examples=30, deadline=None)
@given(old=letters, new=letters, rates=st.lists(st.floats(0, 100), min_size=4, max_size=4), people=weights)
def test_a_carried_rate_lies_between_its_parts_and_keeps_the_sum_it_stands_for(
    old: str, new: str, rates: list[float], people: list[float]
) -> None:
    walk = counted(old, new, people=people)
    table = pd.DataFrame({"code": list("abcd"), "people": [500.0, 40.0, 3000.0, 77.0], "fixed_per_100": rates})
    table = table[table["code"].isin(list(old))].reset_index(drop=True)
    carried = carry(table, walk)
    frame = carried.frame
    stood = (table["people"] * table["fixed_per_100"]).sum()
    assert (frame["people"] * frame["fixed_per_100"]).sum() == pytest.approx(stood, rel=1e-9, abs=1e-9)
    assert frame["fixed_per_100"].between(min(rates) - 1e-9, max(rates) + 1e-9).all()


def test_every_column_of_units_and_every_indicator_of_a_unit_has_a_kind() -> None:
    of_places = {"services": [one.id for one in services()], "facilities": FACILITIES}
    declared = expand("unit", technologies=("2G", "4G"), operators=[("2G", "Viettel")], **of_places)
    names = [one.id for one in declared]
    names += [column.name for layer in ("units", "broadband") for column in LAYERS[layer].all_columns]
    found = kinds_of(names)
    assert [name for name, kind in found.items() if kind is None] == []
    yes_no = {one.id for one in declared if one.kind == "yes_no"}
    assert {name for name in yes_no if getattr(found[name], "kind", "") != "flag"} == set()
    assert str(found["people_per_hospital_point"]) == "ratio:people/points_hospital_count"
    assert kinds_of(["has_electricity", "access_road", "people_per_car_point"]) == {
        "has_electricity": None,
        "access_road": None,
        "people_per_car_point": None,
    }
    assert column_kind("extensive") == ColumnKind("extensive", "people")
    assert str(column_kind("ratio:people/area_km2")) == "ratio:people/area_km2"


def test_every_reason_that_is_given_is_said_in_words_and_no_other() -> None:
    layers = Path(__file__).parents[2] / "layers" / "dated"
    source = "".join((layers / name).read_text(encoding="utf-8") for name in ("moves.py", "carry.py"))
    said = {code.removeprefix("carry.reason.") for code in catalogue() if code.startswith("carry.reason.")}
    assert len(said) == 11
    assert {reason for reason in said if f'"{reason}"' not in source} == set()
