"""Text of Shapefiles and MapInfo tables: bytes whose encoding is stated beside them, wrongly stated, or not at all."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from phusong.layers.errors import Fault
from phusong.layers.vietnamese.encodings import cell_form
from phusong.layers.vietnamese.text import BYTE_CHOICES, CHOICES, known_encoding

_WESTERN = frozenset({"", "iso8859-1", "cp1252", "ascii"})
"""What is stated of Vietnamese text of any encoding: it says nothing."""
_LDID = {0x1A: "cp1258", 0x4F: "cp950", 0x4D: "cp936", 0x03: "cp1252", 0x57: "cp1252", 0x58: "cp1252"}
"""Language driver of a dBase table, byte 29 of its head."""


def plain(frame: pd.DataFrame, *, path: Path, encoding: str | None) -> tuple[pd.DataFrame, list[Fault]]:
    """A frame read as ISO-8859-1 with its text made what its bytes say, headings too, and what was found.

    Bytes are UTF-8 where all of them are (a letter cut off at the end of a field is dropped and told); else what the
    file states, or the user (``encoding``); else they are left as ``vietnamese.encodings.cell_form`` has them, for
    ``vietnamese.text.decoded`` to tell what they are. InputError for an encoding that is not known.
    """
    asked = known_encoding(encoding, file=path.name, choices=(*BYTE_CHOICES, *CHOICES)) if encoding else None
    stated = _codec(_stated(path))
    names = [str(name) for name in frame.columns]
    columns = [place for place, dtype in enumerate(frame.dtypes) if not pd.api.types.is_numeric_dtype(dtype)]
    texts = {cell for place in columns for cell in frame.iloc[:, place] if isinstance(cell, str)}
    faults: list[Fault] = []
    made, cut = (None, 0) if asked not in (None, "utf-8", "unicode") else _utf8({*texts, *names})
    if made is None and stated == "utf-8":
        faults.append(Fault("note.stated_encoding_wrong", file=path.name, params={"found": "UTF-8"}))
    if made is None and asked is None and stated not in _WESTERN and stated != "utf-8":
        made = _by_codec({*texts, *names}, stated)
        code = "note.stated_encoding_wrong" if made is None else "changed.stated_encoding"
        faults.append(Fault(code, file=path.name, params={"found": stated}))
    if made is None:
        made = {text: cell_form(text.encode("latin-1")) for text in {*texts, *names}}
    if cut:
        faults.append(Fault("note.text_cut", file=path.name, params={"count": cut}))
    frame = frame.copy()
    for place in columns:
        cells = frame.iloc[:, place]
        if any(isinstance(cell, str) for cell in cells):
            done = cells.astype(object).map(lambda cell: made.get(cell, cell) if isinstance(cell, str) else cell)
            frame.isetitem(place, done.array)
    frame.columns = pd.Index([made[name] for name in names], dtype=object)
    return frame, faults


def _utf8(texts: Iterable[str]) -> tuple[dict[str, str] | None, int]:
    """Each text as UTF-8 and how many end within a letter; None if one is not UTF-8."""
    made, cut = {}, 0
    for text in texts:
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            made[text] = decoder.decode(text.encode("latin-1"))
        except UnicodeError:  # not UTF-8, or no bytes at all (the driver decoded it)
            return None, 0
        cut += bool(decoder.getstate()[0])
    return made, cut


def _by_codec(texts: Iterable[str], codec: str) -> dict[str, str] | None:
    try:
        return {text: text.encode("latin-1").decode(codec) for text in texts}
    except (UnicodeError, LookupError):  # not so, or no encoding of text
        return None


def _stated(path: Path) -> str:
    """The encoding that stands in the .cpg file, the head of the dBase table or of the MapInfo table; "" if none."""
    suffix = path.suffix.lower()
    if suffix in (".tab", ".mif"):
        head = _start(path, 2000).decode("latin-1")
        found = re.search(r'charset\s+"?([\w-]+)', head, re.IGNORECASE)
        name = found[1].lower() if found else ""
        return {"windowsvietnamese": "cp1258", "utf-8": "utf-8"}.get(name, "")
    page = next((one for one in beside(path) if one.suffix.lower() == ".cpg"), None)
    if page is not None:
        return _start(page, 40).decode("latin-1").strip()
    table = path if suffix == ".dbf" else next((one for one in beside(path) if one.suffix.lower() == ".dbf"), None)
    head_bytes = b"" if table is None else _start(table, 32)
    return _LDID.get(head_bytes[29], "") if len(head_bytes) == 32 else ""


def _start(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        return file.read(size)


def _codec(stated: str) -> str:
    """Python's name for it, "" if it has none."""
    name = stated.lower().removeprefix("ansi ").removeprefix("ldid/")
    if name.isdigit():
        name = {"65001": "utf-8", "88591": "iso8859-1"}.get(name, f"cp{name}")
    try:
        return codecs.lookup(name).name if name else ""
    except (LookupError, ValueError):
        return ""


def beside(path: Path) -> list[Path]:
    """The files of the same stem in the same folder, whatever the case of their endings, by name."""
    stem = path.stem.casefold()
    return sorted(one for one in path.parent.iterdir() if one.stem.casefold() == stem and one.suffix)
