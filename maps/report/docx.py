"""A document as DOCX (ECMA-376): real styles, headings and captions, so that offices can go on with it."""

from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import docx
from docx.document import Document as Office
from docx.enum.section import WD_ORIENT
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_BREAK, WD_TAB_ALIGNMENT
from docx.oxml import parse_xml
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor
from docx.text.paragraph import Paragraph as OfficeParagraph

from phusong.layers.messages import Lang, say
from phusong.maps.report.document import Block, Bullets, Document, Heading, PageBreak, Paragraph, Picture, Table
from phusong.maps.report.layout import (
    BODY_PT,
    COMPACT_SHARE,
    HEAD_FILL,
    HEADING_PT,
    INK,
    LEAD_PT,
    MARGINS_MM,
    MARK_FILL,
    MARK_INK,
    NOTE_PT,
    OFFICE_FONT,
    RULE,
    SHEET_MM,
    SOFT,
    TABLE_PT,
    TOTAL_FILL,
    cell_lines,
    letters_pt,
    numbered,
    picture_mm,
    plain,
    running_head,
    text_mm,
    under_title,
)

LANGUAGE_TAGS: dict[Lang, str] = {"vi": "vi-VN", "en": "en-US"}
_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_TWIPS_MM = 1440 / 25.4
_CELL_TWIPS = 70
_STYLES = {"body": "Normal", "lead": "Lead", "note": "Note"}
_HEAD_LETTERS = 112  # of the head's size on one line
_ZIP_DAY = (1980, 1, 1, 0, 0, 0)


def docx_bytes(document: Document) -> bytes:
    """The file's bytes; the same document gives the same bytes (no clock in them)."""
    office = docx.Document()
    _dress(office, document)
    _head_and_foot(office, document)
    _say(office.add_paragraph(style="Title"), document.title)
    if document.subtitle:
        _say(office.add_paragraph(style="Subtitle"), document.subtitle)
    for line in under_title(document):
        _say(office.add_paragraph(style="Note"), line)
    numbers = numbered(document)
    before: Block | None = None
    for place, block in enumerate(document.blocks):
        _write(office, block, document, numbers.get(place), on_new_page=isinstance(before, PageBreak))
        before = block
    _describe(office, document)
    saved = BytesIO()
    office.save(saved)
    return _without_clock(saved.getvalue())


def _write(office: Office, block: Block, document: Document, number: int | None, *, on_new_page: bool) -> None:
    if on_new_page and not isinstance(block, (Heading, PageBreak)):
        office.add_paragraph().add_run().add_break(WD_BREAK.PAGE)
    match block:
        case Heading(text, level):
            heading = _say(office.add_paragraph(style=f"Heading {level}"), text)
            heading.paragraph_format.page_break_before = on_new_page  # without the empty line that a break leaves
        case Paragraph(text, style):
            _say(office.add_paragraph(style=_STYLES[style]), text)
        case Bullets(items):
            for item in items:
                _say(office.add_paragraph(style="List Bullet"), item)
        case PageBreak():
            pass  # written with what follows; at the end there is nothing to begin a page with
        case Picture():
            shown = office.add_paragraph(style="Picture")
            width_mm, height_mm = picture_mm(block, document)
            drawn = shown.add_run().add_picture(BytesIO(block.png), Mm(width_mm), Mm(height_mm))
            drawn._inline.docPr.set("descr", plain(block.alt))
            shown.paragraph_format.keep_with_next = number is not None
            if number is not None:
                _caption(office, "document.picture", document.lang, number, block.caption)
        case Table():
            if number is not None:
                caption = _caption(office, "document.table", document.lang, number, block.caption)
                caption.paragraph_format.keep_with_next = True
            office.element.body._insert_tbl(parse_xml(_table(block, document)))
            note = _say(office.add_paragraph(style="Note"), block.note)  # also where empty: it keeps two tables apart
            note.paragraph_format.space_before = Pt(3)
            if not block.note:
                note.paragraph_format.line_spacing = Pt(3)


def _say(paragraph: OfficeParagraph, text: str) -> OfficeParagraph:
    paragraph.add_run(plain(text))
    return paragraph


def _caption(office: Office, kind: str, lang: Lang, number: int, text: str) -> OfficeParagraph:
    """A caption whose number is a field, so that a list of tables can be made and numbers follow what is inserted."""
    word = say(kind, lang)
    paragraph = office.add_paragraph(style="Caption")
    paragraph.add_run(f"{word} ").bold = True
    _field(paragraph, f"SEQ {word} \\* ARABIC", str(number), bold=True)
    paragraph.add_run(". ").bold = True
    return _say(paragraph, text)


def _field(paragraph: OfficeParagraph, instruction: str, shown: str, *, bold: bool = False) -> None:
    weight = "<w:rPr><w:b/></w:rPr>" if bold else ""
    paragraph._p.append(
        parse_xml(
            f'<w:fldSimple {_W} w:instr=" {escape(instruction)} "><w:r>{weight}<w:t>{escape(shown)}</w:t></w:r>'
            "</w:fldSimple>"
        )
    )


def _table(table: Table, document: Document) -> str:
    """The table's XML, written at once: a cell at a time through the object model takes seconds a thousand rows."""
    whole = sum(column.width for column in table.columns)
    text_twips = text_mm(document)[0] * _TWIPS_MM
    widths = [round(text_twips * column.width / whole) for column in table.columns]
    head = "".join(
        _cell(
            column.title,
            width,
            right=column.align == "right",
            bold=True,
            fill=HEAD_FILL,
            below=column.unit,
            keep=True,
        )
        for column, width in zip(table.columns, widths, strict=True)
    )
    rows = []
    for place, row in enumerate(table.rows):
        total = place in table.totals
        cells = "".join(
            _cell(text, width, right=column.align == "right", bold=total, fill=TOTAL_FILL if total else "")
            for text, column, width in zip(row, table.columns, widths, strict=True)
        )
        rows.append(f"<w:tr><w:trPr><w:cantSplit/></w:trPr>{cells}</w:tr>")
    grid = "".join(f'<w:gridCol w:w="{width}"/>' for width in widths)
    return (
        f'<w:tbl {_W}><w:tblPr><w:tblStyle w:val="TableGrid"/><w:tblW w:w="{sum(widths)}" w:type="dxa"/>'
        f'<w:tblInd w:w="{_CELL_TWIPS}" w:type="dxa"/>'
        f"<w:tblBorders>{_borders()}</w:tblBorders>"
        '<w:tblLayout w:type="fixed"/><w:tblCellMar>'
        f'<w:left w:w="{_CELL_TWIPS}" w:type="dxa"/><w:right w:w="{_CELL_TWIPS}" w:type="dxa"/></w:tblCellMar>'
        f'<w:tblLook w:val="0020" w:firstRow="1"/></w:tblPr><w:tblGrid>{grid}</w:tblGrid>'
        f"<w:tr><w:trPr><w:cantSplit/><w:tblHeader/></w:trPr>{head}</w:tr>{''.join(rows)}</w:tbl>"
    )


def _borders() -> str:
    sides = ("top", "left", "bottom", "right", "insideH", "insideV")
    return "".join(f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="{RULE}"/>' for side in sides)


def _cell(text: str, width: int, *, right: bool, bold: bool, fill: str, below: str = "", keep: bool = False) -> str:
    shade = f'<w:shd w:val="clear" w:color="auto" w:fill="{fill}"/>' if fill else ""
    kept = "<w:keepNext/>" if keep else ""
    side = '<w:jc w:val="right"/>' if right else ""
    weight = "<w:rPr><w:b/></w:rPr>" if bold else ""
    unit = f"<w:r><w:rPr><w:i/></w:rPr><w:br/>{_text(below)}</w:r>" if below else ""
    return (
        f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/>{shade}</w:tcPr><w:p><w:pPr><w:pStyle w:val="TableText"/>'
        f"{kept}{side}</w:pPr><w:r>{weight}{'<w:br/>'.join(map(_text, cell_lines(text)))}</w:r>{unit}</w:p></w:tc>"
    )


def _text(text: str) -> str:
    return f'<w:t xml:space="preserve">{escape(plain(text))}</w:t>'


def _dress(office: Office, document: Document) -> None:
    section = office.sections[0]
    width, height = SHEET_MM
    if document.landscape:
        section.orientation, width, height = WD_ORIENT.LANDSCAPE, height, width
    section.page_width, section.page_height = Mm(width), Mm(height)
    top, right, bottom, left = map(Mm, MARGINS_MM)
    section.top_margin, section.right_margin, section.bottom_margin, section.left_margin = top, right, bottom, left
    section.header_distance = section.footer_distance = Mm(10)
    styles = office.styles
    for name in ("Lead", "Note", "Picture", "Table Text"):
        styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH).base_style = styles["Normal"]
    looks: list[tuple[str, float, bool, str, float, float]] = [
        ("Normal", BODY_PT, False, "000000", 0, 6),
        ("Title", 18, True, INK, 0, 4),
        ("Subtitle", LEAD_PT, False, INK, 0, 6),
        ("Heading 1", HEADING_PT[0], True, INK, 18, 6),
        ("Heading 2", HEADING_PT[1], True, INK, 14, 4),
        ("Heading 3", HEADING_PT[2], True, INK, 10, 4),
        ("Lead", LEAD_PT, False, "000000", 0, 6),
        ("Note", NOTE_PT, False, SOFT, 0, 6),
        ("Picture", BODY_PT, False, "000000", 6, 2),
        ("Caption", NOTE_PT, False, INK, 6, 4),
        ("List Bullet", BODY_PT, False, "000000", 0, 3),
        ("Table Text", TABLE_PT, False, "000000", 1, 1),
        ("Header", 9, False, SOFT, 0, 0),
        ("Footer", 10, False, SOFT, 0, 0),
    ]
    by = COMPACT_SHARE if document.compact else 1.0
    for name, size_pt, bold, colour, before_pt, after_pt in looks:
        style: Any = styles[name]
        _set_font(style)
        style.font.size, style.font.bold, style.font.italic = Pt(letters_pt(size_pt, document)), bold, False
        style.font.color.rgb = RGBColor.from_string(colour.upper())
        style.paragraph_format.space_before, style.paragraph_format.space_after = (
            Pt(by * before_pt),
            Pt(by * after_pt),
        )
        style.paragraph_format.line_spacing = 1.0 if name == "Table Text" else 1.1
    for name in ("Title", "Subtitle"):
        _unadorned(styles[name])
    picture: Any = styles["Picture"]
    picture.paragraph_format.alignment = WD_ALIGN_PARAGRAPH.CENTER
    for run in office.styles.element.iter(qn("w:rPrDefault")):
        for lang in run.iter(qn("w:lang")):
            for script in ("val", "eastAsia", "bidi"):
                lang.set(qn(f"w:{script}"), LANGUAGE_TAGS[document.lang])


def _set_font(style: Any) -> None:
    """The office's font in place of the template's theme fonts, for all scripts."""
    style.font.name = OFFICE_FONT
    fonts = style.element.rPr.rFonts
    for key in list(fonts.attrib):
        del fonts.attrib[key]
    for script in ("ascii", "hAnsi", "eastAsia", "cs"):
        fonts.set(qn(f"w:{script}"), OFFICE_FONT)


def _unadorned(style: Any) -> None:
    """Without the template's rules below titles and its letter spacing."""
    for name in ("w:pPr/w:pBdr", "w:rPr/w:spacing", "w:rPr/w:kern"):
        for found in style.element.findall("/".join(qn(part) for part in name.split("/"))):
            found.getparent().remove(found)


def _head_and_foot(office: Office, document: Document) -> None:
    section = office.sections[0]
    header, footer = section.header.paragraphs[0], section.footer.paragraphs[0]
    _say(header, running_head(document))
    if document.synthetic:
        said = escape(plain(say("map.ui.synthetic", document.lang)))
        head: Any = office.styles["Header"]
        head.paragraph_format.tab_stops.clear_all()  # the template's stand where its own sheet has them
        head.paragraph_format.tab_stops.add_tab_stop(Mm(text_mm(document)[0]), WD_TAB_ALIGNMENT.RIGHT)
        if len(running_head(document)) + len(said) <= _HEAD_LETTERS:
            header.add_run().add_tab()
        else:
            header = section.header.add_paragraph(style="Header")
        header._p.append(
            parse_xml(
                f'<w:r {_W}><w:rPr><w:b/><w:color w:val="{MARK_INK}"/>'
                f'<w:shd w:val="clear" w:color="auto" w:fill="{MARK_FILL}"/></w:rPr>'
                f'<w:t xml:space="preserve"> {said} </w:t></w:r>'
            )
        )
    footer.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    footer.add_run(f"{say('document.page', document.lang)} ")
    _field(footer, "PAGE", "1")
    footer.add_run("/")
    _field(footer, "NUMPAGES", "1")


def _describe(office: Office, document: Document) -> None:
    about = office.core_properties
    about.title, about.subject = plain(document.title)[:255], plain(document.subtitle)[:255]
    about.author, about.comments, about.language = "phusong", "", LANGUAGE_TAGS[document.lang]
    for dated in ("created", "modified"):
        for found in about._element.findall(f"{{http://purl.org/dc/terms/}}{dated}"):
            about._element.remove(found)
    package = office.part.package
    thumbnails = [key for key, rel in package.rels.items() if rel.reltype.endswith("/thumbnail")]
    for key in thumbnails:  # the template's, of an empty page
        package.rels.pop(key)


def _without_clock(saved: bytes) -> bytes:
    packed = BytesIO()
    with ZipFile(BytesIO(saved)) as source, ZipFile(packed, "w", ZIP_DEFLATED) as target:
        for name in source.namelist():
            part = ZipInfo(name, _ZIP_DAY)
            part.compress_type = ZIP_DEFLATED
            target.writestr(part, source.read(name))
    return packed.getvalue()
