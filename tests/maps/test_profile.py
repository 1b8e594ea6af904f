"""The picture of one path shows what stands in it, and what is not known."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from phusong.coverage.radio import Profile, profile
from phusong.coverage.radio.terrain import Terrain
from phusong.layers.grid import Grid, Raster
from phusong.maps.profile import End, ProfileView, profile_png, state_of

GRID = Grid("EPSG:9212", 540_000.0, 1_850_000.0, 100.0, (40, 120))
ROW_Y = GRID.top_m - 2_050.0
RED, ORANGE, GREEN, BROWN = (200, 30, 30), (217, 119, 6), (134, 168, 115), (203, 191, 166)


def path_over(hill_m: float, *, void: bool = False, trees_m: float = 0.0, end_m: float = 10_000.0) -> Profile:
    """10 km eastwards over a plain with one hill at its middle, antennas at 40 m and 1.5 m, 900 MHz."""
    heights = np.full(GRID.shape, 20.0, dtype=np.float32)
    heights[:, 58:62] += np.float32(hill_m)
    if void:
        heights[:, 30:35] = np.nan
    clutter = np.zeros(GRID.shape, dtype=np.float32)
    clutter[:, 80:90] = trees_m
    terrain = Terrain.of(Raster(GRID, heights), Raster(GRID, clutter))
    left = GRID.left_m + 1_050.0
    ends = {"tx_height_m": 40.0, "rx_height_m": 1.5, "band_mhz": 900.0}
    return profile(left, ROW_Y, left + end_m, ROW_Y, elevation=terrain, **ends)


def view_of(one: Profile, *, synthetic: bool = False) -> ProfileView:
    return ProfileView(
        study="Thử <b>nghiệm</b> $x$",
        as_of=date(2012, 12, 31),
        synthetic=synthetic,
        source="SRTM",
        profile=one,
        tx=End("Trạm $\\alpha$", 107.0, 16.7, 40.0),
        rx=End("", 107.1, 16.7, 1.5),
        azimuth_deg=90.0,
        band_mhz=900.0,
        effective_earth_factor=4 / 3,
        model="delta-bullington",
        loss_db=one.loss_db,
    )


def drawn(one: Profile, *, lang: str = "vi", synthetic: bool = False) -> np.ndarray:
    buffer = io.BytesIO()
    profile_png(view_of(one, synthetic=synthetic), buffer, lang="vi" if lang == "vi" else "en", width_px=800)
    picture = Image.open(buffer)
    assert picture.format == "PNG"
    assert picture.width == 800
    return np.asarray(picture.convert("RGB")).astype(int)


def pixels(picture: np.ndarray, colour: tuple[int, int, int], *, within: int = 6) -> int:
    return int((np.abs(picture - colour).max(axis=-1) <= within).sum())


def test_what_stands_in_the_path_has_a_state_and_a_colour() -> None:
    low, near, high = path_over(-15.0), path_over(0.0), path_over(80.0)
    assert [state_of(one) for one in (low, near, high)] == ["in_zone", "in_zone", "blocked"]
    clear = path_over(0.0, end_m=900.0)
    assert state_of(clear) == "clear"
    shown = [drawn(one) for one in (clear, near, high)]
    assert [pixels(picture, RED) > 20 for picture in shown] == [False, False, True]
    assert [pixels(picture, ORANGE) > 20 for picture in shown] == [False, True, True]


def test_the_highest_obstacle_is_the_hill() -> None:
    one = path_over(80.0)
    place = one.obstacle
    assert place is not None
    assert one.ground_m[place] == pytest.approx(100.0)
    assert 4_700.0 <= one.d_m[place] <= 5_300.0
    assert one.nu > -np.sqrt(2.0) * one.clearance_zones[place] - 1e-9  # Bullington's edge is no lower than any point
    assert one.diffraction_db == pytest.approx(one.bullington_db + one.spherical_excess_db)
    assert one.loss_db == pytest.approx(one.free_space_db + one.diffraction_db)


def test_a_void_is_a_gap_and_its_loss_is_not_known() -> None:
    one = path_over(80.0, void=True)
    assert state_of(one) == "unknown"
    assert np.isnan([one.loss_db, one.diffraction_db, one.nu]).all()
    gap = np.flatnonzero(np.isnan(one.ground_m))
    assert 1_900.0 <= one.d_m[gap[0]] <= 2_000.0
    whole, broken = drawn(path_over(80.0)), drawn(one)
    assert pixels(broken, BROWN) < 0.97 * pixels(whole, BROWN)


def test_trees_are_obstacles_of_their_own_colour() -> None:
    bare, wooded = path_over(0.0), path_over(0.0, trees_m=25.0)
    assert (wooded.surface_m - wooded.ground_m).max() == pytest.approx(25.0)
    assert wooded.diffraction_db > bare.diffraction_db
    assert pixels(drawn(wooded), GREEN) > 50 > pixels(drawn(bare), GREEN)


def test_languages_the_word_synthetic_and_odd_paths() -> None:
    one = path_over(80.0)
    assert not np.array_equal(drawn(one), drawn(one, lang="en"))
    banner = (255, 214, 102)
    assert pixels(drawn(one, synthetic=True), banner) > 500 > pixels(drawn(one), banner)
    shortest = path_over(0.0, end_m=40.0)  # nothing between the ends
    assert shortest.obstacle is None
    assert state_of(shortest) == "clear"
    drawn(shortest)
    flat = replace(one, ground_m=one.ground_m * 0, surface_m=one.surface_m * 0, ray_m=one.ray_m * 0)
    drawn(flat)


def test_pictures_drawn_at_once_are_alike_and_leave_the_style_as_it_was() -> None:
    alone, before = drawn(path_over(200.0)), mpl.rcParams["text.parse_math"]
    with ThreadPoolExecutor(4) as threads:
        for picture in threads.map(lambda _: drawn(path_over(200.0)), range(6)):
            np.testing.assert_array_equal(picture, alone)
    assert mpl.rcParams["text.parse_math"] is before is True
