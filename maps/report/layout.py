"""What all formats of a document share: the sheet, plain text, numbers of captions, sizes of pictures, the font."""

import re
import struct
from importlib.resources import files
from pathlib import Path

from phusong.layers.messages import say
from phusong.maps.report.document import Document, Picture, Table

SHEET_MM = (210.0, 297.0)
"""A4, upright."""
MARGINS_MM = (20.0, 15.0, 20.0, 30.0)
"""Top, right, bottom, left, as Decree 30/2020/ND-CP (annex I) asks of administrative documents."""
FONT = "Liberation Serif"
"""The bundled font: the widths of Times New Roman, which the decree asks for, all Vietnamese letters, SIL OFL 1.1."""
OFFICE_FONT = "Times New Roman"
BODY_PT, LEAD_PT, NOTE_PT, TABLE_PT = 13.0, 14.0, 11.0, 9.5
HEADING_PT = (16.0, 14.0, 13.0)
COMPACT_SHARE, LEAST_PT = 0.82, 8.5
"""Of these sizes, the letters of a compact document, but none smaller than this."""
INK, SOFT, RULE, HEAD_FILL, TOTAL_FILL, MARK_FILL, MARK_INK = (
    "1e293b",
    "5b6779",
    "94a3b8",
    "e2e8f0",
    "f1f5f9",
    "ffd666",
    "3d2c00",
)

_CAPTION_MM = 25.0  # of the height of a page, left for the caption of a picture that fills it
_SPACES = re.compile(r"[\s\x1c-\x1f\x85]+")
_NOT_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
# the marks that turn the direction of what follows: in a name they would turn round the figures beside it
_TURNS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def plain(text: str) -> str:
    """``text`` in one line, without marks of direction; what no format can hold becomes U+FFFD."""
    return _NOT_TEXT.sub("\ufffd", _TURNS.sub("", _SPACES.sub(" ", text)))


def cell_lines(text: str) -> list[str]:
    """The lines of a cell of a table, each plain."""
    return [plain(line) for line in re.split(r"\r\n|[\r\n]", text)]


def text_mm(document: Document) -> tuple[float, float]:
    """Width and height of the text on a page, in millimetres."""
    width, height = reversed(SHEET_MM) if document.landscape else SHEET_MM
    top, right, bottom, left = MARGINS_MM
    return width - left - right, height - top - bottom


def letters_pt(size_pt: float, document: Document) -> float:
    """A size of letters as the document is set, in half points."""
    return max(round(2 * COMPACT_SHARE * size_pt) / 2, LEAST_PT) if document.compact else size_pt


def picture_mm(picture: Picture, document: Document) -> tuple[float, float]:
    """Width and height of ``picture`` as drawn: its share of the text's width, less where a page is too low."""
    wide, high = struct.unpack(">II", picture.png[16:24])
    text_width, text_height = text_mm(document)
    width = min(picture.width * text_width, (text_height - _CAPTION_MM) * wide / high)
    return width, width * high / wide


def numbered(document: Document) -> dict[int, int]:
    """The number of each captioned table and picture, by the place of its block; each kind is counted by itself."""
    found: dict[int, int] = {}
    counts = {Table: 0, Picture: 0}
    for place, block in enumerate(document.blocks):
        if isinstance(block, (Table, Picture)) and block.caption:
            counts[type(block)] += 1
            found[place] = counts[type(block)]
    return found


def under_title(document: Document) -> list[str]:
    """The lines below the title and the subtitle: the date and the sources, where they are known."""
    lines = [say("document.as_of", document.lang, date=document.as_of)] if document.as_of else []
    return lines + ([say("document.source", document.lang, source=document.source)] if document.source else [])


def running_head(document: Document) -> str:
    """What stands at the head of every page: title and date."""
    return " · ".join(part for part in (document.title, document.as_of) if part)


def font_folder() -> Path:
    """The folder of the bundled font."""
    return Path(str(files("phusong.maps").joinpath("assets", "fonts")))
