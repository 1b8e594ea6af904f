"""One document in three formats: the same words, nothing read as markup, the same bytes each time."""

import re
import subprocess
from dataclasses import replace
from html import unescape
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree
from zipfile import ZipFile

import docx
import pytest
from fontTools.ttLib import TTFont
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from phusong.layers.messages import LANGS, Lang, say
from phusong.layers.vietnamese.encodings import LETTERS
from phusong.maps.report import layout
from phusong.maps.report.document import (
    Bullets,
    Column,
    Document,
    Heading,
    PageBreak,
    Paragraph,
    Picture,
    Table,
)
from phusong.maps.report.docx import docx_bytes
from phusong.maps.report.html import html_text
from phusong.maps.report.pdf import pdf_bytes

HOSTILE = (
    "<script>alert(1)</script> & \"'</td>",
    '#eval("1") *đậm* _nghiêng_ $x^2$ @nhãn <nhãn> `mã` = đầu //ghi chú',
    "=1+1 \\ \\n {{7*7}} ${x} %s",
    "</w:t></w:r><w:r/> ]]> &#x41;",
)
TOLD = 14  # times that the text of `hostile` is read
W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


def png(wide: int = 60, high: int = 40) -> bytes:
    held = BytesIO()
    Image.new("RGB", (wide, high), (200, 220, 240)).save(held, "PNG")
    return held.getvalue()


def province(lang: Lang = "vi", *, synthetic: bool = True, rows: int = 3) -> Document:
    columns = (Column("STT", width=0.5, align="right"), Column("Xã", width=2), Column("Dân số", "người", "right"))
    listed = tuple((str(i + 1), f"Xã Hướng Phùng {i + 1}", f"{1000 + i}") for i in range(rows))
    return Document(
        title="Báo cáo Quảng Trị",
        subtitle="Khoảng trống phủ sóng",
        lang=lang,
        as_of="31/12/2012",
        synthetic=synthetic,
        source="Báo cáo 127-BC/TU",
        blocks=(
            Heading("Tóm tắt"),
            Paragraph("Câu trả lời trước.", "lead"),
            Paragraph("Thân bài."),
            Bullets(("ý thứ nhất", "ý thứ hai")),
            Heading("Danh sách", 2),
            Table(columns, (*listed, ("", "Tổng", "9999")), "Các xã", "Ghi chú của bảng", totals=(rows,)),
            Table((Column("a"), Column("b")), (("1", ""),)),
            Picture(png(), "Bản đồ", "bản đồ các xã"),
            PageBreak(),
            Heading("Nguồn", 3),
            Table((Column("c"),), (("2",),), "Bảng sau"),
            Picture(png(), "", "không chú thích", 0.3),
            Paragraph("Hết.", "note"),
        ),
    )


def words(document: Document) -> list[str]:
    """Every text that must be read in any format."""
    found = [document.title, document.subtitle, document.as_of, document.source]
    for block in document.blocks:
        match block:
            case Heading(text) | Paragraph(text):
                found.append(text)
            case Bullets(items):
                found += items
            case Table():
                found += [block.caption, block.note, *(cell for row in block.rows for cell in row)]
                found += [text for column in block.columns for text in (column.title, column.unit)]
            case Picture():
                found.append(block.caption)
    return [text for text in found if text]


def told_by_html(text: str) -> str:
    body = text.split("<body>")[1]
    return unescape(re.sub(r"<[^>]+>", "", re.sub(r"</(td|th|p|li|h\d|caption)>", " ", body)))


def told_by_docx(held: bytes) -> str:
    with ZipFile(BytesIO(held)) as package:
        parts = [name for name in package.namelist() if re.fullmatch(r"word/(document|header\d|footer\d)\.xml", name)]
        roots = [ElementTree.fromstring(package.read(name)) for name in parts]
    return "\n".join("".join(t.text or "" for t in p.iter(f"{W}t")) for root in roots for p in root.iter(f"{W}p"))


def told_by_pdf(held: bytes, tmp_path: Path) -> list[str]:
    """The text of each page."""
    path = tmp_path / "told.pdf"
    path.write_bytes(held)
    done = subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, text=True, check=True)
    return done.stdout.split("\f")[:-1]


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def has_pdftotext() -> bool:
    try:
        return subprocess.run(["pdftotext", "-v"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


reads_pdf = pytest.mark.skipif(not has_pdftotext(), reason="pdftotext is not on the machine")


@pytest.mark.parametrize("lang", LANGS)
def test_html_and_docx_say_every_word(lang: Lang) -> None:
    document = province(lang)
    for told in (told_by_html(html_text(document)), told_by_docx(docx_bytes(document))):
        assert [text for text in words(document) if text not in told] == []


@reads_pdf
@pytest.mark.parametrize("lang", LANGS)
def test_pdf_says_every_word_on_numbered_pages(lang: Lang, tmp_path: Path) -> None:
    document = province(lang, rows=120)
    pages = told_by_pdf(pdf_bytes(document), tmp_path)
    told = squeezed("".join(pages))
    assert [text for text in words(document) if squeezed(text) not in told] == []
    assert len(pages) == 4
    for number, page in enumerate(pages, start=1):
        assert f"{say('document.page', lang)} {number}/4" in page
        assert "Báo cáo Quảng Trị · 31/12/2012" in page
        assert say("map.ui.synthetic", lang) in page
    assert all("Dân số" in page for page in pages[:3])  # the head of the table, again on each page


def test_real_data_bear_no_mark() -> None:
    document = province(synthetic=False)
    assert say("map.ui.synthetic", "vi") in html_text(province())
    assert say("map.ui.synthetic", "vi") not in html_text(document)
    assert say("map.ui.synthetic", "vi") in told_by_docx(docx_bytes(province()))
    assert say("map.ui.synthetic", "vi") not in told_by_docx(docx_bytes(document))


@reads_pdf
def test_captions_are_numbered_alike(tmp_path: Path) -> None:
    document = province()
    assert layout.numbered(document) == {5: 1, 7: 1, 10: 2}
    told = (
        told_by_html(html_text(document)),
        told_by_docx(docx_bytes(document)),
        "".join(told_by_pdf(pdf_bytes(document), tmp_path)),
    )
    for text in told:
        found = re.findall(r"(Bảng|Hình) (\d)\. (.+?)(?=\s{2}|\n|STT|$|\s*c\b)", text)
        assert [(kind, number) for kind, number, _ in found] == [("Bảng", "1"), ("Hình", "1"), ("Bảng", "2")]
        assert "Hình 1. Bản đồ" in text


def test_the_same_document_gives_the_same_bytes() -> None:
    document = province()
    assert docx_bytes(document) == docx_bytes(province())
    assert pdf_bytes(document) == pdf_bytes(province())
    assert html_text(document) == html_text(province())
    assert not re.search(rb"/(?:CreationDate|ModDate)", pdf_bytes(document))
    with ZipFile(BytesIO(docx_bytes(document))) as package:
        assert {part.date_time for part in package.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert b"dcterms:created" not in package.read("docProps/core.xml")


def hostile(text: str) -> Document:
    return Document(
        text,
        text,
        "vi",
        text,
        True,
        text,
        (
            Heading(text),
            Paragraph(text),
            Bullets((text,)),
            Table((Column(text, text),), ((text,), (text,)), text, text, (1,)),
            Picture(png(), text, text),
        ),
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_text_is_never_markup(text: str) -> None:
    document = hostile(text)
    page = html_text(document)
    assert "<script" not in page
    assert told_by_html(page).count(text) == TOLD
    held = docx_bytes(document)
    assert told_by_docx(held).count(text) == TOLD + 2  # the head of the page says title and date again
    assert docx.Document(BytesIO(held)).tables[0].cell(1, 0).text == text


@reads_pdf
@pytest.mark.parametrize("text", HOSTILE)
def test_text_is_never_typst(text: str, tmp_path: Path) -> None:
    told = squeezed("".join(told_by_pdf(pdf_bytes(hostile(text)), tmp_path)))
    assert told.count(squeezed(text)) >= TOLD  # the running head is set in two columns


@settings(max_examples=15, deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_written(text: str) -> None:
    held = docx_bytes(hostile(text))
    assert layout.plain(text).strip() in docx.Document(BytesIO(held)).paragraphs[0].text
    page = html_text(hostile(text))
    assert page.encode("utf-8").decode("utf-8") == page
    ElementTree.fromstring(re.sub(r"<!DOCTYPE html>|<meta [^>]*>|<img [^>]*>|<col [^>]*>|<br>", "", page))


@settings(max_examples=10, deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_set(text: str) -> None:
    assert pdf_bytes(hostile(text)).startswith(b"%PDF-")


@given(st.text())
def test_plain_text_is_one_line_that_stays(text: str) -> None:
    told = layout.plain(text)
    assert layout.plain(told) == told
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202e]", told)
    told.encode("utf-8")


def test_line_breaks_and_marks_of_direction_are_gone() -> None:
    assert layout.plain("Xã\nA\t B\x00\u202e12") == "Xã A B\ufffd12"


@reads_pdf
def test_a_cell_may_have_lines(tmp_path: Path) -> None:
    table = Table((Column("Lý do"), Column("b")), (("• một\n• <hai>", ""), ("cộng\nthêm", "")), totals=(1,))
    document = replace(province(), blocks=(table,))
    assert '<td class="left">• một<br>• &lt;hai&gt;</td>' in html_text(document)
    cells = docx.Document(BytesIO(docx_bytes(document))).tables[0].column_cells(0)
    assert [cell.text for cell in cells] == ["Lý do", "• một\n• <hai>", "cộng\nthêm"]
    lines = "".join(told_by_pdf(pdf_bytes(document), tmp_path)).splitlines()
    assert {"• một", "• <hai>", "cộng", "thêm"} <= {line.strip() for line in lines}


# docx


def test_docx_has_styles_languages_and_repeated_heads() -> None:
    document = province()
    office = docx.Document(BytesIO(docx_bytes(document)))
    styles = [paragraph.style.name for paragraph in office.paragraphs if paragraph.text]
    assert styles[:5] == ["Title", "Subtitle", "Note", "Note", "Heading 1"]
    assert {"Lead", "Normal", "List Bullet", "Heading 2", "Heading 3", "Caption", "Note"} <= set(styles)
    table = office.tables[0]
    assert [cell.text for cell in table.rows[0].cells] == ["STT", "Xã", "Dân số\nngười"]
    assert table.rows[0]._tr.find(f".//{W}tblHeader") is not None
    assert all(run.bold for cell in table.rows[-1].cells for run in cell.paragraphs[0].runs)
    assert not any(run.bold for cell in table.rows[1].cells for run in cell.paragraphs[0].runs)
    alts = [prop.get("descr") for prop in office.element.iter() if prop.tag.endswith("}docPr")]
    assert alts == ["bản đồ các xã", "không chú thích"]
    held = ZipFile(BytesIO(docx_bytes(document)))
    assert b'w:val="vi-VN"' in held.read("word/styles.xml")
    assert b'w:val="en-US"' in ZipFile(BytesIO(docx_bytes(province("en")))).read("word/styles.xml")
    assert "docProps/thumbnail.jpeg" not in held.namelist()
    fields = [field.get(f"{W}instr") for field in office.element.iter(f"{W}fldSimple")]
    assert fields == [" SEQ Bảng \\* ARABIC ", " SEQ Hình \\* ARABIC ", " SEQ Bảng \\* ARABIC "]


def test_columns_share_the_width_of_the_text() -> None:
    office = docx.Document(BytesIO(docx_bytes(province())))
    widths = [int(column.get(f"{W}w")) for column in office.tables[0]._tbl.tblGrid]
    whole = layout.text_mm(province())[0] / 25.4 * 1440
    assert sum(widths) == pytest.approx(whole, abs=2)
    assert widths[1] == pytest.approx(4 * widths[0], abs=3)


def test_a_long_table_is_written_at_once() -> None:
    office = docx.Document(BytesIO(docx_bytes(province(rows=3000))))
    assert len(office.tables[0]._tbl.tr_lst) == 3002


def test_a_compact_document_has_smaller_letters_in_every_format() -> None:
    loose = province(rows=60)
    compact = replace(loose, compact=True)
    sizes = [docx.Document(BytesIO(docx_bytes(one))).styles["Normal"].font.size.pt for one in (loose, compact)]
    assert sizes == [layout.BODY_PT, 10.5]
    table = docx.Document(BytesIO(docx_bytes(compact))).styles["Table Text"].font.size.pt
    assert table == layout.LEAST_PT
    assert 'class="compact"' in html_text(compact)
    assert 'class="compact"' not in html_text(loose)
    assert pdf_bytes(compact) != pdf_bytes(loose)


def test_a_sheet_can_lie() -> None:
    document = replace(province(), landscape=True)
    section = docx.Document(BytesIO(docx_bytes(document))).sections[0]
    assert (section.page_width.mm, section.page_height.mm) == pytest.approx((297, 210), abs=0.1)
    assert "size: A4 landscape" in html_text(document)
    assert b"841.8" in pdf_bytes(document)


# pictures


@pytest.mark.parametrize(("wide", "high"), [(60, 40), (10, 400), (400, 10)])
def test_pictures_keep_their_shape_and_fit_on_a_page(wide: int, high: int) -> None:
    document = province()
    width, height = layout.picture_mm(Picture(png(wide, high), "", ""), document)
    text_width, text_height = layout.text_mm(document)
    assert width / height == pytest.approx(wide / high)
    assert width <= text_width + 1e-9
    assert height < text_height
    assert width == pytest.approx(text_width) or height == pytest.approx(text_height - 25)


# html


def test_printed_html_has_the_word_and_the_number_on_every_sheet() -> None:
    mark = f'@top-right {{ content: "{say("map.ui.synthetic", "vi")}"'
    assert mark in html_text(province())
    assert mark not in html_text(province(synthetic=False))
    assert '@bottom-right { content: "Trang " counter(page) "/" counter(pages)' in html_text(province())


def test_html_loads_nothing_from_elsewhere() -> None:
    page = html_text(province())
    assert not re.search(r"(?:src|href)=\"(?!data:)|url\(|@import|https?:", page)
    assert "default-src 'none'" in page
    assert page.count("<img ") == 2
    assert page.count('alt="bản đồ các xã"') == 1


# the font


def test_the_font_has_every_vietnamese_letter_and_its_licence() -> None:
    folder = layout.font_folder()
    faces = sorted(folder.glob("*.ttf"))
    assert len(faces) == 3
    for path in faces:
        with TTFont(path) as face:
            letters = face.getBestCmap()
            assert [one for one in LETTERS + "≥≤−–—…≈×·•" if ord(one) not in letters] == []
            assert str(face["name"].getDebugName(1)) == layout.FONT
            assert "SIL Open Font License, Version 1.1" in str(face["name"].getDebugName(13))
    licence = (folder / "LICENSE.txt").read_text(encoding="utf-8")
    assert "SIL OPEN FONT LICENSE Version 1.1" in licence
    assert "Reserved Font Name Liberation" in licence


def test_no_style_or_template_asks_for_a_place_elsewhere() -> None:
    for name in ("document.css", "document.typ"):
        text = files("phusong.maps").joinpath("assets", name).read_text(encoding="utf-8")
        assert not re.search(r"https?:|@preview|url\(", text)
