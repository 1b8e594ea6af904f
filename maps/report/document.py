"""One model of a printed document; `docx.py`, `html.py` and `pdf.py` write it.

All text is plain: no markup of any format means anything in it, and each renderer escapes what its format would read as
such. Numbers come in written (`phusong.layers.messages.format`), so that no two formats say different figures.
"""

from dataclasses import dataclass
from typing import Literal

from phusong.layers.messages import Lang

Align = Literal["left", "right"]
Style = Literal["body", "lead", "note"]

PNG_START = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Heading:
    """A heading of level 1 (chapter), 2 or 3."""

    text: str
    level: int = 1

    def __post_init__(self) -> None:
        if self.level not in (1, 2, 3):
            raise ValueError(f"a heading has level 1, 2 or 3, not {self.level}")


@dataclass(frozen=True)
class Paragraph:
    """One paragraph: `lead` is larger (the answer first), `note` smaller (what to know about a figure)."""

    text: str
    style: Style = "body"


@dataclass(frozen=True)
class Bullets:
    """A list of short items, each one paragraph."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, the unit of measure below it, and its share of the width against the others."""

    title: str
    unit: str = ""
    align: Align = "left"
    width: float = 1.0

    def __post_init__(self) -> None:
        if not self.width > 0:
            raise ValueError(f"a column is wider than nothing, not {self.width}")


@dataclass(frozen=True)
class Table:
    """A table of written cells, its head repeated on each page; `totals` are the places of rows that sum up others.

    An empty cell is an empty string; what "no data" reads like is the writer's business, not the table's. A line break
    in a cell begins a new line of it; everywhere else it is a space.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    note: str = ""
    totals: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.columns:
            raise ValueError("a table has a column")
        for place, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise ValueError(f"row {place} of the table has {len(row)} cells for {len(self.columns)} columns")
        if not all(0 <= place < len(self.rows) for place in self.totals):
            raise ValueError(f"totals {self.totals} are not all among the {len(self.rows)} rows")


@dataclass(frozen=True)
class Picture:
    """A PNG, its caption and the words for those who cannot see it; `width` is a share of the text's width."""

    png: bytes
    caption: str
    alt: str
    width: float = 1.0

    def __post_init__(self) -> None:
        if not self.png.startswith(PNG_START):
            raise ValueError("a picture is a PNG file")
        if not 0 < self.width <= 1:
            raise ValueError(f"a picture is as wide as a share of the text, not {self.width}")


@dataclass(frozen=True)
class PageBreak:
    """What follows begins a new page."""


Block = Heading | Paragraph | Bullets | Table | Picture | PageBreak


@dataclass(frozen=True)
class Document:
    """A document: what stands in its head and on each page, and its blocks in reading order.

    `as_of` and `source` are written (a date as the reader writes it; where the figures come from) and stand below the
    title; title and date are on every page, and where `synthetic` so is the word for it. Tables and pictures that have
    a caption are numbered, each kind by itself, in the order of the blocks. `compact`: in smaller letters, for a sheet
    with much on it.
    """

    title: str
    subtitle: str
    lang: Lang
    as_of: str
    synthetic: bool
    source: str
    blocks: tuple[Block, ...]
    landscape: bool = False
    compact: bool = False
