"""The raster door: what is written comes back, voids stay voids, totals survive a warp."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pyproj import Transformer

from phusong.layers.errors import CrsError, InputError, MissingError
from phusong.layers.grid import Grid, Raster
from phusong.layers.rasters import raster_bounds, read_bands, read_raster, warp_to, write_cog

GRID = Grid("EPSG:9212", 500_000.0, 1_850_040.0, 90.0, (40, 50))


def _slope(grid: Grid) -> np.ndarray:
    """A plane z = 0.01 x + 0.02 y: bilinear interpolation must reproduce it exactly."""
    x, y = np.meshgrid(grid.x_m - 500_000, grid.y_m - 1_800_000)
    return (0.01 * x + 0.02 * y).astype(np.float32)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=arrays(
        np.float32,
        st.tuples(st.integers(1, 20), st.integers(1, 20)),
        elements=st.one_of(st.just(np.float32("nan")), st.floats(-500, 3000, width=32)),
    )
)
def test_what_is_written_comes_back(tmp_path: Path, values: np.ndarray) -> None:
    raster = Raster(Grid("EPSG:9212", 499_950.0, 1_850_040.0, 90.0, values.shape), values, {"as_of": "2012-12-31"})
    back = read_raster(write_cog(raster, tmp_path / "a.tif"))
    assert back.grid == raster.grid
    assert back.tags == raster.tags
    np.testing.assert_array_equal(back.values, values)


def test_file_is_a_cog_with_the_same_bytes_each_time_and_nothing_left_aside(tmp_path: Path) -> None:
    raster = Raster(Grid("EPSG:9212", 0.0, 90_000.0, 90.0, (1000, 700)), np.ones((1000, 700), np.float32))
    one, two = write_cog(raster, tmp_path / "one.tif"), write_cog(raster, tmp_path / "two.tif")
    assert one.read_bytes() == two.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["one.tif", "two.tif"]
    with rasterio.open(one) as source:
        assert source.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert source.overviews(1) == [2]
        assert np.isnan(source.nodata)


def test_bands_keep_their_names_and_whole_numbers_their_nodata(tmp_path: Path) -> None:
    servers = np.full(GRID.shape, -1, np.int32)
    servers[3, 4] = 7
    path = write_cog({"any": servers, "Viettel": servers + 1}, tmp_path / "s.tif", grid=GRID, nodata=-1)
    bands = read_bands(path)
    assert list(bands) == ["any", "Viettel"]
    assert bands["any"].values[3, 4] == 7
    assert np.isnan(bands["any"].values).sum() == servers.size - 1
    assert bands["Viettel"].values[0, 0] == 0


def test_colormap_is_kept(tmp_path: Path) -> None:
    path = write_cog({"2G": np.ones(GRID.shape, np.uint8)}, tmp_path / "c.tif", grid=GRID, colormap={1: (9, 8, 7, 255)})
    with rasterio.open(path) as source:
        assert source.colormap(1)[1] == (9, 8, 7, 255)


def test_warp_onto_its_own_grid_changes_nothing(tmp_path: Path) -> None:
    values = _slope(GRID)
    values[5:8, 9] = np.nan
    path = write_cog(Raster(GRID, values), tmp_path / "e.tif")
    np.testing.assert_array_equal(warp_to(path, GRID).values, values)


def test_bilinear_warp_reproduces_a_plane_and_keeps_voids(tmp_path: Path) -> None:
    values = _slope(GRID)
    values[10:20, 10:20] = np.nan
    fine = Grid(GRID.crs, GRID.left_m, GRID.top_m, 30.0, (120, 150))
    warped = warp_to(write_cog(Raster(GRID, values), tmp_path / "e.tif"), fine).values
    assert np.isnan(warped[30:60, 30:60]).all()
    assert np.isnan(warped).sum() == 900
    inner = np.s_[63:117, 63:147]  # bilinear holds the edge value in the outer half cell
    np.testing.assert_allclose(warped[inner], _slope(fine)[inner], atol=1e-3)


def test_outside_the_source_is_void(tmp_path: Path) -> None:
    wide = Grid(GRID.crs, GRID.left_m - 900, GRID.top_m + 900, 90.0, (60, 70))
    warped = warp_to(write_cog(Raster(GRID, _slope(GRID)), tmp_path / "e.tif"), wide).values
    assert np.isfinite(warped).sum() == GRID.shape[0] * GRID.shape[1]


def test_sum_warp_keeps_the_total(tmp_path: Path) -> None:
    people = np.random.default_rng(3).gamma(0.5, 20, GRID.shape).astype(np.float32)
    wide = Grid(GRID.crs, GRID.left_m - 140, GRID.top_m + 140, 70.0, (60, 72))
    warped = warp_to(write_cog(Raster(GRID, people), tmp_path / "p.tif"), wide, resampling="sum").values
    assert np.nansum(warped) == pytest.approx(people.sum(), rel=1e-5)


def test_warp_from_degrees_lands_within_a_metre_of_a_known_point(tmp_path: Path) -> None:
    """A single marked cell in lon/lat is found where pyproj puts its centre in VN-2000 / TM-3 106-15."""
    lon, lat, step = 107.0, 16.8, 0.001
    values = np.zeros((200, 200), np.float32)
    values[100, 100] = 1
    path = tmp_path / "ll.tif"
    transform = rasterio.Affine(step, 0, lon - 100.5 * step, 0, -step, lat + 100.5 * step)
    profile = {"driver": "GTiff", "height": 200, "width": 200, "count": 1, "dtype": "float32"}
    with rasterio.open(path, "w", **profile, crs="EPSG:4326", transform=transform) as target:
        target.write(values, 1)

    x, y = Transformer.from_crs("EPSG:4326", "EPSG:9212", always_xy=True).transform(lon, lat)
    grid = Grid("EPSG:9212", x - 505, y + 505, 10.0, (101, 101))
    warped = warp_to(path, grid, resampling="nearest").values
    rows, cols = np.nonzero(warped == 1)
    assert abs(rows.mean() - 50) < 1
    assert abs(cols.mean() - 50) < 1


def test_bounds_in_another_crs(tmp_path: Path) -> None:
    path = write_cog(Raster(GRID, _slope(GRID)), tmp_path / "e.tif")
    assert raster_bounds(path, crs=GRID.crs) == pytest.approx(GRID.bounds)
    left, bottom, right, top = raster_bounds(path, crs="EPSG:4756")  # x = 500 km is the meridian of 106.25 degrees
    assert left == pytest.approx(106.25, abs=1e-6)
    assert 106.25 < right < 106.31
    assert 16.6 < bottom < top < 16.8


def test_faults_are_named(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"none\.tif"):
        read_raster(tmp_path / "none.tif")
    text = tmp_path / "text.tif"
    text.write_text("not a raster")
    with pytest.raises(InputError, match=r"text\.tif"):
        read_raster(text)
    profile = {"driver": "GTiff", "height": 4, "width": 4, "count": 1, "dtype": "float32"}
    for name, extra, kind in (
        ("nocrs.tif", {"transform": rasterio.Affine(90, 0, 5e5, 0, -90, 1.8e6)}, CrsError),
        ("wide.tif", {"crs": "EPSG:9212", "transform": rasterio.Affine(90, 0, 5e5, 0, -60, 1.8e6)}, InputError),
        ("degrees.tif", {"crs": "EPSG:4326", "transform": rasterio.Affine(0.1, 0, 107, 0, -0.1, 17)}, CrsError),
    ):
        with rasterio.open(tmp_path / name, "w", **profile, **extra) as target:
            target.write(np.zeros((4, 4), np.float32), 1)
        with pytest.raises(kind) as caught:
            read_raster(tmp_path / name)
        assert caught.value.say("en") != caught.value.say("vi")
