"""What offices call columns and closed words: the table of synonyms, and how two spellings of one are told to be equal.

Vietnamese and English synonyms stand in ``data/synonyms.toml``, which explains its form and may be edited by hand; the
headings and words of the templates (messages ``heading.*`` and ``word.*``) and the schema's own names are always among
them.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Literal, NamedTuple

from phusong.layers.messages import LANGS, has, say
from phusong.layers.schema import LAYERS, Column, Layer
from phusong.layers.vietnamese.encodings import TONES
from phusong.layers.vietnamese.spelling import toneless

COORDINATES = ("lon", "lat", "x_m", "y_m", "position")
UNIT_NAMES = ("unit_name", "district_name", "province_name")
Rank = Literal["schema", "synonym", "stand_in"]

_ANTENNA = (("angten", "anten"), ("ăngten", "anten"))


class Key(NamedTuple):
    """What equal spellings share: letters and digits without marks; with marks but for tones; the tones."""

    plain: str
    marked: str
    tones: str

    @property
    def bare(self) -> bool:
        """Whether it was written without any marks."""
        return self.plain == self.marked and not self.tones


@lru_cache(maxsize=1 << 14)
def key(text: str) -> Key:
    """The key of a heading or word: case, blanks, points, the place of a tone and i or y do not count;
    the Icelandic Ð that some keyboards give is Đ."""
    apart = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).casefold().replace("ð", "đ"))
    tones = "".join(mark for mark in apart if mark in TONES)
    kept = "".join(c for c in apart if c.isalnum() or (unicodedata.combining(c) and c not in TONES))
    marked = unicodedata.normalize("NFC", kept).replace("y", "i")
    for found, made in _ANTENNA:
        marked = marked.replace(found, made)
    return Key(toneless(marked), marked, tones)


@dataclass(frozen=True)
class Synonym:
    """One known spelling: of which column (or word), and how good a sign of it."""

    key: Key
    target: str
    rank: Rank = "synonym"


class Book:
    """Spellings to look up."""

    def __init__(self, synonyms: Iterable[Synonym]) -> None:
        self._by_plain: dict[str, list[Synonym]] = {}
        for synonym in synonyms:
            self._by_plain.setdefault(synonym.key.plain, []).append(synonym)

    def find(self, text: str) -> list[Synonym]:
        """The best synonym of each target that is spelt so. A text with marks must bear those of the synonym."""
        asked = key(text)
        best: dict[str, Synonym] = {}
        for one in self._by_plain.get(asked.plain, []) if asked.plain else []:
            same = asked.bare or (one.key.marked, one.key.tones) == (asked.marked, asked.tones)
            if same and (one.target not in best or one.rank != "stand_in"):
                best[one.target] = one
        return list(best.values())

    @property
    def keys(self) -> dict[str, str]:
        """Every key without marks, and a target it stands for."""
        return {plain: synonyms[0].target for plain, synonyms in self._by_plain.items()}


def targets(layer: Layer) -> tuple[str, ...]:
    """All names a heading of a layer's file may come to bear: its columns, coordinates and names of units."""
    own = tuple(column.name for column in layer.all_columns)
    places = COORDINATES if "point" in layer.shapes else ()
    return own + places + (UNIT_NAMES[2:] if "district" in own else UNIT_NAMES)  # it needs none to find a unit by


def heading_code(layer: Layer, column: str) -> str:
    """The message that holds what a column is called, without its unit: its layer's own or the one all layers share."""
    own = f"heading.{layer.name}.{column}"
    return own if has(own) else f"heading.any.{column}"


@cache
def columns_book(layer: str) -> Book:
    """The spellings of a layer's columns; those of its own columns go before those of coordinates and units."""
    wanted = LAYERS[layer]
    entries: list[Synonym] = []
    taken: set[Key] = set()
    for name in targets(wanted):
        entries.append(Synonym(key(name), name, "schema"))
        taken.add(key(name))
    for name in targets(wanted):
        own = [Synonym(key(say(heading_code(wanted, name), lang)), name) for lang in LANGS]
        own += [Synonym(key(text.removeprefix("~")), name, _rank(text)) for text in synonyms(wanted, name)]
        place = name in COORDINATES + UNIT_NAMES
        entries += [one for one in own if one.key not in taken]
        if not place:
            taken |= {one.key for one in own}
    return Book(entries)


def _rank(text: str) -> Rank:
    return "stand_in" if text.startswith("~") else "synonym"


def synonyms(layer: Layer, column: str) -> list[str]:
    """The synonyms of a column as the table declares them, references followed."""
    table = data()
    shared = table["places"].get(column) if column in COORDINATES + UNIT_NAMES else table["any"].get(column)
    own = table["layer"].get(layer.name, {}).get(column, [])
    found: list[str] = [] if shared is None else list(shared)
    for text in own:
        name = text.removeprefix("@")
        found += [text] if name == text else table["any"].get(name) or table["places"][name]
    return found


@cache
def words_book(layer: str, column: str) -> Book:
    """The spellings of a closed column's words."""
    entries: list[Synonym] = []
    for word in LAYERS[layer].column(column).words:
        offered = [say(f"word.{layer}.{column}.{word}", lang) for lang in LANGS]
        entries += [Synonym(key(text), word) for text in (word, *offered, *word_synonyms(layer, column, word))]
    return Book(entries)


def word_synonyms(layer: str, column: str, word: str) -> list[str]:
    """The synonyms of a closed column's word as the table declares them."""
    entry = data()["word"].get(layer, {}).get(column, {})
    if isinstance(entry, str):
        other, _, name = entry.removeprefix("@").partition(".")
        return word_synonyms(other, name, word)
    found: list[str] = entry.get(word, [])
    return found


def word_of(text: str, layer: Layer, column: Column) -> str | None:
    """The word of a closed column that a text means, None if it means none or several.

    A text such as ``3G (WCDMA)``, all of whose parts mean one word, means that word.
    """
    book = words_book(layer.name, column.name)
    parts = [part for part in re.split(r"[/;,+()\[\]]|\s-\s", text) if part.strip()]
    for texts in ([text], parts):
        found = [{synonym.target for synonym in book.find(each)} for each in texts]
        if found and found[0] and len(found[0]) == 1 and all(one == found[0] for one in found):
            return next(iter(found[0]))
    return None


@cache
def idle_words(layer: str) -> frozenset[str]:
    """Words, by their keys without marks, that change nothing in a group heading or in brackets."""
    table = data()["idle"]
    return frozenset(key(word).plain for word in (*table["any"], *table.get(layer, ())))


def is_idle(text: str, layer: Layer) -> bool:
    """Whether a part of a heading holds only idle words and numbers."""
    idle = idle_words(layer.name)
    plain = [key(word).plain for word in re.split(r"[\W_]+", unicodedata.normalize("NFC", text))]
    return all(word in idle or word.isdecimal() for word in plain if word)


@cache
def data() -> dict[str, Any]:
    """The table of synonyms as it stands in its file."""
    return tomllib.loads(files("phusong.layers").joinpath("data/synonyms.toml").read_text(encoding="utf-8"))
