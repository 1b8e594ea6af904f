"""The decree's test of mountainous communes, at its limits."""

import numpy as np
import pandas as pd
import pytest
from shapely.geometry import box

from phusong.coverage.classes import classes, mountainous, mountainous_villages
from phusong.coverage.zonal import zones


def judge(units, elevation, **layers):
    found = mountainous(units, zones_of_units=zones(units, grid=elevation.grid), elevation=elevation, **layers)
    return [None if pd.isna(v) else bool(v) for v in found["mountainous"]], found["mountainous_basis"].tolist()


@pytest.mark.parametrize(
    ("heights", "expected"),
    [([200, 200, 199], True), ([200, 199.9, 199], False), ([500, 500, 0], True), ([900, 0, 0], False)],
)
def test_two_thirds_at_200_m_or_higher(raster, layer, heights, expected):
    elevation = raster([heights])
    units = layer("units", [{"code": "A", "name": "A", "population": 1}], [box(0, 0, 300, 100)])
    assert judge(units, elevation) == ([expected], ["area"])


def test_cells_count_by_their_share(raster, layer):
    elevation = raster([[300.0, 0.0]])
    units = layer("units", [{"code": "A", "name": "A", "population": 1}], [box(0, 0, 150, 100)])
    assert judge(units, elevation)[0] == [True]  # 2/3 exactly
    units = layer("units", [{"code": "A", "name": "A", "population": 1}], [box(0, 0, 151, 100)])
    assert judge(units, elevation)[0] == [False]


def test_records_stand_and_no_elevation_is_no_data(raster, layer):
    elevation = raster([[300.0, 300.0, np.nan]])
    rows = [
        {"code": c, "name": c, "population": 1, "mountainous": m}
        for c, m in zip("ABC", [None, False, None], strict=True)
    ]
    units = layer("units", rows, [box(i * 100, 0, i * 100 + 100, 100) for i in range(3)])
    assert judge(units, elevation) == ([True, False, None], ["area", "recorded", "none"])


def test_a_village_by_slope_or_height(raster, layer):
    steps = np.repeat(np.array([[0.0, 15.1, 30.2, 45.3, 45.3, 45.3, 250, 250, 250]]), 4, axis=0)
    elevation = raster(steps)
    areas = layer(
        "village_areas",
        [{"code": c} for c in "SFH"],
        [box(0, 100, 300, 300), box(400, 100, 500, 300), box(700, 0, 900, 400)],
    )
    # S: slopes 7.6 (the raster's edge), 15.1, 15.1 %: two thirds; F: flat; H: high
    assert mountainous_villages(areas, elevation=elevation).tolist() == [True, False, True]


def test_villages_decide_where_their_areas_are_known(raster, layer, points):
    elevation = raster(np.r_[[250.0] * 3, [10.0] * 3, [10.0] * 3].reshape(1, 9))
    units = layer("units", [{"code": "A", "name": "A", "population": 1}], [box(0, 0, 900, 100)])
    spots = [(150, 50), (450, 50), (750, 50)]
    villages = points(
        "villages", [{"code": f"V{i}", "name": "", "unit_code": "A", "xy": s} for i, s in enumerate(spots)]
    )
    areas = [box(0, 0, 100, 100), box(100, 0, 200, 100), box(600, 0, 900, 100)]
    known = layer("village_areas", [{"code": f"V{i}"} for i in range(3)], areas)
    assert judge(units, elevation) == ([False], ["area"])
    assert judge(units, elevation, villages=villages) == ([False], ["area_only"])
    assert judge(units, elevation, villages=villages, village_areas=known) == ([True], ["villages"])
    assert judge(units, elevation, villages=villages, village_areas=known.iloc[[2]]) == ([False], ["area_only"])
    flat = known.assign(geometry=[box(600, 0, 700, 100), box(700, 0, 800, 100), areas[2]])
    assert judge(units, elevation, villages=villages, village_areas=flat) == ([False], ["area"])


def test_other_classes_stand_as_recorded(raster, layer):
    elevation = raster([[300.0]])
    rows = [{"code": "A", "name": "A", "population": 1, "land_border": True, "island": False}]
    units = layer("units", rows, [box(0, 0, 100, 100)])
    found = classes(units, zones_of_units=zones(units, grid=elevation.grid), elevation=elevation).iloc[0]
    assert found["land_border"]
    assert not found["island"]
    assert pd.isna(found["programme"])
