"""Bad input, case by case: one clear sentence in both languages with file, layer, row and column; good rows stay."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely

from phusong.layers.checks.validate import is_note
from phusong.layers.errors import Fault, InputError
from phusong.layers.grid import Grid, Raster
from phusong.layers.importing import import_files
from phusong.layers.office import Asked
from phusong.layers.rasters import read_raster, write_cog
from phusong.layers.study_layers import StudyLayers, read_layers

CRS = "EPSG:9212"
DAY = date(2012, 12, 31)
Frames = dict[str, pd.DataFrame]
Make = Callable[..., Path]


@pytest.fixture
def read(make_tiny_study: Make, tmp_path: Path) -> Callable[..., StudyLayers]:
    """Write a study of changed layers (only those named, else all) and read it back."""

    def reader(layers: Frames, *names: str, elevation: Raster | None = None, day: date = DAY) -> StudyLayers:
        chosen = {name: layers[name] for name in names or layers}
        root = make_tiny_study(tmp_path / "study", chosen, elevation)
        return read_layers(root / "layers.gpkg", root / "rasters", crs=CRS, units_valid_on=day)

    return reader


def one(got: StudyLayers, code: str) -> Fault:
    """The only fault of this code; it can be said in both languages, with all of its place."""
    (fault,) = [fault for fault in got.faults if fault.code == code]
    for lang in ("en", "vi"):
        sentence = fault.say(lang)
        assert "\n" not in sentence
        assert "{" not in sentence
        places = (fault.file, fault.layer, fault.column, "" if fault.row is None else str(fault.row))
        assert all(place in sentence for place in places)
    assert fault.say("en") != fault.say("vi")
    return fault


def test_the_good_study_has_no_fault_and_no_note(read: Callable[..., StudyLayers], layers_of_tiny: Frames) -> None:
    got = read(layers_of_tiny)
    assert got.faults == ()
    assert {name: len(frame) for name, frame in got.layers.items()} == {
        name: len(frame) for name, frame in layers_of_tiny.items()
    }


def test_missing_layer(read: Callable[..., StudyLayers], layers_of_tiny: Frames) -> None:
    fault = one(read(layers_of_tiny, "villages"), "fault.missing_layer")
    assert fault.fatal
    assert fault.say("en") == (
        "layers.gpkg, layer units: this layer is missing and a study cannot run without it; import it first"
    )
    assert fault.say("vi") == (
        "layers.gpkg, lớp units: thiếu lớp này và không thể chạy nghiên cứu khi chưa có; hãy nhập lớp này trước"
    )


def test_missing_package_and_missing_elevation(make_tiny_study: Make, layers_of_tiny: Frames, tmp_path: Path) -> None:
    root = make_tiny_study(tmp_path / "study")
    none = read_layers(root / "none.gpkg", root / "rasters", crs=CRS, units_valid_on=DAY).faults
    assert [(fault.code, fault.file, fault.layer, fault.fatal) for fault in none] == [
        ("fault.missing_layer", "none.gpkg", "units", True)
    ]
    (root / "rasters" / "elevation.tif").unlink()
    faults = read_layers(root / "layers.gpkg", root / "rasters", crs=CRS, units_valid_on=DAY).faults
    assert [(fault.code, fault.file, fault.fatal) for fault in faults] == [
        ("fault.missing_elevation", "elevation.tif", True)
    ]


def test_empty_layer_is_as_absent_and_zero_communes_are_fatal(
    read: Callable[..., StudyLayers], layers_of_tiny: Frames
) -> None:
    layers_of_tiny["postal_points"] = layers_of_tiny["postal_points"].iloc[:0]
    layers_of_tiny["units"] = layers_of_tiny["units"].iloc[:0]
    got = read(layers_of_tiny, "units", "postal_points")
    empty = {fault.layer: fault.fatal for fault in got.faults if fault.code == "fault.empty_layer"}
    assert empty == {"units": True, "postal_points": False}
    assert "postal_points" not in got.layers
    assert got.fatal


def test_no_commune_on_the_studys_date(read: Callable[..., StudyLayers], layers_of_tiny: Frames) -> None:
    fault = one(read(layers_of_tiny, "units", day=date(2025, 7, 1)), "fault.no_units_on_date")
    assert fault.fatal
    assert "2025-07-01" in fault.say("en")
    assert "2012-12-31" in fault.say("vi")


def test_only_the_units_of_the_date_are_taken(read: Callable[..., StudyLayers], layers_of_tiny: Frames) -> None:
    later = layers_of_tiny["units"].assign(valid_on=pd.Timestamp("2025-07-01"), name="new")
    layers_of_tiny["units"] = pd.concat([layers_of_tiny["units"], later], ignore_index=True)
    got = read(layers_of_tiny, "units")
    assert got.faults == ()
    assert len(got.layers["units"]) == 4
    assert "new" not in set(got.layers["units"]["name"])


def test_wrong_geometry_type(read: Callable[..., StudyLayers], layers_of_tiny: Frames) -> None:
    layers_of_tiny["units"] = layers_of_tiny["units"].assign(geometry=layers_of_tiny["units"].centroid)
    villages = layers_of_tiny["villages"]
    villages.loc[3, "geometry"] = villages.geometry[3].buffer(10)
    got = read(layers_of_tiny, "units", "villages")
    fault = one(got, "fault.wrong_layer_geometry")
    assert (fault.layer, fault.fatal) == ("units", True)
    assert "Point" in fault.say("en")
    assert "polygon" in fault.say("en")
    assert "đa giác" in fault.say("vi")
    row = one(got, "fault.wrong_geometry")
    assert (row.layer, row.row, row.fatal) == ("villages", 4, False)


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_missing_crs(make_tiny_study: Make, layers_of_tiny: Frames, tmp_path: Path) -> None:
    root = make_tiny_study(tmp_path / "study", {"units": layers_of_tiny["units"]})
    naked = layers_of_tiny["villages"].set_crs(None, allow_override=True).assign(as_of="2012-12-31")
    for file, kind in (("points.shp", "ESRI Shapefile"), ("points.gpkg", "GPKG")):
        pyogrio.write_dataframe(naked[["code", "name", "unit_code", "as_of", "geometry"]], tmp_path / file, driver=kind)
        # the villages name their communes, which tell the CRS; nothing else does
        report = import_files(root, "villages", [tmp_path / file], write=False).report
        assert report.kept == 8
        assert any(CRS in fault.say("en") for fault in report.faults)
    pyogrio.write_dataframe(naked, root / "layers.gpkg", layer="villages")
    got = read_layers(root / "layers.gpkg", root / "rasters", crs=CRS, units_valid_on=DAY)
    assert one(got, "fault.no_crs").layer == "villages"


def test_mixed_crs(read: Callable[..., StudyLayers], layers_of_tiny: Frames) -> None:
    layers_of_tiny["sites"] = layers_of_tiny["sites"].to_crs("EPSG:4326")
    fault = one(read(layers_of_tiny, "units", "sites"), "fault.mixed_crs")
    assert (fault.layer, fault.fatal) == ("sites", True)
    assert "EPSG:4326" in fault.say("en")
    assert CRS in fault.say("vi")


def test_broken_geometry(read: Callable[..., StudyLayers], layers_of_tiny: Frames) -> None:
    bow = shapely.Polygon([(540_000, 1_840_000), (548_000, 1_848_000), (548_000, 1_840_000), (540_000, 1_848_000)])
    layers_of_tiny["units"].loc[0, "geometry"] = bow
    got = read(layers_of_tiny, "units")
    fault = one(got, "fault.broken_outline")
    assert (fault.layer, fault.row, fault.fatal) == ("units", 1, False)
    assert "Self-intersection[544000 1844000]" in fault.say("vi")
    assert "32 km2 in 2 parts" in fault.say("en")
    assert got.layers["units"]["code"].tolist() == ["T2", "T3", "T4"]


def test_duplicate_codes_name_both_rows(read: Callable[..., StudyLayers], layers_of_tiny: Frames) -> None:
    layers_of_tiny["units"].loc[2, "code"] = "T2"
    got = read(layers_of_tiny, "units")
    fault = one(got, "fault.duplicate_key")
    assert (fault.row, fault.column) == (3, "code, valid_on")
    assert fault.say("en").startswith(
        "layers.gpkg, layer units, row 3, column code, valid_on: T2, 2012-12-31 stands in row 2 too"
    )
    assert got.layers["units"]["code"].tolist() == ["T1", "T2", "T4"]


@pytest.mark.parametrize(
    ("text", "code", "mended"),
    [
        ("abc", "fault.not_a_number", ""),
        ("12 345", "fault.grouped_number", "12345"),
        ("12.345", "fault.grouped_number", "12345"),
        ("1.234.567", "fault.grouped_number", "1234567"),
        ("980,5", "fault.decimal_comma", "980.5"),
        ("-3", "fault.too_small", ""),
    ],
)
def test_population_text_in_a_number_column(
    read: Callable[..., StudyLayers], layers_of_tiny: Frames, text: str, code: str, mended: str
) -> None:
    units = layers_of_tiny["units"]
    units["population"] = pd.Series(["1000", text, None, "3000"], dtype="str")
    got = read(layers_of_tiny, "units")
    fault = one(got, code)
    assert (fault.layer, fault.row, fault.column) == ("units", 2, "population")
    assert text in fault.say("en")
    assert mended in fault.say("vi")
    kept = got.layers["units"]
    assert kept["code"].tolist() == ["T1", "T3", "T4"]
    assert kept["population"].fillna(-1).tolist() == [1000, -1, 3000]


def test_sites_outside_the_province_and_the_elevation(read: Callable[..., StudyLayers], layers_of_tiny: Frames) -> None:
    sites = layers_of_tiny["sites"]
    more = sites.assign(site_id=["FAR", "OFF"])
    more["geometry"] = [shapely.Point(600_000, 1_840_000), shapely.Point(564_000, 1_848_000)]
    layers_of_tiny["sites"] = pd.concat([sites, more], ignore_index=True)
    got = read(layers_of_tiny, "units", "sites")
    far, off = one(got, "fault.far_from_units"), one(got, "fault.outside_elevation")
    assert (far.layer, far.row) == ("sites", 3)
    assert "44.0 km" in far.say("en")
    assert (off.layer, off.row) == ("sites", 4)
    assert got.layers["sites"]["site_id"].tolist() == ["S1", "S2"]


def test_a_village_far_from_all_communes(read: Callable[..., StudyLayers], layers_of_tiny: Frames) -> None:
    layers_of_tiny["villages"].loc[7, "geometry"] = shapely.Point(540_000, 1_830_000)
    got = read(layers_of_tiny, "units", "villages")
    fault = one(got, "fault.far_from_units")
    assert (fault.layer, fault.row) == ("villages", 8)
    assert len(got.layers["villages"]) == 7


def test_no_data_cells_in_the_elevation_are_counted(
    make_tiny_study: Make, layers_of_tiny: Frames, tmp_path: Path
) -> None:
    root = make_tiny_study(tmp_path / "study")
    path = root / "rasters" / "elevation.tif"
    good = read_raster(path)
    values = good.values.copy()
    values[40:43, 40:45] = np.nan  # inside the units
    values[:3, :] = np.nan  # in the margin: no unit is touched
    write_cog(Raster(good.grid, values), path)
    got = read_layers(root / "layers.gpkg", root / "rasters", crs=CRS, units_valid_on=DAY)
    fault = one(got, "note.elevation_voids")
    assert is_note(fault)
    assert not got.fatal
    assert "15 cells" in fault.say("en")
    assert "15 ô" in fault.say("vi")


def test_a_site_on_a_void(read: Callable[..., StudyLayers], layers_of_tiny: Frames, make_tiny_study: Make) -> None:
    grid = Grid.covering((540_000, 1_840_000, 556_000, 1_856_000), crs=CRS, cell_m=250, margin_m=4000)
    values = np.ones(grid.shape, np.float32)
    point = layers_of_tiny["sites"].geometry[0]
    row, col = grid.rowcol(np.array([point.x]), np.array([point.y]))
    values[row, col] = np.nan
    got = read(layers_of_tiny, "units", "sites", "sectors", elevation=Raster(grid, values))
    fault = one(got, "fault.site_on_void")
    assert (fault.layer, fault.row) == ("sites", 1)
    assert {fault.row for fault in got.faults if fault.code == "fault.reference"} == {1, 2}  # its sectors go with it


def test_elevation_that_does_not_reach_around_the_units(
    read: Callable[..., StudyLayers], layers_of_tiny: Frames
) -> None:
    grid = Grid.covering((540_000, 1_840_000, 556_000, 1_850_000), crs=CRS, cell_m=250)
    fault = one(
        read(layers_of_tiny, "units", elevation=Raster(grid, np.ones(grid.shape, np.float32))),
        "fault.elevation_too_small",
    )
    assert fault.fatal
    assert "2 units" in fault.say("en")


def test_elevation_in_another_crs_or_no_raster_at_all(
    make_tiny_study: Make, layers_of_tiny: Frames, tmp_path: Path
) -> None:
    root = make_tiny_study(tmp_path / "study")
    path = root / "rasters" / "elevation.tif"
    write_cog(Raster(Grid("EPSG:3405", 0, 90, 90, (1, 1)), np.ones((1, 1), np.float32)), path)
    got = read_layers(root / "layers.gpkg", root / "rasters", crs=CRS, units_valid_on=DAY)
    assert one(got, "fault.mixed_crs").layer == "elevation"
    path.write_text("no raster")
    got = read_layers(root / "layers.gpkg", root / "rasters", crs=CRS, units_valid_on=DAY)
    assert got.elevation is None
    assert [(fault.code, fault.fatal) for fault in got.faults] == [("read.raster_unreadable", True)]
    assert "elevation.tif" in got.faults[0].say("vi")


def test_a_site_without_height(read: Callable[..., StudyLayers], layers_of_tiny: Frames) -> None:
    layers_of_tiny["sectors"].loc[1, "height_m"] = np.nan
    got = read(layers_of_tiny, "sites", "sectors")
    fault = one(got, "fault.empty_cell")
    assert (fault.layer, fault.row, fault.column) == ("sectors", 2, "height_m")
    assert fault.say("vi").startswith("layers.gpkg, lớp sectors, dòng 2, cột height_m: ô trống")
    assert len(got.layers["sectors"]) == 3


def test_missing_height_column_names_the_nearest(read: Callable[..., StudyLayers], layers_of_tiny: Frames) -> None:
    layers_of_tiny["sectors"] = layers_of_tiny["sectors"].rename(columns={"height_m": "heigth"})
    got = read(layers_of_tiny, "sites", "sectors")
    fault = one(got, "fault.missing_column_near")
    assert (fault.column, fault.fatal) == ("height_m", True)
    assert "heigth" in fault.say("vi")
    assert one(got, "note.unknown_column_near").column == "heigth"


def test_references_to_nothing(read: Callable[..., StudyLayers], layers_of_tiny: Frames) -> None:
    layers_of_tiny["villages"].loc[0, "unit_code"] = "T9"  # V0 goes, and with it the report on V0
    got = read(layers_of_tiny, "units", "villages", "signal_reports")
    faults = [(f.layer, f.row, f.column, f.params["found"]) for f in got.faults if f.code == "fault.reference"]
    assert faults == [("villages", 1, "unit_code", "T9"), ("signal_reports", 1, "village_code", "V0")]
    assert all("T9" in f.say(lang) for f in got.faults[:1] for lang in ("en", "vi"))


def test_sectors_without_the_layer_of_sites(read: Callable[..., StudyLayers], layers_of_tiny: Frames) -> None:
    fault = one(read(layers_of_tiny, "units", "sectors"), "fault.layer_referred_to_missing")
    assert (fault.layer, fault.column, fault.fatal) == ("sectors", "site_id", True)


def test_overlaps_and_gaps_between_communes_are_named(read: Callable[..., StudyLayers], layers_of_tiny: Frames) -> None:
    units = layers_of_tiny["units"]
    units.loc[0, "geometry"] = shapely.box(540_000, 1_840_000, 548_500, 1_848_000)  # 500 m into its neighbour
    hole = shapely.box(551_000, 1_843_000, 552_000, 1_844_000)
    units.loc[1, "geometry"] = shapely.difference(units.geometry[1], hole)
    got = read(layers_of_tiny, "units")
    overlap, gap = one(got, "note.units_overlap"), one(got, "note.units_gap")
    assert not got.fatal
    assert "Hướng Tây and Đông Hòa overlap on 4 km2" in overlap.say("en")
    assert "1 km2 cạnh Đông Hòa" in gap.say("vi")
    assert all(is_note(fault) for fault in got.faults)


def test_edges_that_do_not_match_are_named(read: Callable[..., StudyLayers], layers_of_tiny: Frames) -> None:
    units = layers_of_tiny["units"]
    ring = list(units.geometry[0].exterior.coords)
    at = next(i for i in range(4) if ring[i][0] == ring[i + 1][0] == 548_000)
    ring.insert(at + 1, (548_000, 1_841_000))  # a point on the common edge that the neighbour does not have
    units.loc[0, "geometry"] = shapely.Polygon(ring)
    fault = one(read(layers_of_tiny, "units"), "note.units_edges")
    assert "Hướng Tây" in fault.say("vi")


def test_a_misspelt_layer_is_noted_and_reserved_ones_pass(
    read: Callable[..., StudyLayers], layers_of_tiny: Frames
) -> None:
    layers_of_tiny["vilages"] = layers_of_tiny["villages"]
    layers_of_tiny["power_grid"] = layers_of_tiny["villages"]
    layers_of_tiny["layer_styles"] = pd.DataFrame({"styleName": ["a"]})
    got = read(layers_of_tiny, "units", "vilages", "power_grid", "layer_styles")
    assert "villages" in one(got, "note.unknown_layer_near").say("en")
    assert len(got.faults) == 1


def test_import_keeps_the_good_rows_and_writes_nothing_on_a_fatal_fault(make_tiny_study: Make, tmp_path: Path) -> None:
    root = make_tiny_study(tmp_path / "study")
    gpkg = root / "layers.gpkg"
    before = gpkg.read_bytes()
    sheet = tmp_path / "bưu cục.csv"
    sheet.write_text("point_id;kind;lon\nP9;post_office;107\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        import_files(root, "postal_points", [sheet], asked=Asked(as_of=DAY))
    assert "fault.no_coordinates" in [fault.code for fault in caught.value.faults]
    assert gpkg.read_bytes() == before
    sheet.write_text(
        "point_id;kind;lon;lat\nP9;post_office;106.63;16.72\nP10;post offic;106.63;16.72\n", encoding="utf-8-sig"
    )
    report = import_files(root, "postal_points", [sheet], asked=Asked(as_of=DAY, source="list")).report
    assert (report.read, report.kept, report.rejected) == (2, 1, 1)
    (fault,) = [fault for fault in report.faults if fault.code.startswith("fault.")]
    assert fault.say("vi").startswith('bưu cục.csv, lớp postal_points, dòng 3, cột kind: gặp "post offic"')
    assert "post_office" in fault.say("en")
    got = read_layers(gpkg, root / "rasters", crs=CRS, units_valid_on=DAY)
    assert got.layers["postal_points"]["point_id"].tolist() == ["P9"]
    assert got.layers["postal_points"]["source"].tolist() == ["list"]
    assert len(got.layers["units"]) == 4


def test_import_of_an_unknown_layer_names_the_nearest(tiny_study: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        import_files(tiny_study, "village", [tmp_path / "a.csv"])
    assert "villages" in caught.value.say("vi")


def test_import_brings_geometry_to_the_studys_crs(
    make_tiny_study: Make, layers_of_tiny: Frames, tmp_path: Path
) -> None:
    root = make_tiny_study(tmp_path / "study")
    source = tmp_path / "villages.geojson"
    villages: geopandas.GeoDataFrame = layers_of_tiny["villages"]
    degrees = villages.to_crs("EPSG:4326").assign(as_of="2012-12-31")
    pyogrio.write_dataframe(degrees, source, driver="GeoJSON", layer_options={"COORDINATE_PRECISION": "9"})
    import_files(root, "villages", [source])
    frame = read_layers(root / "layers.gpkg", root / "rasters", crs=CRS, units_valid_on=DAY).layers["villages"]
    away_m = frame.geometry.distance(villages.geometry)
    assert frame.crs == CRS
    assert away_m.max() < 0.01
