"""Outlines of units: what overlaps, what is left open, and that mending them moves no more ground than it says."""

import os
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
import shapely.affinity
from hypothesis import given, settings
from hypothesis import strategies as st

from phusong.layers.checks.check import check_coverage
from phusong.layers.checks.outlines import MOST_LISTED, SLIVER_M2, broken, cleaned, fit, mended, told
from phusong.layers.checks.validate import is_note, validate
from phusong.layers.errors import CrsError, InputError
from phusong.layers.messages import LANGS
from phusong.layers.readers import RawTable
from phusong.layers.schema import LAYERS

CRS = "EPSG:9212"
LARGE_M2 = 1e9
DATA = Path(os.environ.get("PHUSONG_DATA", "/nowhere"))


def units(shapes: list[Any]) -> geopandas.GeoDataFrame:
    codes = [f"u{i}" for i in range(len(shapes))]
    return geopandas.GeoDataFrame({"code": codes, "name": [f"Xã {i}" for i in codes]}, geometry=shapes, crs=CRS)


def squares(side: int, *, moved_m: float, seed: int, size_m: float = 1000.0) -> list[Any]:
    """A board of squares with crooked edges in which every unit was drawn by itself: vertices off by up to so much."""
    rng = np.random.default_rng(seed)
    steps = np.linspace(0, size_m, 4)[:-1]
    shapes = []
    for row in range(side):
        for col in range(side):
            low = [(x, 0.0) for x in steps]
            right = [(size_m, y) for y in steps]
            high = [(size_m - x, size_m) for x in steps]
            left = [(0.0, size_m - y) for y in steps]
            ring = np.array([*low, *right, *high, *left]) + np.array([col * size_m, row * size_m])
            shapes.append(shapely.Polygon(ring + rng.uniform(-moved_m, moved_m, ring.shape)))
    return shapes


def slowly(shapes: list[Any]) -> tuple[dict[tuple[int, int], float], list[float]]:
    """Overlaps and holes by trying every pair and uniting everything."""
    overlaps = {
        (i, k): shapely.intersection(shapes[i], shapes[k]).area
        for i in range(len(shapes))
        for k in range(i + 1, len(shapes))
    }
    union = shapely.union_all(shapes)
    holes = [shapely.Polygon(ring).area for part in shapely.get_parts(union) for ring in part.interiors]
    return {pair: area for pair, area in overlaps.items() if area > SLIVER_M2}, [a for a in holes if a > SLIVER_M2]


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 4), st.sampled_from([0.0, 0.3, 5.0, 40.0]), st.integers(0, 10**6))
def test_overlaps_and_gaps_are_those_found_by_trying_everything(side: int, moved_m: float, seed: int) -> None:
    shapes = squares(side, moved_m=moved_m, seed=seed)
    found = fit(np.array(shapes, dtype=object))
    overlaps, holes = slowly(shapes)
    assert {tuple(pair) for pair in found.pairs.tolist()} == set(overlaps)
    assert found.overlap_m2 == pytest.approx([overlaps[one, other] for one, other in found.pairs.tolist()], abs=1e-5)
    assert sorted(found.gap_m2) == pytest.approx(sorted(holes), abs=1e-5)
    for gap, beside in zip(found.gaps, found.beside, strict=True):
        assert set(beside) == {i for i, shape in enumerate(shapes) if shape.intersects(gap)}


@pytest.mark.parametrize("inner", [shapely.box(200, 200, 300, 300), shapely.box(0, 0, 1000, 1000)])
def test_units_inside_or_upon_one_another_overlap(inner: Any) -> None:
    found = fit(np.array([shapely.box(0, 0, 1000, 1000), inner], dtype=object))
    assert found.pairs.tolist() == [[0, 1]]
    assert found.overlap_m2.tolist() == [inner.area]


def test_a_lake_between_clean_units_is_a_gap() -> None:
    ring = shapely.box(0, 0, 90, 90).difference(shapely.box(30, 30, 60, 60))
    halves = [ring.intersection(shapely.box(0, 0, 45, 90)), ring.intersection(shapely.box(45, 0, 90, 90))]
    found = fit(np.array(halves, dtype=object))
    assert found.gap_m2.tolist() == pytest.approx([900.0])
    assert found.beside == ((0, 1),)
    assert len(found.pairs) == len(found.loose) == 0


def test_edges_without_common_vertices_are_told() -> None:
    left = shapely.box(0, 0, 100, 100)
    right = shapely.Polygon([(100, 0), (200, 0), (200, 100), (100, 100), (100, 50)])
    found = fit(np.array([left, right], dtype=object))
    assert found.loose.tolist() == [0, 1]
    assert [fault.code for fault in told(found, ["A", "B"], file="f")] == ["note.units_edges"]


def test_few_are_listed_one_by_one_and_the_rest_as_a_sum() -> None:
    shapes = squares(10, moved_m=20.0, seed=5)
    found = fit(np.array(shapes, dtype=object))
    assert len(found.pairs) > MOST_LISTED
    faults = check_coverage(units(shapes), file="f.gpkg")
    assert sum(fault.code == "note.units_overlap" for fault in faults) == MOST_LISTED
    (more,) = [fault for fault in faults if fault.code == "note.units_overlaps_more"]
    assert more.params["count"] == len(found.pairs) - MOST_LISTED
    assert float(more.params["area_km2"]) == pytest.approx(found.overlap_m2[MOST_LISTED:].sum() / 1e6, rel=1e-2)
    assert all(is_note(fault) and fault.say(lang) for fault in faults for lang in LANGS)


# Mending.


def check_laws(before: geopandas.GeoDataFrame, most_m2: float, snap_m: float = 0.0) -> Any:
    """Each change is told and they add up; covered ground stays covered; nothing is mended twice."""
    done = cleaned(before, most_m2=most_m2, snap_m=snap_m)
    after = np.asarray(done.frame.geometry.array)
    assert shapely.is_valid(after).all()
    assert set(shapely.get_type_id(after)) <= {3, 6}
    assert done.frame.drop(columns="geometry").equals(before.drop(columns="geometry"))
    assert done.frame.crs == before.crs
    drawn_m2 = np.abs(before.geometry.area.to_numpy())
    by_unit = done.changes.groupby("code")["area_m2"].sum().reindex(before["code"]).fillna(0.0).to_numpy()
    assert drawn_m2 + by_unit == pytest.approx(shapely.area(after), abs=1e-3)
    for one in done.changes.itertuples():
        at = before["code"].tolist().index(one.code)
        assert (one.before_m2, one.after_m2) == pytest.approx((drawn_m2[at], after[at].area), abs=1e-3)
    told_m2 = done.changes.groupby("what")["area_m2"].sum()
    if snap_m == 0:
        valid = shapely.make_valid(np.asarray(before.geometry.array), method="structure")
        covered = shapely.union_all(valid)
        united = shapely.union_all(after)
        assert covered.difference(united).area < 1e-3
        assert united.area == pytest.approx(covered.area + told_m2.get("gap", 0.0), abs=1e-3)
    assert not len(done.left.pairs) or most_m2 < LARGE_M2
    assert (done.left.gap_m2 > most_m2).all()
    again = cleaned(done.frame, most_m2=most_m2)
    assert again.changes.empty
    assert all(fault.say(lang) for fault in done.faults(file="f") for lang in LANGS)
    return done


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 4), st.sampled_from([0.0, 0.3, 5.0, 40.0]), st.integers(0, 10**6))
def test_mended_outlines_are_a_coverage_and_every_change_is_told(side: int, moved_m: float, seed: int) -> None:
    done = check_laws(units(squares(side, moved_m=moved_m, seed=seed)), LARGE_M2)
    shapes = np.asarray(done.frame.geometry.array)
    assert shapely.coverage_is_valid(shapes)
    assert len(done.left.pairs) == len(done.left.gaps) == 0
    if moved_m == 0:
        assert done.changes.empty


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 3), st.sampled_from([100.0, 2000.0]), st.integers(0, 10**6))
def test_what_is_larger_than_allowed_stays(side: int, most_m2: float, seed: int) -> None:
    done = check_laws(units(squares(side, moved_m=30.0, seed=seed)), most_m2)
    pieces = done.changes["area_m2"].abs()
    assert (pieces <= most_m2).all()


def test_the_cleaner_of_geos_covers_the_same_ground() -> None:
    """GEOS's CoverageCleaner, written by others, keeps what is covered and closes the same holes."""
    if not hasattr(shapely, "coverage_clean"):
        pytest.skip("shapely has no coverage_clean")
    shapes = squares(5, moved_m=5.0, seed=11)
    ours = np.asarray(cleaned(units(shapes), most_m2=LARGE_M2).frame.geometry.array)
    theirs = shapely.coverage_clean(np.array(shapes), gap_width=100.0)
    assert shapely.area(ours).sum() == pytest.approx(shapely.area(theirs).sum(), rel=1e-9)
    assert shapely.union_all(ours).symmetric_difference(shapely.union_all(theirs)).area < 1.0


def test_an_overlap_goes_to_the_longer_border() -> None:
    """A strip of 10 x 100 m at the edge of a unit that surrounds it on three sides."""
    strip = shapely.box(90, 400, 100, 500)
    one, other = shapely.box(0, 0, 100, 1000), shapely.union_all([shapely.box(100, 0, 200, 1000), strip])
    done = check_laws(units([other, one]), 2000.0)
    (change,) = done.changes.itertuples()
    assert (change.code, change.what, change.other, change.area_m2) == ("u0", "overlap", "u1", pytest.approx(-1000.0))
    assert (change.before_m2, change.after_m2) == pytest.approx((101_000.0, 100_000.0))


def test_a_gap_goes_to_the_longest_border_and_a_larger_one_stays() -> None:
    frame = shapely.box(0, 0, 300, 300).difference(shapely.box(100, 0, 200, 100))
    plug = shapely.box(100, 0, 200, 60)
    other = shapely.box(0, -100, 300, 0)
    shapes = [plug, other, frame]
    done = check_laws(units(shapes), 5000.0)
    (change,) = done.changes.itertuples()
    assert (change.code, change.what, change.area_m2) == ("u2", "gap", pytest.approx(4000.0))  # 40 x 100 m
    assert check_laws(units(shapes), 3000.0).changes.empty


def test_a_unit_that_lies_in_another_does_not_vanish() -> None:
    done = check_laws(units([shapely.box(0, 0, 1000, 1000), shapely.box(10, 10, 20, 20)]), 500.0)
    assert done.frame.geometry.area.tolist() == pytest.approx([999_900.0, 100.0])


def test_crossing_lines_are_mended_and_their_area_told() -> None:
    bow = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 20)])
    done = check_laws(units([bow, shapely.box(100, 0, 200, 100)]), 1.0)
    (change,) = done.changes.itertuples()
    assert (change.code, change.what) == ("u0", "mended")
    assert change.after_m2 == pytest.approx(shapely.make_valid(bow).area)


def test_vertices_nearby_become_one() -> None:
    left = shapely.Polygon([(0, 0), (100, 0), (100, 50), (100, 100), (0, 100)])
    right = shapely.Polygon([(100.3, 0.2), (200, 0), (200, 100), (100.2, 100.1), (99.8, 50.1)])
    done = check_laws(units([left, right]), 1.0, snap_m=1.0)
    assert shapely.coverage_is_valid(np.asarray(done.frame.geometry.array))
    assert set(done.changes["what"]) == {"snapped"}
    assert (done.changes["area_m2"].abs() < 60.0).all()


def test_degrees_are_refused() -> None:
    shapes = units([shapely.box(106, 16, 107, 17)]).set_crs("EPSG:4326", allow_override=True)
    with pytest.raises(CrsError) as caught:
        cleaned(shapes, most_m2=1.0)
    assert all("EPSG:4326" in caught.value.say(lang) for lang in LANGS)


def test_a_broken_outline_names_the_area_it_would_have() -> None:
    bow_km = [(0, 0), (8, 8), (8, 0), (0, 8)]
    metres = shapely.Polygon([(500_000 + 1000 * x, 1_840_000 + 1000 * y) for x, y in bow_km])
    params = broken(metres, crs=CRS)
    assert (params["area_km2"], params["parts"]) == ("32", "2")
    degrees = shapely.Polygon([(106 + x / 111.32 / np.cos(np.radians(16.6)), 16.6 + y / 110.65) for x, y in bow_km])
    assert float(broken(degrees, crs="EPSG:4326")["area_km2"]) == pytest.approx(32, rel=0.01)


def test_a_table_of_units_is_mended_before_the_door_on_request() -> None:
    """A bow tie and a strip of overlap, in degrees: refused and noted as they stand, mended and told on request."""
    bow = shapely.Polygon([(106.5, 16.5), (106.6, 16.6), (106.6, 16.5), (106.5, 16.6)])
    two = [shapely.box(106.7, 16.5, 106.8, 16.6), shapely.box(106.8 - 1e-6, 16.5, 106.9, 16.6)]
    columns = {"code": list("abcd"), "name": "Xã", "population": 1, "valid_on": "2012-12-31", "as_of": "2012-12-31"}
    frame = pd.DataFrame(columns, index=range(4)).astype(object)
    shapes = np.array([bow, *two, None], dtype=object)
    raw = RawTable(frame, np.arange(1, 5), "xa.geojson", geometry=shapes, crs="EPSG:4326")
    as_drawn = validate(raw, LAYERS["units"], crs=CRS)
    assert as_drawn.frame["code"].tolist() == ["b", "c"]
    assert [fault.code for fault in check_coverage(as_drawn.frame, file="f")] == ["note.units_overlap"]
    done, changes = mended(raw, crs=CRS)
    checked = validate(done, LAYERS["units"], crs=CRS)
    assert checked.frame["code"].tolist() == ["a", "b", "c"]
    assert check_coverage(checked.frame, file="f") == []
    assert changes["what"].tolist() == ["mended", "overlap"]
    assert [fault.code for fault in checked.faults if fault.code.startswith("changed.")] == [
        "changed.outlines",
        *["changed.outline"] * 2,
    ]
    assert [fault.row for fault in checked.faults if fault.row] == [4]
    lost = checked.frame.geometry.area.to_numpy()[1:].sum() - as_drawn.frame.geometry.area.sum()
    assert lost == pytest.approx(changes["area_m2"].iloc[1], abs=1e-3)


# Real outlines.


def test_real_communes_as_their_source_has_them() -> None:
    """The national file holds slivers (its source says about 0.3 %); a province of it is mended to a coverage."""
    path = DATA / "communes_2012_vietnam_raw.gpkg"
    if not path.is_file():
        pytest.skip("no real data")
    frame = pyogrio.read_dataframe(path).to_crs(CRS)
    frame = frame[frame["province_ascii"].str.contains("Quang Tri")].reset_index(drop=True)
    frame = frame.assign(code=[f"c{i}" for i in range(len(frame))])
    assert len(frame) > 100
    before = fit(np.asarray(frame.geometry.array))
    done = cleaned(frame, most_m2=1e6)
    assert len(before.pairs) > 10 * len(done.left.pairs)
    assert before.overlap_m2.sum() / frame.geometry.area.sum() < 0.02
    union = shapely.union_all(frame.geometry)
    closed = done.changes.loc[done.changes["what"] == "gap", "area_m2"].sum()
    assert shapely.union_all(done.frame.geometry).area == pytest.approx(union.area + closed, rel=1e-9)


def test_a_broken_outline_in_no_degrees_has_no_area() -> None:
    bow = shapely.Polygon([(500_000, 0), (500_008, 8), (500_008, 0), (500_000, 8)])
    assert broken(bow, crs="EPSG:4326")["area_km2"] == "-"
    with np.errstate(invalid="ignore"):
        nowhere = shapely.from_wkt("POLYGON ((0 0, 5 nan, 1 1, 0 0))")
        assert broken(nowhere, crs=CRS)["area_km2"] == "-"


def test_an_island_in_a_lake_is_no_part_of_the_gap() -> None:
    around = shapely.box(0, 0, 3000, 3000).difference(shapely.box(1000, 1000, 2000, 2000))
    found = fit(np.array([around, shapely.box(1200, 1200, 1800, 1800)], dtype=object))
    assert found.gap_m2.tolist() == [1e6 - 360_000]
    assert found.beside == ((0, 1),)


def test_two_units_drawn_alike_both_stay() -> None:
    done = cleaned(units([shapely.box(0, 0, 100, 100)] * 2 + [shapely.box(90, 0, 200, 100)]), most_m2=LARGE_M2)
    assert done.frame.area.tolist() == [10_000, 10_000, 11_000]
    assert done.left.pairs.tolist() == [[0, 1], [0, 2], [1, 2]]  # told, for the user to decide


def zigzag(count: int) -> Any:
    """A valid outline with so many teeth of 1 km."""
    x = np.linspace(0, 1000, 2 * count)
    teeth = np.column_stack([x, np.tile([0.0, 1000.0], count)])
    return shapely.Polygon(np.vstack([teeth, [[1000.0, -10.0], [0.0, -10.0]]]))


@pytest.mark.parametrize(
    "shapes",
    [
        [shapely.box(0, 0, 1000, 1000)] * 1000,
        [shapely.Point(0, 0).buffer(100 + i, quad_segs=2) for i in range(1000)],
        [zigzag(5000), shapely.affinity.rotate(zigzag(5000), 90)],
    ],
    ids=["alike", "within one another", "combs"],
)
def test_outlines_over_and_over_one_another_are_refused_at_once(shapes: list[Any]) -> None:
    (fault,) = check_coverage(units(shapes), file="xa.gpkg")
    assert (fault.code, fault.fatal) == ("fault.outlines_crowded", True)
    assert all("{" not in fault.say(lang) for lang in LANGS)
    with pytest.raises(InputError, match="no map of units"):
        cleaned(units(shapes), most_m2=LARGE_M2)


def test_a_tangle_is_refused_without_being_mended() -> None:
    tangle = shapely.Polygon(np.random.default_rng(1).random((20_000, 2)) * 1000)
    about = broken(tangle, crs=CRS)
    assert (about["area_km2"], about["parts"]) == ("-", "0")
    row = {"code": "u", "name": "u", "population": 1.0, "valid_on": "2012-12-31", "as_of": "2012-12-31"}
    raw = RawTable(pd.DataFrame([row]), np.array([1]), "xa.gpkg", "", np.array([tangle], dtype=object), CRS)
    kept, changes = mended(raw, crs=CRS)
    assert changes.empty
    assert [fault.code for fault in validate(kept, LAYERS["units"], crs=CRS).faults] == [
        "fault.broken_outline",
        "fault.no_good_row",
    ]
