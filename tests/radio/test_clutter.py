"""Heights of what stands on the ground: the table, the study's own heights, surface models, and what is not known."""

import numpy as np
import pytest

from phusong.coverage.radio.clutter import (
    DEFAULT_CLASSES,
    check_clutter,
    clutter_defaults,
    clutter_heights,
    is_surface_model,
)
from phusong.layers.errors import InputError
from phusong.layers.grid import Grid, Raster
from phusong.layers.messages import LANGS, has

NAN = np.nan


def cover(rows: list[list[float]], **tags: str) -> Raster:
    values = np.array(rows, dtype=np.float32)
    return Raster(Grid("EPSG:9212", 500_000.0, 1_850_040.0, 90.0, values.shape), values, tags)


def test_heights_of_the_recommendation() -> None:
    """ITU-R P.1812-7 Table 2: water and open country 0 m, suburban 10 m, trees and forest 15 m."""
    clutter = clutter_heights(cover([[10, 30, 40], [50, 60, 80]]), overrides={}, surface_model=False)
    np.testing.assert_array_equal(clutter.height_m, np.array([[15, 0, 0], [10, 0, 0]], np.float32))
    assert clutter.height_m.dtype == np.float32
    assert not any(one.assumed for one in clutter.known)
    assert all("P.1812-7 Table 2" in one.source for one in clutter.known)


def test_every_class_of_the_legend_has_a_height_a_source_and_a_name() -> None:
    table = clutter_defaults()[DEFAULT_CLASSES]["class"]
    assert list(map(int, table)) == [10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 100]
    for code, entry in table.items():
        assert set(entry) == {"height_m", "in_surface", "assumed", "source"}
        assert 0 <= entry["height_m"] <= 30
        assert entry["source"]
        assert entry["assumed"] != ("ITU-R" in entry["source"])
        assert entry["in_surface"] or entry["height_m"] == 0
        assert has(f"clutter.class.{DEFAULT_CLASSES}.{code}")


def test_a_study_gives_its_own_heights_also_to_classes_that_the_table_lacks() -> None:
    clutter = clutter_heights(cover([[10, 50, 127]]), overrides={10: 22.5, 127: 6.0}, surface_model=False)
    assert clutter.height_m.tolist() == [[22.5, 10.0, 6.0]]
    assert [one.source for one in clutter.known if one.code != 50] == ["study.toml"] * 2
    assert clutter.unknown == {}


def test_a_surface_model_holds_trees_and_houses_but_no_crops() -> None:
    land_cover = cover([[10, 20, 40, 50, 95]])
    clutter = clutter_heights(land_cover, overrides={40: 3.0, 10: 20.0}, surface_model=True)
    assert clutter.height_m.tolist() == [[0, 0, 3, 0, 0]]
    assert clutter.surface_model
    assert [one.code for one in clutter.known if one.left_to_surface] == [10, 20, 50, 95]
    assert clutter.counts["clutter_in_surface"] == 4


def test_no_data_and_unknown_classes_are_counted_apart_and_stand_at_nothing() -> None:
    """0 is ESA WorldCover's mark for no data."""
    clutter = clutter_heights(cover([[NAN, 0, 10], [7, 7, 110]]), overrides={}, surface_model=False)
    assert clutter.height_m.tolist() == [[0, 0, 15], [0, 0, 0]]
    assert (clutter.no_data, dict(clutter.unknown)) == (2, {7: 2, 110: 1})
    assert clutter.counts == {
        "clutter_cells": 1,
        "clutter_no_data": 2,
        "clutter_unknown_class": 3,
        "clutter_in_surface": 0,
    }
    for lang in LANGS:
        table = clutter.table(lang)
        assert table["code"].tolist() == [10, 7, 110]
        assert table["cells"].tolist() == [1, 2, 1]
        assert table["height_m"].isna().tolist() == [False, True, True]


def test_a_raster_without_any_class_is_bare_ground() -> None:
    clutter = clutter_heights(cover([[NAN, NAN]]), overrides={}, surface_model=False)
    assert clutter.height_m.tolist() == [[0, 0]]
    assert (clutter.no_data, clutter.known) == (2, ())


def test_a_class_that_nobody_knows_is_refused() -> None:
    overrides = {12: 5.0, 11: 5.0, 20: 1.0}
    (fault,) = check_clutter(cover([[10]]), elevation=None, overrides=overrides, surface_model=False)
    assert fault.fatal
    assert "class 11, 12 is neither in the table esa_worldcover (10, 20, 30" in fault.say("en")


def test_a_legend_that_nobody_knows_is_refused() -> None:
    with pytest.raises(InputError, match="corine"):
        clutter_heights(cover([[10]], classes="corine"), overrides={}, surface_model=False)


def test_what_does_not_fit_is_told_at_the_door() -> None:
    srtm = Raster(cover([[10]]).grid, np.ones((1, 1), np.float32), {"source": "SRTM 1 arc-second"})

    def told(land_cover: Raster | None, overrides: dict[int, float], *, surface: bool) -> list[tuple[str, bool]]:
        faults = check_clutter(land_cover, elevation=srtm, overrides=overrides, surface_model=surface)
        for fault in faults:
            assert fault.say("en") != fault.say("vi")
            assert "{" not in fault.say("vi")
        return [(fault.code, fault.fatal) for fault in faults]

    assert told(None, {}, surface=False) == []
    assert told(None, {10: 5.0}, surface=False) == [("note.no_land_cover", False)]
    assert told(cover([[10]]), {}, surface=True) == []
    assert told(cover([[10]]), {}, surface=False) == [("note.surface_model", False)]
    assert told(cover([[7]]), {}, surface=True) == [("note.unknown_classes", False)]
    assert told(cover([[10]]), {9: 5.0}, surface=True) == [("clutter.error.class", True)]
    assert told(cover([[10]], classes="x"), {}, surface=True) == [("clutter.error.legend", True)]


def test_unknown_classes_are_told_with_their_cells() -> None:
    (fault,) = check_clutter(cover([[7, 7, 110]]), elevation=None, overrides={}, surface_model=False)
    assert "7 (2), 110 (1)" in fault.say("en")


@pytest.mark.parametrize(
    ("source", "surface"),
    [
        ("SRTM 3\u2033 v4.1", True),
        ("Copernicus GLO-30", True),
        ("ALOS AW3D30 v3.2", True),
        ("nasadem_hgt", True),
        ("TanDEM-X 90 m", True),
        ("Bản đồ địa hình 1:10.000", False),
        ("USGS_SRTMGL1", True),
        ("ASTER GDEM v3", True),
        ("LiDAR DTM 2019", False),
        ("Raster LiDAR DTM 2019", False),
        ("master plan, 1:5.000", False),
        ("", False),
    ],
)
def test_surface_models_are_known_by_their_name(source: str, surface: bool) -> None:
    assert is_surface_model(source) == surface
