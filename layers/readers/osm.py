"""What of an OpenStreetMap file is a road, a river or a crossing, with its tags in the words of these layers.

Meanings of tags: OpenStreetMap wiki, Key:highway, Key:waterway (a stream can be jumped over), Key:bridge, Key:ford,
Tag:route=ferry. Rows of other things are passed over, with a note on how many.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.layers.columns.synonyms import word_of
from phusong.layers.errors import Fault
from phusong.layers.readers.raw import RawTable
from phusong.layers.schema import LAYERS

WATERWAYS = ("river", "stream", "canal", "tidal_channel")
_LISTED = 6
Flags = NDArray[np.bool_]


def is_osm(file: str) -> bool:
    """Whether a file is OpenStreetMap data, by its name."""
    return file.lower().endswith((".osm", ".pbf"))


def of_osm(raw: RawTable, layer: str) -> RawTable:
    """The rows of a table of an OpenStreetMap file that are of ``layer`` (roads, rivers or crossings).

    A road that is a ford has no bridge, any value of ``bridge`` but no is a bridge; a surface that has no word here is
    left empty. Streams and rivers that run for a time only are barriers in floods only.
    """
    own = {"roads": _roads, "rivers": _rivers, "crossings": _crossings}[layer](raw.frame.reset_index(drop=True))
    kept = own.index.to_numpy()
    shapes = None if raw.geometry is None else raw.geometry[kept]
    made = replace(raw, frame=own.reset_index(drop=True), rows=raw.rows[kept], geometry=shapes)
    left = len(raw.frame) - len(kept)
    if not left or not len(kept):
        return made
    params = {"left": left, "kept": len(kept), "names": _odd(raw.frame, kept, layer)}
    return replace(made, faults=(*made.faults, Fault("note.osm_rows", raw.file, layer, raw.sheet, params=params)))


def _tag(frame: pd.DataFrame, tag: str) -> pd.Series:
    """The values of a tag; empty where it is not there."""
    return frame[tag].astype(object) if tag in frame else pd.Series(None, index=frame.index, dtype=object)


def _is(frame: pd.DataFrame, tag: str) -> Flags:
    """Whether a tag is there and does not say no."""
    values = _tag(frame, tag)
    return np.asarray(values.notna() & ~values.isin(["no", ""]), dtype=bool)


def _known(frame: pd.DataFrame, tag: str, column: str) -> list[str | None]:
    """The tag where its value has a word in the roads' column."""
    layer = LAYERS["roads"]
    values = _tag(frame, tag)
    words = {value: word_of(str(value), layer, layer.column(column)) for value in values.dropna().unique()}
    return [words.get(value) for value in values.tolist()]


def _words(*cases: tuple[Flags, str]) -> list[str | None]:
    """The word of the first case that holds, row by row."""
    found: list[str | None] = [None] * len(cases[0][0])
    for flags, word in reversed(cases):
        for i in np.flatnonzero(flags).tolist():
            found[i] = word
    return found


def _columns(frame: pd.DataFrame, keep: Flags, **columns: object) -> pd.DataFrame:
    """Number and name beside the columns made of tags, for the rows to keep."""
    made = frame[[name for name in ("osm_id", "name") if name in frame]].copy()
    for name, values in columns.items():
        made[name] = pd.Series(values, index=frame.index, dtype=object)
    return made[keep]


def _roads(frame: pd.DataFrame) -> pd.DataFrame:
    words = _known(frame, "highway", "class")
    columns = {
        "class": words,
        "surface": _known(frame, "surface", "surface"),
        "bridge": _words((_is(frame, "bridge"), "yes"), (_is(frame, "ford"), "no")),
        "floods": _words((_is(frame, "flood_prone"), "yes")),
    }
    return _columns(frame, np.array([word is not None for word in words], dtype=bool), **columns)


def _rivers(frame: pd.DataFrame) -> pd.DataFrame:
    kind = _tag(frame, "waterway")
    dry = (kind == "stream").to_numpy() | _is(frame, "intermittent") | _is(frame, "seasonal")
    width = _tag(frame, "width").astype(str).str.extract(r"^\s*(\d+(?:\.\d+)?)\s*m?\s*$")[0].astype(float)
    columns = {"floods_only": np.where(dry, "yes", "no"), "width_m": width}
    return _columns(frame, kind.isin(WATERWAYS).to_numpy(dtype=bool), **columns)


def _crossings(frame: pd.DataFrame) -> pd.DataFrame:
    bridge = _is(frame, "bridge") & _is(frame, "highway")
    ferry = (_tag(frame, "route") == "ferry").to_numpy(dtype=bool)
    ford = _is(frame, "ford") | (_tag(frame, "highway") == "ford").to_numpy(dtype=bool)
    kind = _words((ferry, "ferry"), (ford, "ford"), (bridge, "bridge"))
    floods = _words((_is(frame, "flood_prone"), "yes"))
    return _columns(frame, bridge | ferry | ford, kind=kind, floods=floods)


def _odd(frame: pd.DataFrame, kept: NDArray[np.int64], layer: str) -> str:
    """What the rows that were passed over are, the most frequent first."""
    tag = {"roads": "highway", "rivers": "waterway", "crossings": "route"}[layer]
    values = _tag(frame.reset_index(drop=True), tag).drop(kept)
    found = Counter(f"{tag}={value}" if pd.notna(value) else "-" for value in values.tolist())
    return ", ".join(f"{name} ({count})" for name, count in found.most_common(_LISTED))
