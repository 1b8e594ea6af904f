"""The provincial report: its figures are those of the lists, in every format, from the command line and over HTTP."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import docx
import openpyxl
import pandas as pd
import pytest
from PIL import Image

from phusong.api.app import create_app
from phusong.api.cli import main
from phusong.api.lists import Tables, build
from phusong.api.provincial import RENDERERS, report_document, report_of
from phusong.api.provincial.facts import LISTS, Facts
from phusong.api.provincial.maps import WIDTH_PX
from phusong.api.provincial.state import MOST_COMMUNES
from phusong.coverage.indicators import indicator_label
from phusong.layers.errors import InputError, MissingError
from phusong.layers.messages import LANGS, Lang, catalogue, say
from phusong.layers.study import Study
from phusong.layers.writers.lists import office_xlsx
from phusong.maps.report.document import Document, Heading, Paragraph, Picture, Table
from phusong.maps.report.province import SECTIONS, ReportHead, chapter, province_document

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="session")
def report(study_dir: Path) -> Callable[[Lang], Document]:
    """The report of the study of the API's tests."""
    return cache(lambda lang: report_document(Study(study_dir), lang))


def tables_of(document: Document) -> list[Table]:
    return [block for block in document.blocks if isinstance(block, Table)]


def named(document: Document, name: str) -> Table:
    caption = say(f"province_report.{name}", document.lang)
    return next(table for table in tables_of(document) if table.caption == caption)


def column(table: Table, title: str) -> list[str]:
    place = [one.title for one in table.columns].index(title)
    return [row[place] for at, row in enumerate(table.rows) if at not in table.totals]


# chapters


@pytest.mark.parametrize("lang", LANGS)
def test_every_chapter_has_words_and_a_word_for_when_it_is_empty(lang: Lang) -> None:
    head = ReportHead("Nơi", "UBND", lang, "31/12/2012", False, "abc")
    document = province_document(head, {})
    headings = [block.text for block in document.blocks if isinstance(block, Heading)]
    assert headings == [f"{n}. {say(f'province_report.section.{s}', lang)}" for n, s in enumerate(SECTIONS, start=1)]
    told = [block.text for block in document.blocks if isinstance(block, Paragraph)]
    assert told == [say(f"province_report.missing.{section}", lang) for section in SECTIONS]
    assert document.subtitle == "UBND · Nơi"
    assert str(chapter("sources")) in document.source


def test_a_chapter_nobody_knows_is_refused() -> None:
    head = ReportHead("Nơi", "", "vi", "", False, "")
    with pytest.raises(ValueError, match="weather"):
        province_document(head, {"weather": [Paragraph("x")]})


def test_every_message_of_the_report_is_said_somewhere() -> None:
    code = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("api", "maps/report")
        for path in (Path(__file__).parents[2] / folder).rglob("*.py")
    )
    said = {name.removeprefix("province_report.") for name in catalogue() if name.startswith("province_report.")}
    groups = {"section", "missing", "table", "column", "level"}
    missing = [name for name in said if name.split(".")[0] not in groups and f'"{name}"' not in code]
    missing = [name for name in missing if f"province_report.{name}" not in code]
    assert missing == []
    for name in said:
        group, _, own = name.partition(".")
        if group in ("table", "column"):
            assert f'"{own}"' in code or f'"{name}"' in code, name


# figures


@pytest.mark.parametrize("lang", LANGS)
def test_cells_of_the_lists_are_those_of_the_workbooks(
    report: Callable[[Lang], Document], study_dir: Path, lang: Lang
) -> None:
    """Every row of a list in the report stands so in the workbook of the list, read back from its bytes."""
    tables = Tables.of(Study(study_dir))
    document = report(lang)
    captions = {"communes": "communes", "villages": "villages", "plan": "investment"}
    for which, name in captions.items():
        built = build(tables, which, lang=lang, grouped=False)
        sheet = openpyxl.load_workbook(BytesIO(office_xlsx(built.sheets))).worksheets[0]
        written = [[cell.value for cell in row] for row in sheet.iter_rows()]
        table = named(document, f"table.{name}")
        heads = [f"{one.title}\n({one.unit})" if one.unit else one.title for one in table.columns]
        at = next(n for n, row in enumerate(written) if heads[0] in row)
        places = [written[at].index(head) for head in heads]
        rows = [row for n, row in enumerate(table.rows) if n not in table.totals]
        assert len(rows) == len(built.office.rows) > 0
        for row, printed in zip(rows, written[at + 1 :], strict=False):
            for cell, place, head in zip(row, places, table.columns, strict=True):
                value = printed[place]
                if head.align == "right" and isinstance(value, int | float):
                    assert number_of(cell, lang) == value, head
                else:
                    assert cell == (str(value).removeprefix("'") if value is not None else ""), head


def number_of(cell: str, lang: Lang) -> float:
    thousands, decimal = (".", ",") if lang == "vi" else (",", ".")
    return float(cell.replace(thousands, "").replace(decimal, "."))


@pytest.mark.parametrize("lang", LANGS)
def test_every_figure_of_a_list_is_said_as_the_list_says_it(
    report: Callable[[Lang], Document], study_dir: Path, lang: Lang
) -> None:
    tables = Tables.of(Study(study_dir))
    by_caption = {"communes": "communes", "villages": "villages", "plan": "investment"}
    for which, name in by_caption.items():
        office = build(tables, which, lang=lang, grouped=False).office
        texts = [cells for role, cells in office.texts() if role == "row"]
        heads = list(office.headings())
        table = named(report(lang), f"table.{name}")
        for at, one in enumerate(table.columns):
            place = heads.index(f"{one.title} ({one.unit})" if one.unit else one.title)
            rows = [row[at] for n, row in enumerate(table.rows) if n not in table.totals]
            assert rows == [cells[place] for cells in texts]


def test_totals_are_those_of_the_whole_list(report: Callable[[Lang], Document], study_dir: Path) -> None:
    office = build(Tables.of(Study(study_dir)), "plan", lang="vi", grouped=False).office
    [last] = [cells for role, cells in office.texts() if role == "total"]
    table = named(report("vi"), "table.investment")
    assert table.totals == (len(table.rows) - 1,)
    total = [cell for cell in table.rows[-1] if cell]
    assert total == [cell for cell in last if cell]
    assert "2,66" in total


def test_the_table_by_district_adds_up_to_the_lists(report: Callable[[Lang], Document], study_dir: Path) -> None:
    table = named(report("vi"), "by_district")
    assert column(table, say("list.column.district", "vi")) == ["Cam Lộ", "Hướng Hóa"]
    tables = Tables.of(Study(study_dir))
    for at, one in enumerate(table.columns[1:], start=1):
        cells = [number_of(row[at], "vi") if row[at] != "–" else 0.0 for row in table.rows]
        assert sum(cells[:-1]) == pytest.approx(cells[-1]), one.title
    grouped = build(tables, "communes", lang="vi").office
    [group] = [cells for role, cells in grouped.texts() if role == "group"]
    heads = list(grouped.headings())
    people = say("list.column.people_affected", "vi")
    place = next(n for n, head in enumerate(heads) if head.startswith(people))
    assert column(table, people)[1] == group[place] == "900"
    assert column(table, say("province_report.column.gap_communes", "vi")) == ["0", "2"]
    assert column(table, say("province_report.column.communes", "vi")) == ["6", "6"]


def test_the_summary_says_what_the_lists_say(report: Callable[[Lang], Document]) -> None:
    lead = next(block for block in report("en").blocks if isinstance(block, Paragraph))
    assert lead.style == "lead"
    assert lead.text.startswith("2 of 12 ")
    assert "900 people" in lead.text
    text = words_of(report("en"))
    assert "0 of 1 provincial targets are met" in text
    assert "(130 more postal points)" in text
    assert "2 sites for VND 2.66 bn would bring signal to 912 more people" in text
    assert "2 checks could not be made" in text


def test_targets_of_districts_stay_out_of_the_provincial_table(report: Callable[[Lang], Document]) -> None:
    table = named(report("en"), "table.targets")
    assert len(table.rows) == 1
    assert "130 more postal points" in table.rows[0]
    assert len(named(report("en"), "table.published").rows) == 1


def test_what_could_not_be_judged_is_counted(report: Callable[[Lang], Document]) -> None:
    table = named(report("vi"), "table.not_assessed")
    assert Counter(column(table, say("province_report.column.unknown", "vi"))) == {"1": 2}
    assert table.rows[-1][-1] == "2"


def test_a_pace_is_told_with_its_dates_and_forecast(report: Callable[[Lang], Document]) -> None:
    [row] = named(report("vi"), "table.progress").rows
    assert "6 (2007–2012)" in row
    assert "6,5 (từ 5,8 đến 7,2)" in row
    assert "3,77" in row
    assert "" in row  # nothing was asked of it


def grown(gaps: pd.DataFrame, count: int) -> pd.DataFrame:
    """As many gaps, alike but for rank, code and name."""
    first = gaps.iloc[[0]].assign(population=2000.0, people_affected=1500.0)
    ranks = range(1, count + 1)
    codes = [f"{19400 + rank:05d}" for rank in ranks]
    return pd.concat([first] * count, ignore_index=True).assign(
        rank=list(ranks), code=codes, name=[f"Xã {n}" for n in ranks]
    )


@pytest.mark.parametrize("count", [60, 1500])
def test_a_province_fills_eight_to_fifteen_pages(study_dir: Path, count: int) -> None:
    """However long its lists: as many gaps with four reasons each, villages, sites and places in the ranking."""
    study = Study(study_dir)
    tables = Tables.of(study)
    frames: dict[str, pd.DataFrame | None] = {}
    for stem in ("gaps", "gap_villages", "plan"):
        found = tables.frame(stem)
        assert found is not None
        frames[stem] = grown(found, count)
    reasons, units = tables.frame("reasons"), tables.frame("units")
    assert reasons is not None
    assert units is not None
    one = reasons.iloc[[0]].assign(
        text_vi="bán kính phục vụ bình quân một điểm bưu chính là 5 km; cho phép tối đa 3 km"
    )
    codes = [f"{19400 + rank:05d}" for rank in range(1, 61)]
    frames["reasons"] = pd.concat(
        [
            one.assign(code=code, rule=f"r{n}", level=level)
            for level in ("unit", "village")
            for code in codes
            for n in range(4)
        ],
        ignore_index=True,
    )
    figures = dict.fromkeys(("people_covered_any_pct", "broadband_per_100"), units["people_covered_2g_pct"])
    frames["units"] = units.assign(**figures, mean_time_post_min=30.0)
    frames["need"] = pd.DataFrame({"code": units["code"], "need_index": 50.0})
    document = report_of(Facts(study, replace(tables, changed=frames), "vi"))
    assert sum(isinstance(block, Picture) for block in document.blocks) == 4
    assert 8 <= len(re.findall(rb"/Type\s*/Page(?![a-zA-Z])", RENDERERS["pdf"](document))) <= 15


def test_long_lists_are_cut_and_say_so(study_dir: Path) -> None:
    study = Study(study_dir)
    tables = Tables.of(study)
    gaps = tables.frame("gaps")
    assert gaps is not None
    document = report_of(Facts(study, replace(tables, changed={"gaps": grown(gaps, 80)}), "en"))
    table = named(document, "table.communes")
    assert len(table.rows) == MOST_COMMUNES + 1
    assert f"The first {MOST_COMMUNES} of 80" in table.note
    assert "Total (80 communes)" in table.rows[-1]
    assert "120,000" in table.rows[-1]  # of all 80, not of those shown


@pytest.mark.parametrize("gone", [*LISTS, "units", "rules", "pace", "need"])
def test_a_report_is_made_without_any_of_its_parts(study_dir: Path, gone: str) -> None:
    study = Study(study_dir)
    tables = Tables.of(study)
    stems = {"communes": "gaps", "villages": "gap_villages", "not-assessable": "not_judged"}
    document = report_of(Facts(study, replace(tables, changed={stems.get(gone, gone): None}), "vi"))
    assert RENDERERS["html"](document).startswith(b"<!DOCTYPE html>")
    assert [block.level for block in document.blocks if isinstance(block, Heading)] == [1] * len(SECTIONS)


# bad and hostile data


@pytest.mark.parametrize("lang", LANGS)
def test_names_are_never_markup(report: Callable[[Lang], Document], lang: Lang) -> None:
    page = RENDERERS["html"](report(lang)).decode("utf-8")
    assert EVIL not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    office = docx.Document(BytesIO(RENDERERS["docx"](report(lang))))
    assert any(EVIL in cell.text for table in office.tables for row in table.rows for cell in row.cells)


def test_no_results_no_report(fresh: Callable[..., Path], tmp_path: Path) -> None:
    root = fresh(results=False)
    with pytest.raises(MissingError):
        report_document(Study(root), "vi")
    with pytest.raises(SystemExit) as caught:
        main(["report", str(root), "-o", str(tmp_path / "a.pdf")])
    assert caught.value.code == 2
    assert not (tmp_path / "a.pdf").exists()


# maps


def test_maps_are_drawn_of_what_has_data(study_dir: Path) -> None:
    study = Study(study_dir)
    tables = Tables.of(study)
    units = tables.frame("units")
    assert units is not None
    signal = units.assign(people_covered_any_pct=units["people_covered_2g_pct"], broadband_per_100=float("nan"))
    need = pd.DataFrame({"code": units["code"], "need_index": 50.0})
    document = report_of(Facts(study, replace(tables, changed={"units": signal, "need": need}), "vi"))
    pictures = [block for block in document.blocks if isinstance(block, Picture)]
    assert [picture.caption.partition(".")[0] for picture in pictures] == [
        indicator_label("people_covered_any_pct", "vi"),
        say("map.field.need_index", "vi"),
    ]
    for picture in pictures:
        assert "Thử nghiệm" in picture.alt
        with Image.open(BytesIO(picture.png)) as image:
            assert image.width == WIDTH_PX
    assert pictures[0].png != pictures[1].png


def test_no_maps_are_drawn_of_nothing(report: Callable[[Lang], Document]) -> None:
    assert not [block for block in report("vi").blocks if isinstance(block, Picture)]
    assert say("province_report.missing.maps", "vi") in words_of(report("vi"))


def words_of(document: Document) -> str:
    text = RENDERERS["html"](document).decode("utf-8").split("<body>")[1]
    return re.sub(r"<[^>]+>", " ", re.sub(r"src=\"[^\"]+\"", "", text))


# files


def test_the_same_results_give_the_same_files(study_dir: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        with pytest.raises(SystemExit) as caught:
            main(["report", str(study_dir), "-o", str(tmp_path / f"{name}.pdf"), "-o", str(tmp_path / f"{name}.docx")])
        assert not caught.value.code
    for end in ("pdf", "docx"):
        assert (tmp_path / f"a.{end}").read_bytes() == (tmp_path / f"b.{end}").read_bytes()


def test_without_a_name_both_files_are_written_here(
    study_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        main(["--lang", "vi", "report", str(study_dir)])
    assert not caught.value.code
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bao-cao.docx", "bao-cao.pdf"]
    assert "đã ghi bao-cao.docx" in capsys.readouterr().out


def test_an_unknown_ending_writes_nothing(study_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--lang", "en", "report", str(study_dir), "-o", str(tmp_path / "a.pdf"), "-o", str(tmp_path / "b.odt")])
    assert caught.value.code == 2
    told = capsys.readouterr().err
    assert "b.odt" in told
    assert ".docx" in told
    assert not list(tmp_path.iterdir())


def test_the_error_of_an_ending_is_an_input_error() -> None:
    assert issubclass(InputError, ValueError)
    assert {"province_report.error.ending"} <= catalogue().keys()


# over HTTP


@pytest.mark.parametrize(
    ("end", "start", "kind"),
    [
        ("pdf", b"%PDF-", "application/pdf"),
        ("docx", b"PK", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("html", b"<!DOCTYPE html>", "text/html; charset=utf-8"),
    ],
)
def test_the_api_gives_the_report(client: Any, end: str, start: bytes, kind: str) -> None:
    answer = client.get(f"/api/v1/report.{end}?lang=vi")
    assert answer.status_code == 200
    assert answer.content.startswith(start)
    assert answer.headers["content-type"] == kind
    assert answer.headers["content-language"] == "vi"
    assert f"bao-cao.{end}" in answer.headers["content-disposition"]
    assert client.get(f"/api/v1/report.{end}?lang=vi").content == answer.content
    assert client.get(f"/api/v1/report.{end}?lang=xx").status_code == 422


def test_the_api_answers_with_the_report_of_the_last_run(
    fresh: Callable[..., Path], client_of: Callable[..., Any], rerun: Callable[..., None]
) -> None:
    root = fresh()
    client = client_of(create_app(root))
    first = client.get("/api/v1/report.html?lang=en")
    assert "2 of 12 " in first.text
    rerun(root, note="second")
    gaps = pd.read_parquet(root / "results" / "gaps.parquet")
    gaps.iloc[:1].to_parquet(root / "results" / "gaps.parquet")
    assert "1 of 12 " in client.get("/api/v1/report.html?lang=en").text


def test_before_the_first_run_there_is_no_report(fresh: Callable[..., Path], client_of: Callable[..., Any]) -> None:
    answer = client_of(create_app(fresh(results=False))).get("/api/v1/report.pdf")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_printed_report_bears_the_word_on_every_page(report: Callable[[Lang], Document], tmp_path: Path) -> None:
    try:
        subprocess.run(["pdftotext", "-v"], capture_output=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("pdftotext is not on the machine")
    path = tmp_path / "a.pdf"
    path.write_bytes(RENDERERS["pdf"](report("vi")))
    told = subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, text=True, check=True).stdout
    pages = told.split("\f")[:-1]
    assert len(pages) >= 3
    assert all(say("map.ui.synthetic", "vi") in page for page in pages)
    assert f"Trang {len(pages)}/{len(pages)}" in pages[-1]
