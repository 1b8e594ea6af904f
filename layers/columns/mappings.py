"""What the user said headings mean: read from ``--map``, kept in a study for the next file with the same headings.

The file (``imports/mappings.toml`` in a study) may be edited by hand. A mapping is used again only for the layer and
the very set of headings it was given for; where the headings differ it is told of, not taken.
"""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from phusong.layers.columns.cells import nearest
from phusong.layers.columns.headings import LEFT_ALONE, NOT_USED
from phusong.layers.columns.synonyms import columns_book, targets
from phusong.layers.errors import Fault, InputError
from phusong.layers.schema import Layer
from phusong.layers.writers.aside import written_aside

SAVED_IN = "imports/mappings.toml"
_MOST_TOLD = 5


class Recalled(NamedTuple):
    """A saved mapping, empty if there is none for these headings, and remarks on what was found."""

    mapping: dict[str, str]
    notes: tuple[Fault, ...]


@dataclass(frozen=True)
class _Saved:
    layer: str
    headings: tuple[str, ...]
    columns: dict[str, str]


def parse_mapping(texts: Iterable[str], layer: Layer) -> dict[str, str]:
    """``Heading=column`` as the user writes it, to heading -> column; ``Heading=-`` leaves a column alone.

    The heading ends at the last "=". InputError, naming the nearest column, if the layer has no such column or place
    (lon, lat, x_m, y_m, position, unit_name, ...), or one heading is named twice.
    """
    mapping: dict[str, str] = {}
    for text in texts:
        heading, equals, name = (part.strip() for part in text.rpartition("="))
        if not (equals and heading and name):
            raise InputError("headings.map_form", found=text)
        names = targets(layer)
        if name != NOT_USED and name not in names:
            meant = columns_book(layer.name).find(name)
            near = meant[0].target if len(meant) == 1 else nearest(name, names) or "-"
            params: dict[str, Any] = {"layer": layer.name, "nearest": near, "names": ", ".join(names)}
            raise InputError("headings.map_no_column", heading=heading, found=name, **params)
        if mapping.get(heading, name) != name:
            raise InputError("headings.map_twice", found=heading, one=mapping[heading], other=name)
        mapping[heading] = name
    return mapping


def remember(path: str | Path, layer: Layer, headings: Sequence[str], mapping: Mapping[str, str]) -> None:
    """Keep a mapping for the next file of ``layer`` with the same headings, in place of the one kept for them.

    An empty mapping takes the kept one away. InputError if the file there is broken.
    """
    path = Path(path)
    lines = tuple(sorted(_line(heading) for heading in headings))
    kept = [one for one in _read(path) if (one.layer, _set(one.headings)) != (layer.name, _set(lines))]
    if mapping:
        kept.append(_Saved(layer.name, lines, {_line(heading): name for heading, name in mapping.items()}))
    text = "\n".join(_toml(one) for one in sorted(kept, key=lambda one: (one.layer, one.headings)))
    with written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")


def recall(path: str | Path, layer: Layer, headings: Sequence[str], *, file: str = "") -> Recalled:
    """The mapping kept for this layer and these headings, in any order; a remark says that it is used, or that one is
    kept for other headings. InputError if the file there is broken."""
    here = _set(headings)
    others = []
    for one in _read(Path(path)):
        if one.layer != layer.name:
            continue
        if _set(one.headings) == here:
            shown = ", ".join(f"{heading} = {name}" for heading, name in one.columns.items())
            note = Fault("note.mapping_used", file, layer.name, params={"found": shown})
            return Recalled(dict(one.columns), (note,))
        if _set(one.columns) & here:
            others.append(one)
    if not others:
        return Recalled({}, ())
    nearby = max(others, key=lambda one: len(_set(one.headings) & here))
    there = [line for line in nearby.headings if _fold(line) not in here]
    new = [_line(heading) for heading in headings if _fold(heading) not in _set(nearby.headings)]
    params = {"there": _few(there), "here": _few(new)}
    return Recalled({}, (Fault("note.mapping_of_other_headings", file, layer.name, params=params),))


def _read(path: Path) -> list[_Saved]:
    if not path.is_file():
        return []
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8")).get("mapping", [])
        return [_saved(entry) for entry in entries]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, TypeError, KeyError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}" if isinstance(error, KeyError | TypeError) else str(error)
        raise InputError("headings.mappings_unreadable", file=path.name, reason=reason) from error


def _saved(entry: dict[str, Any]) -> _Saved:
    headings, columns = entry["headings"], entry["columns"]
    texts = [*headings, *columns, *columns.values()]
    if not isinstance(headings, list) or not all(isinstance(text, str) for text in texts):
        raise TypeError('headings: ["..."], columns: {"..." = "..."}')
    return _Saved(str(entry["layer"]), tuple(headings), dict(columns))


def _toml(one: _Saved) -> str:
    lines = ["[[mapping]]", f"layer = {_string(one.layer)}", "headings = ["]
    lines += [f"  {_string(heading)}," for heading in one.headings]
    lines += ["]", "[mapping.columns]"]
    lines += [f"{_string(heading)} = {_string(name)}" for heading, name in one.columns.items()]
    return "\n".join(lines) + "\n"


def _string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c >= " " and c != "\x7f" else f"\\u{ord(c):04x}" for c in escaped) + '"'


def _line(heading: str) -> str:
    return " ".join(unicodedata.normalize("NFC", str(heading)).split()).removesuffix(LEFT_ALONE)


def _fold(heading: str) -> str:
    return _line(heading).casefold()


def _set(headings: Iterable[str]) -> frozenset[str]:
    return frozenset(map(_fold, headings))


def _few(lines: Sequence[str]) -> str:
    shown = ", ".join(f'"{line}"' for line in lines[:_MOST_TOLD])
    return (shown + (", …" if len(lines) > _MOST_TOLD else "")) or "-"
