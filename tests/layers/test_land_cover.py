"""The land cover at the door: classes stay classes, the majority wins, no data stays no data."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from rasterio.warp import transform_bounds

from phusong.layers.errors import InputError
from phusong.layers.grid import Grid, Raster
from phusong.layers.importing import import_files
from phusong.layers.office import Asked
from phusong.layers.rasters import read_raster, warp_to, write_cog
from phusong.layers.study_layers import read_layers

CRS = "EPSG:9212"
LEFT, TOP, CELL = 540_000.0, 1_856_000.0, 250.0
CODES = (10, 20, 30, 40, 50, 60, 80)


def put(path: Path, values: np.ndarray, grid: Grid, *, nodata: float | None = None) -> Path:
    profile = {"driver": "GTiff", "count": 1, "height": values.shape[0], "width": values.shape[1]}
    with rasterio.open(
        path, "w", crs=grid.crs, transform=grid.transform, dtype=values.dtype.name, nodata=nodata, **profile
    ) as target:
        target.write(values, 1)
    return path


def blocks(classes: np.ndarray, size: int) -> np.ndarray:
    return np.kron(classes, np.ones((size, size), classes.dtype))


def test_the_class_of_most_cells_wins(tmp_path: Path) -> None:
    """5 x 5 fine cells a coarse one: 13 of a class are a majority however the others are mixed; values never mix."""
    rng = np.random.default_rng(5)
    winners = rng.choice(CODES, (8, 9)).astype(np.uint8)
    fine = blocks(winners, 5)
    for row, col in np.ndindex(8, 9):
        others = rng.permutation(25)[:12]
        cell = fine[5 * row : 5 * row + 5, 5 * col : 5 * col + 5]
        cell.flat[:] = np.where(np.isin(np.arange(25), others), rng.choice(CODES, 25), winners[row, col])
    path = put(tmp_path / "c.tif", fine, Grid(CRS, LEFT, TOP, 18.0, fine.shape), nodata=0)
    warped = warp_to(path, Grid(CRS, LEFT, TOP, 90.0, (8, 9)), resampling="mode")
    np.testing.assert_array_equal(warped.values, winners)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    fine=arrays(np.uint8, (12, 12), elements=st.sampled_from((0, *CODES))),
    cell_m=st.sampled_from([13.0, 30.0, 47.0]),
    shift_m=st.floats(-40, 40),
)
def test_no_class_is_made_up(tmp_path: Path, fine: np.ndarray, cell_m: float, shift_m: float) -> None:
    path = put(tmp_path / "c.tif", fine, Grid(CRS, LEFT, TOP, 30.0, fine.shape), nodata=0)
    grid = Grid(CRS, LEFT + shift_m, TOP - shift_m, cell_m, (14, 14))
    found = warp_to(path, grid, resampling="mode").values
    assert set(np.unique(found[np.isfinite(found)])) <= set(np.unique(fine[fine > 0]).astype(float))


def test_voids_stay_voids_and_do_not_vote(tmp_path: Path) -> None:
    fine = blocks(np.array([[0, 10], [50, 80]], np.uint8), 3)
    fine[0:2, 3:6] = 0  # three cells of trees are left among voids
    path = put(tmp_path / "c.tif", fine, Grid(CRS, LEFT, TOP, 30.0, (6, 6)), nodata=0)
    warped = warp_to(path, Grid(CRS, LEFT, TOP, 90.0, (2, 2)), resampling="mode").values
    np.testing.assert_array_equal(warped, [[np.nan, 10], [50, 80]])


def test_a_coarse_land_cover_on_a_fine_grid_keeps_its_edges(tmp_path: Path) -> None:
    coarse = np.array([[10, 30], [50, 80]], np.uint8)
    path = put(tmp_path / "c.tif", coarse, Grid(CRS, LEFT, TOP, 90.0, (2, 2)), nodata=0)
    warped = warp_to(path, Grid(CRS, LEFT, TOP, 30.0, (6, 6)), resampling="mode").values
    np.testing.assert_array_equal(warped, blocks(coarse, 3))


def test_import_from_degrees_into_a_study(tiny_study: Path, tmp_path: Path) -> None:
    """As ESA WorldCover comes: bytes in degrees, 0 for no data, with a palette."""
    bounds = transform_bounds(CRS, "EPSG:4326", LEFT - 3000, TOP - 19_000, LEFT + 19_000, TOP + 3000)
    step = 0.001
    shape = (int((bounds[3] - bounds[1]) / step), int((bounds[2] - bounds[0]) / step))
    values = np.full(shape, 10, np.uint8)
    values[:, shape[1] // 2 :] = 40
    values[: shape[0] // 2, : shape[1] // 2] = 0
    transform = rasterio.Affine(step, 0, bounds[0], 0, -step, bounds[3])
    profile = {"driver": "GTiff", "count": 1, "height": shape[0], "width": shape[1], "dtype": "uint8", "nodata": 0}
    with rasterio.open(tmp_path / "esa.tif", "w", crs="EPSG:4326", transform=transform, **profile) as target:
        target.write(values, 1)
        target.write_colormap(1, {10: (0, 100, 0, 255), 40: (240, 150, 255, 255)})
    asked = Asked(as_of=date(2021, 1, 1), source="ESA WorldCover v200")
    report = import_files(tiny_study, "land_cover", [tmp_path / "esa.tif"], asked=asked).report
    kept, faults = report.kept, report.faults
    path = tiny_study / "rasters" / "land_cover.tif"
    with rasterio.open(path) as source:
        assert (source.dtypes[0], source.nodata) == ("uint16", 65535)
    cover = read_raster(path)
    assert cover.tags == {"classes": "esa_worldcover", "as_of": "2021-01-01", "source": "ESA WorldCover v200"}
    assert cover.grid.cell_m == CELL
    assert set(np.unique(cover.values[np.isfinite(cover.values)])) == {10, 40}
    assert kept == int(np.isfinite(cover.values).sum())
    assert 0.6 < kept / cover.values.size < 0.85
    assert not faults
    read = read_layers(tiny_study / "layers.gpkg", tiny_study / "rasters", crs=CRS, units_valid_on=date(2012, 12, 31))
    assert read.land_cover is not None
    (note,) = read.faults
    assert note.code == "note.land_cover_unknown"
    assert 15 < float(str(note.params["share_pct"])) < 35


@pytest.mark.parametrize("spoilt", [0.5, -1.0, 70_000.0, np.inf])
def test_what_is_no_class_code_is_refused(tiny_study: Path, tmp_path: Path, spoilt: float) -> None:
    grid = Grid(CRS, LEFT, TOP, CELL, (64, 64))
    values = np.full(grid.shape, 10, np.float32)
    values[3, 4] = spoilt
    write_cog(Raster(grid, values), tmp_path / "c.tif")
    with pytest.raises(InputError, match="1 cells hold no class code"):
        import_files(tiny_study, "land_cover", [tmp_path / "c.tif"])
    assert not (tiny_study / "rasters" / "land_cover.tif").exists()
    write_cog(Raster(grid, values), tiny_study / "rasters" / "land_cover.tif")
    read = read_layers(tiny_study / "layers.gpkg", tiny_study / "rasters", crs=CRS, units_valid_on=date(2012, 12, 31))
    assert [(fault.code, fault.fatal) for fault in read.faults] == [("fault.classes", True)]
    assert read.land_cover is None


def test_a_full_land_cover_is_taken_without_a_word(tiny_study: Path, tmp_path: Path) -> None:
    grid = Grid(CRS, LEFT, TOP, 100.0, (160, 160))
    path = put(tmp_path / "c.tif", np.full(grid.shape, 95, np.uint8), grid)
    report = import_files(tiny_study, "land_cover", [path]).report
    kept, faults = report.kept, report.faults
    read = read_layers(tiny_study / "layers.gpkg", tiny_study / "rasters", crs=CRS, units_valid_on=date(2012, 12, 31))
    assert (kept, len(faults), read.faults) == (64 * 64, 0, ())
