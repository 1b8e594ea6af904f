"""Roads, rivers, crossings and points of services as offices hand them in: geographic files and sheets."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely

from phusong.layers.checks.validate import Checked, is_note, validate
from phusong.layers.columns.synonyms import word_of
from phusong.layers.importing import import_files
from phusong.layers.office import Asked, understood
from phusong.layers.schema import LAYERS
from phusong.layers.study import Study
from phusong.layers.study_layers import read_layers

CRS = "EPSG:9212"
X, Y = 550_000.0, 1_850_000.0


def line(*at: tuple[float, float]) -> shapely.LineString:
    return shapely.LineString([(X + x, Y + y) for x, y in at])


def drawn(path: Path, shapes: list[shapely.Geometry], **columns: list[Any]) -> Path:
    gpd.GeoDataFrame(columns, geometry=shapes, crs=CRS).to_file(path, engine="pyogrio")
    return path


def read(path: Path, layer: str, **asked: Any) -> Checked:
    raw = understood(path, LAYERS[layer], asked=Asked(**asked)).raw
    return validate(raw, LAYERS[layer], crs=CRS, defaults={"as_of": "2012-12-31"})


def real_faults(checked: Checked) -> list[str]:
    return [fault.code for fault in checked.faults if not is_note(fault)]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Quốc lộ", "national"),
        ("QUOC LO", "national"),
        ("QL", "national"),
        ("Tỉnh lộ", "provincial"),
        ("Đường tỉnh", "provincial"),
        ("Huyện lộ", "district"),
        ("Đường huyện", "district"),
        ("Đường xã", "commune"),
        ("Đường thôn", "village"),
        ("Đường thôn, xóm", "village"),
        ("Đường mòn", "path"),
        ("Cao tốc", "motorway"),
        ("Đường cao tốc", "motorway"),
        ("Đường lâm nghiệp", "track"),
        ("trunk_link", "national"),
        ("tertiary", "district"),
        ("living_street", "village"),
        ("footway", "path"),
        ("proposed", None),
        ("đường sắt", None),
    ],
)
def test_classes_of_roads_as_they_are_written(text: str, word: str | None) -> None:
    assert word_of(text, LAYERS["roads"], LAYERS["roads"].column("class")) == word


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".shp"])
def test_roads_with_vietnamese_headings(tmp_path: Path, suffix: str) -> None:
    short = suffix == ".shp"  # ten bytes a heading
    path = drawn(
        tmp_path / f"duong{suffix}",
        [line((0, 0), (900, 0)), line((0, 50), (900, 50)), line((0, 90), (900, 90))],
        **{
            "Ma tuyen" if short else "Mã tuyến": ["D1", "D2", "D3"],
            "Cap duong" if short else "Cấp đường": ["Quốc lộ", "Đường xã", "Đường mòn"],
            "Mat duong" if short else "Mặt đường": ["bê tông nhựa", "cấp phối", "đất"],
            "Co cau" if short else "Có cầu": ["có", None, "không"],
            "Bi ngap" if short else "Bị ngập": ["không", "có", "có"],
        },
    )
    checked = read(path, "roads", crs=CRS if suffix == ".geojson" else None)
    assert real_faults(checked) == []
    frame = checked.frame
    assert frame["class"].tolist() == ["national", "commune", "path"]
    assert frame["surface"].tolist() == ["paved", "gravel", "earth"]
    assert frame["bridge"].isna().tolist() == [False, True, False]
    assert frame["floods"].tolist() == [False, True, True]
    assert shapely.length(frame.geometry.array) == pytest.approx([900.0] * 3, abs=0.01)


def test_rivers_are_lines_and_outlines_in_one_file(tmp_path: Path) -> None:
    shapes = [line((0, 0), (500, 900)), line((0, 0), (100, 0), (100, 400)).buffer(40.0), shapely.Point(X, Y)]
    columns = {"Mã sông": ["S1", "S2", "S3"], "Tên sông": ["A", "B", "C"], "Chiều rộng (m)": [30, 80, 5]}
    checked = read(drawn(tmp_path / "song.geojson", shapes, **columns), "rivers", crs=CRS)
    assert [(fault.code, fault.row) for fault in checked.faults if not is_note(fault)] == [("fault.wrong_geometry", 3)]
    assert checked.frame.geom_type.tolist() == ["LineString", "Polygon"]
    assert checked.frame["width_m"].tolist() == [30.0, 80.0]


def test_crossings_come_as_a_sheet_of_points(tmp_path: Path) -> None:
    path = tmp_path / "cau.csv"
    rows = [
        ("C1", "cầu treo", "106,58", "16,70", ""),
        ("C2", "đò ngang", "106,59", "16,71", "20"),
        ("C3", "ngầm tràn", "", "", ""),
    ]
    cells = [";".join(row) for row in [("Mã cầu", "Loại", "Kinh độ", "Vĩ độ", "Thời gian chờ (phút)"), *rows]]
    path.write_text("\n".join(cells), encoding="utf-8")
    checked = read(path, "crossings")
    assert checked.frame["kind"].tolist() == ["bridge", "ferry"]
    assert checked.frame["wait_min"].fillna(-1).tolist() == [-1.0, 20.0]
    assert [fault.row for fault in checked.faults if not is_note(fault)] == [4]  # a crossing lies somewhere


def test_waits_in_hours_become_minutes_and_grouped_places_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "truong.csv"
    pupils = ["1.250", "1.010", "1.100", "2.300", "1.055", "980 học sinh"]
    rows = [f"F{k};THCS {k};THCS;{count};106,5{k};16,70" for k, count in enumerate(pupils)]
    path.write_text("\n".join(["Mã trường;Tên trường;Loại trường;Số học sinh;Kinh độ;Vĩ độ", *rows]), encoding="utf-8")
    assert read(path, "facilities").frame["capacity"].tolist() == [1250.0, 1010.0, 1100.0, 2300.0, 1055.0, 980.0]
    path = tmp_path / "do.csv"
    path.write_text("Mã bến;Loại;Chờ (giờ);Kinh độ;Vĩ độ\nX1;phà;0,5;106,58;16,70\n", encoding="utf-8")
    assert read(path, "crossings").frame["wait_min"].tolist() == [30.0]


@pytest.mark.parametrize(("layer", "code"), [("roads", "lines"), ("rivers", "lines"), ("crossings", "")])
def test_a_sheet_without_shapes_is_refused(tmp_path: Path, layer: str, code: str) -> None:
    path = tmp_path / "a.csv"
    heading = {"roads": "road_id,class", "rivers": "river_id,name", "crossings": "crossing_id,kind"}[layer]
    path.write_text(f"{heading}\n1,{'ford' if layer == 'crossings' else 'national'}\n", encoding="utf-8")
    checked = read(path, layer)
    assert checked.fatal
    assert (f"fault.table_without_{code}" if code else "fault.no_coordinates") in real_faults(checked)


def test_public_points_and_lines_by_kind_of_connection(tmp_path: Path) -> None:
    path = tmp_path / "diem.csv"
    path.write_text(
        "Mã điểm;Loại điểm;Doanh nghiệp;Số máy tính;Đang phục vụ;Kinh độ;Vĩ độ\n"
        "V1;Điểm Internet công cộng;VNPT;12;có;106,58;16,70\nV2;điện thoại công cộng;;;;106,59;16,70\n",
        encoding="utf-8",
    )
    frame = read(path, "service_points").frame
    assert frame["kind"].tolist() == ["public_internet", "telephone_access"]
    assert frame["capacity"].fillna(-1).tolist() == [12.0, -1.0]
    assert frame["in_service"].isna().tolist() == [False, True]
    path = tmp_path / "bang_rong.csv"
    path.write_text("Mã xã,Thuê bao ADSL,Thuê bao FTTH\n19429,85,5\n", encoding="utf-8")
    frame = read(path, "broadband").frame
    assert (frame["adsl_subscribers"].tolist(), frame["fttx_subscribers"].tolist()) == ([85.0], [5.0])
    assert frame["broadband_subscribers"].isna().all()  # of other kinds there may be more


def test_roads_and_rivers_go_into_a_study_and_come_back(tmp_path: Path, tiny_study: Path) -> None:
    shapes = [line((0, 0), (900, 0)), line((0, 50), (900, 50))]
    roads = drawn(tmp_path / "r.gpkg", shapes, road_id=["D1", "D2"], **{"class": ["national", "xa lộ"]})
    rivers = drawn(tmp_path / "s.gpkg", [shapes[0], shapes[1].buffer(9.0)], river_id=["S1", "S2"])
    asked = Asked(as_of=date(2012, 12, 31))
    report = import_files(tiny_study, "roads", [roads], asked=asked).report
    assert (report.read, report.kept, report.rejected) == (2, 1, 1)
    import_files(tiny_study, "rivers", [rivers], asked=asked)
    study = Study(tiny_study)
    got = read_layers(study.layers_path, study.rasters_dir, crs=CRS, units_valid_on=study.settings.units_valid_on)
    assert got.layers["roads"]["class"].tolist() == ["national"]
    assert got.layers["rivers"].geom_type.tolist() == ["LineString", "Polygon"]
