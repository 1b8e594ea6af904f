"""On which line of a TOML text a key stands: for faults that name it to people who edit the file."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NAME = r"""(?:[\w-]+|"[^"\n]*"|'[^'\n]*')"""
_DOTTED = rf"{_NAME}(?:\s*\.\s*{_NAME})*"
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_DOTTED})\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(rf"\s*({_DOTTED})\s*=")
_PART = re.compile(_NAME)
_LONG = re.compile(r"\"{3}|'{3}")


def line_of(text: str, where: Sequence[str]) -> int | None:
    """The line (from 1) of the key with these names, else that of the table it belongs in; None if neither is there.

    ``where``: names from the outside in; tables of an array by their number: ``["rule", "0", "text", "vi"]``.
    """
    names = [part for name in where for part in name.split(".")]
    table: list[str] = []
    counts: dict[str, int] = {}
    found: tuple[int, int | None] = (0, None)
    long_mark = ""
    for number, line in enumerate(text.split("\n"), 1):
        if long_mark:  # inside a string of several lines nothing is a key
            long_mark = "" if line.count(long_mark) % 2 else long_mark
            continue
        if header := _HEADER.match(line):
            here = table = _numbered(_parts(header[2]), counts, new=header[1] == "[[")
        elif key := _KEY.match(line):
            here = table + _parts(key[1])
        else:
            continue
        if len(here) > found[0] and here == names[: len(here)]:
            found = (len(here), number)
        mark = _LONG.search(line)
        if mark and line.count(mark[0]) % 2:
            long_mark = mark[0]
    return found[1]


def _parts(dotted: str) -> list[str]:
    """The names of a dotted key; those of a quoted name with points too, as ``where`` may have been joined by points."""
    return [piece for part in _PART.findall(dotted) for piece in part.strip("\"'").split(".")]


def _numbered(names: Sequence[str], counts: dict[str, int], *, new: bool) -> list[str]:
    """The names of a header with the number of each table of an array behind its name."""
    numbered: list[str] = []
    for place, name in enumerate(names, 1):
        numbered.append(name)
        array = "\0".join(numbered)
        if new and place == len(names):
            counts[array] = counts.get(array, -1) + 1
        if array in counts:
            numbered.append(str(counts[array]))
    return numbered
