"""Hostile files: each is built here, refused with words that name the limit, and never fills the memory."""

import io
import json
import os
import re
import struct
import subprocess
import sys
import textwrap
import zipfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

import geopandas
import pyogrio
import pytest
import shapely
import xlsxwriter
import xlwt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from phusong.layers.errors import InputError, MissingError
from phusong.layers.readers import guard as limits
from phusong.layers.readers import sheets, xls, xlsx
from phusong.layers.readers.guard import guard, unpacked
from phusong.layers.readers.table import read_tables


def _zip(path: Path, entries: dict[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(zipfile.ZipInfo(name), content, compress_type=method)
    return path


def _book(path: Path, rows: list[list[object]]) -> Path:
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("trạm")
        for r, row in enumerate(rows):
            sheet.write_row(r, 0, row)
    return path


def _with_part(path: Path, name: str, change: Callable[[bytes], bytes]) -> Path:
    """The package with one part changed."""
    with zipfile.ZipFile(path) as package:
        parts = {info.filename: package.read(info) for info in package.infolist()}
    parts[name] = change(parts[name])
    return _zip(path, parts)


def _refused(path: Path, code: str, read: Callable[[Path], object] = guard) -> InputError:
    with pytest.raises(InputError) as caught:
        read(path)
    assert caught.value.code == code, caught.value
    for lang in ("en", "vi"):
        assert path.name in caught.value.say(lang)
    return caught.value


ROWS: list[list[object]] = [["site_id", "name"], ["A1", "Khe Sanh"], ["A2", "Lao Bảo"]]


def test_sound_files_go_through(tmp_path: Path) -> None:
    points = geopandas.GeoDataFrame({"code": ["1"]}, geometry=[shapely.Point(106.7, 16.6)], crs=4326)
    for name in ("a.gpkg", "a.shp", "a.geojson", "a.kml", "a.gpx", "a.fgb"):
        path = tmp_path / name
        if name.endswith("gpx"):
            pyogrio.write_dataframe(points[["geometry"]], path, driver="GPX")
        else:
            pyogrio.write_dataframe(points, path, driver="KML" if name.endswith("kml") else None)
        guard(path)
    for part in ("shx", "dbf", "prj"):
        guard(tmp_path / f"a.{part}")
    points.to_parquet(tmp_path / "a.parquet")
    guard(tmp_path / "a.parquet")
    guard(_book(tmp_path / "a.xlsx", ROWS))
    (tmp_path / "a.csv").write_text("code,name\n1,Đakrông\n", encoding="utf-8-sig")
    guard(tmp_path / "a.csv")
    (tmp_path / "b.txt").write_text("code\tname\n1\tĐakrông\n", encoding="utf-16")
    guard(tmp_path / "b.txt")


def test_names_that_are_no_files_are_refused(tmp_path: Path) -> None:
    for name in ("/vsizip/a.zip/b.csv", "/vsicurl/http://a/b", "http://a/b.csv", "GPKG:a.gpkg:t", "//vsimem/a"):
        with pytest.raises(InputError) as caught:
            guard(name)
        assert caught.value.code == "guard.name"
    with pytest.raises(MissingError):
        guard(tmp_path / "none.csv")
    _refused(tmp_path, "guard.no_file")
    with pytest.raises(InputError, match=r"^\. is no file"):
        guard(".")
    (tmp_path / "a.csv").write_bytes(b"")
    _refused(tmp_path / "a.csv", "guard.empty")
    (tmp_path / "secret.csv").write_text("a,b\n1,2\n")
    (tmp_path / "link.csv").symlink_to(tmp_path / "secret.csv")
    _refused(tmp_path / "link.csv", "guard.link")
    os.mkfifo(tmp_path / "pipe.csv")
    _refused(tmp_path / "pipe.csv", "guard.no_file")
    with pytest.raises(InputError) as caught:
        guard(tmp_path / ("a" * 5000))
    assert caught.value.code == "guard.not_opened"
    assert all(len(caught.value.say(lang)) < 400 for lang in ("en", "vi"))


def test_a_file_that_may_not_be_read_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    monkeypatch.setattr(Path, "open", locked)
    assert "Permission denied" in _refused(tmp_path / "a.csv", "guard.not_opened").say("vi")


def test_a_bomb_is_refused_by_its_ratio_before_it_is_unpacked(tmp_path: Path) -> None:
    bomb = _zip(tmp_path / "bomb.zip", {"a.csv": bytes(limits.RATIO_FROM_BYTES + 1)})
    assert bomb.stat().st_size < 40_000
    _refused(bomb, "guard.ratio")
    _refused(bomb, "guard.ratio", lambda path: unpacked(path, into=tmp_path / "out"))
    assert not (tmp_path / "out").exists()
    small = _zip(tmp_path / "small.zip", {"a.csv": bytes(100_000)})  # any ratio, but harmless
    guard(small)


def test_a_bomb_is_refused_by_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_UNPACKED_BYTES", 1_000_000)
    content = os.urandom(400_000)
    guard(_zip(tmp_path / "two.zip", {"a": content, "b": content}))
    _refused(_zip(tmp_path / "three.zip", dict.fromkeys("abc", content)), "guard.unpacked")


def test_a_bomb_of_entries_is_refused_before_its_directory_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = _zip(tmp_path / "many.zip", {f"{i}.txt": b"" for i in range(limits.MOST_ENTRIES + 1)})

    def never(*_: object) -> None:
        raise AssertionError("the directory was read")

    monkeypatch.setattr(limits, "ZipFile", never)
    _refused(many, "guard.entries")


def _lying(path: Path, content: bytes, claimed: int) -> Path:
    """A zip whose one entry claims another size than it unpacks to, the checksum being that of the claimed part."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(content) + packer.flush()
    crc = zlib.crc32(content[:claimed])
    name = b"a.csv"
    local = struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 8, 0, 33, crc, len(packed), claimed, len(name), 0) + name
    entry = struct.pack(
        "<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 8, 0, 33, crc, len(packed), claimed, len(name), 0, 0, 0, 0, 0, 0
    )
    directory = entry + name
    at = len(local) + len(packed)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, len(directory), at, 0)
    path.write_bytes(local + packed + directory + end)
    return path


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 300_000), st.integers(-1000, 1000))
def test_an_entry_unpacks_to_what_it_claims_or_not_at_all(tmp_path: Path, size: int, lie: int) -> None:
    content = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    claimed = max(size + lie, 0)
    path = _lying(tmp_path / "a.zip", content, claimed)
    out = tmp_path / f"{size} {lie}"
    if claimed == size:
        (file,) = unpacked(path, into=out)
        assert file.read_bytes() == content
        file.unlink()
    else:
        _refused(path, "guard.lying_size", lambda p: unpacked(p, into=out))
        for left in out.glob("*"):
            assert left.stat().st_size <= claimed
            left.unlink()


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("../a.csv", "guard.path"),
        ("b/../../a.csv", "guard.path"),
        ("/etc/a.csv", "guard.path"),
        ("C:/a.csv", "guard.path"),
        ("..\\a.csv", "guard.path"),
        ("a\nb.csv", "guard.path"),
        ("b//a.csv", "guard.path"),
        ("a" * 300, "guard.path"),
    ],
)
def test_entries_that_leave_the_folder_are_refused(tmp_path: Path, name: str, code: str) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("x")
        info.filename = name
        archive.writestr(info, "1")
    _refused(path, code)
    _refused(path, code, lambda p: unpacked(p, into=tmp_path / "out"))
    assert [file for file in tmp_path.rglob("*") if file != path] == []


def test_links_twins_locks_and_nested_archives_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("a.csv")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    _refused(tmp_path / "link.zip", "guard.link_inside")
    _refused(_zip(tmp_path / "twice.zip", {"a.csv": b"1", "A.csv": b"2"}), "guard.twice")
    _refused(_zip(tmp_path / "packed.zip", {"a.csv": b"1"}, method=zipfile.ZIP_LZMA), "guard.method")
    data = bytearray(_zip(tmp_path / "plain.zip", {"a.csv": b"1"}).read_bytes())
    at = data.index(b"PK\1\2")
    data[at + 8] |= 1
    (tmp_path / "locked.zip").write_bytes(data)
    _refused(tmp_path / "locked.zip", "guard.locked")
    inner = _zip(tmp_path / "inner.zip", {"a.csv": b"a,b\n1,2\n"}).read_bytes()
    for name in ("inner.zip", "inner.csv"):  # whatever it is called
        outer = _zip(tmp_path / "outer.zip", {name: inner})
        _refused(outer, "guard.nested", lambda p, to=name: unpacked(p, into=tmp_path / f"out {to}"))
    book = _book(tmp_path / "a.xlsx", ROWS)
    packed = _zip(tmp_path / "book.zip", {"lists/a.xlsx": book.read_bytes(), "__MACOSX/x": b"1"})
    (file,) = unpacked(packed, into=tmp_path / "books")
    assert file.relative_to(tmp_path / "books").as_posix() == "lists/a.xlsx"
    assert read_tables(file)[0].frame["site_id"].tolist() == ["A1", "A2"]


def test_overlapping_entries_are_refused(tmp_path: Path) -> None:
    data = _zip(tmp_path / "a.zip", {"a.csv": os.urandom(5000)}).read_bytes()
    at, end = data.index(b"PK\1\2"), data.index(b"PK\5\6")
    entry = data[at:end]
    twin = entry.replace(b"a.csv", b"b.csv")
    tail = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 2, 2, len(entry) + len(twin), at, 0)
    (tmp_path / "a.zip").write_bytes(data[:at] + entry + twin + tail)
    _refused(tmp_path / "a.zip", "guard.overlap")


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_cut_workbook_is_refused_wherever_it_is_cut(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "a.xlsx"
    if not path.exists():
        _book(path, ROWS)
    whole = path.read_bytes()
    cut = tmp_path / "cut.xlsx"
    cut.write_bytes(whole[: data.draw(st.integers(1, len(whole) - 1))])
    with pytest.raises(InputError) as caught:
        read_tables(cut)
    assert caught.value.code in ("guard.cut_off", "read.no_workbook")


def test_cut_geographic_files_are_refused(tmp_path: Path) -> None:
    points = geopandas.GeoDataFrame(
        {"code": [f"{i:04d}" for i in range(500)]}, geometry=shapely.points([[106.7, 16.6]] * 500), crs=4326
    )
    for name in ("a.gpkg", "a.shp", "a.kml"):
        pyogrio.write_dataframe(points, tmp_path / name, driver="KML" if name == "a.kml" else None)
    points.to_parquet(tmp_path / "a.parquet")
    for name in ("a.gpkg", "a.shp", "a.dbf", "a.kml", "a.parquet"):
        path = tmp_path / name
        guard(path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
        _refused(path, "guard.broken_xml" if name == "a.kml" else "guard.cut_off")


ENTITY = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd"><!ENTITY l "ha"><!ENTITY m "&l;&l;&l;">]>'


def test_entities_are_refused_in_every_kind_of_xml(tmp_path: Path) -> None:
    for root in ("kml", "gpx"):
        for codec in ("utf-8", "utf-16"):
            path = tmp_path / f"a.{root}"
            head = f'<?xml version="1.0" encoding="{codec}"?>'
            path.write_bytes(f"{head}{ENTITY}<{root}>&x;&m;</{root}>".encode(codec))
            _refused(path, "guard.entities")
    for part in ("xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml", "xl/styles.xml"):
        book = _book(tmp_path / "a.xlsx", ROWS)
        _with_part(book, part, lambda text: text.replace(b"?>", b"?>" + ENTITY.encode(), 1))
        _refused(book, "guard.entities", read_tables)
        _with_part(book, part, lambda text: text.decode().encode("utf-16"))
        _refused(book, "guard.not_xml", read_tables)
    table = geopandas.GeoDataFrame({"code": ["1"], "name": ["a"]})
    pyogrio.write_dataframe(table, tmp_path / "a.ods", driver="ODS")
    _with_part(tmp_path / "a.ods", "content.xml", lambda text: text.replace(b"?>", b"?>" + ENTITY.encode(), 1))
    _refused(tmp_path / "a.ods", "guard.entities", read_tables)


def test_files_that_point_to_other_sources_are_refused(tmp_path: Path) -> None:
    source = "<OGRVRTLayer name='a'><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer>"
    for root in ("OGRVRTDataSource", "VRTDataset", "GDAL_WMS", "OGRWFSDataSource", "WCS_GDAL"):
        path = tmp_path / "a.kml"  # whatever it is called
        path.write_text(f"<{root}>{source}</{root}>")
        assert root in _refused(path, "guard.xml_kind").say("en")
    recipe = {"type": "gdal_streamed_alg", "command_line": "gdal vector pipeline ! read /etc/passwd"}
    (tmp_path / "a.json").write_text(json.dumps(recipe))
    _refused(tmp_path / "a.json", "guard.xml_kind")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(1, 2 * limits.MOST_NESTING),
    st.lists(st.text(st.sampled_from('ab[]{}"\\'), max_size=8), max_size=5),
    st.sampled_from([40, 64, 2**20]),
)
def test_nesting_counts_brackets_and_not_those_in_texts(
    tmp_path: Path, depth: int, words: list[str], chunk: int
) -> None:
    path = tmp_path / "a.json"
    path.write_text("[" * depth + ",".join(map(json.dumps, words)) + "]" * depth)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "_CHUNK", chunk)
        if depth <= limits.MOST_NESTING:
            guard(path)
        else:
            _refused(path, "guard.nesting")


def test_endless_nesting_of_xml_is_refused(tmp_path: Path) -> None:
    deep = "<Folder>" * 100_000
    (tmp_path / "a.kml").write_text(f"<kml>{deep}")
    _refused(tmp_path / "a.kml", "guard.nesting")


def test_a_text_or_a_web_page_is_no_workbook(tmp_path: Path) -> None:
    for name in ("a.xlsx", "a.xls", "a.ods"):
        (tmp_path / name).write_text("site_id,name\nA1,Khe Sanh\n", encoding="utf-8")
        _refused(tmp_path / name, "read.no_workbook", read_tables)
    for page in (
        "<html><table><tr><td>a</td></tr></table></html>",
        "\ufeff\r\n<!-- list --><!-- 2012 -->\r\n<DIV><table></table></DIV>",
        '<?xml version="1.0"?>\n<html xmlns="http://www.w3.org/1999/xhtml"><body/></html>',
        "<style>td{}</style><table></table>",
    ):
        (tmp_path / "b.xls").write_text(page, encoding="utf-8")
        _refused(tmp_path / "b.xls", "guard.web_page", read_tables)
    (tmp_path / "b.xls").write_text("<!---->" * 500 + "<kml></q>")
    _refused(tmp_path / "b.xls", "guard.broken_xml", read_tables)
    workbook = '<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"/>'
    (tmp_path / "b.xls").write_text(workbook)
    assert "Workbook" in _refused(tmp_path / "b.xls", "guard.xml_kind", read_tables).say("vi")
    _refused(_zip(tmp_path / "c.xlsx", {"a.txt": b"1"}), "read.no_workbook", read_tables)
    _refused(_zip(tmp_path / "d.xlsb", {"xl/workbook.bin": b"1"}), "read.binary_workbook", read_tables)


def test_a_sheet_that_claims_a_million_columns_is_refused(tmp_path: Path) -> None:
    book = _book(tmp_path / "a.xlsx", ROWS)
    claim = b'<dimension ref="A1:XFD1048576"/>'
    _with_part(book, "xl/worksheets/sheet1.xml", lambda text: text.replace(b'<dimension ref="A1:B3"/>', claim))
    assert "16384" in _refused(book, "guard.columns", read_tables).say("en")


@pytest.mark.parametrize(
    "cell",
    [
        b'<c r="XFD1048576"><v>1</v></c>',
        b'<c s="0" r="XFD1048576"><v>1</v></c>',
        b"<c r='XFD1048576'><v>1</v></c>",
        b'<c\nr="XFD1048576"><v>1</v></c>',
        b'<x:c r="XFD1048576"><v>1</v></x:c>',
        b'<c r="ZZZ1"><v>1</v></c>',
        b'<c r="B1048576"><v>1</v></c><c r="AZ2"><v>1</v></c>',
    ],
)
def test_a_cell_far_off_is_refused_however_it_is_written(tmp_path: Path, cell: bytes) -> None:
    book = _book(tmp_path / "a.xlsx", ROWS)
    _with_part(
        book, "xl/worksheets/sheet1.xml", lambda text: text.replace(b"</row></sheetData>", cell + b"</row></sheetData>")
    )
    with pytest.raises(InputError) as caught:
        read_tables(book)
    assert caught.value.code in ("guard.columns", "guard.cells")


def test_cells_far_off_that_only_bear_a_style_do_no_harm(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        sheet = book.add_worksheet()
        for r, row in enumerate(ROWS):
            sheet.write_row(r, 0, row)
        bold = book.add_format({"bold": True})
        sheet.write_blank(1_000_000, 1, None, bold)
        sheet.write_blank(5, 1_500, None, bold)
    (raw,) = read_tables(tmp_path / "a.xlsx")
    assert raw.frame["site_id"].tolist() == ["A1", "A2"]


def test_shared_texts_that_multiply_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (sheets, xlsx):
        monkeypatch.setattr(module, "MOST_SHEET_TEXT", 500_000)
    long = "x" * 20_000
    few = [["site_id", "name"], *[[f"A{i}", long if i < 10 else "short"] for i in range(40)]]
    assert len(read_tables(_book(tmp_path / "few.xlsx", few))[0].frame) == 40
    many = [["site_id", "name"], *[[f"A{i}", long] for i in range(40)]]
    _refused(_book(tmp_path / "many.xlsx", many), "guard.sheet_text", read_tables)
    book = xlwt.Workbook()
    sheet = book.add_sheet("a")
    for r, row in enumerate(many):
        for c, cell in enumerate(row):
            sheet.write(r, c, cell)
    book.save(tmp_path / "many.xls")
    _refused(tmp_path / "many.xls", "guard.sheet_text", read_tables)


def test_counts_that_are_claimed_and_not_there_are_refused(tmp_path: Path) -> None:
    """Readers make room for them: 100 GB and more for these."""
    book = _book(tmp_path / "a.xlsx", ROWS)
    for old, new in ((rb'uniqueCount="\d+"', b'uniqueCount="4294967295"'), (rb' count="\d+"', b' count="4294967295"')):
        _book(book, ROWS)
        _with_part(book, "xl/sharedStrings.xml", lambda text, a=old, b=new: re.sub(a, b, text))
        _refused(book, "guard.cut_off", read_tables)
    old_book = xlwt.Workbook()
    for r, row in enumerate(ROWS):
        for c, cell in enumerate(row):
            (old_book.add_sheet("a") if r + c == 0 else old_book.get_sheet(0)).write(r, c, cell)
    path = tmp_path / "a.xls"
    old_book.save(path)
    data = path.read_bytes()
    assert len(read_tables(path)[0].frame) == 2
    at = data.index(b"\x00\x02\x0e\x00") + 4  # what the sheet says of its extent
    for field in (struct.pack("<IIHH", 0, 2**31, 0, 2), struct.pack("<IIHH", 5, 0, 0, 2)):
        path.write_bytes(data[:at] + field + data[at + 12 :])
        with pytest.raises(InputError) as caught:
            read_tables(path)
        assert caught.value.code in ("guard.cells", "guard.cut_off")


def test_repeated_cells_that_multiply_are_refused(tmp_path: Path) -> None:
    table = geopandas.GeoDataFrame({"code": ["1", "2"], "name": ["a", "b"]})
    pyogrio.write_dataframe(table, tmp_path / "a.ods", driver="ODS")
    assert read_tables(tmp_path / "a.ods")[0].frame["name"].tolist() == ["a", "b"]
    row, cell = b"<table:table-row", b"<table:table-cell "
    wide = cell + b'table:number-columns-repeated="900000000" '
    far = row + b' table:number-rows-repeated="900000000"'
    for old, new, code in ((cell, wide, "guard.columns"), (row, far, "guard.cells")):
        pyogrio.write_dataframe(table, tmp_path / "b.ods", driver="ODS")
        _with_part(tmp_path / "b.ods", "content.xml", lambda text, a=old, b=new: text.replace(a, b))
        _refused(tmp_path / "b.ods", code, read_tables)


def test_sectors_of_an_old_workbook_in_a_ring_are_refused(tmp_path: Path) -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("a")
    for r, row in enumerate([["site_id", "name"], *[[f"A{i}", f"trạm {i}"] for i in range(300)]]):
        for c, cell in enumerate(row):
            sheet.write(r, c, cell)
    path = tmp_path / "a.xls"
    book.save(path)
    data = bytearray(path.read_bytes())
    assert len(read_tables(path)[0].frame) == 300
    table = (struct.unpack_from("<I", data, 76)[0] + 1) * 512
    second = struct.unpack_from("<I", data, table + 4)[0]
    assert second == 2  # sector 1 goes on in sector 2
    struct.pack_into("<I", data, table + 8, 1)
    path.write_bytes(data)
    _refused(path, "guard.ring", read_tables)


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_workbook_is_read_or_refused_and_nothing_else(tmp_path: Path, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["xlsx", "xls", "ods"]))
    path = tmp_path / f"a.{kind}"
    if kind == "xls":
        book = xlwt.Workbook()
        sheet = book.add_sheet("a")
        for r, row in enumerate(ROWS):
            for c, cell in enumerate(row):
                sheet.write(r, c, cell)
        book.save(path)
        whole = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, len(whole) - 3))
            whole[at : at + 2] = data.draw(st.sampled_from([b"\xff\xff", b"\0\0", b"\0\x80", b"\1\0"]))
        path.write_bytes(whole)
    else:
        if kind == "xlsx":
            _book(path, ROWS)
        else:
            pyogrio.write_dataframe(geopandas.GeoDataFrame({"code": ["1"], "n": [2.5]}), path, driver="ODS")
        with zipfile.ZipFile(path) as package:
            parts = sorted(name for name in package.namelist() if name.endswith(("xml", "rels")))

        def change(text: bytes) -> bytes:
            places = list(re.finditer(rb'"([^"<>]*)"', text))
            place = data.draw(st.sampled_from(places))
            odd = [b"0", b"-1", b"XFD1048576", b"4294967295", b"A1:A0", b"", b"e", b"1e309", b"&#49;"]
            return text[: place.start(1)] + data.draw(st.sampled_from(odd)) + text[place.end(1) :]

        _with_part(path, data.draw(st.sampled_from(parts)), change)
    tables, said = [], ["read"]
    try:
        tables = read_tables(path)
    except InputError as error:
        said = [error.say("vi"), error.say("en")]
    assert all(said)
    assert all(len(table.frame) == len(table.rows) for table in tables)


def test_csv_with_zero_bytes_or_too_many_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"site_id,name\nA\x001,Khe Sanh\n")
    _refused(path, "guard.zero_bytes", read_tables)
    path.write_text(",".join(f"c{i}" for i in range(5000)) + "\n")
    _refused(path, "guard.columns", read_tables)


MEMORY = """
    import os, resource, sys
    from phusong.layers.errors import InputError
    from phusong.layers.readers.table import read_tables
    for path in sys.argv[1:]:
        if os.fork():
            os.wait()
            continue
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            read_tables(path)
        except InputError as error:
            print(error.code, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024, flush=True)
        os._exit(0)
"""


def _memory(paths: Iterable[Path]) -> list[tuple[str, int]]:
    """How each file is refused in a process of its own, and by how many MiB that process grew."""
    words = [sys.executable, "-c", textwrap.dedent(MEMORY), *map(str, paths)]
    lines = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    return [(code, int(grown)) for code, grown in map(str.split, lines)]


def test_memory_stays_small_on_bombs(tmp_path: Path) -> None:
    line = tmp_path / "line.csv"
    with line.open("wb") as file:
        for _ in range(100):
            file.write(b"a" * 1_000_000)
    columns = tmp_path / "columns.csv"
    columns.write_text(",".join("a" * 1 for _ in range(1_000_000)) + "\n")
    sheet = _book(tmp_path / "far.xlsx", ROWS)
    far = b'<c r="XFC1048576"><v>1</v></c></row></sheetData>'
    _with_part(sheet, "xl/worksheets/sheet1.xml", lambda text: text.replace(b"</row></sheetData>", far))
    inside = _book(tmp_path / "inside.xlsx", ROWS)
    packed = io.BytesIO()
    with zipfile.ZipFile(inside) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            new.writestr(info.filename, old.read(info))
        with new.open("xl/media/image1.png", "w", force_zip64=True) as part:
            for _ in range(200):
                part.write(bytes(1_000_000))
    inside.write_bytes(packed.getvalue())
    expected = {line: "guard.long_line", columns: "guard.long_line", sheet: "guard.columns", inside: "guard.ratio"}
    found = _memory(expected)
    assert [code for code, _ in found] == list(expected.values())
    assert all(grown < 40 for _, grown in found), found


@pytest.mark.parametrize("size", [*range(2**20 - 6, 2**20 + 300, 17), 2**20, 2**20 + 258, 2**20 + 299, 2**21, 3])
def test_what_the_unpacker_holds_back_still_comes_and_what_is_missing_is_cut_off(tmp_path: Path, size: int) -> None:
    path = _zip(tmp_path / "a.zip", {"a.bin": bytes(size)})
    assert [one.stat().st_size for one in unpacked(path, into=tmp_path / "out")] == [size]
    with zipfile.ZipFile(path) as archive, path.open("rb") as raw:
        (info,) = archive.infolist()
        info.compress_size -= 1
        with pytest.raises(InputError) as caught:
            list(limits.inflated(raw, info, file=path.name))
    assert caught.value.code == "guard.cut_off"


def test_an_old_workbook_without_a_root_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*_: object, **__: object) -> bytes:
        raise KeyError("Root Entry")

    path = tmp_path / "a.xls"
    path.write_bytes(limits.OLE)
    monkeypatch.setattr(xls, "_workbook", lost)
    _refused(path, "guard.cut_off", xls.xls_facts)
