"""A document as PDF, set by Typst: no program, font or network of the machine is used."""

import json
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import matplotlib as mpl
import typst

from phusong.layers.messages import say
from phusong.maps.report import layout
from phusong.maps.report.document import Block, Bullets, Document, Heading, PageBreak, Paragraph, Picture, Table
from phusong.maps.report.layout import cell_lines, numbered, picture_mm, plain, running_head, under_title

_DRAWN = "picture_{place}.png"


def pdf_bytes(document: Document) -> bytes:
    """The file's bytes: tagged, with bookmarks; the same document gives the same bytes (no clock in them).

    The text goes to Typst as data beside a fixed template, so nothing in it is read as markup.
    """
    with TemporaryDirectory(prefix="phusong-") as name:
        folder = Path(name)
        (folder / "document.typ").write_text(_template(), encoding="utf-8")
        (folder / "document.json").write_text(json.dumps(_told(document)), encoding="utf-8")
        for place, block in enumerate(document.blocks):
            if isinstance(block, Picture):
                (folder / _DRAWN.format(place=place)).write_bytes(block.png)
        return typst.compile(
            folder / "document.typ",
            root=folder,
            font_paths=[layout.font_folder(), Path(mpl.get_data_path(), "fonts", "ttf")],  # for letters beyond ours
            ignore_system_fonts=True,
            format="pdf",
        )


@cache
def _template() -> str:
    return files("phusong.maps").joinpath("assets", "document.typ").read_text(encoding="utf-8")


def _told(document: Document) -> dict[str, Any]:
    lang = document.lang
    numbers = numbered(document)
    return {
        "title": plain(document.title),
        "subtitle": plain(document.subtitle),
        "under": [plain(line) for line in under_title(document)],
        "running": plain(running_head(document)),
        "mark": plain(say("map.ui.synthetic", lang)) if document.synthetic else "",
        "lang": lang,
        "landscape": document.landscape,
        "words": {kind: say(f"document.{kind}", lang) for kind in ("table", "picture", "page")},
        "blocks": [_block(block, document, place, numbers.get(place)) for place, block in enumerate(document.blocks)],
        "look": {
            "margins_mm": layout.MARGINS_MM,
            "fonts": [layout.FONT, "DejaVu Sans"],
            "body_pt": layout.letters_pt(layout.BODY_PT, document),
            "lead_pt": layout.letters_pt(layout.LEAD_PT, document),
            "note_pt": layout.letters_pt(layout.NOTE_PT, document),
            "table_pt": layout.letters_pt(layout.TABLE_PT, document),
            "heading_pt": [layout.letters_pt(size, document) for size in layout.HEADING_PT],
            "ink": layout.INK,
            "soft": layout.SOFT,
            "rule": layout.RULE,
            "head_fill": layout.HEAD_FILL,
            "total_fill": layout.TOTAL_FILL,
            "mark_fill": layout.MARK_FILL,
            "mark_ink": layout.MARK_INK,
        },
    }


def _block(block: Block, document: Document, place: int, number: int | None) -> dict[str, Any]:
    match block:
        case Heading(text, level):
            return {"kind": "heading", "text": plain(text), "level": level}
        case Paragraph(text, style):
            return {"kind": "paragraph", "text": plain(text), "style": style}
        case Bullets(items):
            return {"kind": "bullets", "items": [plain(item) for item in items]}
        case PageBreak():
            return {"kind": "page_break"}
        case Picture():
            return {
                "kind": "picture",
                "file": _DRAWN.format(place=place),
                "width_mm": picture_mm(block, document)[0],
                "alt": plain(block.alt),
                "caption": plain(block.caption) if number is not None else "",
            }
        case Table():
            return {
                "kind": "table",
                "columns": [
                    {**asdict(column), "title": plain(column.title), "unit": plain(column.unit)}
                    for column in block.columns
                ],
                "rows": [[cell_lines(cell) for cell in row] for row in block.rows],
                "totals": block.totals,
                "caption": plain(block.caption) if number is not None else "",
                "note": plain(block.note),
            }
