"""Input that fits its format and yet cannot be meant: told at the door, in both languages, before a run stumbles."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyproj
import pytest
import rasterio
import shapely
from affine import Affine

from phusong.layers.checks.validate import is_note
from phusong.layers.errors import CrsError, Fault, InputError
from phusong.layers.grid import MAX_CELLS, Grid
from phusong.layers.importing import import_files
from phusong.layers.office import Asked, understood
from phusong.layers.places.dms import EAST, read_cells
from phusong.layers.places.evidence import Ground, Places
from phusong.layers.places.ways import DEGREE_FORMS, METRE_FORMS, values
from phusong.layers.rasters import raster_bounds, read_raster, warp_to
from phusong.layers.schema import LAYERS
from phusong.layers.study_layers import StudyLayers, read_layers

CRS = "EPSG:9212"
DAY = date(2012, 12, 31)
Frames = dict[str, pd.DataFrame]
Make = Callable[..., Path]
Read = Callable[..., StudyLayers]


@pytest.fixture
def read(make_tiny_study: Make, tmp_path: Path) -> Read:
    """Write a study of changed layers, let ``spoil`` do its work in its folder, and read it back."""

    def reader(layers: Frames, *, spoil: Callable[[Path], None] = lambda root: None) -> StudyLayers:
        root = make_tiny_study(tmp_path / "study", layers)
        spoil(root)
        return read_layers(root / "layers.gpkg", root / "rasters", crs=CRS, units_valid_on=DAY)

    return reader


def only(faults: tuple[Fault, ...]) -> Fault:
    """The only fault there is, said without gaps in both languages."""
    (fault,) = faults
    for lang in ("en", "vi"):
        assert "{" not in fault.say(lang)
        assert all(place in fault.say(lang) for place in (fault.file, fault.layer, fault.column))
    assert fault.say("en") != fault.say("vi")
    return fault


def put_raster(path: Path, values: np.ndarray, grid: Grid, *, transform: Affine | None = None) -> None:
    """A plain GeoTIFF without a declared no data value; values (bands, rows, cols) or (rows, cols)."""
    bands = values if values.ndim == 3 else values[None]
    profile = {"count": len(bands), "height": bands.shape[1], "width": bands.shape[2], "dtype": bands.dtype.name}
    with rasterio.open(
        path, "w", driver="GTiff", crs=grid.crs, transform=transform or grid.transform, **profile
    ) as target:
        target.write(bands)


# sectors


@pytest.mark.parametrize(
    ("technology", "band_mhz", "bandwidth_mhz", "good"),
    [
        ("4G", 1800.0, 20.0, True),
        ("4G", 1800.0, 7.0, False),
        ("5G", 3500.0, 100.0, True),
        ("5G", 700.0, 100.0, False),  # TS 38.101-1: 50 MHz at most with 15 kHz spacing
        ("5G", np.nan, 100.0, True),  # some band of 5G has it
        ("5G", np.nan, 17.0, False),
        ("2G", 900.0, 7.0, True),  # changes nothing in 2G
    ],
)
def test_a_bandwidth_its_technology_does_not_know(
    read: Read, layers_of_tiny: Frames, technology: str, band_mhz: float, bandwidth_mhz: float, good: bool
) -> None:
    sectors = layers_of_tiny["sectors"]
    sectors["band_mhz"] = np.nan
    sectors["bandwidth_mhz"] = np.nan
    sectors.loc[2, ["technology", "band_mhz", "bandwidth_mhz"]] = [technology, band_mhz, bandwidth_mhz]
    got = read(layers_of_tiny)
    assert len(got.layers["sectors"]) == (4 if good else 3)
    if not good:
        fault = only(got.faults)
        assert (fault.file, fault.layer, fault.row, fault.column) == ("layers.gpkg", "sectors", 3, "bandwidth_mhz")
        assert f"{bandwidth_mhz:g} MHz" in fault.say("vi")


def test_operators_written_in_two_ways_and_operators_of_reports_alone(read: Read, layers_of_tiny: Frames) -> None:
    layers_of_tiny["sectors"]["operator"] = ["Viettel", "VIETTEL", "VNPT", "VNPT"]
    layers_of_tiny["signal_reports"]["operator"] = ["VIETTEL", "Vietel"]
    alike, unknown = read(layers_of_tiny).faults
    assert (alike.code, alike.layer) == ("note.operator_alike", "sectors")
    assert (unknown.code, unknown.layer, unknown.row) == ("note.operator_unknown", "signal_reports", 2)
    assert "Vietel" in unknown.say("vi")


# codes and places


def test_codes_are_equal_however_their_tones_are_written(read: Read, layers_of_tiny: Frames) -> None:
    layers_of_tiny["units"].loc[0, "code"] = "Ta\u0302y"
    for name, column in (("villages", "unit_code"), ("postal_points", "unit_code"), ("facilities", "unit_code")):
        codes = layers_of_tiny[name][column]
        layers_of_tiny[name][column] = codes.replace("T1", "T\u00e2y")
    layers_of_tiny["broadband"]["code"] = layers_of_tiny["broadband"]["code"].replace("T1", "T\u00e2y")
    assert read(layers_of_tiny).faults == ()


def test_codes_that_lost_their_zeros_are_recognised(read: Read, layers_of_tiny: Frames) -> None:
    layers_of_tiny["units"]["code"] = ["0101", "0102", "0103", "0104"]
    for name in ("villages", "postal_points", "facilities"):
        codes = layers_of_tiny[name]["unit_code"]
        layers_of_tiny[name]["unit_code"] = codes.str.replace("T", "010")
    layers_of_tiny["broadband"]["code"] = layers_of_tiny["broadband"]["code"].str.replace("T", "010")
    layers_of_tiny["facilities"].loc[1, "unit_code"] = "102"
    fault = only(read(layers_of_tiny).faults)
    assert (fault.code, fault.layer, fault.row) == ("fault.reference_zeros", "facilities", 2)
    assert "0102" in fault.say("vi")


def test_a_village_outside_its_own_unit_is_noted(read: Read, layers_of_tiny: Frames) -> None:
    layers_of_tiny["villages"].loc[0, "geometry"] = shapely.Point(553_000, 1_853_000)
    got = read(layers_of_tiny)
    fault = only(got.faults)
    assert (fault.code, fault.layer, fault.row, fault.column) == ("note.elsewhere", "villages", 1, "unit_code")
    assert "7.1 km outside unit T1" in fault.say("en")
    assert len(got.layers["villages"]) == 8


def test_zero_people_in_a_unit_with_peopled_villages_is_noted(read: Read, layers_of_tiny: Frames) -> None:
    layers_of_tiny["units"].loc[1, "population"] = 0.0
    fault = only(read(layers_of_tiny).faults)
    assert is_note(fault)
    assert (fault.row, fault.column) == (2, "population")
    assert "5000" in fault.say("vi")


def test_more_people_of_minorities_than_people_is_noted(read: Read, layers_of_tiny: Frames) -> None:
    villages = layers_of_tiny["villages"]
    villages["minority_people"] = villages["population"]
    villages.loc[2, "minority_people"] = villages.loc[2, "population"] + 7
    fault = only(read(layers_of_tiny).faults)
    assert is_note(fault)
    assert (fault.layer, fault.row, fault.column) == ("villages", 3, "minority_people")
    assert "dân tộc thiểu số" in fault.say("vi")


def test_a_place_beyond_the_earth(make_tiny_study: Make, tmp_path: Path) -> None:
    root = make_tiny_study(tmp_path / "study")
    sheet = tmp_path / "villages.csv"
    sheet.write_text("code,name,unit_code,x_m,y_m\nA,a,T1,1e300,1840000\nB,b,T1,541000,1841000\n", encoding="utf-8")
    report = import_files(root, "villages", [sheet], asked=Asked(crs=CRS, as_of=DAY)).report
    assert [fault.row for fault in report.faults if fault.code.startswith("fault.")] == [2]
    assert (report.kept, report.rejected) == (1, 1)


def test_the_geometry_wanted_is_named_in_words(read: Read, layers_of_tiny: Frames) -> None:
    reports = layers_of_tiny["signal_reports"]
    reports.loc[0, "geometry"] = shapely.LineString([(542_000, 1_844_000), (542_100, 1_844_000)])
    fault = only(read(layers_of_tiny).faults)
    assert "expected point or polygon" in fault.say("en")
    assert "điểm hoặc đa giác" in fault.say("vi")


# files


def test_layer_names_count_without_case(read: Read, layers_of_tiny: Frames, tmp_path: Path) -> None:
    layers = {("Villages" if name == "villages" else name): frame for name, frame in layers_of_tiny.items()}
    got = read(layers)
    assert got.faults == ()
    assert len(got.layers["villages"]) == 8
    root = tmp_path / "study"
    source = tmp_path / "v.gpkg"
    pyogrio.write_dataframe(layers_of_tiny["villages"].head(3), source, layer="v")
    import_files(root, "villages", [source])
    again = read_layers(root / "layers.gpkg", root / "rasters", crs=CRS, units_valid_on=DAY)
    assert len(again.layers["villages"]) == 3


@pytest.mark.parametrize("kind", ["folder", "text", "empty"])
def test_a_geopackage_that_is_none_is_neither_read_nor_written(tiny_study: Path, tmp_path: Path, kind: str) -> None:
    gpkg = tiny_study / "layers.gpkg"
    source = gpkg.rename(tmp_path / "source.gpkg")
    gpkg.mkdir() if kind == "folder" else gpkg.write_text("text" if kind == "text" else "")
    with pytest.raises(InputError, match=r"layers\.gpkg cannot be read"):
        read_layers(gpkg, tiny_study / "rasters", crs=CRS, units_valid_on=DAY)
    with pytest.raises(InputError, match=r"layers\.gpkg cannot be read"):
        import_files(tiny_study, "villages", [source])


def test_a_local_frame_is_no_crs_and_an_unknown_one_is_refused(tiny_study: Path, tmp_path: Path) -> None:
    gpkg = tiny_study / "layers.gpkg"
    villages = gpd.read_file(gpkg, layer="villages")
    local = pyproj.CRS.from_wkt('LOCAL_CS["somewhere",UNIT["metre",1]]')
    source = tmp_path / "v.gpkg"
    pyogrio.write_dataframe(villages.set_crs(local, allow_override=True), source)
    told = import_files(tiny_study, "villages", [source], write=False).report  # told by the communes they name
    assert any(CRS in fault.say("en") for fault in told.faults)
    assert import_files(tiny_study, "villages", [source], asked=Asked(crs=CRS)).report.kept == 8
    with pytest.raises(CrsError, match='"nonsense" is no known CRS'):
        import_files(tiny_study, "villages", [source], asked=Asked(crs="nonsense"))


# rasters


def _one_cell(name: str, value: float) -> Callable[[Path], None]:
    """Put a value into one cell of a raster of the study, made of ones where there is none."""

    def spoil(root: Path) -> None:
        elevation = read_raster(root / "rasters" / "elevation.tif")
        values = elevation.values.copy() if name == "elevation" else np.ones_like(elevation.values)
        values[40, 40] = value
        put_raster(root / "rasters" / f"{name}.tif", values, elevation.grid)

    return spoil


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("elevation", -32768.0, "fault.heights"),
        ("elevation", -9999.0, "fault.heights"),
        ("elevation", np.inf, "fault.heights"),
        ("population", -5.0, "fault.people_negative"),
        ("population", np.inf, "fault.people_negative"),
    ],
)
def test_marks_for_no_data_that_are_not_declared(
    read: Read, layers_of_tiny: Frames, name: str, value: float, code: str
) -> None:
    got = read(layers_of_tiny, spoil=_one_cell(name, value))
    fault = only(got.faults)
    assert (fault.code, fault.file, fault.layer, fault.fatal) == (code, f"{name}.tif", name, True)
    assert f"{value:g}" in fault.say("vi")


def test_heights_of_real_land_are_taken(read: Read, layers_of_tiny: Frames) -> None:
    def spoil(root: Path) -> None:
        elevation = read_raster(root / "rasters" / "elevation.tif")
        values = elevation.values.copy()
        values[40, 40:42] = -430.0, 8849.0  # the shore of the Dead Sea, the top of Everest
        put_raster(root / "rasters" / "elevation.tif", values, elevation.grid)

    assert read(layers_of_tiny, spoil=spoil).faults == ()


def test_an_elevation_without_any_data_is_fatal(read: Read, layers_of_tiny: Frames) -> None:
    def spoil(root: Path) -> None:
        elevation = read_raster(root / "rasters" / "elevation.tif")
        put_raster(root / "rasters" / "elevation.tif", elevation.values * np.nan, elevation.grid)

    got = read({"units": layers_of_tiny["units"]}, spoil=spoil)
    assert only(got.faults).code == "fault.elevation_all_void"
    assert got.fatal


def test_an_elevation_that_ends_within_a_unit_is_too_small(read: Read, layers_of_tiny: Frames) -> None:
    """Even by less than a cell: its people would have no place."""

    def spoil(root: Path) -> None:
        grid = Grid(CRS, 540_100.0, 1_860_000.0, 250.0, (100, 100))
        put_raster(root / "rasters" / "elevation.tif", np.ones(grid.shape, np.float32), grid)

    got = read({"units": layers_of_tiny["units"]}, spoil=spoil)
    assert only(got.faults).code == "fault.elevation_too_small"


def test_a_population_raster_with_nobody_in_the_province_is_noted(read: Read, layers_of_tiny: Frames) -> None:
    def spoil(root: Path) -> None:
        grid = Grid(CRS, 0.0, 100_000.0, 1000.0, (10, 10))
        put_raster(root / "rasters" / "population.tif", np.ones(grid.shape, np.float32), grid)

    assert only(read(layers_of_tiny, spoil=spoil).faults).code == "note.people_nowhere"


@pytest.mark.parametrize("spoilt", ["cut short", "three bands", "complex"])
def test_rasters_that_hold_no_heights(read: Read, layers_of_tiny: Frames, spoilt: str) -> None:
    def spoil(root: Path) -> None:
        path = root / "rasters" / "elevation.tif"
        elevation = read_raster(path)
        values = {"three bands": np.stack([elevation.values] * 3), "complex": elevation.values.astype(np.complex64)}
        put_raster(path, values.get(spoilt, elevation.values), elevation.grid)
        if spoilt == "cut short":
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    got = read(layers_of_tiny, spoil=spoil)
    (fault,) = got.faults
    assert (fault.layer, fault.fatal) == ("elevation", True)
    assert "elevation.tif" in fault.say("vi")
    assert got.elevation is None


def test_import_refuses_what_a_check_would(tiny_study: Path, tmp_path: Path) -> None:
    elevation = read_raster(tiny_study / "rasters" / "elevation.tif")
    before = (tiny_study / "rasters" / "elevation.tif").read_bytes()
    values = elevation.values.copy()
    values[40:44, 40:44] = -32768
    put_raster(tmp_path / "voids.tif", values, elevation.grid)
    put_raster(tmp_path / "picture.tif", np.stack([values] * 3), elevation.grid)
    values[40:44, 40:44] = 12_000
    put_raster(tmp_path / "peaks.tif", values, elevation.grid)
    for name, words in (("peaks.tif", "no height on land"), ("picture.tif", "3 bands")):
        with pytest.raises(InputError, match=words):
            import_files(tiny_study, "elevation", [tmp_path / name])
    assert (tiny_study / "rasters" / "elevation.tif").read_bytes() == before
    report = import_files(tiny_study, "elevation", [tmp_path / "voids.tif"]).report
    assert any(fault.code.startswith("changed.") for fault in report.faults)
    assert np.isnan(read_raster(tiny_study / "rasters" / "elevation.tif").values).sum() >= 16


def test_a_raster_with_its_first_row_in_the_south_is_imported(tiny_study: Path, tmp_path: Path) -> None:
    elevation = read_raster(tiny_study / "rasters" / "elevation.tif")
    grid = elevation.grid
    upside = Affine(grid.cell_m, 0, grid.left_m, 0, grid.cell_m, grid.bounds[1])
    put_raster(tmp_path / "south.tif", elevation.values[::-1], grid, transform=upside)
    assert raster_bounds(tmp_path / "south.tif", crs=CRS) == pytest.approx(grid.bounds)
    import_files(tiny_study, "elevation", [tmp_path / "south.tif"])
    np.testing.assert_allclose(
        read_raster(tiny_study / "rasters" / "elevation.tif").values, elevation.values, rtol=1e-6
    )


def test_only_the_part_of_a_raster_that_is_needed_is_read(tmp_path: Path) -> None:
    """The same values as from the whole, for counts as for heights, over the edge of the raster too."""
    grid = Grid(CRS, 540_000.0, 1_860_000.0, 30.0, (700, 900))
    values = np.random.default_rng(5).random(grid.shape).astype(np.float32)
    put_raster(tmp_path / "fine.tif", values, grid)
    corner = Grid(CRS, 540_000.0 - 270, 1_860_000.0 + 270, 90.0, (20, 20))
    sums = warp_to(tmp_path / "fine.tif", corner, resampling="sum").values
    blocks = values[:51, :51].reshape(17, 3, 17, 3).sum(axis=(1, 3), dtype=np.float64)
    np.testing.assert_allclose(sums[3:, 3:], blocks, rtol=1e-5)
    assert np.isnan(sums[:3]).all()
    away = Grid(CRS, 0.0, 90_000.0, 90.0, (5, 5))
    assert np.isnan(warp_to(tmp_path / "fine.tif", away).values).all()


# size


def test_more_cells_than_memory_are_refused_before_they_are_made(tiny_study: Path, tmp_path: Path) -> None:
    side = round(MAX_CELLS**0.5)
    assert Grid(CRS, 0, 0, 90.0, (side, side)).shape == (side, side)
    with pytest.raises(InputError, match=r"set cell_m in study\.toml to 11 or more"):
        Grid(CRS, 0, 0, 10.0, (side, side + side // 9))
    settings = tiny_study / "study.toml"
    settings.write_text(settings.read_text().replace("cell_m = 250.0", "cell_m = 5"))
    (tiny_study / "layers.gpkg").unlink()
    wide = Grid(CRS, 400_000.0, 1_900_000.0, 1000.0, (150, 150))
    put_raster(tmp_path / "wide.tif", np.ones(wide.shape, np.float32), wide)
    with pytest.raises(InputError, match="30000 x 30000 cells of 5 m"):
        import_files(tiny_study, "elevation", [tmp_path / "wide.tif"])


def test_a_raster_that_the_studys_crs_cannot_show(
    tiny_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tiny_study / "layers.gpkg").unlink()
    grid = Grid(CRS, 0.0, 1000.0, 100.0, (10, 10))
    put_raster(tmp_path / "any.tif", np.ones(grid.shape, np.float32), grid)
    bounds = "phusong.layers.importing.tiles_bounds"
    monkeypatch.setattr(bounds, lambda tiles, crs: (-np.inf, 0.0, np.inf, 1.0))
    with pytest.raises(InputError, match="cut the raster to the province"):
        import_files(tiny_study, "elevation", [tmp_path / "any.tif"])


def test_codes_typed_as_numbers_name_their_units() -> None:
    """A sheet's column of codes is numbers: 19333.0 is the unit 19333, and 7 is not the unit 007."""
    outlines = [shapely.box(0, 0, 1000, 1000), shapely.box(1000, 0, 2000, 1000)]
    units = gpd.GeoDataFrame({"code": ["19333", "007"]}, geometry=outlines, crs=CRS)
    ground = Ground.of(Places(units=units))
    assert ground is not None
    named = np.array([19333.0, 19333, " 19333 ", "007", 7.0, None, np.nan], dtype=object)
    assert ground.homes(named, len(named)).tolist() == [0, 0, 0, 1, -1, -1, -1]


def test_coordinates_beyond_all_places_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = [f"Q{i},{106.5 + i / 100},16.7" for i in range(6)] + ["Q6,1e308,16.7", "Q7,106.5,-1e300"]
    path.write_text("\n".join(["Mã trạm,Kinh độ,Vĩ độ", *rows]), encoding="utf-8")
    squares = [shapely.box(106 + i / 10, 16, 106.1 + i / 10, 17) for i in range(10)]
    units = gpd.GeoDataFrame({"code": list("0123456789"), "name": list("abcdefghij")}, geometry=squares, crs=4326)
    done = understood(path, LAYERS["sites"], asked=Asked(), units=units)
    assert [(fault.code, fault.row) for fault in done.raw.faults if not is_note(fault)] == [
        ("fault.place_unreadable", 8),
        ("fault.place_unreadable", 9),
    ]
    cells = read_cells([1e308, -1e308, 106.4321])
    for form in (*DEGREE_FORMS, *METRE_FORMS):
        low, high, crs = (100, 110, "EPSG:4326") if form in DEGREE_FORMS else (5e5, 7e5, CRS)
        read = values(cells, form, role=EAST, low=low, high=high, crs=crs)
        assert not (np.isfinite(read[:2]) & (np.abs(read[:2]) < 1e300)).any()
