"""Crosswalks: exact shares on blocks that can be counted, slivers that are no splits, and the real change of 2025."""

import os
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from phusong.layers.dated.crosswalk import Crosswalk, from_polygons
from phusong.layers.dated.lineage import compare, from_lineage, weighed
from phusong.layers.dated.overlay import equal_area_crs, outlines, overlap_m2
from phusong.layers.dated.units import read_units
from phusong.layers.errors import InputError
from phusong.layers.grid import Grid, Raster

OLD, NEW = date(2012, 12, 31), date(2025, 7, 1)
CRS = "EPSG:9212"
LEFT_M, TOP_M, SIDE_M = 500_000.0, 1_850_000.0, 2000.0
DATA = os.environ.get("PHUSONG_DATA")
real_data = pytest.mark.skipif(not DATA, reason="the folder of real data is not here")


def blocks(
    labels: list[list[str]] | NDArray[np.str_], day: date, *, names: dict[str, str] | None = None
) -> gpd.GeoDataFrame:
    """Units drawn as labels on a grid of squares of 2 km; "" belongs to nobody."""
    parts: dict[str, list[shapely.Polygon]] = {}
    for row, cells in enumerate(labels):
        for col, label in enumerate(cells):
            x, y = LEFT_M + col * SIDE_M, TOP_M - row * SIDE_M
            if label:
                parts.setdefault(str(label), []).append(shapely.box(x, y - SIDE_M, x + SIDE_M, y))
    codes = sorted(parts)
    called = [(names or {}).get(code, f"Xã {code}") for code in codes]
    frame = {"code": codes, "valid_on": np.datetime64(day, "s"), "name": called}
    return gpd.GeoDataFrame(frame, geometry=[shapely.union_all(parts[code]) for code in codes], crs=CRS)


def shares(walk: Crosswalk) -> dict[tuple[str, str], float]:
    return {(p.from_code, p.to_code): p.share_of_old for p in walk.pairs.itertuples()}


def kinds(walk: Crosswalk) -> dict[tuple[str, str], str]:
    return {(p.from_code, p.to_code): p.kind for p in walk.pairs.itertuples()}


def test_whole_renamed_merged_split_and_part_are_told_apart() -> None:
    old = blocks([["a", "b", "c", "d", "e", "e", "f", "f"]], OLD)
    new = blocks([["a", "B", "m", "m", "s", "t", "u", "v"]], NEW, names={"B": "Xã Khác", "a": "Phường a"})
    walk = from_polygons(old, new)
    assert kinds(walk) == {
        ("a", "a"): "whole",
        ("b", "B"): "renamed",
        ("c", "m"): "merged",
        ("d", "m"): "merged",
        ("e", "s"): "split",
        ("e", "t"): "split",
        ("f", "u"): "split",
        ("f", "v"): "split",
    }
    assert walk.counts() == {"whole": 1, "renamed": 1, "merged": 2, "split": 4, "part": 0}
    part = from_polygons(blocks([["a", "b", "b"]], OLD), blocks([["x", "x", "y"]], NEW))
    assert kinds(part) == {("a", "x"): "merged", ("b", "x"): "part", ("b", "y"): "split"}


def test_shares_are_those_of_area_people_or_villages() -> None:
    old, new = blocks([["a", "a", "a", "a"]], OLD), blocks([["x", "y", "y", "y"]], NEW)
    assert shares(from_polygons(old, new)) == pytest.approx({("a", "x"): 0.25, ("a", "y"): 0.75}, abs=1e-6)
    grid = Grid(CRS, LEFT_M, TOP_M, 500.0, (4, 16))
    people = np.full(grid.shape, 1.0, dtype=np.float32)
    people[:, :4] = 27.0  # 16 cells of 27 against 48 of 1
    walk = from_polygons(old, new, weight=Raster(grid, people))
    assert shares(walk) == pytest.approx({("a", "x"): 0.9, ("a", "y"): 0.1}, abs=1e-6)
    assert walk.pairs["weight"].tolist() == pytest.approx([432, 48], rel=1e-6)
    assert set(walk.pairs["old_by"]) == {"population raster"}
    assert set(walk.pairs["new_by"]) == {"whole"}
    points = gpd.GeoDataFrame(geometry=gpd.points_from_xy([LEFT_M + 100, LEFT_M + 2500], [TOP_M - 100] * 2), crs=CRS)
    assert shares(from_polygons(old, new, weight=points))["a", "x"] == 0.5
    points["population"] = [30.0, 10.0]
    walk = from_polygons(old, new, weight=points.to_crs("EPSG:4326"))
    assert shares(walk)["a", "x"] == 0.75
    assert walk.weighting == "village people"


def test_a_unit_where_nobody_is_known_to_live_is_weighed_by_area_and_this_is_told() -> None:
    old, new = blocks([["a", "a", "b", "b"]], OLD), blocks([["x", "y", "z", "w"]], NEW)
    points = gpd.GeoDataFrame(geometry=gpd.points_from_xy([LEFT_M + 100], [TOP_M - 100]), crs=CRS)
    walk = from_polygons(old, new, weight=points)
    assert shares(walk) == pytest.approx({("a", "x"): 1, ("a", "y"): 0, ("b", "w"): 0.5, ("b", "z"): 0.5}, abs=1e-6)
    assert walk.pairs["old_by"].tolist() == ["villages", "villages", "area", "area"]
    assert [note.params["count"] for note in walk.notes if note.code == "note.unit_without_weight"] == [1]
    grid = Grid(CRS, LEFT_M, TOP_M, 500.0, (4, 16))
    people = np.full(grid.shape, np.nan, dtype=np.float32)
    people[:, :5] = 1.0  # 80 cells of 160 known in "a" would be all; 16 + 4 of 32 are
    walk = from_polygons(old, new, weight=Raster(grid, people))
    assert walk.pairs["old_by"].tolist() == ["population raster"] * 2 + ["area"] * 2


labelled = st.integers(0, 4).flatmap(
    lambda seed: st.lists(st.lists(st.sampled_from("pqrs"), min_size=4, max_size=4), min_size=3, max_size=3)
)


@settings(max_examples=25, deadline=None)
@given(old=labelled, new=labelled)
def test_shares_are_the_counted_ones_and_add_up_for_any_partition(old: list[list[str]], new: list[list[str]]) -> None:
    """Squares of 2 km are wider than any sliver and at least 1/12 of a unit: every piece is real."""
    walk = from_polygons(blocks(old, OLD), blocks(new, NEW))
    one, other = np.array(old).ravel(), np.array(new).ravel()
    counted = {(a, b): np.mean(other[one == a] == b) for a, b in zip(one, other, strict=True)}
    assert shares(walk) == pytest.approx(counted, abs=1e-6)
    assert walk.pairs.groupby("from_code")["share_of_old"].sum().to_numpy() == pytest.approx(1, abs=1e-12)
    assert walk.pairs.groupby("to_code")["share_of_new"].sum().to_numpy() == pytest.approx(1, abs=1e-12)
    assert walk.pairs["area_km2"].sum() == pytest.approx(48, rel=1e-3)  # TM-3 scale and slant, not the overlay
    assert walk.unmatched_from.empty
    assert walk.unmatched_to.empty


@settings(max_examples=20, deadline=None)
@given(old=labelled, new=labelled)
def test_the_way_back_is_the_crosswalk_of_the_swapped_sets(old: list[list[str]], new: list[list[str]]) -> None:
    there, back = from_polygons(blocks(old, OLD), blocks(new, NEW)), from_polygons(blocks(new, NEW), blocks(old, OLD))
    turned = there.back()
    assert (turned.from_valid_on, turned.to_valid_on) == (NEW, OLD)
    assert shares(turned) == pytest.approx(shares(back), abs=1e-6)
    assert kinds(turned) == kinds(back)
    pd.testing.assert_frame_equal(turned.back().pairs, there.pairs)


@settings(max_examples=10, deadline=None)
@given(shift_m=st.lists(st.floats(-150, 150), min_size=24, max_size=24))
def test_boundaries_drawn_apart_by_150_m_are_no_splits(shift_m: list[float]) -> None:
    """Two communes of 8 x 8 km whose common boundary the second map draws up to 150 m aside, vertex by vertex."""
    y = np.linspace(0, 8000, 24)
    x = 8000 + np.array(shift_m)
    old = blocks([["a", "b"]], OLD).set_geometry([shapely.box(0, 0, 8000, 8000), shapely.box(8000, 0, 16000, 8000)])
    edge = list(zip(x, y, strict=True))
    west = shapely.Polygon([(0, 8000), (0, 0), *edge])
    east = shapely.Polygon([(16000, 8000), (16000, 0), *edge])
    new = blocks([["a", "b"]], NEW).set_geometry([west, east])
    move = lambda units: units.set_geometry(units.geometry.translate(LEFT_M, TOP_M))  # noqa: E731
    walk = from_polygons(move(old), move(new))
    assert kinds(walk) == {("a", "a"): "whole", ("b", "b"): "whole"}
    assert walk.dropped.area_km2 == pytest.approx(
        sum(shapely.area(shapely.difference(one, two)) for one, two in zip(old.geometry, new.geometry, strict=True))
        / 1e6,
        rel=2e-3,
        abs=1e-5,
    )
    assert shares(walk) == {("a", "a"): 1.0, ("b", "b"): 1.0}


def test_people_in_dropped_strips_stay_with_their_unit_and_are_told() -> None:
    old = blocks([["a", "b"]], OLD)
    edge = LEFT_M + SIDE_M + 100
    left, bottom, right, top = old.total_bounds
    new = blocks([["a", "b"]], NEW).set_geometry(
        [shapely.box(left, bottom, edge, top), shapely.box(edge, bottom, right, top)]
    )
    x_m = [left + 500, LEFT_M + SIDE_M + 50, right - 500]  # the second lives in the strip
    people = gpd.GeoDataFrame(
        {"population": [60.0, 10.0, 30.0]}, geometry=gpd.points_from_xy(x_m, [top - 500] * 3), crs=CRS
    )
    walk = from_polygons(old, new, weight=people)
    assert shares(walk) == {("a", "a"): 1.0, ("b", "b"): 1.0}
    assert (walk.dropped.count, walk.dropped.weight, walk.dropped.weight_pct) == (1, 10.0, 10.0)
    assert {note.code for note in walk.notes} == {"note.slivers_dropped", "note.slivers_people"}
    for note in walk.notes:
        assert note.say("vi") != note.say("en")


def test_a_narrow_part_that_is_much_of_a_small_ward_is_real() -> None:
    ward = blocks([["a"]], OLD).set_geometry([shapely.box(LEFT_M, TOP_M, LEFT_M + 300, TOP_M + 600)])
    halves = [
        shapely.box(LEFT_M, TOP_M, LEFT_M + 150, TOP_M + 600),
        shapely.box(LEFT_M + 150, TOP_M, LEFT_M + 300, TOP_M + 600),
    ]
    walk = from_polygons(ward, blocks([["x", "y"]], NEW).set_geometry(halves))
    assert shares(walk) == pytest.approx({("a", "x"): 0.5, ("a", "y"): 0.5}, abs=1e-6)


def test_what_lies_in_no_unit_of_the_other_date_is_told_and_never_spread() -> None:
    walk = from_polygons(blocks([["a", "a", "a", "b", "c"]], OLD), blocks([["x", "", "", "b", "", "d"]], NEW))
    assert shares(walk) == pytest.approx({("a", "x"): 1 / 3, ("b", "b"): 1}, abs=1e-6)
    left = walk.unmatched_from.set_index("code")["share"].to_dict()
    assert left == pytest.approx({"a": 2 / 3, "c": 1}, abs=1e-6)
    assert walk.unmatched_to["code"].tolist() == ["d"]
    assert kinds(walk)["a", "x"] == "split"
    assert list(walk.from_codes) == ["a", "b", "c"]


def test_sets_that_do_not_meet_or_have_no_names_are_crossed_all_the_same() -> None:
    apart = from_polygons(blocks([["a", ""]], OLD), blocks([["", "x"]], NEW))
    assert apart.pairs.empty
    assert apart.unmatched_from[["code", "share"]].to_numpy().tolist() == [["a", 1.0]]
    assert apart.back().unmatched_from["code"].tolist() == ["x"]
    nameless = blocks([["a"]], OLD).assign(name=pd.Series([None], dtype="str"))
    assert kinds(from_polygons(nameless, blocks([["a"]], NEW))) == {("a", "a"): "whole"}


def test_the_datum_of_each_set_counts() -> None:
    """VN-2000 taken for WGS 84 would be moved about 220 m; the two sets may come in different datums."""
    old, new = blocks([["a", "b"], ["a", "c"]], OLD), blocks([["x", "x"], ["y", "y"]], NEW)
    there = from_polygons(old, new)
    mixed = from_polygons(old, new.to_crs("EPSG:32648"))
    assert shares(mixed) == pytest.approx(shares(there), abs=1e-4)
    assert mixed.dropped.area_km2 == pytest.approx(0, abs=1e-3)


def test_areas_are_those_of_the_ellipsoid() -> None:
    """A degree square at 16-17 N is 11,805 km2 on WGS 84 (geodesic area by pyproj)."""
    import pyproj  # noqa: PLC0415

    square = gpd.GeoDataFrame(geometry=[shapely.box(106, 16, 107, 17).segmentize(0.01)], crs="EPSG:4326")
    geodesic_m2, _ = pyproj.Geod(ellps="WGS84").geometry_area_perimeter(square.geometry.iloc[0])
    shapes, repaired = outlines(square, crs=equal_area_crs(square))
    assert shapely.area(shapes)[0] == pytest.approx(abs(geodesic_m2), rel=1e-5)
    assert repaired == 0


def test_broken_and_overlapping_outlines_are_used_and_told() -> None:
    bow = shapely.Polygon([(0, 0), (4000, 0), (0, 4000), (4000, 4000)])  # crosses itself: two triangles
    old = blocks([["a", "b"]], OLD)
    old = old.set_geometry([shapely.affinity.translate(bow, LEFT_M, TOP_M - 4000), old.geometry.iloc[1]])
    walk = from_polygons(old, blocks([["x", "x"], ["x", "x"]], NEW))
    notes = {note.code: note.params for note in walk.notes}
    assert notes["note.outlines_repaired"] == {"count": 1, "valid_on": "2012-12-31"}
    assert float(notes["note.outlines_overlap"]["area_km2"]) == pytest.approx(2.0, abs=0.02)  # half the upper triangle
    assert walk.pairs["area_km2"].tolist() == pytest.approx([8, 4], rel=2e-3)


def test_a_lineage_says_who_and_the_outlines_how_much() -> None:
    table = pd.DataFrame(
        {
            "gso_code": ["a", "b", "c"],
            "code_2025": ["x", "x;y", "z"],
            "name": ["A", "B", "C"],
            "name_2025": ["X", "X;Y", "C"],
        }
    )
    descent = from_lineage(table, from_valid_on=OLD, to_valid_on=NEW)
    assert kinds(descent) == {("a", "x"): "merged", ("b", "x"): "part", ("b", "y"): "split", ("c", "z"): "whole"}
    assert np.isnan(shares(descent)["b", "x"])
    assert shares(descent)["a", "x"] == 1
    outlined = from_polygons(
        blocks([["a", "b", "b", "b", "c", "d"]], OLD), blocks([["x", "x", "y", "q", "z", "d"]], NEW)
    )
    both = weighed(descent, outlined)
    found = shares(both)
    assert found == pytest.approx(
        {("a", "x"): 1, ("b", "x"): 0.5, ("b", "y"): 0.5, ("c", "z"): 1, ("d", "d"): 1}, abs=1e-6
    )
    assert kinds(both)["d", "d"] == "whole"
    turned = weighed(descent.back(), outlined.back())
    assert shares(turned.back()) == pytest.approx(found, abs=1e-12)
    assert ("q", "b") not in shares(turned)  # the descent says that b went to x and y
    compared = compare(descent, outlined)
    pd.testing.assert_frame_equal(compare(descent.back(), outlined.back()).differing, compared.differing)
    assert (compared.units, compared.same_targets, compared.same_main) == (3, 2, 3)
    assert compared.only_other == ("d",)
    assert compared.differing[["from_code", "to_code", "only_in"]].to_numpy().tolist() == [["b", "q", "other"]]


def test_a_lineage_that_names_a_unit_twice_or_no_successor_is_refused_row_by_row() -> None:
    table = pd.DataFrame({"gso_code": ["a", "a", "b"], "code_2025": ["x", "y", None]})
    with pytest.raises(InputError) as refused:
        from_lineage(table, from_valid_on=OLD, to_valid_on=NEW, file="lineage.csv")
    assert [(fault.code, fault.row) for fault in refused.value.faults] == [
        ("fault.lineage_twice", 3),
        ("fault.empty_cell", 4),
    ]
    with pytest.raises(InputError, match="no column code_2025"):
        from_lineage(table[["gso_code"]], from_valid_on=OLD, to_valid_on=NEW)


def test_crosswalks_of_other_dates_are_not_compared() -> None:
    walk = from_polygons(blocks([["a"]], OLD), blocks([["a"]], NEW))
    with pytest.raises(InputError, match="not between the same dates"):
        compare(walk, walk.back())


@pytest.fixture(scope="module")
def real_walk() -> Crosswalk:
    assert DATA is not None
    old = read_units(Path(DATA) / "communes_2012_4prov.gpkg", valid_on=OLD)
    new = read_units(Path(DATA) / "communes_2025_4prov.gpkg", valid_on=NEW, name="full_name")
    return from_polygons(old, new)


@real_data
def test_outlines_and_the_official_descent_agree_on_463_communes(real_walk: Crosswalk) -> None:
    """Old outlines were thinned at about 150 m, new ones at 25 m; the descent follows the decrees."""
    assert DATA is not None
    table = pd.read_csv(Path(DATA) / "lineage_2012_2024_2025.csv", dtype=str)
    descent = from_lineage(table, from_valid_on=OLD, to_valid_on=NEW)
    found = compare(descent, real_walk)
    assert found.units == 463
    assert found.same_main == 463
    assert found.pairs_both == found.pairs_one == 468  # no pair of the decrees was taken for a sliver
    assert found.same_targets >= 450
    assert set(found.differing["only_in"]) == {"other"}
    assert found.differing["share_of_old"].max() < 0.35
    assert real_walk.dropped.area_pct < 2.5


@real_data
def test_every_real_commune_is_accounted_for(real_walk: Crosswalk) -> None:
    sums = real_walk.pairs.groupby("from_code")["share_of_old"].sum()
    outside = real_walk.unmatched_from.set_index("code")["share"]
    assert sums.add(outside, fill_value=0).to_numpy() == pytest.approx(1, abs=1e-12)
    assert len(real_walk.from_codes) == 463
    assert outside.max() < 0.05


def test_an_outline_within_another_or_twice_overlaps() -> None:
    big, small = shapely.box(0, 0, 10, 10), shapely.box(2, 2, 4, 4)
    assert overlap_m2(np.array([big, small, shapely.box(10, 0, 20, 10)], dtype=object)) == 4
    assert overlap_m2(np.array([big, big], dtype=object)) == 100


def test_faults_of_a_lineage_name_the_rows_of_the_file() -> None:
    table = pd.DataFrame({"gso_code": ["1", "1"], "code_2025": ["9", "9"]})
    with pytest.raises(InputError) as refused:
        from_lineage(table, from_valid_on=OLD, to_valid_on=NEW, numbers=[5, 8])
    assert [(fault.row, fault.params["first_row"]) for fault in refused.value.faults] == [(8, 5)]
