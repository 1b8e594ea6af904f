"""Lengths of the national border and the coast, by hand and on real communes."""

import os
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, MultiPolygon, Point, box

from phusong.coverage.classes.borders import _pieces, _step_m, border_lengths

DATA = os.environ.get("PHUSONG_DATA", "")
ROW = [box(0, 0, 1000, 1000), box(1000, 0, 2000, 1000), box(2000, 0, 3000, 1000)]


def units_of(layer, shapes):
    return layer("units", [{"code": f"U{i}", "name": "", "population": 1} for i in range(len(shapes))], shapes)


def lines_of(layer, *lines):
    return layer(
        "borders", [{"border_id": str(i), "kind": kind} for i, (kind, _) in enumerate(lines)], [g for _, g in lines]
    )


def test_each_piece_of_a_border_goes_to_the_nearest_commune(layer):
    line = LineString([(-4000, 1100), (2500, 1100)])
    found = border_lengths(units_of(layer, ROW), lines_of(layer, ("land_border", line)), tolerance_m=500.0)
    # the first commune has its kilometre; what lies beyond its corner within the tolerance falls on the corner
    assert found.land_km.tolist() == pytest.approx([1.0, 1.0, 0.5], abs=0.06)
    assert np.isnan(found.sea_km).all()
    assert np.isnan(found.outline_coast_pct).all()
    far = lines_of(layer, ("land_border", LineString([(0, 1600), (3000, 1600)])))
    assert border_lengths(units_of(layer, ROW), far, tolerance_m=500.0).land_km.tolist() == [0, 0, 0]


@pytest.mark.parametrize("tolerance_m", [100.0, 500.0, 900.0])
def test_touching_in_one_point_is_not_bordering(layer, tolerance_m):
    # a fan: the middle commune reaches the border in one point only, between two that lie along it
    left = shapely.Polygon([(0, 0), (0, 2000), (2000, 2000), (1000, 0)])
    middle = shapely.Polygon([(2000, 2000), (1000, 0), (3000, 0)])
    right = shapely.Polygon([(2000, 2000), (4000, 2000), (4000, 0), (3000, 0)])
    line = LineString([(0, 2010), (4000, 2010)])
    found = border_lengths(
        units_of(layer, [left, middle, right]), lines_of(layer, ("land_border", line)), tolerance_m=tolerance_m
    )
    assert found.land_km.tolist() == pytest.approx([2.0, 0.0, 2.0], abs=0.06)


@pytest.mark.parametrize("tolerance_m", [100.0, 500.0, 900.0])
def test_touching_in_one_point_at_the_edge_of_the_study_is_not_bordering(layer, tolerance_m):
    # as above, but the commune on the other side belongs to a province that the study does not have
    left = shapely.Polygon([(0, 0), (0, 2000), (2000, 2000), (1000, 0)])
    middle = shapely.Polygon([(2000, 2000), (1000, 0), (2000, 0)])
    winding = LineString([(x, 2010 + 60 * (x // 50 % 2)) for x in range(0, 4001, 50)])
    found = border_lengths(
        units_of(layer, [left, middle]), lines_of(layer, ("land_border", winding)), tolerance_m=tolerance_m
    )
    assert found.land_km[0] == pytest.approx(2.0, abs=0.06)
    assert found.land_km[1] < 0.1


def test_islands_are_coast_all_round_and_capes_are_not(layer):
    isle, ring_of_two = Point(10_000, 0).buffer(800), Point(20_000, 0).buffer(1000)
    west = shapely.intersection(ring_of_two, box(18_000, -2000, 20_000, 2000))
    east = shapely.difference(ring_of_two, box(18_000, -2000, 20_000, 2000))
    two_isles = MultiPolygon([Point(30_000, 0).buffer(500), Point(33_000, 0).buffer(300)])
    shapes = [isle, west, east, two_isles, box(-5000, -5000, -1000, 5000)]
    coast = [("coast", shapely.simplify(shape.boundary, 20.0)) for shape in (isle, ring_of_two, *two_isles.geoms)] + [
        ("coast", LineString([(-1000, -5000), (-1000, 5000)]))
    ]
    found = border_lengths(units_of(layer, shapes), lines_of(layer, *coast), tolerance_m=300.0)
    share = found.outline_coast_pct
    assert share[[0, 3]].tolist() == [100.0, 100.0]
    half_round = 100 * np.pi * 1000 / (np.pi * 1000 + 2000)
    assert share[[1, 2]].tolist() == pytest.approx([half_round] * 2, abs=1.5)
    assert share[4] == pytest.approx(100 * (10_000 + 2 * 300) / 28_000, abs=1.0)
    assert found.sea_km[0] == pytest.approx(2 * np.pi * 0.8, rel=0.02)
    assert np.isnan(found.land_km).all()


def test_a_layer_without_shapes_or_nothing_near(layer):
    units = units_of(layer, ROW)
    assert np.isnan(border_lengths(units, None, tolerance_m=500.0).sea_km).all()
    away = lines_of(layer, ("coast", LineString([(90_000, 0), (95_000, 0)])))
    found = border_lengths(units, away, tolerance_m=500.0)
    assert found.sea_km.tolist() == found.outline_coast_pct.tolist() == [0, 0, 0]


def test_a_tiny_tolerance_does_not_cut_lines_to_dust(layer):
    line = LineString([(0, 1000), (3000, 1000)])
    at, *_ = _pieces(np.array([line]), _step_m(1e-6))
    assert len(at) == 3000 / 5
    found = border_lengths(units_of(layer, ROW), lines_of(layer, ("coast", line)), tolerance_m=1e-6)
    assert found.sea_km.tolist() == pytest.approx([1.0, 1.0, 1.0])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.floats(-2000, 5000), st.floats(-2000, 3000)), min_size=2, max_size=8, unique=True),
    st.floats(50, 1500),
)
def test_no_length_is_counted_twice_and_wider_tolerance_never_takes_from_the_sum(layer, points, tolerance_m):
    line = LineString([(round(x), round(y)) for x, y in points])
    if line.length == 0:
        return
    units, lines = units_of(layer, ROW), lines_of(layer, ("land_border", line))
    near, wide = (border_lengths(units, lines, tolerance_m=t).land_km.sum() for t in (tolerance_m, 2 * tolerance_m))
    assert near <= line.length / 1000 + 1e-9
    step = 2 * 0.05 * len(points)
    assert wide >= near - step


@pytest.mark.skipif(not DATA, reason="PHUSONG_DATA is not set")
def test_real_communes_that_touch_laos_and_the_sea():
    """Quang Tri: lines taken from another source (the outline of all communes of 2025), flags worked out elsewhere."""
    real_data = Path(DATA)
    flags = pd.read_csv(real_data / "quangtri_flags.csv", dtype=str).set_index("gso_code")
    communes = gpd.read_file(real_data / "communes_2012_4prov.gpkg")
    units = communes[communes["province"] == "Quang Tri"].to_crs("EPSG:9212").rename(columns={"gso_code": "code"})
    country = gpd.read_file(real_data / "communes_2025_vietnam_150m.gpkg", bbox=(105.5, 15.5, 108.5, 18.0))
    whole = country.to_crs("EPSG:9212").geometry.make_valid().union_all().buffer(200).buffer(-200)
    rim = shapely.segmentize(whole.boundary, 2000)
    at, line = shapely.get_coordinates(shapely.get_parts(rim), return_index=True)
    pieces = shapely.linestrings(np.stack([at[:-1], at[1:]], axis=1)[line[1:] == line[:-1]])
    pieces = pieces[shapely.dwithin(pieces, units.union_all(), 3000.0)]
    x, y = shapely.get_coordinates(shapely.centroid(pieces)).T
    middle = units.union_all().centroid
    # the coast runs from northwest to southeast: what lies on the sea side of the province's middle is coast
    seaward = (x - middle.x) + 0.8 * (y - middle.y) > 0
    kinds = np.where(seaward, "coast", "land_border")
    lines = gpd.GeoDataFrame({"kind": kinds}, geometry=pieces, crs=units.crs)
    found = border_lengths(units.reset_index(drop=True), lines, tolerance_m=500.0)
    for km, column, count in ((found.land_km, "laos_border_geom", 16), (found.sea_km, "coast_geom", 13)):
        told = (flags[column].reindex(units["code"]) == "1").to_numpy()
        assert told.sum() == count
        assert ((km >= 0.5) == told).sum() == 141  # all of them
