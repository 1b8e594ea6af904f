"""The synthetic province against the published figures, and synthetic detail against the coarse elevation under it."""

from __future__ import annotations

import os
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import rasterio.features
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from phusong.layers.errors import CrsError, InputError
from phusong.layers.grid import Grid
from phusong.layers.messages import catalogue
from phusong.layers.sample.content import populate
from phusong.layers.sample.figures import figures, households_2012, largest_remainder, people_2012
from phusong.layers.sample.frames import source_text
from phusong.layers.sample.geography import Geography, geography
from phusong.layers.sample.landscape import inland_km
from phusong.layers.sample.refine import refine
from phusong.layers.schema import UNITS

WIDE_CELL_M = 720.0


@pytest.fixture(scope="module")
def place() -> Geography:
    return geography()


@pytest.fixture(scope="module")
def wide() -> Geography:
    return geography(cell_m=WIDE_CELL_M)


@pytest.fixture(scope="module")
def unit_of_cell(place: Geography) -> np.ndarray:
    grid = place.elevation.grid
    shapes = [(polygon, row + 1) for row, polygon in enumerate(place.units.geometry)]
    return rasterio.features.rasterize(shapes, out_shape=grid.shape, transform=grid.transform) - 1


@pytest.fixture(scope="module")
def slope_pct(place: Geography) -> np.ndarray:
    down, across = np.gradient(place.elevation.values.astype(float), place.elevation.grid.cell_m)
    return 100 * np.hypot(down, across)


# published figures


def test_the_figures_are_those_of_the_table() -> None:
    known = figures()
    assert sum(d.communes for d in known.districts if d.counted) == 141 == known.communes_counted
    assert sum(d.area_km2 for d in known.districts) == 4692
    assert sum(d.persons_2019 for d in known.districts) == 632_375
    assert known.province_area_km2 == known.value["area_km2"] == 4740


def test_the_paper_disagrees_with_itself_on_the_mean_radius() -> None:
    known = figures()
    radius_km = np.sqrt(known.province_area_km2 / (np.pi * known.value["points_post_count"]))
    assert radius_km == pytest.approx(3.11, abs=0.005)
    note = {p.indicator: p.note for p in known.published}["mean_service_radius_post_km"]
    assert known.value["mean_service_radius_post_km"] == 3.16
    assert note == "inconsistent_area"


@given(st.integers(0, 10**7), st.lists(st.integers(0, 10**6), min_size=1, max_size=40).filter(any))
def test_largest_remainder_keeps_total_and_proportion(total: int, weights: list[int]) -> None:
    parts = largest_remainder(total, weights)
    exact = total * np.asarray(weights, float) / sum(weights)
    assert parts.sum() == total
    assert (np.abs(parts - exact) < 1 + 1e-6).all()


def test_largest_remainder_refuses_weights_without_sum() -> None:
    with pytest.raises(ValueError, match="positive sum"):
        largest_remainder(5, [0.0, 0.0])


# communes


def test_communes_are_a_clean_coverage(place: Geography) -> None:
    polygons = np.asarray(place.units.geometry)
    assert shapely.coverage_is_valid(polygons)
    assert shapely.is_valid(polygons).all()
    assert (shapely.get_type_id(polygons) == shapely.GeometryType.POLYGON).all()
    whole = shapely.union_all(polygons)
    assert whole.area == pytest.approx(shapely.area(polygons).sum(), rel=1e-9)  # no overlap
    assert [len(part.interiors) for part in whole.geoms] == [0, 0]  # no gap; the mainland and the island


def test_counts_areas_and_persons_of_each_district(place: Geography) -> None:
    known = place.figures
    by = place.units.assign(km2=place.units.area / 1e6).groupby("district")
    people = people_2012(known.districts, people_2012_total=known.people_2012_total)
    homes = households_2012(known.districts, people_2012_total=known.people_2012_total)
    for row, persons, households in zip(known.districts, people, homes, strict=True):
        mine = by.get_group(row.name)
        assert len(mine) == row.communes
        assert mine["km2"].sum() == pytest.approx(row.area_km2, rel=1e-5)
        assert mine["area_km2"].sum() == pytest.approx(row.area_km2, abs=0.2)
        assert mine["population"].sum() == persons
        assert mine["households"].sum() == households
        assert mine["kind"].isin(["ward", "township"]).sum() == row.townships
    assert place.units["population"].sum() == known.people_2012_total
    assert place.units["counted"].sum() == 141


def test_another_total_is_kept_exactly() -> None:
    assert geography(cell_m=2000.0, people_2012_total=600_001).units["population"].sum() == 600_001


def test_densities_are_as_spread_as_the_real_ones(place: Geography) -> None:
    density = place.units["population"] / place.units["area_km2"]
    assert density.min() > 2
    assert 2_500 < density.max() < 9_000
    assert density.median() == pytest.approx(216, rel=0.25)
    assert 12 <= (density < 50).sum() <= 35
    assert (place.units["households"] <= place.units["population"]).all()
    assert (place.units["households"] > 0).all()


def test_units_are_as_the_schema_has_them(place: Geography) -> None:
    units = place.units
    assert list(units.columns) == [*(c.name for c in UNITS.all_columns), "geometry"]
    wanted = {"text": "str", "word": "str", "number": "float64", "yes_no": "boolean", "date": "datetime64[s]"}
    assert {c.name: str(units[c.name].dtype) for c in UNITS.all_columns} == {
        c.name: wanted[c.kind] for c in UNITS.all_columns
    }
    assert units.crs == "EPSG:9212"
    assert isinstance(units.index, pd.RangeIndex)
    assert units["synthetic"].all()
    assert set(units["source"]) == {source_text(2012)} == {place.elevation.tags["source"]}
    assert place.elevation.tags["as_of"] == "2012-12-31"
    assert place.elevation.tags["synthetic"] == "yes"
    assert units["code"].is_unique
    assert units["code"].str.match(r"S\d{5}$").all()  # no official code begins with a letter
    assert not units.duplicated(["district", "name"]).any()


def test_neighbours_and_borders_are_those_of_the_province(place: Geography) -> None:
    district = place.units.dissolve("district").geometry
    touching = {
        frozenset((a, b)) for a in district.index for b in district.index if a < b and district[a].touches(district[b])
    }
    for pair in (
        ("Hướng Hóa", "Đakrông"),
        ("Hướng Hóa", "Vĩnh Linh"),
        ("Vĩnh Linh", "Gio Linh"),
        ("Gio Linh", "Cam Lộ"),
        ("Gio Linh", "Triệu Phong"),
        ("Cam Lộ", "Đông Hà"),
        ("Cam Lộ", "Đakrông"),
        ("Đông Hà", "Triệu Phong"),
        ("Triệu Phong", "Quảng Trị"),
        ("Triệu Phong", "Hải Lăng"),
        ("Quảng Trị", "Hải Lăng"),
    ):
        assert frozenset(pair) in touching
    for pair in (
        ("Hướng Hóa", "Hải Lăng"),
        ("Hướng Hóa", "Cam Lộ"),
        ("Đông Hà", "Hải Lăng"),
        ("Vĩnh Linh", "Triệu Phong"),
    ):
        assert frozenset(pair) not in touching
    units = place.units
    assert set(units.loc[units["land_border"], "district"]) == {"Hướng Hóa", "Đakrông"}
    coastal = {"Vĩnh Linh", "Gio Linh", "Triệu Phong", "Hải Lăng", "Cồn Cỏ"}
    assert set(units.loc[units["sea_border"], "district"]) == coastal
    assert units.loc[units["island"], "district"].tolist() == ["Cồn Cỏ"]
    mainland = shapely.union_all(units.geometry[~units["island"].astype(bool)])
    assert 20_000 < mainland.distance(units.geometry[units["island"]].iloc[0]) < 32_000


# terrain


def test_elevation_means_are_the_published_ones(place: Geography, unit_of_cell: np.ndarray) -> None:
    counted = np.append(-1, np.flatnonzero(place.units["counted"]))[1:]
    home = np.isin(unit_of_cell, counted)
    assert place.elevation.values[home].mean() == pytest.approx(256, abs=3)
    villages = populate(place.units, place.elevation)["villages"]
    heights = place.elevation.sample(villages.geometry.x.to_numpy(), villages.geometry.y.to_numpy())
    assert np.average(heights, weights=villages["population"]) == pytest.approx(73, abs=5)


def test_mean_heights_of_communes_lie_near_their_districts_range(place: Geography, unit_of_cell: np.ndarray) -> None:
    rows = np.arange(len(place.units))
    mean = ndimage.mean(place.elevation.values, unit_of_cell, rows)
    for row in place.figures.districts:
        mine = mean[(place.units["district"] == row.name).to_numpy()]
        allowance = 25 + 0.3 * row.height_high_m
        assert mine.min() > row.height_low_m - allowance
        assert mine.max() < row.height_high_m + allowance
        assert row.height_low_m - 10 < np.median(mine) < row.height_high_m


def test_ridge_pass_basin_plain_and_sea(place: Geography, unit_of_cell: np.ndarray) -> None:
    grid, z = place.elevation.grid, place.elevation.values
    x_m, y_m = np.meshgrid(grid.x_m, grid.y_m)
    west = np.isin(unit_of_cell, np.flatnonzero(place.units["district"].isin(["Hướng Hóa", "Đakrông"])))
    assert 1_400 < z[west].max() < 1_750
    crest = np.array([z[r][west[r]].max(initial=0) for r in range(grid.shape[0])])
    north = crest[(grid.y_m > 1_850_000) & (grid.y_m < 1_868_000)]
    south = crest[(grid.y_m > 1_810_000) & (grid.y_m < 1_830_000)]
    assert np.median(north) > 1_000
    assert np.median(south) > 1_000
    road = place.roads.set_index("name").geometry["road_9"]
    on_road = shapely.get_coordinates(shapely.segmentize(road, 90.0))
    near = np.array([ndimage_min(z, grid, x, y, reach_m=700.0) for x, y in on_road])
    assert 350 < near.max() < 520  # the pass of the corridor, far below the ridge on both sides
    corridor = west & shapely.contains_xy(shapely.buffer(road, 3_000.0), x_m, y_m)
    basin = z[corridor & (x_m > 537_000) & (x_m < 553_000)]
    assert ((basin >= 200) & (basin <= 500)).mean() > 0.9
    shore = inland_km(x_m, y_m)
    plain = (unit_of_cell >= 0) & (shore > 2) & (shore < 8) & (y_m < 1_876_000)
    assert np.quantile(z[plain], 0.95) < 30
    assert (z[(shore < -3) & (unit_of_cell < 0)] == 0).all()
    assert (z[unit_of_cell >= 0] > 0).all()
    island = unit_of_cell == int(np.flatnonzero(place.units["island"])[0])
    assert 40 < z[island].max() < 80


def ndimage_min(z: np.ndarray, grid: Grid, x_m: float, y_m: float, *, reach_m: float) -> float:
    """Lowest ground within about ``reach_m`` of a point."""
    row, col = (int(v[0]) for v in grid.rowcol(np.array([x_m]), np.array([y_m])))
    half = round(reach_m / grid.cell_m)
    return float(z[max(row - half, 0) : row + half + 1, max(col - half, 0) : col + half + 1].min())


def test_slopes_are_those_of_mountains_and_a_plain(
    place: Geography, unit_of_cell: np.ndarray, slope_pct: np.ndarray
) -> None:
    z, home = place.elevation.values, unit_of_cell >= 0
    assert 20 < np.median(slope_pct[home & (z > 600)]) < 40
    assert np.median(slope_pct[home & (z < 20)]) < 2
    assert np.isfinite(z).all()
    assert z.min() == 0


def test_no_rows_columns_or_directions_stand_out(place: Geography, unit_of_cell: np.ndarray) -> None:
    z, home = place.elevation.values.astype(float), unit_of_cell >= 0
    steps = [np.abs(np.diff(z, axis=axis)) for axis in (0, 1)]
    for axis, step in enumerate(steps):
        inside = home[1:, :] if axis == 0 else home[:, 1:]
        parity = np.indices(step.shape)[axis] % 2  # the working grid is twice as wide: its seams would show here
        even, odd = (step[inside & (parity == p)].mean() for p in (0, 1))
        assert even == pytest.approx(odd, rel=0.05)
    assert steps[0][home[1:, :]].mean() == pytest.approx(steps[1][home[:, 1:]].mean(), rel=0.15)


def test_same_seed_same_bytes_other_seed_other_land(wide: Geography) -> None:
    again = geography(cell_m=WIDE_CELL_M)
    assert again.elevation.values.tobytes() == wide.elevation.values.tobytes()
    assert again.units.to_wkb().equals(wide.units.to_wkb())
    other = geography(seed=7, cell_m=WIDE_CELL_M)
    assert shapely.coverage_is_valid(np.asarray(other.units.geometry))
    assert other.units["population"].sum() == wide.units["population"].sum()
    assert not other.units.geometry.geom_equals(wide.units.geometry).any()


# detail under a given elevation


def coarse_file(path: Path, values: np.ndarray, *, cell_m: float, crs: str | None = "EPSG:32648") -> Path:
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=values.shape[0],
        width=values.shape[1],
        count=1,
        dtype="float32",
        crs=crs,
        transform=Affine(cell_m, 0.0, 500_000.0, 0.0, -cell_m, 1_880_000.0),
    ) as target:
        target.write(values.astype("float32"), 1)
    return path


def square_units(crs: str = "EPSG:32648") -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(geometry=[shapely.box(510_000, 1_830_000, 540_000, 1_870_000)], crs=crs)


@pytest.fixture(scope="module")
def shore(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cells of 8 km, rising from the sea in the east (0 m) to 700 m in the west, with a closed hollow."""
    values = np.tile([700.0, 620.0, 400.0, 120.0, 15.0, 0.0, 0.0], (8, 1))
    values[4, 1] = 350.0
    return coarse_file(tmp_path_factory.mktemp("coarse") / "shore.tif", values, cell_m=8_000.0)


def square_grid(cell_m: float = 400.0) -> Grid:
    return Grid.covering(tuple(square_units().total_bounds), crs="EPSG:32648", cell_m=cell_m, margin_m=6_000)


def test_detail_keeps_the_means_of_the_coarse_cells(shore: Path) -> None:
    grid = square_grid()
    fine = refine(square_units(), shore, grid=grid)
    z = fine.values.astype(float)
    assert np.isfinite(z).all()
    assert z.min() == 0
    with rasterio.open(shore) as source:
        wanted = source.read(1)
    for row in range(1, 6):  # whole blocks of 20 x 20 cells: 8 km from the coarse raster's corner
        for col in range(1, 5):
            left, top = 500_000 + 8_000 * col, 1_880_000 - 8_000 * row
            r, c = (int(v[0]) for v in grid.rowcol(np.array([left + 1.0]), np.array([top - 1.0])))
            block = z[max(r, 0) : r + 20, max(c, 0) : c + 20]
            assert block.mean() == pytest.approx(wanted[row, col], abs=1.0)
            if wanted[row, col] > 100:
                assert block.std() > 0.1 * wanted[row, col]
    assert (z[:, grid.x_m > 544_000] == 0).all()  # the sea stays the sea
    assert fine.tags == {
        "as_of": "2012-12-31",
        "source": f"shore.tif; {source_text(2012)}",
        "synthetic": "yes",
        "unit": "m",
    }


def test_detail_is_seeded(shore: Path) -> None:
    first, again, other = (refine(square_units(), shore, grid=square_grid(), seed=seed) for seed in (1, 1, 2))
    assert first.values.tobytes() == again.values.tobytes()
    assert first.values.tobytes() != other.values.tobytes()


def test_a_fine_elevation_is_only_resampled(tmp_path: Path) -> None:
    rows, cols = np.indices((600, 600))
    path = coarse_file(tmp_path / "plane.tif", 50.0 + 0.5 * cols + 0.25 * rows, cell_m=100.0)
    grid = square_grid()
    fine = refine(square_units(), path, grid=grid)
    x_m, y_m = np.meshgrid(grid.x_m, grid.y_m)
    plane = 50.0 + 0.5 * ((x_m - 500_000) / 100 - 0.5) + 0.25 * ((1_880_000 - y_m) / 100 - 0.5)
    np.testing.assert_allclose(fine.values, plane, atol=0.05)
    assert fine.tags["synthetic"] == "no"


def test_unusable_elevations_are_refused_in_words(tmp_path: Path) -> None:
    values = np.full((4, 4), 10.0)
    small = coarse_file(tmp_path / "small.tif", values, cell_m=8_000.0)
    with pytest.raises(InputError) as refused:
        refine(square_units(), small, grid=square_grid())
    assert refused.value.code == "error.sample_elevation_outside"
    assert "small.tif" in refused.value.say("vi")
    bare = coarse_file(tmp_path / "bare.tif", values, cell_m=8_000.0, crs=None)
    with pytest.raises(CrsError, match=r"bare\.tif"):
        refine(square_units(), bare, grid=square_grid())
    text = tmp_path / "text.tif"
    text.write_text("not a raster")
    with pytest.raises(InputError, match=r"text\.tif"):
        refine(square_units(), text, grid=square_grid())
    assert {"error.sample_elevation_outside", "error.sample_elevation_no_crs"} <= catalogue().keys()


# real data


@pytest.fixture
def real() -> Path:
    folder = os.environ.get("PHUSONG_DATA", "")
    if not folder or not Path(folder, "communes_2012_4prov.gpkg").is_file():
        pytest.skip("PHUSONG_DATA does not name a folder with the real communes")
    return Path(folder)


def test_real_communes_on_real_coarse_elevation(real: Path) -> None:
    units = gpd.read_file(real / "communes_2012_4prov.gpkg")
    units = units[units["province"] == "Quang Tri"].to_crs("EPSG:9212")
    grid = Grid.covering(tuple(units.total_bounds), crs="EPSG:9212", cell_m=180.0, margin_m=8_000)
    path = real / "vietnam_topo_itu_p1511_5min.tif"
    z = refine(units, path, grid=grid).values.astype(float)
    x_m, y_m = np.meshgrid(grid.x_m, grid.y_m)
    with rasterio.open(path) as source:
        x, y = rasterio.warp.transform("EPSG:9212", source.crs, x_m.ravel(), y_m.ravel())
        rows, cols = rasterio.transform.rowcol(source.transform, x, y)
        coarse = source.read(1)
    block = np.asarray(rows) * coarse.shape[1] + np.asarray(cols)
    home = rasterio.features.rasterize(units.geometry, out_shape=grid.shape, transform=grid.transform) > 0
    cells = np.bincount(block, minlength=coarse.size)
    mean = np.bincount(block, weights=z.ravel(), minlength=coarse.size) / np.maximum(cells, 1)
    held = np.bincount(block, weights=home.ravel(), minlength=coarse.size) > 0.2 * np.maximum(cells, 1)
    assert held.sum() > 50
    np.testing.assert_allclose(mean[held], coarse.ravel()[held], atol=1.0)
    assert z[home].mean() == pytest.approx(264, abs=3)  # the coarse map's own mean over the province
    assert (z[home] > 0).all()


def test_invented_names_are_not_real_ones(real: Path, wide: Geography) -> None:
    units = gpd.read_file(real / "communes_2012_4prov.gpkg", ignore_geometry=True)
    kind = r"^(?:Xã|Phường|Thị trấn) "
    known = units.loc[units["province"] == "Quang Tri", "name"].str.replace(kind, "", regex=True)
    invented = wide.units.loc[wide.units["counted"], "name"].str.replace(kind, "", regex=True)
    assert not set(known) & set(invented)
