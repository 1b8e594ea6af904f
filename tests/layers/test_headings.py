"""Headings of office sheets: known ones matched however written, doubtful ones refused, units exact."""

import math
import os
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from phusong.layers.checks.validate import is_note, validate
from phusong.layers.columns.headings import LEAST_SCORE, Match, chosen, matched, worded
from phusong.layers.columns.synonyms import (
    COORDINATES,
    UNIT_NAMES,
    columns_book,
    data,
    heading_code,
    key,
    synonyms,
    targets,
    word_synonyms,
    words_book,
)
from phusong.layers.columns.values import plain
from phusong.layers.errors import InputError
from phusong.layers.messages import LANGS, say
from phusong.layers.readers.raw import RawTable
from phusong.layers.readers.table import read_tables
from phusong.layers.schema import LAYERS, Layer
from phusong.layers.vietnamese.encodings import encode
from phusong.layers.vietnamese.text import decoded

SITES, SECTORS, UNITS = LAYERS["sites"], LAYERS["sectors"], LAYERS["units"]


def table(columns: dict[str, list[Any]] | list[str], *, sheet: str = "", rows: int = 1, **more: Any) -> RawTable:
    """A table as a reader gives it; with a list, empty cells below those headings."""
    cells = columns if isinstance(columns, dict) else {name: [None] * rows for name in columns}
    frame = pd.DataFrame({i: pd.Series(values, dtype=object) for i, values in enumerate(cells.values())})
    frame.columns = pd.Index(list(cells), dtype=object)
    return RawTable(frame, np.arange(2, len(frame) + 2), "a.xlsx", sheet, **more)


def used(headings: list[str], layer: Layer, **mapping: str) -> dict[str, str]:
    return matched(table(headings), layer, mapping=mapping).used


def name_of(heading: str, layer: Layer) -> str | None:
    return used([heading], layer).get(heading)


def codes(match: Match) -> list[str]:
    return [fault.code for fault in match.raw.faults]


# The table of synonyms


def test_each_synonym_points_to_a_real_column_and_none_to_two_of_one_layer() -> None:
    seen = 0
    for layer in LAYERS.values():
        book = columns_book(layer.name)
        own = [column.name for column in layer.all_columns]
        for column in targets(layer):
            for text in synonyms(layer, column):
                found = {one.target for one in book.find(text.removeprefix("~"))}
                assert len(found) == 1, (layer.name, column, text, found)
                if column in own:
                    assert found == {column}, (layer.name, column, text, found)
                seen += 1
    assert seen > 1000


def test_the_table_names_only_what_is_declared() -> None:
    columns = {column.name for layer in LAYERS.values() for column in layer.all_columns}
    assert set(data()) == {"any", "places", "layer", "idle", "units", "word"}
    assert set(data()["any"]) <= columns
    assert set(data()["places"]) == {*COORDINATES, *UNIT_NAMES}
    for name, entries in data()["layer"].items():
        assert set(entries) <= {column.name for column in LAYERS[name].all_columns}
    assert set(data()["idle"]) <= {"any", *LAYERS}
    for name, entries in data()["word"].items():
        for column, words in entries.items():
            declared = LAYERS[name].column(column).words
            assert isinstance(words, str) or set(words) == set(declared), (name, column)


def test_every_column_has_vietnamese_and_english_synonyms_or_headings() -> None:
    for layer in LAYERS.values():
        for column in targets(layer):
            for lang in LANGS:
                heading = say(heading_code(layer, column), lang)
                assert [one.target for one in columns_book(layer.name).find(heading)] == [column]
            if column not in UNIT_NAMES:
                assert len(synonyms(layer, column)) >= 2, (layer.name, column)


def test_each_word_synonym_means_one_word() -> None:
    for layer in LAYERS.values():
        for column in layer.all_columns:
            for word in column.words:
                for text in (word, *word_synonyms(layer.name, column.name, word)):
                    assert {one.target for one in words_book(layer.name, column.name).find(text)} == {word}, text


# How headings are written


@pytest.mark.parametrize(
    ("layer", "heading", "name"),
    [
        ("sites", "Mã trạm", "site_id"),
        ("sites", "MÃ TRẠM", "site_id"),
        ("sites", "Ma tram", "site_id"),
        ("sites", "MATRAM", "site_id"),
        ("sites", "ma_tram", "site_id"),
        ("sites", "1. Mã trạm (*)", "site_id"),
        ("sites", "(2) Tên\ntrạm²", "name"),
        ("sites", "Thông tin trạm / Mã trạm", "site_id"),
        ("sites", "Trạm / Mã", "site_id"),
        ("sites", "Tên trạm (Site name)", "name"),
        ("sites", "Tên trạm / Site name", "name"),
        ("sites", "Kinh độ", "lon"),
        ("sites", "Toạ độ / Kinh độ", "lon"),
        ("sites", "Tọa độ (VN-2000) / X", "x_m"),
        ("sites", "Toạ độ Y (m)", "y_m"),
        ("sites", "Kinh độ (độ thập phân, WGS 84)", "lon"),
        ("sites", "Vĩ độ (Bắc)", "lat"),
        ("sites", "Toạ độ", "position"),
        ("sites", "Toạ độ (Vĩ độ, Kinh độ)", "position"),
        ("sites", "Kinh độ / Vĩ độ", "position"),
        ("sites", "Lat/Long", "position"),
        ("sites", "Longitude", "lon"),
        ("sites", "Xã/Phường", "unit_name"),
        ("sites", "Xã, phường, thị trấn", "unit_name"),
        ("sites", "Huyện/Thị xã/Thành phố", "district_name"),
        ("sites", "Tỉnh/TP", "province_name"),
        ("sites", "Dùng chung (có/không)", "shared"),
        ("sectors", "Độ cao anten (m)", "height_m"),
        ("sectors", "Độ cao ăng-ten, m", "height_m"),
        ("sectors", "Chiều cao anten [m]", "height_m"),
        ("sectors", "Anten / Độ cao", "height_m"),
        ("sectors", "Ðộ cao anten (m)", "height_m"),
        ("sectors", "height_m", "height_m"),
        ("sectors", "Height_M", "height_m"),
        ("sectors", "Góc phương vị (độ)", "azimuth_deg"),
        ("sectors", "Anten / Azimuth", "azimuth_deg"),
        ("sectors", "Nhà mạng", "operator"),
        ("sectors", "Công nghệ (2G/3G/4G)", "technology"),
        ("sectors", "Dải tần MHz", "band_mhz"),
        ("sectors", "Tần số [MHz]", "band_mhz"),
        ("sectors", "Công suất phát (W)", "carrier_power_dbm"),
        ("sectors", "carrier_po", "carrier_power_dbm"),
        ("units", "Dân số", "population"),
        ("units", "Dân số (người)", "population"),
        ("units", "Dân số (nghìn người)", "population"),
        ("units", "Dân số / Tổng số", "population"),
        ("units", "Dân số năm 2012", "population"),
        ("units", "Dân số (31/12/2012)", "population"),
        ("units", "Dân số_2012", "population"),
        ("units", "pop2019", "population"),
        ("sites", "Toạ độ X VN2000", "x_m"),
        ("units", "Số hộ", "households"),
        ("units", "Diện tích (km²)", "area_km2"),
        ("units", "Diện tích (km2)", "area_km2"),
        ("units", "dien_tich_ha", "area_km2"),
        ("units", "Xã", "name"),
        ("units", "Huyện", "district"),
        ("units", "Mã ĐVHC", "code"),
        ("broadband", "Mã xã", "code"),
        ("broadband", "Tên xã", "unit_name"),
        ("broadband", "Thuê bao ADSL", "adsl_subscribers"),
        ("broadband", "Thuê bao / Băng rộng cố định", "broadband_subscribers"),
        ("broadband", "Số máy điện thoại (máy)", "telephone_subscribers"),
        ("broadband", "Thuê bao điện thoại/100 dân", None),
        ("broadband", "Thuê bao điện thoại (/100 dân)", None),
        ("villages", "Thôn", "name"),
        ("villages", "Tỷ lệ", None),
        ("villages", "Điện lưới", "grid_power"),
        ("postal_points", "Loại hình", "kind"),
        ("facilities", "Mạng LAN", "lan"),
        ("sites", "Kinh độ/Longitude", "lon"),
        ("sites", "Tên trạm - Site name", "name"),
        ("sites", "LAT_WGS84", "lat"),
        ("sites", "VN2000_X", "x_m"),
        ("units", "Dân số (31.12.2012)", "population"),
        ("units", "Area (sq km)", "area_km2"),
        ("villages", "Có điện lưới (x)", "grid_power"),
        ("sites", "Dùng chung (Có: x)", "shared"),
        ("sectors", "Azimuth (0-360 độ)", "azimuth_deg"),
        # other things
        ("sites", "Mã trạm/Tên trạm gốc", None),
        ("units", "Tên xã (01/07/2025)", None),  # as "Tên xã (2025)"
        ("units", "Dân số/km2", None),
        ("sites", "Ghi chú", None),
        ("sites", "STT", None),
        ("sites", "Địa chỉ", None),
        ("units", "Hộ nghèo / Dân số", None),
        ("units", "Dân số / Nam", None),
        ("units", "Dân số (%)", None),
        ("units", "Khoá", None),
        ("villages", "Mã hộ", None),
        ("units", "code_2025", None),  # a code means a unit of its own day
        ("units", "Tên xã (2025)", None),
        ("villages", "Bán", None),  # to sell, not a village (Bản)
        ("sectors", "Độ cao anten (so với mặt biển)", None),
        ("sectors", "Công suất nguồn (kVA)", None),
        ("sectors", "Kinh độ", None),  # a layer without geometry
    ],
)
def test_headings_as_offices_write_them(layer: str, heading: str, name: str | None) -> None:
    assert name_of(heading, LAYERS[layer]) == name


LAYER_NAMES = st.sampled_from(sorted(LAYERS))


@settings(max_examples=300, deadline=None)
@given(LAYER_NAMES, st.data())
def test_a_synonym_is_known_in_every_dress(layer_name: str, draw: st.DataObject) -> None:
    layer = LAYERS[layer_name]
    column = draw.draw(st.sampled_from(targets(layer)))
    words = [text.removeprefix("~") for text in synonyms(layer, column)] or [column]
    text = draw.draw(st.sampled_from(words))
    plain_text = name_of(text, layer)
    dress = draw.draw(st.sampled_from(["upper", "nfd", "toneless", "underscore", "lines", "stars", "numbered"]))
    bare = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    bare = "".join(c for c in bare if not unicodedata.combining(c))
    dressed = {
        "upper": text.upper(),
        "nfd": unicodedata.normalize("NFD", text),
        "toneless": bare,
        "underscore": bare.replace(" ", "_"),
        "lines": text.replace(" ", "\n"),
        "stars": f"{text} (*)",
        "numbered": f"3. {text}",
    }[dress]
    assert plain_text is not None
    assert name_of(dressed, layer) == plain_text


@settings(max_examples=200, deadline=None)
@given(LAYER_NAMES, st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=30))
def test_no_heading_breaks_it(layer_name: str, text: str) -> None:
    layer = LAYERS[layer_name]
    match = matched(table([text]), layer)
    assert set(match.used) | set(match.unmatched) == {text}
    assert 0 <= match.score <= 1


def test_thousands_of_strange_headings_are_no_burden() -> None:
    strange = [f"Cột lạ số {i} của bảng tổng hợp kèm theo báo cáo" for i in range(500)] + [
        "(1)" * 100_000,
        "a " * 100_000,
        "Tên " + "*" * 200 + "x",
    ]
    match = matched(table([*strange, "Mã trạm"]), SITES)
    assert match.used == {"Mã trạm": "site_id"}
    assert len(match.unmatched) == 503


def test_a_heading_with_other_marks_is_not_the_synonym() -> None:
    assert key("Hoà") == key("Hòa")
    assert key("Vỹ độ") == key("Vĩ độ")
    assert name_of("Vỹ độ", SITES) == "lat"
    assert name_of("Kỉnh độ", SITES) is None


# Doubt


def faults_of(headings: list[str], layer: Layer, **mapping: str) -> dict[str, str]:
    with pytest.raises(InputError) as error:
        matched(table(headings), layer, mapping=mapping)
    assert error.value.code == "headings.in_doubt"
    assert "--map" in error.value.say("vi")
    return {fault.code: fault.say("en") for fault in error.value.faults}


def test_two_headings_for_one_column_are_refused_with_both_names() -> None:
    said = faults_of(["Mã trạm", "Tên trạm", "Site name"], SITES)
    assert list(said) == ["fault.column_from_two"]
    assert '"Tên trạm", "Site name"' in said["fault.column_from_two"]
    assert used(["Mã trạm", "Tên trạm", "Site name"], SITES, **{"Site name": "name"}) == {
        "Mã trạm": "site_id",
        "Site name": "name",
    }


def test_one_heading_for_two_columns_is_refused_with_both_names() -> None:
    said = faults_of(["Mã trạm / Tên trạm"], SITES)
    assert "site_id, name" in said["fault.heading_for_two"]
    assert used(["Mã trạm / Tên trạm"], SITES, **{"Mã trạm / Tên trạm": "site_id"}) == {"Mã trạm / Tên trạm": "site_id"}


def test_degrees_minutes_and_seconds_in_columns_of_their_own_are_refused_with_how_to_join_them() -> None:
    parts = [f"{axis} / {part}" for axis in ("Kinh độ", "Vĩ độ") for part in ("Độ", "Phút", "Giây")]
    said = faults_of(["Mã trạm", *parts], SITES)
    assert set(said) == {"fault.degrees_in_columns"}
    assert "join them" in said["fault.degrees_in_columns"]
    two = faults_of(["Kinh độ (độ, phút, giây)", "Kinh độ (độ thập phân)"], SITES)
    assert set(two) == {"fault.column_from_two"}


def test_the_same_figure_of_two_years_is_in_doubt() -> None:
    assert set(faults_of(["Dân số 2011", "Dân số 2012"], UNITS)) == {"fault.column_from_two"}
    match = matched(table(["Dân số 2011", "Dân số 2012"]), UNITS, mapping={"Dân số 2012": "population"})
    assert match.used == {"Dân số 2012": "population"}
    assert match.unmatched == ("Dân số 2011",)
    assert codes(match) == ["note.heading_year"]


def test_a_stand_in_gives_way_and_is_told() -> None:
    match = matched(table(["Độ cao cột (m)"]), SECTORS)
    assert match.used == {"Độ cao cột (m)": "height_m"}
    assert codes(match) == ["changed.heading_stand_in"]
    assert "Độ cao anten" in match.raw.faults[0].say("vi")
    both = matched(table(["Độ cao cột (m)", "Độ cao anten (m)"]), SECTORS)
    assert both.used == {"Độ cao anten (m)": "height_m"}
    assert codes(both) == ["note.heading_beside"]
    assert set(faults_of(["Độ cao cột", "Độ cao"], SECTORS)) == {"fault.column_from_two"}


def test_the_schemas_own_name_goes_first() -> None:
    match = matched(table({"name": ["a"], "Tên trạm": ["b"]}), SITES)
    assert match.used == {"name": "name"}
    assert match.raw.frame["name"].tolist() == ["a"]


def test_what_is_left_alone_cannot_be_taken_for_a_column() -> None:
    match = matched(table({"Name": ["a"], "Tên trạm": ["b"], "site_id": ["1"]}), SITES, mapping={"Tên trạm": "name"})
    assert match.unmatched == ("Name (+)",)
    assert match.raw.frame.columns.tolist() == ["Name (+)", "name", "site_id"]
    assert "fault.heading_twice" not in [f.code for f in validate(match.raw, SITES, crs="EPSG:9212").faults]
    twins = matched(table(["Name", "Name (+)", "Tên trạm"]), SITES, mapping={"Tên trạm": "name"})
    assert twins.raw.frame.columns.tolist() == ["Name (+) (+)", "Name (+)", "name"]
    alone = matched(table(["name", "site_id"]), SITES, mapping={"name": "-"})
    assert alone.used == {"site_id": "site_id"}


def test_an_unknown_heading_is_kept_and_the_nearest_named() -> None:
    match = matched(table({"Chiều cao anten": [30], "Gốc phương vị": [10], "Ghi chú": ["x"]}), SECTORS)
    assert match.unmatched == ("Gốc phương vị", "Ghi chú")
    assert match.raw.frame["Ghi chú"].tolist() == ["x"]
    (note,) = match.raw.faults
    assert note.code == "note.heading_near"
    assert "azimuth_deg" in note.say("vi")


def test_the_user_cannot_map_another_unit() -> None:
    said = faults_of(["Công suất (kVA)"], SECTORS, **{"Công suất (kVA)": "carrier_power_dbm"})
    assert "dBm" in said["fault.map_unit"]


# Coordinates


def test_an_epsg_code_in_the_headings_is_the_tables_crs() -> None:
    headings = ["Toạ độ đông (m, EPSG:9212)", "Toạ độ bắc (m, EPSG:9212)"]
    match = matched(table(headings), SITES)
    assert match.raw.crs == "EPSG:9212"
    assert list(match.used.values()) == ["x_m", "y_m"]
    assert matched(table(headings, crs="EPSG:9211"), SITES).raw.crs == "EPSG:9211"
    assert set(faults_of([headings[0], "Toạ độ bắc (m, EPSG:9211)"], SITES)) == {"fault.heading_two_crs"}
    assert codes(matched(table(["Toạ độ X (VN2000)"]), SITES)) == ["note.heading_crs"]


# Mappings


def test_a_mapping_goes_before_all_and_must_fit() -> None:
    assert used(["Cột A", "Mã trạm"], SITES, **{"cột a": "site_id"}) == {"Cột A": "site_id"}
    assert "nearest is name" in faults_of(["Cột A"], SITES, **{"Cột A": "nam"})["fault.map_no_column"]
    assert 'nearest is "Cột A"' in faults_of(["Cột A"], SITES, **{"Cột B": "name"})["fault.map_no_heading"]
    two = faults_of(["Cột A", "Cột B"], SITES, **{"Cột A": "name", "Cột B": "name"})
    assert '"Cột A", "Cột B"' in two["fault.column_from_two"]
    assert used(["Cột", "CỘT"], SITES, Cột="name") == {"Cột": "name"}
    assert used(["Cột A"], SITES, **{"Cột A": "name", "cột  a": "name"}) == {"Cột A": "name"}
    once = faults_of(["Cột A"], SITES, **{"Cột A": "name", "cột  a": "owner"})
    assert "name, owner" in once["fault.heading_for_two"]


# Sheets


def test_the_sheet_that_fits_is_chosen() -> None:
    good = table(["Mã trạm", "Tên trạm", "Kinh độ", "Vĩ độ", "Ghi chú"], sheet="BTS")
    other = table(["Nội dung", "Kinh phí"], sheet="Kinh phí")
    assert chosen([other, good], SITES).raw.sheet == "BTS"
    assert matched(good, SITES).score == pytest.approx((1 + 4 / 5) / 2)
    assert matched(other, SITES).score < LEAST_SCORE
    twin = table(["Mã trạm", "Tên trạm", "Kinh độ", "Vĩ độ", "Địa chỉ"], sheet="BTS 2")
    for tables in ([good, twin], [other, other], []):
        with pytest.raises(InputError) as error:
            chosen(tables, SITES)
        assert error.value.code == "headings.which_sheet"
        assert "--sheet" in error.value.say("vi")
    named = table(["Mã trạm", "Kinh độ", "Vĩ độ"], sheet="Sites")
    assert chosen([good, named, twin], SITES).raw.sheet == "Sites"
    assert chosen([other], SITES).raw.sheet == "Kinh phí"


def test_shapes_count_as_the_place() -> None:
    points = np.array([shapely.Point(0, 0)], dtype=object)
    assert matched(table(["Mã trạm"], geometry=points, crs="EPSG:4326"), SITES).score == 1
    assert matched(table(["Mã trạm"]), SITES).score == pytest.approx(0.75)


# Words


@pytest.mark.parametrize(
    ("layer", "column", "found", "made"),
    [
        ("postal_points", "kind", "Bưu cục", "post_office"),
        ("postal_points", "kind", "BĐ-VHX", "commune_culture_post"),
        ("postal_points", "kind", "Điểm BĐVHX", "commune_culture_post"),
        ("postal_points", "kind", "Đại lí", "agency"),
        ("sectors", "technology", "GSM", "2G"),
        ("sectors", "technology", "wcdma", "3G"),
        ("sectors", "technology", "LTE", "4G"),
        ("sectors", "technology", "4G (LTE)", "4G"),
        ("sectors", "technology", "3G/UMTS", "3G"),
        ("sectors", "technology", "NR", "5G"),
        ("signal_reports", "technology", "E-UTRA", "4G"),
        ("sites", "status", "Đang hoạt động", "in_service"),
        ("sites", "status", "dang hoat dong", "in_service"),
        ("sites", "backhaul", "Vi ba", "microwave"),
        ("facilities", "kind", "THCS", "lower_secondary_school"),
        ("units", "kind", "TT", "township"),
        # not known, or two words
        ("sectors", "technology", "2G/3G", "2G/3G"),
        ("facilities", "kind", "TH&THCS", "TH&THCS"),
        ("sites", "status", "tạm ngừng", "tạm ngừng"),
        ("postal_points", "kind", "thùng thư", "thùng thư"),
    ],
)
def test_words_as_offices_write_them(layer: str, column: str, found: str, made: str) -> None:
    done = worded(table({column: [found]}), LAYERS[layer])
    assert done.frame[column].tolist() == [made]
    assert [fault.code for fault in done.faults] == (["changed.words"] if made != found else [])


def test_words_are_told_once_a_column() -> None:
    cells = ["GSM", "LTE", "LTE", "3G", None, "4g", 5]
    done = worded(table({"technology": cells}), SECTORS)
    assert done.frame["technology"].tolist() == ["2G", "4G", "4G", "3G", None, "4g", 5]
    (told,) = done.faults
    assert told.params["count"] == 3
    assert "GSM → 2G; LTE → 4G" in told.say("vi")


def test_no_closed_word_is_changed() -> None:
    for layer in LAYERS.values():
        for column in layer.all_columns:
            if column.words:
                done = worded(table({column.name: list(column.words)}), layer)
                assert done.frame[column.name].tolist() == list(column.words)
                assert done.faults == ()


# A list as an office keeps it


@pytest.mark.parametrize("encoding", ["unicode", "tcvn3", "vni"])
def test_an_offices_list_of_sectors_is_understood(tmp_path: Path, encoding: str) -> None:
    def say_it(text: str) -> str:
        return text if encoding == "unicode" else encode(text, encoding)

    path = tmp_path / "list.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("Bảng 1" if encoding == "unicode" else "Sheet1")
    sheet.merge_range(0, 0, 0, 9, say_it("DANH SÁCH TRẠM THU PHÁT SÓNG THÔNG TIN DI ĐỘNG"))
    for c, heading in enumerate(["STT", "Mã trạm", "Mã cell", "Doanh nghiệp", "Công nghệ"]):
        sheet.merge_range(2, c, 3, c, say_it(heading))
    sheet.merge_range(2, 5, 2, 7, say_it("Anten"))
    for c, heading in enumerate(["Độ cao (m)", "Góc phương vị (độ)", "Độ lợi (dBi)"], start=5):
        sheet.write(3, c, say_it(heading))
    sheet.merge_range(2, 8, 3, 8, say_it("Công suất phát (W)"))
    sheet.merge_range(2, 9, 3, 9, say_it("Ghi chú"))
    rows = [
        (1, "QT001", "QT001A", "Viettel", "GSM", 42, 0, 17, 20, say_it("mới")),
        (2, "QT001", "QT001B", "Viettel", "WCDMA", 42, 120, 18, 20, None),
        (3, "QT002", "QT002A", "VNPT", "3G (UMTS)", 36, 240, 18, 40, say_it("dùng chung cột với đơn vị khác")),
        (4, "QT003", "QT003A", "MobiFone", "LTE", 30, None, 17, 40, say_it("đặt tại trụ sở uỷ ban nhân dân xã")),
    ]
    for r, row in enumerate(rows, start=4):
        sheet.write_row(r, 0, row)
    sheet.write(9, 1, say_it("Tổng cộng"))
    sheet.write(9, 5, 4)
    book.close()
    tables = [decoded(raw) for raw in read_tables(path)]
    match = chosen(tables, SECTORS)
    assert list(match.used.values()) == [
        *("site_id", "sector_id", "operator", "technology", "height_m", "azimuth_deg", "antenna_gain_dbi"),
        "carrier_power_dbm",
    ]
    assert [key(heading).plain for heading in match.unmatched] == ["stt", "ghichu"]
    checked = validate(
        plain(worded(match.raw, SECTORS), SECTORS), SECTORS, crs="EPSG:9212", defaults={"as_of": "2012-12-31"}
    )
    frame = checked.frame
    assert [fault for fault in checked.faults if not is_note(fault)] == []
    assert frame["technology"].tolist() == ["2G", "3G", "3G", "4G"]
    assert frame["carrier_power_dbm"].tolist() == pytest.approx([43.0103, 43.0103, 46.0206, 46.0206], abs=1e-4)
    assert frame["azimuth_deg"].tolist()[:3] == [0, 120, 240]
    assert math.isnan(frame["azimuth_deg"].iloc[3])
    assert checked.rows.tolist() == [5, 6, 7, 8]


def test_real_headings_are_read_without_taking_one_year_for_another(real_data: Path) -> None:
    census = matched(read_tables(real_data / "census2019_communes_vietnam.csv")[0], UNITS)
    assert census.used == {
        "province": "province_name",
        "district": "district",
        "commune": "name",
        "pop2019": "population",
        "households2019": "households",
    }
    lineage = matched(read_tables(real_data / "lineage_2012_2024_2025.csv")[0], UNITS)
    assert {"code_2024", "code_2025", "name_2024", "name_2025"} <= set(lineage.unmatched)
    counters = matched(read_tables(real_data / "post_offices_vnpost_4prov.csv")[0], LAYERS["postal_points"])
    assert {"lon_commune", "lat_commune"} <= set(counters.unmatched)  # the commune's place, not the counter's


@pytest.fixture
def real_data() -> Path:
    where = os.environ.get("PHUSONG_DATA")
    if not where or not Path(where).is_dir():
        pytest.skip("no real data here")
    return Path(where)
