"""Raster files from elsewhere: SRTM tiles, mosaics, people conserved, marks and units that a file does not declare."""

import itertools
import os
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from rasterio.errors import NotGeoreferencedWarning

from phusong.layers.errors import CrsError, InputError
from phusong.layers.grid import Grid
from phusong.layers.tiles import Warped, raster_files, tiles_bounds, tiles_of, warp_tiles

REAL = Path(os.environ.get("PHUSONG_DATA", "/nowhere")) / "chimborazo_dem_srtm3.tif"
CRS = "EPSG:9212"  # VN-2000 / TM-3 106-15
AREA = Grid(CRS, 570_000.0, 1_860_000.0, 300.0, (80, 80))  # about 106.9-107.1 E, 16.6-16.8 N


def hgt(path: Path, heights: np.ndarray) -> Path:
    """An SRTM tile: big-endian 16-bit rows from the north, void -32768."""
    path.write_bytes(heights.astype(">i2").tobytes())
    return path


def ramp(lon0: int, lat0: int, *, per_deg: int = 1200) -> np.ndarray:
    """Heights rising 1,000 m a degree east and 500 north, at the points of a tile; alike where tiles meet."""
    step = np.arange(per_deg + 1) / per_deg
    return np.rint(np.add.outer(500 * (lat0 + step[::-1] - 15), 1000 * (lon0 + step - 106)))


def expected(grid: Grid) -> np.ndarray:
    x, y = np.meshgrid(grid.x_m, grid.y_m)
    lon, lat = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True).transform(x, y)
    return 1000 * (np.array(lon) - 106) + 500 * (np.array(lat) - 15)


def geotiff(
    path: Path, values: np.ndarray, left: float, top: float, cell: float, *, crs: str = "EPSG:4326", unit: str = "",
    nodata: float | None = None, scale: float = 1.0,
) -> Path:  # fmt: skip
    profile = {"count": 1, "height": values.shape[0], "width": values.shape[1], "dtype": values.dtype.name}
    transform = Affine(cell, 0, left, 0, -cell, top)
    with rasterio.open(path, "w", driver="GTiff", crs=crs, transform=transform, nodata=nodata, **profile) as target:
        target.write(values, 1)
        if unit:
            target.units = (unit,)
        target.scales = (scale,)
    return path


def codes(warped: Warped) -> list[str]:
    for fault in warped.faults:
        assert "{" not in fault.say("en") + fault.say("vi")
    return [fault.code for fault in warped.faults]


# SRTM


@pytest.mark.parametrize("per_deg", [1200, 3600])
def test_heights_of_an_srtm_tile_stand_at_its_points(tmp_path: Path, per_deg: int) -> None:
    tiles = tiles_of([hgt(tmp_path / "N16E106.hgt", ramp(106, 16, per_deg=per_deg))])
    grid = Grid(CRS, 540_000.0, 1_830_000.0, 100.0, (50, 50))
    warped = warp_tiles(tiles, grid, layer="elevation")
    assert np.abs(warped.raster.values - expected(grid)).max() < 0.8  # heights are whole; half a cell off is 0.4-0.5
    assert abs(float((warped.raster.values - expected(grid)).mean())) < 0.02
    assert codes(warped) == []


@pytest.mark.parametrize("name", ["N16E106.HGT", "n16e106.hgt", "N16E106.SRTMGL3.hgt"])
def test_an_srtm_tile_under_the_names_it_comes_with(tmp_path: Path, name: str) -> None:
    path = hgt(tmp_path / name, ramp(106, 16))
    (found,) = raster_files([path], into=tmp_path / "room")
    grid = Grid(CRS, 540_000.0, 1_830_000.0, 1000.0, (5, 5))
    warped = warp_tiles(tiles_of([found]), grid, layer="elevation")
    assert np.abs(warped.raster.values - expected(grid)).max() < 1


def test_an_ascii_grid_with_its_projection_beside_it(tmp_path: Path) -> None:
    values = np.arange(400).reshape(20, 20)
    head = "ncols 20\nnrows 20\nxllcorner 580000\nyllcorner 1850000\ncellsize 100\nNODATA_value -9999\n"
    path = tmp_path / "dem.asc"
    path.write_text(head + "\n".join(" ".join(map(str, row)) for row in values))
    path.with_suffix(".prj").write_text(pyproj.CRS.from_user_input(CRS).to_wkt("WKT1_ESRI"))
    grid = Grid(CRS, 580_000.0, 1_852_000.0, 100.0, (20, 20))
    warped = warp_tiles(tiles_of(raster_files([path], into=tmp_path / "room")), grid, layer="elevation")
    np.testing.assert_allclose(warped.raster.values, values, atol=1e-3)


def test_tiles_in_any_order_zipped_or_not_are_one_raster(tmp_path: Path) -> None:
    files = [hgt(tmp_path / f"N16E{lon}.hgt", ramp(lon, 16)) for lon in (106, 107)]
    with zipfile.ZipFile(tmp_path / "N16E107.SRTMGL3.hgt.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(files[1], "N16E107.hgt")
    zipped = [files[0], tmp_path / "N16E107.SRTMGL3.hgt.zip"]
    results = []
    for number, named in enumerate((files, files[::-1], zipped, zipped[::-1])):
        found = raster_files(named, into=tmp_path / f"room{number}")
        warped = warp_tiles(tiles_of(found), AREA, layer="elevation")
        assert codes(warped) == []
        results.append(warped.raster.values)
    assert np.isfinite(results[0]).all()  # over the seam at 107 degrees too
    assert np.abs(results[0] - expected(AREA)).max() < 1.5
    for other in results[1:]:
        np.testing.assert_array_equal(other, results[0])


def test_tiles_that_differ_where_they_overlap_are_told(tmp_path: Path) -> None:
    west, east = ramp(106, 16), ramp(107, 16)
    east[300:350, 0] += 7
    files = [hgt(tmp_path / "N16E106.hgt", west), hgt(tmp_path / "N16E107.hgt", east)]
    one, two = (warp_tiles(tiles_of(order), AREA, layer="elevation") for order in (files, files[::-1]))
    assert codes(one) == ["note.tiles_differ"]
    assert (one.faults[0].params["largest"], "N16E107.hgt" in one.faults[0].say("vi")) == ("7", True)
    np.testing.assert_array_equal(one.raster.values, two.raster.values)


def test_a_missing_tile_is_named_by_its_place(tmp_path: Path) -> None:
    places = [(106, 16), (106, 17), (107, 17)]
    files = [hgt(tmp_path / f"N{lat}E{lon}.hgt", ramp(lon, lat)) for lon, lat in places]
    grid = Grid(CRS, 570_000.0, 1_890_000.0, 1000.0, (30, 30))
    warped = warp_tiles(tiles_of(files), grid, layer="elevation")
    assert codes(warped) == ["note.tiles_gaps"]
    assert "107.00 - 107." in warped.faults[0].params["boxes"]
    assert "17.00 N" in warped.faults[0].params["boxes"]
    assert warped.faults[0].params["count"] == 1
    assert np.isnan(warped.raster.values).any()


def test_voids_of_one_tile_are_filled_by_another(tmp_path: Path) -> None:
    whole = np.round(np.arange(100 * 100).reshape(100, 100) / 7).astype(np.float32)
    spoilt = whole.copy()
    spoilt[20:60, 30:50] = -9999
    one = geotiff(tmp_path / "a.tif", spoilt, 106.9, 16.75, 0.002, nodata=-9999)
    two = geotiff(tmp_path / "b.tif", whole, 106.9, 16.75, 0.002)
    values = [
        warp_tiles(tiles_of(order), AREA, layer="elevation", unit="m").raster.values
        for order in ([one, two], [two, one])
    ]
    alone = warp_tiles(tiles_of([two]), AREA, layer="elevation", unit="m").raster.values
    np.testing.assert_array_equal(values[0], alone)
    np.testing.assert_array_equal(values[1], alone)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.tuples(st.integers(1, 59), st.integers(1, 59)), margin=st.integers(0, 4), seed=st.integers(0, 9))
def test_a_raster_cut_into_tiles_is_the_same_raster(
    tmp_path: Path, cuts: tuple[int, int], margin: int, seed: int
) -> None:
    values = np.random.default_rng(seed).gamma(0.5, 20, (60, 60)).astype(np.float32)
    whole = geotiff(tmp_path / "whole.tif", values, 106.9, 16.75, 1 / 300)
    parts = []
    for number, (rows, cols) in enumerate(
        itertools.product(((0, cuts[0]), (cuts[0], 60)), ((0, cuts[1]), (cuts[1], 60)))
    ):
        r0, c0 = max(rows[0] - margin, 0), max(cols[0] - margin, 0)
        r1, c1 = min(rows[1] + margin, 60), min(cols[1] + margin, 60)
        path = tmp_path / f"part{number}.tif"
        parts.append(geotiff(path, values[r0:r1, c0:c1], 106.9 + c0 / 300, 16.75 - r0 / 300, 1 / 300))
    for layer in ("elevation", "population", "land_cover"):
        one = warp_tiles(tiles_of([whole]), AREA, layer=layer, unit="m")
        many = warp_tiles(tiles_of(parts), AREA, layer=layer, unit="m")
        np.testing.assert_array_equal(many.raster.values, one.raster.values)
    assert tiles_bounds(tiles_of(parts), crs=CRS) == pytest.approx(tiles_bounds(tiles_of([whole]), crs=CRS), abs=0.5)


def test_tiles_of_unlike_products_are_refused(tmp_path: Path) -> None:
    files = [hgt(tmp_path / "N16E106.hgt", ramp(106, 16))]
    files.append(geotiff(tmp_path / "f.tif", np.ones((9, 9), np.float32), 107 - 0.5 / 1200, 16.9, 1 / 3600))
    shifted = geotiff(tmp_path / "s.tif", np.ones((9, 9), np.float32), 107.0003, 16.9, 1 / 1200)
    for pair in (files, [files[0], shifted]):
        with pytest.raises(InputError) as caught:
            tiles_of(pair)
        assert caught.value.code == "raster.other_lattice"
        assert "{" not in caught.value.say("vi")


def test_tiles_without_place_or_cut_short_are_refused(tmp_path: Path) -> None:
    for name, content, code in (
        ("dem.hgt", ramp(106, 16), "read.hgt_name"),
        ("N16E106.hgt", np.ones(77), "read.hgt_size"),
    ):
        with pytest.raises(InputError) as caught:
            tiles_of([hgt(tmp_path / name, content)])
        assert caught.value.code == code
        assert name in caught.value.say("vi")


def test_a_high_tile_may_begin_with_any_byte(tmp_path: Path) -> None:
    """Heights whose first bytes read as XML or as an archive are heights all the same."""
    for first in (0x0A3C, 0x504B, 0x7B7B):
        heights = ramp(106, 16)
        heights[0, :2] = first
        path = hgt(tmp_path / "N16E106.hgt", heights)
        assert raster_files([path], into=tmp_path / "room") == [path]


@pytest.mark.parametrize("name", ["a.vrt", "a.tif", "N16E106.hgt"])
def test_a_virtual_raster_is_never_followed(tmp_path: Path, name: str) -> None:
    geotiff(tmp_path / "secret.tif", np.ones((9, 9), np.float32), 106.9, 16.75, 0.01)
    (tmp_path / name).write_text(
        '<VRTDataset rasterXSize="9" rasterYSize="9"><VRTRasterBand dataType="Float32" band="1"><SimpleSource>'
        '<SourceFilename relativeToVRT="1">secret.tif</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>'
    )
    with pytest.raises(InputError):
        tiles_of([tmp_path / name])
    with pytest.raises(InputError):
        tiles_of(raster_files([tmp_path / name], into=tmp_path / "room"))


def test_a_scan_without_a_place_is_refused(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(
            tmp_path / "a.tif", "w", driver="GTiff", count=1, height=4, width=4, dtype="uint8"
        ) as target:
            target.write(np.ones((1, 4, 4), np.uint8))
    with pytest.raises(InputError) as caught:
        tiles_of([tmp_path / "a.tif"])
    assert caught.value.code == "read.raster_no_place"


def test_an_archive_without_a_raster_names_what_it_holds(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("đọc.txt", "x")
    with pytest.raises(InputError) as caught:
        raster_files([tmp_path / "a.zip"], into=tmp_path / "room")
    assert "đọc.txt" in caught.value.say("vi")


# people


def test_people_are_conserved_in_a_warp_from_degrees(tmp_path: Path) -> None:
    """WorldPop: people a cell of 3 seconds, -99999 without."""
    people = np.random.default_rng(5).gamma(0.3, 30, (180, 180)).astype(np.float32)
    people[:30] = -99999
    path = geotiff(tmp_path / "vnm_ppp_2020.tif", people, 106.95, 16.75, 1 / 1200, nodata=-99999)
    warped = warp_tiles(tiles_of([path]), AREA, layer="population")
    assert codes(warped) == ["note.people_total"]
    total = float(people[people >= 0].sum(dtype=np.float64))
    assert float(np.nansum(warped.raster.values, dtype=np.float64)) == pytest.approx(total, rel=2e-3)
    assert float(warped.faults[0].params["before"]) == pytest.approx(total, abs=1)


def test_people_in_mollweide_land_where_they_live(tmp_path: Path) -> None:
    """GHSL: metres of Mollweide, -200 without; a town of one cell is found where pyproj puts it."""
    x, y = Transformer.from_crs("EPSG:4326", "ESRI:54009", always_xy=True).transform(107.0, 16.7)
    people = np.full((40, 40), 2.0, np.float64)
    people[20, 20] = 50_000
    people[:, :5] = -200
    path = geotiff(tmp_path / "GHS_POP.tif", people, x - 20_500, y + 20_500, 1000, crs="ESRI:54009", nodata=-200)
    wide = Grid(CRS, 540_000.0, 1_890_000.0, 300.0, (300, 300))
    warped = warp_tiles(tiles_of([path]), wide, layer="population")
    assert float(np.nansum(warped.raster.values, dtype=np.float64)) == pytest.approx(
        people[people >= 0].sum(), rel=5e-3
    )
    px, py = Transformer.from_crs("EPSG:4326", CRS, always_xy=True).transform(107.0, 16.7)
    weights = np.nan_to_num(warped.raster.values)
    town = weights > 1000
    found = [
        float((at[town[...]] * weights[town]).sum() / weights[town].sum()) for at in np.meshgrid(wide.x_m, wide.y_m)
    ]
    assert np.hypot(found[0] - px, found[1] - py) < 200


def test_people_of_a_raster_that_reaches_beyond_the_grid(tmp_path: Path) -> None:
    people = np.ones((400, 400), np.float32)
    path = geotiff(tmp_path / "p.tif", people, 106.8, 16.9, 1 / 1200)
    small = Grid(CRS, 575_000.0, 1_845_000.0, 90.0, (100, 100))
    warped = warp_tiles(tiles_of([path]), small, layer="population")
    assert codes(warped) == ["note.people_total"]
    before, after = (float(warped.faults[0].params[key]) for key in ("before", "after"))
    assert after == pytest.approx(before, rel=2e-3)
    assert after == pytest.approx(small.shape[0] * small.shape[1] * 90**2 / (92.2 * 88.9), rel=0.01)


def test_people_that_a_warp_would_lose_are_not_lost_in_silence(tmp_path: Path) -> None:
    """Cells of 10 km cut by the edge of a small study of 90 m."""
    x, y = Transformer.from_crs("EPSG:4326", "ESRI:54009", always_xy=True).transform(106.3, 17.4)
    people = np.random.default_rng(1).gamma(0.2, 5e5, (20, 20)).astype(np.float32)
    path = geotiff(tmp_path / "p.tif", people, x - 1e4, y + 1e4, 10_000, crs="ESRI:54009")
    warped = warp_tiles(tiles_of([path]), Grid(CRS, 560_000.0, 1_870_000.0, 90.0, (300, 300)), layer="population")
    (fault,) = warped.faults
    before, after = (float(fault.params[key]) for key in ("before", "after"))
    assert (fault.code == "fault.people_lost") == fault.fatal == (abs(after / before - 1) > 0.01)
    assert after == pytest.approx(before, rel=0.1)


# marks and units


@pytest.mark.parametrize(
    ("layer", "mark", "dtype"),
    [
        ("elevation", -32768, np.int16), ("elevation", -9999, np.float32), ("population", -99999, np.float32),
        ("population", -200, np.float64), ("population", float(np.finfo(np.float32).min), np.float32),
    ],
)  # fmt: skip
def test_marks_that_a_file_does_not_declare_become_voids(tmp_path: Path, layer: str, mark: float, dtype: type) -> None:
    values = np.full((100, 100), 5, dtype)
    values[40:60, 40:60] = mark
    warped = warp_tiles(tiles_of([geotiff(tmp_path / "a.tif", values, 106.9, 16.75, 0.002)]), AREA, layer=layer)
    assert "changed.raster_void" in codes(warped)
    assert np.nanmin(warped.raster.values) >= 0
    assert np.isnan(warped.raster.values).any()


def test_a_negative_height_that_is_no_mark_stays(tmp_path: Path) -> None:
    values = np.full((100, 100), -3, np.int16)
    warped = warp_tiles(tiles_of([geotiff(tmp_path / "a.tif", values, 106.9, 16.75, 0.002)]), AREA, layer="elevation")
    assert (np.nanmin(warped.raster.values), codes(warped)) == (-3, [])


@pytest.mark.parametrize(
    ("unit", "metres"), [("ft", 0.3048), ("metre", 1.0), ("dm", 0.1), ("US survey foot", 1200 / 3937)]
)
def test_a_declared_unit_is_converted(tmp_path: Path, unit: str, metres: float) -> None:
    path = geotiff(tmp_path / "a.tif", np.full((100, 100), 500, np.int16), 106.9, 16.75, 0.002, unit=unit)
    warped = warp_tiles(tiles_of([path]), AREA, layer="elevation")
    assert np.nanmax(warped.raster.values) == pytest.approx(500 * metres)
    assert codes(warped) == ([] if metres == 1 else ["changed.raster_unit"])


def test_the_users_word_counts_and_a_scale_is_applied(tmp_path: Path) -> None:
    path = geotiff(tmp_path / "a.tif", np.full((100, 100), 5000, np.int16), 106.9, 16.75, 0.002, scale=0.1)
    assert np.nanmax(warp_tiles(tiles_of([path]), AREA, layer="elevation").raster.values) == pytest.approx(500)
    assert np.nanmax(warp_tiles(tiles_of([path]), AREA, layer="elevation", unit="ft").raster.values) == pytest.approx(
        152.4
    )
    with pytest.raises(InputError, match="dm"):
        warp_tiles(tiles_of([path]), AREA, layer="elevation", unit="fathom")


def test_heights_no_place_there_reaches_are_doubted(tmp_path: Path) -> None:
    values = np.linspace(0, 5600, 10_000).reshape(100, 100).astype(np.float32)  # Truong Son in feet
    tiles = tiles_of([geotiff(tmp_path / "a.tif", values, 106.9, 16.75, 0.002)])
    warped = warp_tiles(tiles, AREA, layer="elevation")
    assert codes(warped) == ["fault.heights_of_unit"]
    assert warped.faults[0].fatal
    assert codes(warp_tiles(tiles, AREA, layer="elevation", unit="ft")) == ["changed.raster_unit"]
    assert codes(warp_tiles(tiles, AREA, layer="elevation", unit="m")) == []


@pytest.mark.skipif(not REAL.is_file(), reason="real data are not there")
@pytest.mark.parametrize(("factor", "doubted"), [(1.0, False), (1 / 0.3048, True), (10.0, True)])
def test_real_mountains_in_metres_feet_and_decimetres(tmp_path: Path, factor: float, doubted: bool) -> None:
    with rasterio.open(REAL) as source:
        heights = source.read(1).astype(np.float32) * factor
        left, top, cell = source.transform.c, source.transform.f, source.transform.a
    path = geotiff(tmp_path / "a.tif", heights, left, top, cell)
    grid = Grid("EPSG:32717", 735_000.0, 9_850_000.0, 300.0, (150, 150))
    warped = warp_tiles(tiles_of([path]), grid, layer="elevation")
    assert ("fault.slopes_of_unit" in codes(warped)) == doubted


@pytest.mark.skipif(not REAL.is_file(), reason="real data are not there")
def test_a_real_tile_as_hgt_is_the_same_as_the_geotiff(tmp_path: Path) -> None:
    with rasterio.open(REAL) as source:
        tile = hgt(tmp_path / "S02W079.hgt", source.read(1))
    grid = Grid("EPSG:32717", 735_000.0, 9_850_000.0, 90.0, (200, 200))
    one, two = (warp_tiles(tiles_of([path]), grid, layer="elevation").raster.values for path in (tile, REAL))
    np.testing.assert_allclose(one, two, atol=0.01)


def test_a_declared_unit_nobody_knows_is_refused(tmp_path: Path) -> None:
    path = geotiff(tmp_path / "a.tif", np.full((100, 100), 500, np.int16), 106.9, 16.75, 0.002, unit="fathom")
    with pytest.raises(InputError, match="fathom"):
        warp_tiles(tiles_of([path]), AREA, layer="elevation")
    assert np.nanmax(warp_tiles(tiles_of([path]), AREA, layer="elevation", unit="m").raster.values) == 500


# rasters that lie otherwise


def turned(path: Path, *, degrees: float = 3.0, south_up: bool = False) -> Path:
    """The file with its cells turned about their middle, or with its first row in the south."""
    with rasterio.open(path, "r+") as target:
        middle = Affine.translation(target.width / 2, target.height / 2)
        turn = Affine.scale(1, -1) if south_up else Affine.rotation(degrees)
        target.transform = target.transform @ middle @ turn @ ~middle
    return path


@pytest.mark.parametrize("way", [{"degrees": 3.0}, {"degrees": 90.0}, {"south_up": True}])
def test_a_turned_raster_is_judged_like_any_other(tmp_path: Path, way: dict[str, Any]) -> None:
    """Its undeclared voids, units, doubtful heights and people."""
    heights = np.full((200, 200), 500, np.int16)
    heights[90:110, 90:110] = -9999
    path = turned(geotiff(tmp_path / "a.tif", heights, 106.85, 16.9, 0.002, unit="ft"), **way)
    warped = warp_tiles(tiles_of([path]), AREA, layer="elevation")
    assert codes(warped) == ["changed.raster_void", "changed.raster_unit"]
    assert warped.faults[0].params == {"count": 400, "found": "-9999"}
    assert (np.nanmin(warped.raster.values), np.nanmax(warped.raster.values)) == pytest.approx((152.4, 152.4))
    high = turned(geotiff(tmp_path / "b.tif", np.full((200, 200), 5600, np.int16), 106.85, 16.8, 0.002), **way)
    assert codes(warp_tiles(tiles_of([high]), AREA, layer="elevation")) == ["fault.heights_of_unit"]
    rough = np.where(np.add.outer(np.arange(300), np.arange(300)) % 4 < 2, 0, 800).astype(np.int16)
    steep = turned(geotiff(tmp_path / "c.tif", rough, 106.85, 16.85, 0.001), **way)
    assert codes(warp_tiles(tiles_of([steep]), AREA, layer="elevation")) == ["fault.slopes_of_unit"]
    people = turned(geotiff(tmp_path / "d.tif", np.ones((60, 60), np.float32), 106.95, 16.75, 0.002), **way)
    counted = warp_tiles(tiles_of([people]), AREA, layer="population")
    assert codes(counted) == ["note.people_total"]
    assert float(counted.faults[0].params["before"]) == pytest.approx(3600, abs=1)
    assert float(np.nansum(counted.raster.values, dtype=np.float64)) == pytest.approx(3600, rel=5e-3)


def test_tiles_whose_first_row_lies_in_the_south(tmp_path: Path) -> None:
    both = [
        turned(geotiff(tmp_path / f"{k}.tif", np.full((100, 100), 5, np.int16), left, 16.9, 0.004), south_up=True)
        for k, left in enumerate((106.6, 107.0))
    ]
    tiles = tiles_of(both)
    assert tiles_bounds(tiles, crs=CRS)[0] == pytest.approx(tiles_bounds(tiles_of(both[:1]), crs=CRS)[0], abs=1)
    assert np.isfinite(warp_tiles(tiles, AREA, layer="elevation").raster.values).all()


def test_turned_tiles_are_not_joined(tmp_path: Path) -> None:
    values = np.ones((9, 9), np.float32)
    both = [turned(geotiff(tmp_path / f"{k}.tif", values, 106.9, 16.7, 0.002), degrees=90.0) for k in (1, 2)]
    with pytest.raises(InputError) as caught:
        tiles_of(both)
    assert caught.value.code == "raster.other_lattice"


@pytest.mark.parametrize(
    "transform",
    [
        Affine(0.002, 0, 106.9, 0, 0, 16.75),
        Affine(float("nan"), 0, 106.9, 0, -0.002, 16.75),
        Affine(0.002, 0.002, 106.9, 0.002, 0.002, 16.75),
    ],
)
def test_cells_without_extent_are_refused(tmp_path: Path, transform: Affine) -> None:
    path = geotiff(tmp_path / "a.tif", np.ones((9, 9), np.float32), 106.9, 16.75, 0.002)
    with rasterio.open(path, "r+") as target:
        target.transform = transform
    with pytest.raises(InputError) as caught:
        tiles_of([path])
    assert caught.value.code == "read.raster_no_place"


@pytest.mark.parametrize("crs", ['LOCAL_CS["x",UNIT["metre",1]]', "+proj=longlat +R=1737400"])
def test_a_crs_from_which_no_way_leads_is_refused(tmp_path: Path, crs: str) -> None:
    path = geotiff(tmp_path / "a.tif", np.ones((9, 9), np.float32), 106.9, 16.75, 0.002, crs=crs)
    for step in (lambda tiles: tiles_bounds(tiles, crs=CRS), lambda tiles: warp_tiles(tiles, AREA, layer="elevation")):
        with pytest.raises(CrsError, match=r"a\.tif"):
            step(tiles_of([path]))


# values that are none


@pytest.mark.parametrize(
    ("layer", "mark", "scale", "nodata"),
    [
        ("elevation", -32768, 1.0, -9999.0),  # declares one mark, holds another
        ("elevation", -9999, 0.1, None),  # the mark has the scale of the rest
        ("elevation", np.inf, 1.0, None),
        ("population", -3.4e38, 1.0, None),  # nearly the least number of a float
    ],
)
def test_marks_beside_a_declared_one_or_written_otherwise(
    tmp_path: Path, layer: str, mark: float, scale: float, nodata: float | None
) -> None:
    values = np.full((100, 100), 50, np.float32)
    values[40:60, 40:60] = mark
    values[:5] = -99999 if nodata is None else nodata
    path = geotiff(tmp_path / "a.tif", values, 106.9, 16.75, 0.002, scale=scale, nodata=nodata)
    warped = warp_tiles(tiles_of([path]), AREA, layer=layer)
    told = {fault.params["found"]: fault.params["count"] for fault in warped.faults if "void" in fault.code}
    assert told == {f"{np.float32(mark):g}": 400} | ({"-99999": 500} if nodata is None else {})
    assert np.nanmin(warped.raster.values) >= 0
    assert np.isnan(warped.raster.values).any()


@pytest.mark.parametrize(("numbers", "good"), [("1,5 2", True), ("nan 2", True), ("x 2", False), ("1 - b", False)])
def test_words_in_an_ascii_grid_are_not_taken_for_zero(tmp_path: Path, numbers: str, good: bool) -> None:
    path = tmp_path / "dem.asc"
    path.write_text(f"ncols 2\nNROWS 1\nxllcorner 106\nyllcorner 16\ncellsize 0.1\nNODATA_value -9999\n{numbers}\n")
    path.with_suffix(".prj").write_text(pyproj.CRS.from_epsg(4326).to_wkt("WKT1_ESRI"))
    if good:
        assert tiles_of([path]).width == 2
        return
    with pytest.raises(InputError) as caught:
        tiles_of([path])
    assert caught.value.code == "read.raster_unreadable"


def test_a_small_file_of_one_huge_block_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = geotiff(tmp_path / "a.tif", np.ones((9, 9), np.float32), 106.9, 16.75, 0.002)
    monkeypatch.setattr("phusong.layers.rasters.LARGEST_BLOCK_BYTES", 9 * 9 * 4 - 1)
    with pytest.raises(InputError) as caught:
        tiles_of([path])
    assert caught.value.code == "read.raster_too_large"


def test_slopes_do_not_depend_on_how_many_rows_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heights = np.random.default_rng(2).uniform(0, 900, (131, 90)).astype(np.float32)
    found = []
    for rows in (1, 2, 65, 130, 256):
        monkeypatch.setattr("phusong.layers.tiles._ROWS", rows)
        path = geotiff(tmp_path / "a.tif", heights, 106.95, 16.75, 0.001)
        warped = warp_tiles(tiles_of([path]), AREA, layer="elevation")
        assert codes(warped) == ["fault.slopes_of_unit"]
        found.append(warped.faults[0].params["found"])
    down, across = np.gradient(heights)
    assert set(found) == {f"{100 * (np.hypot(down / 110.65, across / 106.6) > 1).mean():.0f}"}
