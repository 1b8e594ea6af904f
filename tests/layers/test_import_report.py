"""Reports of imports: counts that add up, no flood, no harm by what cells hold, and rejects that go in once mended."""

import json
import re
import time
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from phusong.layers.checks.validate import validate
from phusong.layers.errors import ComputeError, Fault, InputError
from phusong.layers.messages import LANGS, Lang, Text, has, say
from phusong.layers.readers.raw import RawTable
from phusong.layers.readers.table import read_tables
from phusong.layers.report import (
    LONGEST_TEXT,
    ImportReport,
    as_json,
    check_reports,
    expected,
    grouped,
    kind_of,
    lines,
    ranges,
    refusal,
    rejected_rows,
    report_of,
    tell,
)
from phusong.layers.schema import LAYERS
from phusong.layers.study_layers import read_layers
from phusong.layers.writers.report import REASON, SOURCE_ROW, unmarked, write_rejects, write_report
from phusong.layers.writers.workbook import Page, write_book

CRS = "EPSG:9212"
SLACK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
HOSTILE = (
    "=cmd|' /C calc'!A0",
    "+84 233 385 2529",
    "-",
    "@SUM(A1)",
    "\t=1+1",
    "'quoted",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "{{ 7*7 }}{% raw %}{#",
    "</style><style>body{display:none}",
    "&lt;b&gt; \u2028 https://example.org/x.js",
    "\x1b[31mred\x1b]0;title\x07",
    "abc\u202egpj.exe",
    "first\r\nsecond\nthird",
    " blanks ",
    "_x0041_",
    "007",
    "1e5",
    "x" * 70_000,
)


def raw_sectors(count: int, bad: dict[int, Any] | None = None, **columns: list[Any]) -> RawTable:
    """Sectors as a sheet holds them, headings in row 3; ``bad``: heights by position."""
    heights: list[Any] = [36.0] * count
    for at, value in (bad or {}).items():
        heights[at] = value
    table: dict[str, list[Any]] = {
        "sector_id": [f"{i:04d}" for i in range(count)],
        "site_id": ["QT01"] * count,
        "operator": ["Viettel"] * count,
        "technology": ["3G"] * count,
        "height_m": heights,
        "as_of": [date(2012, 12, 31)] * count,
        **columns,
    }
    frame = pd.DataFrame({name: pd.Series(cells, dtype=object) for name, cells in table.items()})
    return RawTable(frame, np.arange(4, 4 + count), "trạm.xlsx", "Sheet1")


def sectors_report(raw: RawTable, **more: Any) -> ImportReport:
    return report_of(raw, validate(raw, LAYERS["sectors"], crs=CRS), **more)


def hostile_report() -> tuple[ImportReport, RawTable]:
    raw = raw_sectors(len(HOSTILE), dict(enumerate(HOSTILE)), note=list(HOSTILE))
    return sectors_report(raw, unmatched=HOSTILE, operation=HOSTILE[0], used={HOSTILE[6]: "height_m"}), raw


def flood(count: int) -> tuple[ImportReport, RawTable]:
    """As many faults as rows, all alike but for every tenth."""
    raw = raw_sectors(count)
    faults = tuple(
        Fault(
            "fault.out_of_range",
            raw.file,
            "sectors",
            raw.sheet,
            4 + i,
            "height_m",
            params={"found": f"{400 + i % 10 * (i % 7 == 0)}", "minimum": "1", "maximum": "350", "unit": " m"},
        )
        for i in range(count)
    )
    report = ImportReport(
        file=raw.file, sheet=raw.sheet, layer="sectors", read=count, kept=0, rejected=count, faults=faults
    )
    return report, raw


# ---- counts ------------------------------------------------------------------------------------------------------


@SLACK
@given(st.lists(st.sampled_from([36.0, "36", None, "cao", 4000, "=1"]), min_size=1, max_size=12))
def test_kept_and_rejected_are_what_was_read(heights: list[Any]) -> None:
    raw = raw_sectors(len(heights), dict(enumerate(heights)))
    report = sectors_report(raw)
    good = sum(height in (36.0, "36") for height in heights)
    assert (report.read, report.kept, report.rejected) == (len(heights), good, len(heights) - good)
    assert rejected_rows(report.faults) == [4 + i for i, height in enumerate(heights) if height not in (36.0, "36")]


@given(
    st.integers(0, 5),
    st.integers(-1, 5),
    st.integers(-1, 5),
    st.integers(-1, 5),
    st.sets(st.integers(2, 9), max_size=3),
)
def test_counts_that_do_not_add_up_are_refused(
    read: int, kept: int, rejected: int, already: int, rows: set[int]
) -> None:
    faults = tuple(Fault("fault.empty_cell", row=row) for row in sorted(rows) for _ in (0, 1))
    right = min(read, kept, rejected, already) >= 0 and kept + rejected == read and already <= kept
    counts = {"read": read, "kept": kept, "rejected": rejected, "already": already}
    if right and rejected == len(rows):
        assert ImportReport(file="a", layer="sites", faults=faults, **counts).kept == kept
    else:
        with pytest.raises(ComputeError) as error:
            ImportReport(file="a", layer="sites", faults=faults, **counts)
        assert all(str(value) in error.value.say(lang) for lang in LANGS for value in (*counts.values(), len(rows)))


def test_a_row_lost_without_a_word_is_refused() -> None:
    raw = raw_sectors(3)
    checked = validate(raw, LAYERS["sectors"], crs=CRS)
    with pytest.raises(ComputeError):
        report_of(raw, checked.keep(np.array([True, False, True]), []))


def test_of_a_refused_table_nothing_is_kept() -> None:
    raw = raw_sectors(5)
    raw = RawTable(raw.frame.drop(columns="site_id"), raw.rows, raw.file, raw.sheet)
    report = sectors_report(raw)
    assert report.refused
    assert (report.read, report.kept, report.rejected) == (5, 0, 5)
    with pytest.raises(ComputeError):
        ImportReport(file="a", layer="sites", read=5, kept=5, rejected=0, faults=report.faults)


def test_rows_that_the_reader_left_out_count_as_read() -> None:
    raw = raw_sectors(3)
    broken = Fault("fault.too_many_cells", raw.file, "", raw.sheet, 9, params={"found": 9, "expected": 6})
    raw = RawTable(raw.frame, raw.rows, raw.file, raw.sheet, faults=(broken,))
    report = sectors_report(raw)
    assert (report.read, report.kept, report.rejected) == (4, 3, 1)


def test_an_error_becomes_a_report() -> None:
    error = InputError("read.unreadable", file="a.xlsx", faults=(Fault("note.no_heading", params={"number": 3}),))
    report = refusal(error, file="a.xlsx", layer="sites", read=7)
    assert report.refused
    assert [kind_of(fault) for fault in report.faults] == ["refused", "noted"]
    assert error.say("en").splitlines()[0] in "\n".join(lines([report], "en"))


def test_a_checked_study_has_a_report_for_each_layer(
    tiny_study: Path, layers_of_tiny: Any, make_tiny_study: Any
) -> None:
    layers_of_tiny["sectors"].loc[1, "site_id"] = "nowhere"
    layers_of_tiny["sectors"].loc[2, "height_m"] = 4000.0
    root = make_tiny_study(tiny_study.parent / "other", layers_of_tiny)
    day = date(2012, 12, 31)
    read = read_layers(root / "layers.gpkg", root / "rasters", crs=CRS, units_valid_on=day)
    reports = check_reports(read.faults, kept={name: len(frame) for name, frame in read.layers.items()})
    by_layer = {report.layer: report for report in reports}
    assert list(by_layer)[: len(read.layers)] == [name for name in LAYERS if name in read.layers]
    assert (by_layer["sectors"].read, by_layer["sectors"].kept, by_layer["sectors"].rejected) == (4, 2, 2)
    assert by_layer["units"].kept == 4
    assert sum(len(report.faults) for report in reports) == len(read.faults)


# ---- words -------------------------------------------------------------------------------------------------------


@given(st.sets(st.integers(1, 60)).map(sorted))
def test_ranges_name_each_row_once(rows: list[int]) -> None:
    named: list[int] = []
    for part in filter(None, ranges(rows, most=100).split(", ")):
        first, _, last = part.partition("–")
        named += range(int(first), int(last or first) + 1)
    assert named == rows
    assert len(ranges(rows, most=2).split(", ")) <= 3


@given(st.text(st.one_of(st.characters(), st.sampled_from(" \n\x1b\x9b\u202e\u2028ăđ")), max_size=40))
@example("\x1b[31m\x9b1m\u202e\ud800")
@example(" a\r\n  b\u2028c ")
def test_what_is_told_is_one_harmless_line(text: str) -> None:
    line = tell(text)
    assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029\ud800-\udfff]|  ", line)
    unseen = "[\x00-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff]"
    harmless = "".join(sign for sign in re.sub(unseen, "", text) if unicodedata.category(sign) != "Cf")
    if harmless == text:
        assert line.strip() == " ".join(text.split())


@pytest.mark.parametrize("sign", ["\u00ad", "\u061c", "\u200b", "\u200d", "\u200f", "\u2066", "\ufeff", "\U000e0041"])
def test_signs_without_a_shape_are_seen(sign: str) -> None:
    """A word that looks right and is not must not look right where it is refused."""
    assert tell(f"Viet{sign}tel") == "Viet\ufffdtel"


def test_long_texts_are_cut() -> None:
    assert tell("ă" * 10**6) == "ă" * LONGEST_TEXT + "…"


@pytest.mark.parametrize("lang", LANGS)
def test_ten_thousand_like_faults_are_one_line(lang: Lang) -> None:
    raw = raw_sectors(10_000, {i: "cao" for i in range(10_000) if i != 5000})
    out = lines([sectors_report(raw)], lang)
    assert len(out) == 3
    assert "4–5003, 5005–10003" in out[2]
    fault = validate(raw_sectors(1, {0: "cao"}), LAYERS["sectors"], crs=CRS).faults[0]
    assert say(fault.code, lang, **fault.params) in out[2]
    assert ("9.999" if lang == "vi" else "9,999") in out[1]


def test_many_different_texts_are_few_lines_and_no_row_is_lost() -> None:
    raw = raw_sectors(40, {i: f"cao {i}" for i in range(40)})
    out = lines([sectors_report(raw)], "en")
    assert len(out) == 2 + 4
    assert '"cao 2"' in out[4]
    assert "rows 7–43 (37 in all)" in out[5]
    assert "37 more" in out[5]


def test_kinds_come_gravest_first_and_say_what_was_done() -> None:
    faults = (
        Fault("note.unknown_column", column="x"),
        Fault("changed.day", column="as_of", params={"count": 2, "found": "1/2/2012", "made": "2012-02-01"}),
        Fault("fault.empty_cell", row=7, column="site_id"),
    )
    report = ImportReport(file="a.csv", layer="sectors", read=3, kept=2, rejected=1, already=1, faults=faults)
    assert [group.kind for group in grouped(report)] == ["rejected", "changed", "noted"]
    out = lines([report], "vi")
    assert out[0].startswith("a.csv, lớp sectors: số dòng: đọc 3 = giữ 2 + loại 1. ")
    assert "1 dòng đã có sẵn" in out[0]
    assert [line.strip() for line in out if line.startswith("  ") and line[2] != " "] == [
        "loại dòng: 1",
        "giữ lại, đọc khác cách ghi: 1",
        "giữ lại, có lưu ý: 1",
    ]
    assert expected(faults[1], "vi") == "2012-02-01"


def test_a_column_is_named_as_the_file_heads_it() -> None:
    raw = raw_sectors(2, {0: "cao"})
    report = sectors_report(raw, used={"Chiều cao\nanten (m)": "height_m", "as_of": "as_of"})
    assert "column Chiều cao anten (m) (height_m), row 4: " in "\n".join(lines([report], "en"))


@pytest.mark.parametrize("lang", LANGS)
def test_terminal_lines_hold_no_control_characters(lang: Lang) -> None:
    report, _ = hostile_report()
    out = lines([report], lang)
    assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e]", "".join(out))
    assert max(map(len, out)) < 8000


# ---- JSON --------------------------------------------------------------------------------------------------------


def test_json_holds_codes_parameters_and_both_texts(tmp_path: Path) -> None:
    report, _ = hostile_report()
    data = json.loads(write_report([report], tmp_path / "a.json", lang="vi").read_text(encoding="utf-8"))
    assert data == json.loads(json.dumps(as_json([report]), allow_nan=False))
    (told,) = data["reports"]
    assert told["read"] == told["kept"] + told["rejected"]
    assert len(told["faults"]) == len(report.faults)
    for fault, one in zip(report.faults, told["faults"], strict=True):
        assert has(one["code"])
        assert (one["code"], one["row"], one["column"]) == (fault.code, fault.row, fault.column)
        assert set(one["text"]) == set(LANGS)
        assert one["done"] in ("refused", "rejected", "changed", "noted")
    assert told["faults"][0]["found"] == HOSTILE[0]


def test_json_keeps_numbers_and_texts_of_parameters() -> None:
    params = {"found": np.int64(3), "expected": Text("geometry.point"), "a": float("nan"), "b": date(2012, 12, 31)}
    fault = Fault("fault.wrong_geometry", row=2, params=params)
    report = ImportReport(file="a", layer="sites", read=1, kept=0, rejected=1, faults=(fault,))
    told = as_json([report])["reports"][0]["faults"][0]["params"]
    assert told == {"found": 3, "expected": {"code": "geometry.point", "params": {}}, "a": None, "b": "2012-12-31"}


# ---- HTML --------------------------------------------------------------------------------------------------------


class Reader(HTMLParser):
    """What a browser makes of a page: its tags, and the cells of its tables."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.cells: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "td":
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data


@pytest.mark.parametrize("lang", LANGS)
def test_cells_cannot_become_markup(tmp_path: Path, lang: Lang) -> None:
    report, _ = hostile_report()
    page = Reader(write_report([report], tmp_path / "a.html", lang=lang, headline=HOSTILE[6]).read_text("utf-8"))
    assert (page.tags.count("script"), page.tags.count("style"), page.tags.count("img")) == (1, 1, 0)
    assert not [name for name, _ in page.attributes if name.startswith("on") or name == "src"]
    told = "".join(page.cells)
    assert HOSTILE[6] in told
    assert HOSTILE[7] in told
    assert ("lang", lang) in page.attributes


def test_a_flood_does_not_hide_the_others_nor_fill_the_page(tmp_path: Path) -> None:
    report, _ = flood(3000)
    other = Fault("fault.empty_cell", report.file, "sectors", report.sheet, 9000, "site_id")
    report = ImportReport(
        file=report.file, layer="sectors", read=3001, kept=0, rejected=3001, faults=(*report.faults, other)
    )
    text = write_report([report], tmp_path / "a.html", lang="en").read_text("utf-8")
    assert len(text) < 400_000
    cells = Reader(text).cells
    assert cells.count("9000") == 2  # in the groups and one by one
    assert "Shown are 501 of 3,001" in text
    assert "4–3003" in cells


@pytest.mark.browser
@pytest.mark.parametrize("lang", LANGS)
def test_the_page_opens_offline_and_sorts(browser: Any, tmp_path: Path, lang: Lang) -> None:
    report, raw = hostile_report()
    at = {"file": raw.file, "layer": "sectors", "sheet": raw.sheet, "column": "height_m"}
    more = [
        Fault("fault.not_a_number", **at, row=row, params={"found": found})
        for row, found in enumerate(("10", "2.5", "-1.5", "2.25"), 30)
    ]
    report = replace(report, read=22, rejected=21, faults=(*report.faults, *more))
    path = write_report([report], tmp_path / "a.html", lang=lang)
    context = browser.new_context(viewport={"width": 1280, "height": 800}, offline=True)
    page = context.new_page()
    troubles: list[str] = []
    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("dialog", lambda dialog: (troubles.append(dialog.message), dialog.dismiss()))
    page.on(
        "request",
        lambda request: troubles.append(request.url) if not request.url.startswith(("file:", "data:")) else None,
    )
    page.goto(path.as_uri())
    rows = "[...document.querySelectorAll('#faults tbody tr')].map(row => row.cells[{}].textContent)"
    heads = page.evaluate("[...document.querySelectorAll('#faults th')].map(head => head.textContent)")
    column = heads.index(say("import_report.column.row", lang))
    head = page.locator("#faults th").nth(column)
    head.locator("button").click()
    up = page.evaluate(rows.format(column))
    assert [int(row) for row in up if row] == sorted(int(row) for row in up if row)
    assert head.get_attribute("aria-sort") == "ascending"
    head.locator("button").click()
    down = page.evaluate(rows.format(column))
    assert [row for row in down if row] == [row for row in reversed(up) if row]
    assert down[-1] == "" or all(down)
    found = heads.index(say("import_report.column.found", lang))
    head = page.locator("#faults th").nth(found)
    head.locator("button").click()
    numbers = [text for text in page.evaluate(rows.format(found)) if re.fullmatch(r"-?[0-9.]+", text)]
    assert numbers == ["-1.5", "2.25", "2.5", "10", "100000"]
    last = page.locator("#faults th").last.bounding_box()
    assert last["x"] + last["width"] <= 1280  # no long word pushes out of sight how to mend it
    assert page.evaluate("getComputedStyle(document.querySelector('thead th')).backgroundColor") == "rgb(221, 232, 228)"
    assert troubles == []
    context.close()


# ---- XLSX --------------------------------------------------------------------------------------------------------


def test_workbook_lists_faults_and_shows_offending_cells(tmp_path: Path) -> None:
    raw = raw_sectors(6, {1: "cao", 3: 4000.0})
    path = write_report([sectors_report(raw)], tmp_path / "a.xlsx", lang="en", tables=[raw])
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["Summary", "By kind", "Faults", "Rows Sheet1"]
    summary = dict(zip(*[[cell.value for cell in row] for row in book["Summary"].iter_rows()], strict=True))
    assert (summary["Rows read"], summary["Kept"], summary["Rejected"]) == (6, 4, 2)
    faults = [[cell.value for cell in row] for row in book["Faults"].iter_rows(min_row=2)]
    assert [(row[4], row[5], row[6]) for row in faults] == [(5, "height_m", "cao"), (7, "height_m", "4000")]
    assert faults[1][7] == "1 – 350 m"
    sheet = book["Rows Sheet1"]
    assert [cell.value for cell in sheet[1]] == [*raw.frame.columns, SOURCE_ROW, REASON]
    assert [[sheet.cell(row, column).value for column in (1, 5, 7)] for row in (2, 3)] == [
        ["0001", "cao", 5],
        ["0003", 4000, 7],
    ]
    coloured = [
        cell.coordinate for row in sheet.iter_rows(min_row=2) for cell in row if cell.fill.fgColor.rgb == "FFF8C9C9"
    ]
    assert coloured == ["E2", "E3"]
    assert '"cao"' in sheet["E2"].comment.text
    assert sheet.cell(2, 8).value.startswith("height_m: ")


def test_no_cell_of_a_report_acts_as_a_formula(tmp_path: Path) -> None:
    report, raw = hostile_report()
    path = write_report([report], tmp_path / "a.xlsx", lang="vi", tables=[raw])
    book = openpyxl.load_workbook(path)
    seen = 0
    for sheet in book:
        as_stood = sheet.title.startswith("Dòng lỗi")
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.data_type != "f"
                if isinstance(cell.value, str) and cell.value.startswith(("=", "+", "-", "@", "\t")):
                    assert as_stood  # there a text stays what it was: its format says it is one
                    assert cell.quotePrefix
                    assert cell.number_format == "@"
                    seen += 1
    assert seen == 2 * 5  # of the notes and of the heights


def test_faults_beyond_a_sheet_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phusong.layers.writers.report.MOST_ROWS", 5)
    monkeypatch.setattr("phusong.layers.writers.workbook.MOST_ROWS", 5)
    report, raw = flood(12)
    book = openpyxl.load_workbook(write_report([report], tmp_path / "a.xlsx", lang="en", tables=[raw]))
    last = [cell.value for cell in book["Faults"][book["Faults"].max_row]]
    assert (book["Faults"].max_row, last[-1]) == (6, "8 more rows do not fit on a sheet")
    assert book["Rows Sheet1"].max_row == 6
    with pytest.raises(ValueError, match="holds 5 rows, not 6"):
        write_book([Page("a", ["one"], [["x"]] * 6)], tmp_path / "b.xlsx")


@pytest.mark.parametrize("ending", ["html", "xlsx", "json"])
def test_the_same_report_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    report, raw = hostile_report()
    first = write_report([report], tmp_path / f"a.{ending}", lang="vi", tables=[raw]).read_bytes()
    monkeypatch.setattr(time, "time", lambda: 2e9)
    monkeypatch.setattr(time, "localtime", lambda *_: time.struct_time((2033, 5, 18, 3, 33, 20, 2, 138, 0)))
    second = write_report([report], tmp_path / f"b.{ending}", lang="vi", tables=[raw]).read_bytes()
    assert first == second


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="html, xlsx, json"):
        write_report([], tmp_path / "a.pdf", lang="vi")


# ---- rejects -----------------------------------------------------------------------------------------------------


def test_rejects_once_mended_go_in(tmp_path: Path) -> None:
    """Heights left as text or empty, a code with zeros in front: mended, all rows of the source are there."""
    raw = raw_sectors(12, {2: "cao lắm", 5: None, 9: "4000"}, site_id=["007"] * 12)
    checked = validate(raw, LAYERS["sectors"], crs=CRS)
    rows = rejected_rows(checked.faults)
    path = write_rejects(raw, rows, checked.faults, tmp_path / "rejects.xlsx", lang="vi")

    book = openpyxl.load_workbook(path)
    sheet = book["Sheet1"]
    assert [cell.value for cell in sheet[1]] == [*raw.frame.columns, SOURCE_ROW, REASON]
    assert [cell.value for cell in sheet["G"][1:]] == rows == [6, 9, 13]
    assert all(has_words.value for has_words in sheet["H"][1:])
    for k in (2, 3, 4):
        sheet.cell(k, 5).value = 45
    book.save(path)

    (table,) = read_tables(path)
    again = unmarked(table)
    assert list(again.frame.columns) == list(raw.frame.columns)
    assert again.frame["sector_id"].tolist() == ["0002", "0005", "0009"]
    mended = validate(again, LAYERS["sectors"], crs=CRS)
    assert [fault for fault in mended.faults if kind_of(fault) != "noted"] == []
    together = pd.concat([checked.frame, mended.frame])
    assert sorted(together["sector_id"]) == raw.frame["sector_id"].tolist()
    assert set(together["site_id"]) == {"007"}
    assert set(mended.frame["height_m"]) == {45.0}


def test_rejects_not_mended_are_rejected_again_for_the_same_reasons(tmp_path: Path) -> None:
    raw = raw_sectors(30, dict(enumerate(["cao", 4000.0, None, "3..5"])), note=["ghi chú"] * 30)
    first = validate(raw, LAYERS["sectors"], crs=CRS)
    path = write_rejects(raw, rejected_rows(first.faults), first.faults, tmp_path / "a.xlsx", lang="en")
    second = validate(unmarked(read_tables(path)[0]), LAYERS["sectors"], crs=CRS)
    assert len(second.frame) == 0
    said = [[(fault.code, fault.column, fault.params) for fault in one.faults if fault.row] for one in (first, second)]
    assert said[0] == said[1]


def test_hostile_cells_of_rejects_come_back_letter_for_letter(tmp_path: Path) -> None:
    report, raw = hostile_report()
    path = write_rejects(raw, raw.rows.tolist(), report.faults, tmp_path / "a.xlsx", lang="vi")
    sheet = openpyxl.load_workbook(path).worksheets[0]
    for k, text in enumerate(HOSTILE, start=2):
        kept = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f]", "\ufffd", text)[:32_767]
        assert sheet.cell(k, 5).value == kept
        assert sheet.cell(k, 5).data_type == "s"
    assert unmarked(read_tables(path)[0]).frame["note"].tolist()[14] == HOSTILE[14] == "_x0041_"


def test_a_row_that_was_never_taken_apart_has_its_reason_alone(tmp_path: Path) -> None:
    raw = raw_sectors(2)
    fault = Fault("fault.too_many_cells", raw.file, "", raw.sheet, 9, params={"found": 9, "expected": 6})
    path = write_rejects(raw, [9], [fault], tmp_path / "a.xlsx", lang="en")
    cells = [cell.value for cell in openpyxl.load_workbook(path)["Sheet1"][2]]
    assert cells == [None] * 6 + [9, say(fault.code, "en", **fault.params)]


@pytest.fixture(scope="module")
def great_flood() -> tuple[ImportReport, RawTable]:
    return flood(100_000)


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["html", "xlsx", "json", "lines", "rejects"])
def test_a_hundred_thousand_faults_take_less_than_five_seconds(
    tmp_path: Path, great_flood: tuple[ImportReport, RawTable], ending: str
) -> None:
    """CPU seconds; on a slower or busy machine as many more as a plain loop takes longer than 0.12 s there."""
    report, raw = great_flood
    make: dict[str, Callable[[], object]] = {
        "lines": lambda: lines([report], "vi"),
        "rejects": lambda: write_rejects(raw, raw.rows.tolist(), report.faults, tmp_path / "r.xlsx", lang="vi"),
    }
    path = tmp_path / f"a.{ending}"
    start = time.process_time()
    make.get(ending, lambda: write_report([report], path, lang="vi", tables=[raw]))()
    seconds = time.process_time() - start
    start = time.process_time()
    assert sum(i * i for i in range(2_000_000)) > 0
    assert seconds < 5 * max(1.0, (time.process_time() - start) / 0.12)
