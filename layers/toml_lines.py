"""On which line of a TOML text a key stands: for faults that name it to people who edit the file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_NAME = r"""(?:[\w-]+|"[^"\n]*"|'[^'\n]*')"""
_DOTTED = rf"{_NAME}(?:\s*\.\s*{_NAME})*"
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_DOTTED})\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(rf"\s*({_DOTTED})\s*=")
_PART = re.compile(_NAME)
_LONG = re.compile(r"\"{3}|'{3}")


Lines = Mapping[tuple[str, ...], int]


def key_lines(text: str) -> Lines:
    """The line (from 1) of every key and table, by its names from the outside in.

    Tables of an array carry their number: ``("rule", "0", "text", "vi")``.
    """
    table: tuple[str, ...] = ()
    counts: dict[tuple[str, ...], int] = {}
    lines: dict[tuple[str, ...], int] = {}
    long_mark = ""
    for number, line in enumerate(text.split("\n"), 1):
        if long_mark:  # inside a string of several lines nothing is a key
            long_mark = "" if line.count(long_mark) % 2 else long_mark
            continue
        if header := _HEADER.match(line):
            here = table = _numbered(_parts(header[2]), counts, new=header[1] == "[[")
        elif key := _KEY.match(line):
            here = (*table, *_parts(key[1]))
        else:
            continue
        for length in range(len(here)):  # a table that only stands in the name of another
            lines.setdefault(here[: length + 1], number)
        mark = _LONG.search(line)
        if mark and line.count(mark[0]) % 2:
            long_mark = mark[0]
    return lines


def nearest_line(lines: Lines, where: Sequence[str]) -> int | None:
    """The line of the key ``where``, else that of the table it belongs in; None if neither is there."""
    names = tuple(part for name in where for part in name.split("."))
    return next((lines[names[:n]] for n in range(len(names), 0, -1) if names[:n] in lines), None)


def line_of(text: str, where: Sequence[str]) -> int | None:
    """``nearest_line`` of a text."""
    return nearest_line(key_lines(text), where)


def _parts(dotted: str) -> tuple[str, ...]:
    """The names of a dotted key; a quoted name with points in it counts as several, as in ``where``."""
    return tuple(piece for part in _PART.findall(dotted) for piece in part.strip("\"'").split("."))


def _numbered(names: Sequence[str], counts: dict[tuple[str, ...], int], *, new: bool) -> tuple[str, ...]:
    """The names of a header with the number of each table of an array behind its name."""
    numbered: tuple[str, ...] = ()
    for place, name in enumerate(names, 1):
        numbered = (*numbered, name)
        if new and place == len(names):
            counts[numbered] = counts.get(numbered, -1) + 1
        if numbered in counts:
            numbered = (*numbered, str(counts[numbered]))
    return numbered
