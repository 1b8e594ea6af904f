"""On which line of a TOML text a key stands: for faults that name it to people who edit the file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_NAME = r"""(?:[\w-]+|"[^"\n]*"|'[^'\n]*')"""
_DOTTED = rf"{_NAME}(?:\s*\.\s*{_NAME})*"
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_DOTTED})\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(rf"\s*({_DOTTED})\s*=")
_PART = re.compile(_NAME)
_TOKEN = re.compile(r"#|\"{3}|'{3}|\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'")
"""What decides whether a line ends inside a string of several lines: comments, such strings and strings of one line."""
_ENDS = {'"""': re.compile(r"(?:\\.|[^\\])*?\"{3,5}"), "'''": re.compile(r".*?'{3,5}")}

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
        inside, long_mark = long_mark, _long_after(line, long_mark)
        if inside:  # inside a string of several lines nothing is a key
            continue
        if header := _HEADER.match(line):
            here = table = _numbered(_parts(header[2]), counts, new=header[1] == "[[")
        elif key := _KEY.match(line):
            here = (*table, *_parts(key[1]))
        else:
            continue
        for length in range(len(here)):  # a table that only stands in the name of another
            lines.setdefault(here[: length + 1], number)
    return lines


def nearest_line(lines: Lines, where: Sequence[str]) -> int | None:
    """The line of the key ``where``, else that of the table it belongs in; None if neither is there."""
    names = tuple(part for name in where for part in name.split("."))
    return next((lines[names[:n]] for n in range(len(names), 0, -1) if names[:n] in lines), None)


def line_of(text: str, where: Sequence[str]) -> int | None:
    """``nearest_line`` of a text."""
    return nearest_line(key_lines(text), where)


def _long_after(line: str, mark: str) -> str:
    """The mark of the string of several lines in which ``line`` ends, "" for none; ``mark``: of that it begins in."""
    at = 0
    while True:
        if mark:
            end = _ENDS[mark].match(line, at)
            if end is None:
                return mark
            at, mark = end.end(), ""
        token = _TOKEN.search(line, at)
        if token is None or token[0] == "#":
            return ""
        at = token.end()
        mark = token[0] if token[0] in _ENDS else ""


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
