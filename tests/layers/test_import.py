"""Files as offices send them, through the whole door: into the study, its report and its rejects."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyogrio
import pyproj
import pytest
import rasterio
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from phusong.layers.errors import InputError
from phusong.layers.importing import _safe, import_files
from phusong.layers.office import Asked, understood
from phusong.layers.schema import LAYERS
from phusong.layers.study_layers import read_layers
from phusong.layers.vietnamese.encodings import Encoding, encode

CRS = "EPSG:9212"
DAY = date(2012, 12, 31)
TITLE = "DANH SÁCH ĐIỂM PHỤC VỤ BƯU CHÍNH"
HEADINGS = ["STT", "Mã điểm", "Tên điểm", "Loại điểm phục vụ", "Xã", "Kinh độ", "Vĩ độ", "Ghi chú"]
Make = Callable[..., Path]


@pytest.fixture
def study(tiny_study: Path) -> Path:
    return tiny_study


def layer(root: Path, name: str) -> gpd.GeoDataFrame:
    return read_layers(root / "layers.gpkg", root / "rasters", crs=CRS, units_valid_on=DAY).layers[name]


@cache
def unit_places(root: Path) -> list[tuple[str, float, float]]:
    """Names of the study's communes, and a place in each, in degrees."""
    units = layer(root, "units").to_crs("EPSG:4326")
    places = units.geometry.representative_point()
    return list(zip(units["name"], places.x, places.y, strict=True))


def rows_of(root: Path, *, count: int = 6) -> list[list[object]]:
    """Points inside the communes they name."""
    rows: list[list[object]] = []
    for i in range(count):
        name, lon, lat = unit_places(root)[i % len(unit_places(root))]
        kind = ("Bưu cục", "Điểm BĐ-VHX")[i % 2]
        rows.append([i + 1, f"P{i:02d}", f"Điểm {i}", kind, f"xã {name}", lon + 1e-4 * i, lat, "tốt"])
    return rows


def office_book(path: Path, rows: list[list[object]], *, headings: list[str] = HEADINGS) -> Path:
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("Điểm phục vụ")
    sheet.merge_range(0, 0, 0, len(headings) - 1, TITLE)
    sheet.write_row(2, 0, headings)
    for r, row in enumerate(rows):
        sheet.write_row(3 + r, 0, row)
    sheet.write_row(3 + len(rows), 0, ["Tổng cộng", len(rows)])
    book.close()
    return path


def test_an_office_list_goes_in_without_a_question(study: Path, tmp_path: Path) -> None:
    rows = rows_of(study)
    done = import_files(study, "postal_points", [office_book(tmp_path / "buu-cuc.xlsx", rows)], asked=Asked(as_of=DAY))
    report = done.report
    assert (report.read, report.kept, report.rejected) == (6, 6, 0)
    points = layer(study, "postal_points")
    assert points["point_id"].tolist() == [row[1] for row in rows]
    assert points["kind"].tolist() == ["post_office", "commune_culture_post"] * 3
    assert points["unit_code"].notna().all()
    assert set(points["as_of"]) == {pd.Timestamp(DAY)}
    to_study = pyproj.Transformer.from_crs("EPSG:4326", CRS, always_xy=True)
    x_m, y_m = to_study.transform([row[5] for row in rows], [row[6] for row in rows])
    assert np.hypot(points.geometry.x - x_m, points.geometry.y - y_m).max() < 1.5
    assert "Ghi chú" in report.unmatched
    kept_apart = pd.read_csv(study / "imports" / "postal_points.buu-cuc.xlsx.unmatched.csv")
    assert kept_apart["Ghi chú"].tolist() == ["tốt"] * 6
    told = {path.name for path in done.told}
    assert {"postal_points.html", "postal_points.xlsx", "postal_points.json"} <= told
    written = json.loads((study / "imports" / "postal_points.json").read_text(encoding="utf-8"))
    assert (written["reports"][0]["kept"], written["reports"][0]["rejected"]) == (6, 0)


def test_the_same_file_twice_changes_nothing(study: Path, tmp_path: Path) -> None:
    book = office_book(tmp_path / "a.xlsx", rows_of(study))

    def written() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in [study / "layers.gpkg", *(study / "imports").iterdir()]}

    import_files(study, "postal_points", [book], asked=Asked(as_of=DAY))
    before = written()
    import_files(study, "postal_points", [book], asked=Asked(as_of=DAY))
    assert written() == before
    report = import_files(study, "postal_points", [book], asked=Asked(as_of=DAY, add=True)).report
    assert (report.kept, report.already) == (6, 6)
    assert (study / "layers.gpkg").read_bytes() == before["layers.gpkg"]


def test_rejected_rows_are_mended_and_go_in(study: Path, tmp_path: Path) -> None:
    rows = rows_of(study)
    rows[1][3] = "ga tàu"
    rows[4][5] = "không rõ chỗ"
    done = import_files(study, "postal_points", [office_book(tmp_path / "b.xlsx", rows)], asked=Asked(as_of=DAY))
    assert (done.report.read, done.report.kept, done.report.rejected) == (6, 4, 2)
    assert len(layer(study, "postal_points")) == 4
    (rejects,) = [path for path in done.told if "rejects" in path.name]
    book = openpyxl.load_workbook(rejects)
    sheet = book.active
    assert sheet is not None
    found = {cell.value: cell for row in sheet.iter_rows() for cell in row}
    found["ga tàu"].value = "Bưu cục"
    found["không rõ chỗ"].value = rows_of(study)[4][5]
    book.save(tmp_path / "mended.xlsx")
    asked = Asked(as_of=DAY, add=True, source="b.xlsx")
    again = import_files(study, "postal_points", [tmp_path / "mended.xlsx"], asked=asked).report
    assert (again.read, again.kept, again.rejected) == (2, 2, 0)
    assert sorted(layer(study, "postal_points")["point_id"]) == [row[1] for row in rows]
    assert not list((study / "imports").glob("*.rejects.*"))


def test_another_row_with_a_known_key_is_rejected_and_nothing_overwritten(study: Path, tmp_path: Path) -> None:
    rows = rows_of(study)
    import_files(study, "postal_points", [office_book(tmp_path / "a.xlsx", rows)], asked=Asked(as_of=DAY))
    rows[2][2] = "tên khác"
    more = [*rows, [7, "P99", "mới", "Bưu cục", *rows[0][4:]]]
    asked = Asked(as_of=DAY, add=True)
    report = import_files(study, "postal_points", [office_book(tmp_path / "b.xlsx", more)], asked=asked).report
    assert (report.read, report.kept, report.rejected, report.already) == (7, 6, 1, 5)
    (fault,) = [fault for fault in report.faults if fault.code == "fault.already_otherwise"]
    assert (fault.row, fault.params["other"]) == (6, "name")
    points = layer(study, "postal_points").set_index("point_id")
    assert points.loc["P02", "name"] == "Điểm 2"
    assert "P99" in points.index


def test_a_table_in_the_neighbours_meridian_is_seen(study: Path, tmp_path: Path) -> None:
    """Metres by 106-00, headed X and Y as surveyors do: northing first. Taken as 106-15 they would lie 26.6 km off."""
    rows = rows_of(study)
    there = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:9211", always_xy=True)
    for row in rows:
        east, north = there.transform(row[5], row[6])
        row[5:7] = [round(north, 2), round(east, 2)]
    headings = [*HEADINGS[:5], "Toạ độ X", "Toạ độ Y", "Ghi chú"]
    book = office_book(tmp_path / "vn2000.xlsx", rows, headings=headings)
    report = import_files(study, "postal_points", [book], asked=Asked(as_of=DAY)).report
    assert report.kept == 6
    assert any("EPSG:9211" in fault.say("en") for fault in report.faults)
    home = layer(study, "units").set_index("code").geometry
    points = layer(study, "postal_points")
    assert all(home[code].contains(place) for code, place in zip(points["unit_code"], points.geometry, strict=True))
    with pytest.raises(InputError):  # nobody asked for 106-15: no row would lie in its commune
        import_files(study, "postal_points", [book], asked=Asked(as_of=DAY, crs=CRS))
    assert len(layer(study, "postal_points")) == 6


@pytest.mark.parametrize("encoding", ["tcvn3", "vni", "viscii"])
def test_legacy_letters_are_read(study: Path, tmp_path: Path, encoding: Encoding) -> None:
    names = ["Hướng Phùng", "Lao Bảo", "Khe Sanh", "Tà Rụt", "Đakrông", "Triệu Nguyên"]
    rows = rows_of(study)
    for row, name in zip(rows, names, strict=True):
        row[2] = encode(f"Bưu điện xã {name}", encoding)
        row[7] = encode("hoạt động tốt, phục vụ đầy đủ", encoding)
    done = import_files(study, "postal_points", [office_book(tmp_path / "a.xlsx", rows)], asked=Asked(as_of=DAY))
    assert done.report.kept == 6
    assert layer(study, "postal_points")["name"].tolist() == [f"Bưu điện xã {name}" for name in names]


def test_a_preview_writes_nothing_and_shows_the_text(study: Path, tmp_path: Path) -> None:
    rows = rows_of(study)
    for row in rows:
        row[2] = encode("Bưu điện văn hoá xã Hướng Phùng", "tcvn3")
    before = sorted(path.name for path in study.rglob("*")), (study / "layers.gpkg").read_bytes()
    book = office_book(tmp_path / "a.xlsx", rows)
    done = import_files(study, "postal_points", [book], asked=Asked(as_of=DAY), write=False)
    assert done.report.kept == 6
    assert (encode("Bưu điện văn hoá xã Hướng Phùng", "tcvn3"), "Bưu điện văn hoá xã Hướng Phùng") in done.texts
    assert (sorted(path.name for path in study.rglob("*")), (study / "layers.gpkg").read_bytes()) == before


def test_what_the_user_says_of_headings_is_remembered(study: Path, tmp_path: Path) -> None:
    rows = rows_of(study)
    headings = [*HEADINGS[:2], "Cột lạ", *HEADINGS[3:]]
    book = office_book(tmp_path / "a.xlsx", rows, headings=headings)
    asked = Asked(as_of=DAY, mapping={"Cột lạ": "name"})
    import_files(study, "postal_points", [book], asked=asked)
    again = import_files(study, "postal_points", [book], asked=Asked(as_of=DAY)).report
    assert again.used["Cột lạ"] == "name"
    assert any(fault.code == "note.mapping_used" for fault in again.faults)
    assert layer(study, "postal_points")["name"].tolist() == [row[2] for row in rows]


def test_masts_with_a_row_a_sector_are_one_site_each(study: Path, tmp_path: Path) -> None:
    units = layer(study, "units").to_crs("EPSG:4326")
    headings = ["Mã trạm", "Mã sector", "Nhà mạng", "Công nghệ", "Độ cao anten (m)", "Azimuth", "Kinh độ", "Vĩ độ"]
    rows = []
    for i in range(2):
        place = units.geometry.iloc[i].representative_point()
        for azimuth in (0, 120, 240):
            rows.append([f"M{i}", f"M{i}-{azimuth}", "Viettel", "3G", 36, azimuth, place.x, place.y])
    book = office_book(tmp_path / "tram.xlsx", rows, headings=headings)
    report = import_files(study, "sites", [book], asked=Asked(as_of=DAY)).report
    assert (report.read, report.kept, report.rejected) == (6, 6, 0)
    assert layer(study, "sites")["site_id"].tolist() == ["M0", "M1"]
    report = import_files(study, "sectors", [book], asked=Asked(as_of=DAY)).report
    assert report.kept == 6
    assert layer(study, "sectors")["azimuth_deg"].tolist() == [0, 120, 240, 0, 120, 240]


def test_units_are_found_by_their_old_names(study: Path, tmp_path: Path) -> None:
    rows = rows_of(study)
    units = layer(study, "units")
    for i, row in enumerate(rows):
        row[4] = f"xã Tên cũ {i % len(units)}"
    book = office_book(tmp_path / "a.xlsx", rows)
    plain = import_files(study, "postal_points", [book], asked=Asked(as_of=DAY), write=False).report
    assert any(fault.code == "note.unit_unknown" for fault in plain.faults)
    descent = pd.DataFrame(
        {"name": [f"Tên cũ {i}" for i in range(len(units))], "district": "", "note": "", "code_2012": units["code"]}
    )
    descent.to_csv(tmp_path / "descent.csv", index=False)
    asked = Asked(as_of=DAY, lineage=tmp_path / "descent.csv")
    import_files(study, "postal_points", [book], asked=asked)
    assert layer(study, "postal_points")["unit_code"].tolist() == [units["code"][i % len(units)] for i in range(6)]


def test_what_writing_again_would_lose_is_refused(study: Path, tmp_path: Path) -> None:
    import_files(study, "postal_points", [office_book(tmp_path / "a.xlsx", rows_of(study))], asked=Asked(as_of=DAY))
    points = gpd.read_file(study / "layers.gpkg", layer="postal_points")
    book = office_book(tmp_path / "b.xlsx", [["9", "P99", "mới", "Bưu cục", *rows_of(study)[0][4:]]])
    for spoilt, code in (
        (points.assign(my_note="x"), "import.there_columns"),
        (points.assign(kind=["nonsense", *points["kind"][1:]]), "import.there_faulty"),
        (points.drop(columns="as_of"), "import.there_faulty"),
    ):
        pyogrio.write_dataframe(spoilt, study / "layers.gpkg", layer="postal_points")
        before = (study / "layers.gpkg").read_bytes()
        with pytest.raises(InputError) as caught:
            import_files(study, "postal_points", [book], asked=Asked(as_of=DAY, add=True))
        assert caught.value.code == code
        assert (study / "layers.gpkg").read_bytes() == before


def test_faulty_units_are_not_lost_beside_units_of_another_date(study: Path, tmp_path: Path) -> None:
    units = gpd.read_file(study / "layers.gpkg", layer="units")
    later = units.assign(valid_on="2025-07-01")
    later.to_file(tmp_path / "later.gpkg", driver="GPKG")
    pyogrio.write_dataframe(
        units.assign(population=[-1, *units["population"][1:]]), study / "layers.gpkg", layer="units"
    )
    before = (study / "layers.gpkg").read_bytes()
    with pytest.raises(InputError) as caught:
        import_files(study, "units", [tmp_path / "later.gpkg"])
    assert caught.value.code == "import.there_faulty"
    assert (study / "layers.gpkg").read_bytes() == before
    units.to_file(tmp_path / "mended.gpkg", driver="GPKG")
    assert import_files(study, "units", [tmp_path / "mended.gpkg"]).report.kept == len(units)
    assert import_files(study, "units", [tmp_path / "later.gpkg"]).report.kept == len(units)
    assert len(gpd.read_file(study / "layers.gpkg", layer="units")) == 2 * len(units)


def test_sectors_of_a_rejected_mast_are_rejected_with_it(study: Path, tmp_path: Path) -> None:
    place = layer(study, "units").to_crs("EPSG:4326").geometry.iloc[0].representative_point()
    rows = [
        [site, status, azimuth, place.x, place.y]
        for site, status in (("M0", "nonsense"), ("M1", ""))
        for azimuth in (0, 120)
    ]
    headings = ["Mã trạm", "Trạng thái", "Azimuth", "Kinh độ", "Vĩ độ"]
    book = office_book(tmp_path / "tram.xlsx", rows, headings=headings)
    report = import_files(study, "sites", [book], asked=Asked(as_of=DAY)).report
    assert (report.read, report.kept, report.rejected) == (4, 2, 2)
    assert layer(study, "sites")["site_id"].tolist() == ["M1"]


def test_previews_of_rasters_and_an_empty_raster_leave_the_study(study: Path, tmp_path: Path) -> None:
    elevation = study / "rasters" / "elevation.tif"
    before = elevation.read_bytes()
    with rasterio.open(elevation) as source:
        profile, values = source.profile, source.read(1)
    profile.update(driver="GTiff", tiled=False, compress=None)
    for name, heights in (("higher.tif", values + 1), ("void.tif", np.full_like(values, np.nan))):
        with rasterio.open(tmp_path / name, "w", **profile | {"nodata": np.nan, "interleave": "band"}) as target:
            target.write(heights, 1)
    assert import_files(study, "elevation", [tmp_path / "higher.tif"], write=False).report.kept > 0
    with pytest.raises(InputError):
        import_files(study, "elevation", [tmp_path / "void.tif"])
    assert elevation.read_bytes() == before


def test_a_table_without_places_needs_the_date_of_its_units(study: Path, tmp_path: Path) -> None:
    codes = layer(study, "units")["code"].tolist()
    table = tmp_path / "internet.csv"
    rows = "\n".join(f"{code},Tây,Hướng Hóa,{10 * i + 5}" for i, code in enumerate(codes))
    table.write_text(f"Mã xã,Ghi chú,Nguồn tin,Thuê bao băng rộng\n{rows}\n", encoding="utf-8")
    with pytest.raises(InputError, match="date"):
        import_files(study, "broadband", [table], asked=Asked(as_of=DAY))
    with pytest.raises(InputError, match="phusong carry"):
        import_files(study, "broadband", [table], asked=Asked(as_of=DAY, valid_on=date(2025, 7, 1)))
    report = import_files(study, "broadband", [table], asked=Asked(as_of=DAY, valid_on=DAY)).report
    assert report.kept == len(codes)
    assert set(layer(study, "broadband")["valid_on"]) == {pd.Timestamp(DAY)}


def mended(rejects: Path, path: Path, cells: dict[str, object]) -> Path:
    """A copy of a file of rejected rows with some of its cells put right."""
    book = openpyxl.load_workbook(rejects)
    assert book.active is not None
    for row in book.active.iter_rows():
        for cell in row:
            if isinstance(cell.value, str) and cell.value in cells:
                cell.value = cells[cell.value]
    book.save(path)
    return path


def test_rejected_rows_and_other_columns_are_kept_for_each_list(study: Path, tmp_path: Path) -> None:
    rows = rows_of(study)
    rows[1][3], rows[1][7] = "ga tàu", "mái tôn"
    other = [[row[0], f"{row[1]}b", *row[2:5], row[5], row[6] + 3e-4, "khác"] for row in rows_of(study)]
    other[2][3] = "bến xe"
    one, two = office_book(tmp_path / "một.xlsx", rows), office_book(tmp_path / "hai: 2.xlsx", other)
    import_files(study, "postal_points", [one], asked=Asked(as_of=DAY))
    done = import_files(study, "postal_points", [two], asked=Asked(as_of=DAY, add=True))
    rejects = sorted((study / "imports").glob("*.rejects.xlsx"))
    assert len(rejects) == 2
    assert "postal_points.một.xlsx.rejects.xlsx" in [path.name for path in rejects]
    assert all(set(path.name).isdisjoint('<>:"/\\|?*') for path in done.told)
    first = mended(rejects[1], tmp_path / "sửa.xlsx", {"ga tàu": "Bưu cục"})
    with pytest.raises(InputError) as caught:  # without --add the layer would be these rows alone
        import_files(study, "postal_points", [first], asked=Asked(as_of=DAY))
    assert caught.value.code == "import.rejects_alone"
    assert len(layer(study, "postal_points")) == 10
    assert import_files(study, "postal_points", [first], asked=Asked(as_of=DAY, add=True)).report.kept == 1
    assert sorted((study / "imports").glob("*.rejects.*")) == rejects[:1]
    assert dict(layer(study, "postal_points").set_index("point_id")["source"])["P01"] == "một.xlsx"
    apart = [pd.read_csv(path) for path in sorted((study / "imports").glob("*.unmatched.csv"))]
    assert sorted(len(table) for table in apart) == [1, 5, 5]
    assert sorted(pd.concat(apart)["Ghi chú"]) == ["khác"] * 5 + ["mái tôn"] + ["tốt"] * 5
    again = mended(rejects[0], rejects[0], {"bến xe": "Bưu cục"})  # in its own place
    assert import_files(study, "postal_points", [again], asked=Asked(as_of=DAY, add=True)).report.kept == 1
    assert not list((study / "imports").glob("*.rejects.*"))
    assert len(layer(study, "postal_points")) == 12


def test_mended_outlines_and_places_find_their_list(study: Path, tmp_path: Path) -> None:
    """Rejected rows with shapes are a GeoPackage of one layer, which bears the list's name as a sheet does."""
    rows = rows_of(study)
    rows[1][3] = "ga tàu"
    table = pd.DataFrame([row[1:5] + row[7:] for row in rows], columns=[*HEADINGS[1:5], HEADINGS[7]])
    places = gpd.points_from_xy([row[5] for row in rows], [row[6] for row in rows], crs="EPSG:4326")
    gpd.GeoDataFrame(table, geometry=places).to_file(tmp_path / "gpkg điểm.gpkg", layer="a", engine="pyogrio")
    import_files(study, "postal_points", [tmp_path / "gpkg điểm.gpkg"], asked=Asked(as_of=DAY))
    (rejects,) = (study / "imports").glob("*.rejects.gpkg")
    name = pyogrio.list_layers(rejects)[0][0]
    found = gpd.read_file(rejects, engine="pyogrio").assign(**{HEADINGS[3]: "Bưu cục"})
    found.to_file(rejects, layer=name, engine="pyogrio")
    import_files(study, "postal_points", [rejects], asked=Asked(as_of=DAY, add=True))
    assert not list((study / "imports").glob("*.rejects.*"))
    assert dict(layer(study, "postal_points").set_index("point_id")["source"])["P01"] == name
    apart = sorted((study / "imports").glob(f"postal_points.{name}.*unmatched.csv"))
    assert [len(pd.read_csv(path)) for path in apart] == [1, 5]


def test_another_list_of_the_same_name_takes_no_files_away(study: Path, tmp_path: Path) -> None:
    rows = rows_of(study)
    rows[1][3] = "ga tàu"
    other = [[row[0], f"{row[1]}b", *row[2:6], row[6] + 3e-4, "khác"] for row in rows_of(study)]
    for folder in "ab":
        (tmp_path / folder).mkdir()
    one, two = (office_book(tmp_path / at / "bc.xlsx", cells) for at, cells in (("a", rows), ("b", other)))
    import_files(study, "postal_points", [one], asked=Asked(as_of=DAY))
    written = {path.name: path.read_bytes() for path in (study / "imports").iterdir()}
    with pytest.raises(InputError, match="--source") as caught:
        import_files(study, "postal_points", [two], asked=Asked(as_of=DAY, add=True))
    assert caught.value.code == "import.namesake"
    assert {path.name: path.read_bytes() for path in (study / "imports").iterdir()} == written
    named = Asked(as_of=DAY, add=True, source="huyện B")
    assert import_files(study, "postal_points", [two], asked=named).report.kept == 6
    assert import_files(study, "postal_points", [one], asked=Asked(as_of=DAY, add=True)).report.already == 5
    assert written["postal_points.bc.xlsx.unmatched.csv"].decode("utf-8-sig").count("tốt") == 5
    assert len(list((study / "imports").glob("*.unmatched.csv"))) == 2


def test_rows_that_leave_the_layer_are_told(study: Path, tmp_path: Path) -> None:
    rows = rows_of(study)
    book = office_book(tmp_path / "a.xlsx", rows)
    import_files(study, "postal_points", [book], asked=Asked(as_of=DAY))
    late = office_book(tmp_path / "b.xlsx", [[row[0], f"L{row[1]}", *row[2:]] for row in rows])
    assert not import_files(study, "postal_points", [late], asked=Asked(as_of=DAY, add=True)).lost
    (note,) = import_files(study, "postal_points", [book], asked=Asked(as_of=DAY), write=False).lost
    assert (note.code, note.params["count"]) == ("note.rows_gone", 6)
    assert "LP00; LP01; LP02; LP03; LP04; …" in note.say("en")
    assert "--add" in note.say("vi")


def test_lists_have_names_that_files_and_sheets_can_bear() -> None:
    names = [
        "a.xlsx",
        "Bưu cục (2012).xlsx",
        "a/b.xlsx",
        "a\\b.xlsx",
        "a:b.xlsx",
        "x" * 80,
        "x" * 81,
        "..",
        "",
        "a.xlsx ",
        "gpkg_a.shp",
        "History",
    ]
    safe = [_safe(name) for name in names]
    assert safe[:2] == names[:2]
    assert len(set(safe)) == len(names)
    assert [_safe(name) for name in safe] == safe  # rejects that are rejected again stay in their list
    assert not any(name.casefold().startswith("gpkg") or name.casefold() == "history" for name in safe)
    assert all(0 < len(name) <= 31 and set(name).isdisjoint("<>:\"/\\|?*[]'") for name in safe)


def test_other_columns_of_rows_that_are_sectors_are_kept(study: Path, tmp_path: Path) -> None:
    place = layer(study, "units").to_crs("EPSG:4326").geometry.iloc[0].representative_point()
    rows = [["M0", "3G", azimuth, f"ghi {azimuth}", place.x, place.y] for azimuth in (0, 120, 240)]
    headings = ["Mã trạm", "Công nghệ", "Azimuth", "Ghi chú", "Kinh độ", "Vĩ độ"]
    book = office_book(tmp_path / "tram.xlsx", rows, headings=headings)
    report = import_files(study, "sites", [book], asked=Asked(as_of=DAY)).report
    apart = pd.read_csv(study / "imports" / "sites.tram.xlsx.unmatched.csv")
    assert apart["site_id"].tolist() == ["M0"] * 3
    assert apart["Ghi chú"].tolist() == ["ghi 0", "ghi 120", "ghi 240"]
    (note,) = [fault for fault in report.faults if fault.code == "note.sectors_lack"]
    assert note.params["names"] == "sector_id, operator, height_m"


def test_an_export_of_cells_lacks_no_columns_for_sectors(tmp_path: Path) -> None:
    path = tmp_path / "452.csv"
    path.write_text("".join(f"GSM,452,4,1,{i},0,106.7,16.6,1000,5,1,1356908400,1356908400,0\n" for i in range(3)))
    raw = understood(path, LAYERS["sites"], asked=Asked(as_of=DAY)).raw
    codes = [fault.code for fault in raw.faults]
    assert "note.cells_gathered" in codes
    assert "note.sectors_lack" not in codes


def test_other_tables_of_a_file_are_named(study: Path, tmp_path: Path) -> None:
    path = office_book(tmp_path / "a.xlsx", rows_of(study))
    book = openpyxl.load_workbook(path)
    sheet = book.create_sheet("Nhân viên")
    for cells in (["Họ tên", "Chức vụ"], ["An", "trưởng"], ["Bình", "phó"]):
        sheet.append(cells)
    book.save(path)
    report = import_files(study, "postal_points", [path], asked=Asked(as_of=DAY)).report
    (note,) = [fault for fault in report.faults if fault.code == "note.other_tables"]
    assert note.params["names"] == "Nhân viên (2)"


def test_what_would_not_be_heeded_is_refused(study: Path, tmp_path: Path) -> None:
    rows = [
        [i, f"P{i}", "a", "Bưu cục", code, *row[5:]]
        for i, (row, code) in enumerate(zip(rows_of(study, count=4), layer(study, "units")["code"], strict=True))
    ]
    book = office_book(tmp_path / "a.xlsx", rows, headings=[*HEADINGS[:4], "Mã xã", *HEADINGS[5:]])
    elevation = study / "rasters" / "elevation.tif"
    for name, file, asked, code in (
        ("elevation", elevation, Asked(crs="EPSG:3405"), "import.option_idle"),
        ("elevation", elevation, Asked(mapping={}), "import.option_idle"),
        ("postal_points", book, Asked(as_of=DAY, height_m=30), "import.option_idle"),
        ("postal_points", book, Asked(as_of=DAY, height_unit="ft"), "import.option_idle"),
        ("postal_points", book, Asked(as_of=DAY, valid_on=date(2025, 7, 1)), "import.other_units"),
    ):
        with pytest.raises(InputError) as caught:
            import_files(study, name, [file], asked=asked)
        assert caught.value.code == code
    assert import_files(study, "postal_points", [book], asked=Asked(as_of=DAY, valid_on=DAY)).report.kept == len(rows)


def test_layers_of_the_study_itself_are_there_already(study: Path, tmp_path: Path) -> None:
    for name in ("villages", "sites", "sectors", "broadband"):
        path = tmp_path / f"{name}.gpkg"
        pyogrio.write_dataframe(pyogrio.read_dataframe(study / "layers.gpkg", layer=name), path, layer=name)
        asked = Asked(add=True, valid_on=DAY if name == "broadband" else None)
        report = import_files(study, name, [path], asked=asked).report
        assert (report.kept, report.already) == (report.read, report.read)
        assert report.read > 0


def test_each_kind_of_cell_is_compared(study: Path, tmp_path: Path) -> None:
    sites = pyogrio.read_dataframe(study / "layers.gpkg", layer="sites")
    for column, other in (
        ("name", "khác"),
        ("shared", True),
        ("in_service_from", date(1999, 1, 1)),
        ("geometry", sites.geometry.translate(0.5)),
    ):
        path = tmp_path / f"{column}.gpkg"
        pyogrio.write_dataframe(sites.assign(**{column: other}), path, layer="sites")
        report = import_files(study, "sites", [path], asked=Asked(add=True), write=False).report
        told = [fault for fault in report.faults if fault.code == "fault.already_otherwise"]
        assert {fault.params["other"] for fault in told} == {column}
        assert report.rejected == len(told) > 0


def test_a_mast_under_another_id_is_told(study: Path, tmp_path: Path) -> None:
    place = layer(study, "sites").to_crs("EPSG:4326").geometry.iloc[0]
    known, sectors = layer(study, "sites")["site_id"].iloc[0], layer(study, "sectors")
    operator = sectors.set_index("site_id")["operator"][[known]].iloc[0]
    for owner, code in ((operator, "note.same_mast"), ("", "note.same_mast_perhaps"), ("Khác", None)):
        path = tmp_path / "m.csv"
        path.write_text(f"Mã trạm,Chủ sở hữu,Kinh độ,Vĩ độ\nN1,{owner},{place.x},{place.y}\n", encoding="utf-8")
        report = import_files(study, "sites", [path], asked=Asked(as_of=DAY, add=True), write=False).report
        told = [fault for fault in report.faults if fault.code.startswith("note.same_mast")]
        assert [(fault.code, fault.params["other"]) for fault in told] == ([(code, known)] if code else [])


def test_faulty_units_of_another_date_are_not_lost_with_those_that_give_way(study: Path, tmp_path: Path) -> None:
    units = pyogrio.read_dataframe(study / "layers.gpkg", layer="units")
    pyogrio.write_dataframe(units, tmp_path / "units.gpkg", layer="units")
    later = units.assign(valid_on=date(2025, 7, 1), population=-1)
    pyogrio.write_dataframe(pd.concat([units, later]), study / "layers.gpkg", layer="units")
    with pytest.raises(InputError) as caught:
        import_files(study, "units", [tmp_path / "units.gpkg"])
    assert caught.value.code == "import.there_faulty"
    pyogrio.write_dataframe(units.assign(population=-1), study / "layers.gpkg", layer="units")  # all of them, same date
    assert import_files(study, "units", [tmp_path / "units.gpkg"]).report.kept == len(units)
    assert len(layer(study, "units")) == len(units)


CELLS = st.one_of(st.none(), st.text(max_size=12), st.floats(allow_nan=False, allow_infinity=False), st.booleans())


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(CELLS, min_size=8, max_size=8), min_size=1, max_size=5), st.data())
def test_every_row_is_kept_or_rejected(
    study: Path, tmp_path: Path, odd: list[list[object]], data: st.DataObject
) -> None:
    rows = rows_of(study)
    for cells in odd:
        rows.insert(data.draw(st.integers(0, len(rows))), cells)
    path = tmp_path / "odd.csv"
    pd.DataFrame(rows, columns=HEADINGS).to_csv(path, index=False)
    try:
        report = import_files(study, "postal_points", [path], asked=Asked(as_of=DAY), write=False).report
    except InputError:
        return  # the file leaves a doubt, which is said
    assert report.kept + report.rejected == report.read
    assert report.kept >= 1


def test_a_day_that_is_missing_is_asked_for_by_its_option(study: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        import_files(study, "postal_points", [office_book(tmp_path / "a.xlsx", rows_of(study))], asked=Asked())
    assert "--as-of" in caught.value.say("en")
    assert "--as-of" in caught.value.say("vi")


def test_a_layer_that_the_file_does_not_have_is_refused(study: Path) -> None:
    with pytest.raises(InputError) as caught:
        import_files(study, "units", [study / "layers.gpkg"], asked=Asked(as_of=DAY, sheet="communes"))
    assert caught.value.code == "read.no_such_sheet"
    assert "units" in str(caught.value.params["names"])
