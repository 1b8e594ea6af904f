"""Vietnamese text of any encoding made plain: which encoding a table or file is in, how sure that is, and what it says.

The judge is the written syllable (layers.syllables), not counts of letters: under the right reading nearly every word
with marks is a Vietnamese syllable, under a wrong one few are. Each reading gets the likelihood of all distinct words
that hold more than ASCII: a syllable is one of some 17,000, a word built like one (names from the highlands) is rarer,
any other costs as much as a random word of its length. The tempered likelihoods with their prior give each reading a
probability, and that of the best is the *score*. Readings under which fewer than FIT of the words are built so are out;
words that hold a letter of no one-byte encoding ("ố") are plainly Unicode and say nothing about the others, so a table
that is converted in part is still told. Below SCORE nothing is converted and the user is asked.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd

from phusong.layers.errors import Fault, InputError
from phusong.layers.vietnamese.encodings import ENCODINGS, Encoding, cell_form, converted, words
from phusong.layers.vietnamese.syllables import is_alike, is_common, is_syllable

if TYPE_CHECKING:  # the readers decode by this module
    from phusong.layers.readers.raw import RawTable

SCORE = 0.95  # of the best reading; below it nothing is converted
FIT = 0.5  # share of the words with marks that must be syllables, or built alike, in a reading
Reading = Literal["unicode"] | Encoding
CHOICES: tuple[str, ...] = ("unicode", *ENCODINGS)
BYTE_CHOICES = ("utf-8", "utf-16", "cp1252", *get_args(Encoding)[:4])

_ALIASES = {
    "abc": "tcvn3", "tcvn": "tcvn3", "vntime": "tcvn3", ".vntime": "tcvn3", "tcvn-3": "tcvn3", "vni-windows": "vni",
    "windows-1258": "cp1258", "utf8": "utf-8", "utf-8-sig": "utf-8", "utf16": "utf-16", "latin-1": "cp1252",
    "iso-8859-1": "cp1252", "windows-1252": "cp1252", "ansi": "cp1252",
}  # fmt: skip
FEWEST_WORDS = 5  # distinct words with marks from which a column is judged by itself, not by its table
_LOST = re.compile("[\ufffd\ud800-\udfff]")  # half of a letter of JSON is one, too
_BLANKS: dict[int, str | None] = dict.fromkeys((0xA0, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000), " ")
_BLANKS |= dict.fromkeys((0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF))
_BLANKS |= dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
_PIECES = re.compile(r"([,;|\t\r\n\"]+)")
_BREAKS = "–—‘’“”…•\u00a0\u2009\u202f\u200b/-,.;:()'\""  # between words of a plain text
_PRIOR_UNICODE = 0.6
_PRIOR_PLAIN = 0.98  # that a table is Unicode where some words of it plainly are
_TEMPER = 0.5  # words of one list are not independent
_SYLLABLE = math.log(0.93 / 17_000)
_COMMON_SYLLABLE = math.log(0.05 / 200 * 10)  # the 200 words that fill lists make half of them
_ALIKE = math.log(0.05 / 300_000)
_NOISE, _LETTER, _ODD_LETTER, _SIGN = math.log(0.07), math.log(1 / 60), math.log(1 / 90), math.log(1 / 200)
_SUREST = 0.9999  # nothing is told more surely by its words
_MOST_WORDS = 5000  # distinct ones that are judged; more say nothing new
_LONGEST = 60  # letters of a word that are judged
_SAMPLE = 1 << 22  # bytes of a file that are judged
_SHORTEST_UTF16 = 4
_MARKS = (  # of byte orders; that of UTF-32 begins like that of UTF-16
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\0\0", "utf-32-le"),
    (b"\0\0\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_LINE = 60


@dataclass(frozen=True)
class Detected:
    """The encoding of many strings: ``unicode`` (nothing to convert) or a legacy one; ``score`` is its probability
    (0-1), ``fit`` the share of words with marks that are built like syllables in it, ``count`` how many distinct words
    were judged, ``other`` the next best reading."""

    encoding: Reading
    score: float
    fit: float = 1.0
    count: int = 0
    other: Reading = "unicode"

    @property
    def sure(self) -> bool:
        """Whether it may be acted on without asking."""
        return self.score >= SCORE


@dataclass(frozen=True)
class Decoded:
    """The text of a file's bytes, the encoding it was in and how sure that is (0-1)."""

    text: str
    encoding: str
    score: float

    def fault(self, file: str) -> Fault | None:
        """What the user is told: nothing for Unicode; else that bytes were converted. The reader adds it to the table's
        faults; cells converted once are then not converted again."""
        if self.encoding.startswith("utf-"):
            return None
        params = {"found": self.encoding, "score_pct": _percent(self.score)}
        return Fault("changed.text_bytes", file=file, params=params)


def decode_bytes(data: bytes, *, encoding: str | None = None, file: str = "") -> Decoded:
    """The text of a file: its byte order mark, else UTF-8 if it is that, else UTF-16, else the encoding told by its
    words, or ``encoding`` if the user says one (then nothing is guessed).

    A file in UTF-8 may still hold cells in a legacy encoding: see ``decoded``. InputError if no reading is sure, if the
    file is UTF-8 with broken places, or if it is not in the encoding said.
    """
    asked = known_encoding(encoding, file=file, choices=(*BYTE_CHOICES, *CHOICES)) if encoding else None
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _strict(data[len(mark) :], name, file=file)
    if (wide := _utf16(data)) and asked in (None, "utf-16"):
        return _strict(data, wide, file=file)
    if asked == "utf-16":
        raise InputError("text.not_in_encoding", file=file, encoding=asked)
    if asked != "viscii" or not data.isascii():  # six capitals of VISCII are control characters
        try:
            return Decoded(data.decode(), "utf-8", 1.0)
        except UnicodeDecodeError as error:
            if asked in ("utf-8", "utf-8-twice", "unicode"):
                raise _broken(data, error, file=file) from error
            broken = _broken(data, error, file=file)
    cells = cell_form(data)
    if asked is None:
        found = detect(cells[:_SAMPLE].splitlines())
        if found.encoding in ("utf-8", "utf-8-twice"):
            raise broken
        if not found.sure:
            choices = ", ".join(name for name in BYTE_CHOICES if name != "utf-16")
            raise InputError("text.which_encoding", file=file, **_asking(found), choices=choices)
        asked, score = ("cp1252" if found.encoding == "unicode" else found.encoding), found.score
    else:
        score = 1.0
    if asked == "cp1252":
        return Decoded(cells, "cp1252", score)
    text = _lines(cells, asked)  # type: ignore[arg-type]
    if text is None:
        raise InputError("text.not_in_encoding", file=file, encoding=asked)
    return Decoded(text, asked, score)


def detect(strings: Iterable[str]) -> Detected:
    """Which reading of many short strings (a column, a table) is Vietnamese; ``unicode`` if they are plain already, or
    not Vietnamese at all. A score below SCORE must not be acted on."""
    counted: dict[str, None] = {}
    for text in strings:
        if text.isascii() and text.isprintable():
            continue
        for word in words(unicodedata.normalize("NFC", text)):
            if not word.isascii() or not word.isprintable():
                counted.setdefault(word[:_LONGEST])
        if len(counted) > _MOST_WORDS:
            break
    return _detect(frozenset(list(counted)[:_MOST_WORDS]))


def _detect(found: frozenset[str]) -> Detected:
    judged = [word for word in sorted(found) if any(converted(word, name) is not None for name in ENCODINGS)]
    plain = len(found) - len(judged)
    unicode = _PRIOR_PLAIN if any(map(_all_syllables, found.difference(judged))) else _PRIOR_UNICODE
    readings: dict[Reading, list[str | None]] = {"unicode": list(judged)}
    for encoding in ENCODINGS:
        said = [converted(word, encoding) for word in judged]
        if any(one is not None and one != word for one, word in zip(said, judged, strict=True)):
            readings[encoding] = said
    if len(readings) == 1:
        return Detected("unicode", 1.0, count=len(found))
    weights: dict[Reading, float] = {}
    fits: dict[Reading, float] = {}
    for name, made in readings.items():
        good = [one is not None and all(map(is_alike, _parts(one))) for one in made]
        fits[name] = sum(good) / len(good)
        prior = unicode if name == "unicode" else (1 - unicode) / len(ENCODINGS)
        likely = [_likelihood(one, word, name) for one, word in zip(made, judged, strict=True)]
        weights[name] = math.log(prior) + _TEMPER * sum(likely)
    for encoding in ENCODINGS:
        if encoding in weights and fits[encoding] < FIT:
            del weights[encoding]
    top = max(weights.values())
    shares = {name: math.exp(weight - top) for name, weight in weights.items()}
    order = sorted(shares, key=lambda name: (-shares[name], CHOICES.index(name)))
    fit = (fits[order[0]] * len(judged) + plain * (order[0] == "unicode")) / (len(judged) + plain)
    score = shares[order[0]] / sum(shares.values())
    return Detected(order[0], min(score, _SUREST), fit, len(found), order[1] if len(order) > 1 else "unicode")


def _likelihood(made: str | None, word: str, reading: Reading) -> float:
    """Log-probability of one word in a reading."""
    if made is None:
        return _NOISE + _SIGN * len(word)
    if _all_syllables(made):
        parts = _parts(made)
        return sum(_COMMON_SYLLABLE if is_common(part) else _SYLLABLE for part in parts)
    if all(map(is_alike, _parts(made))):
        return _ALIKE * len(_parts(made))
    letter = _LETTER if reading == "unicode" else _ODD_LETTER  # of any other language
    return _NOISE + sum(letter if sign.isalpha() and sign not in "ªº" else _SIGN for sign in made)


def _all_syllables(text: str) -> bool:
    parts = _parts(text)
    return bool(parts) and all(map(is_syllable, parts))


def _parts(text: str) -> list[str]:
    """The words of a plain text; signs that belong to none stay in them."""
    spaced = "".join(" " if letter in _BREAKS else letter for letter in text)
    return [part for part in spaced.split() if part]


def known_encoding(name: str, *, file: str = "", choices: tuple[str, ...] = CHOICES) -> str:
    """The encoding meant by a name the user gives; InputError that lists the choices if there is none."""
    plain = name.strip().casefold().replace("_", "-")
    plain = _ALIASES.get(plain, plain)
    if plain not in choices:
        raise InputError("text.unknown_encoding", file=file, found=name, choices=", ".join(dict.fromkeys(choices)))
    return plain


def _asking(found: Detected) -> dict[str, Any]:
    return {"found": found.encoding, "other": found.other, "score_pct": _percent(found.score)}


def _strict(data: bytes, name: str, *, file: str) -> Decoded:
    try:
        return Decoded(data.decode(name), name, 1.0)
    except UnicodeDecodeError as error:
        raise _broken(data, error, file=file) from error


def _broken(data: bytes, error: UnicodeDecodeError, *, file: str) -> InputError:
    line = data.count(b"\n", 0, error.start) + 1
    return InputError("text.broken", file=file, encoding=error.encoding, line=line, byte=error.start + 1)


def _utf16(data: bytes) -> str | None:
    """The order of bytes of UTF-16 without a mark, told by the zeros: every second byte of most of the text is one."""
    head = data[: 1 << 16]
    high, low = head[::2].count(0), head[1::2].count(0)  # of big and little endian
    few, many = sorted((high, low))
    if len(head) < _SHORTEST_UTF16 or not many > 0.2 * len(head) > 2 * few:
        return None
    return "utf-16-be" if high > low else "utf-16-le"


def _lines(cells: str, encoding: Encoding) -> str | None:
    """A file's text converted piece by piece, so that the case of TCVN3 follows from its own cell."""
    made = []
    for line in cells.splitlines(keepends=True):
        pieces = [
            piece if piece.isascii() and piece.isprintable() else _piece(piece, encoding)
            for piece in _PIECES.split(line)
        ]
        if None in pieces:
            return None
        made.append("".join(piece for piece in pieces if piece is not None))
    return "".join(made)


@lru_cache(maxsize=1 << 16)
def _piece(text: str, encoding: Encoding) -> str | None:
    return converted(text, encoding)


def decoded(raw: RawTable, *, encoding: str | None = None) -> RawTable:
    """The table with its headings and cells in plain Unicode, marks composed (NFC), invisible signs gone.

    ``encoding`` is the user's word (CHOICES; ``unicode``: convert nothing), else that of each column with enough words
    is told from it, and that of the others from the whole table. Cells that are plain already stay; in a column that
    is converted in part, a cell which could be either is a fault of its row. One ``changed.text_encoding`` a column
    says how many cells were converted, with an example. InputError if no reading is sure.
    """
    texts = [_strings(raw.frame.iloc[:, place]) for place in range(raw.frame.shape[1])]
    headings = [str(name) for name in raw.frame.columns]
    asked = known_encoding(encoding, file=raw.file, choices=(*CHOICES, *BYTE_CHOICES)) if encoding else None
    if asked in ("unicode", "cp1252", "utf-16") or any(fault.code == "changed.text_bytes" for fault in raw.faults):
        readings: list[Detected] = [Detected("unicode", 1.0)] * (len(texts) + 1)
    elif asked is not None:
        readings = [Detected(asked, 1.0)] * (len(texts) + 1)  # type: ignore[arg-type]
    else:
        readings = _readings(raw, headings, texts)
    names, faults = _headings(raw, headings, readings[-1])
    frame, composed = raw.frame.copy(deep=False), 0
    for place, (name, strings, reading) in enumerate(zip(names, texts, readings[:-1], strict=True)):
        cells = raw.frame.iloc[:, place]
        work = _Column(strings, reading)
        if work.made:
            composed += sum(cells.isin(work.tidied)) if work.tidied else 0
            frame.isetitem(place, cells.map(work.of).array)
        faults += work.faults(raw, cells, name)
    if composed:
        faults.append(Fault("note.text_composed", file=raw.file, sheet=raw.sheet, params={"count": composed}))
    frame.columns = pd.Index(names, dtype=raw.frame.columns.dtype)
    return replace(raw, frame=frame, faults=(*raw.faults, *faults))


def preview(raw: RawTable, *, rows: int = 10, encoding: str | None = None) -> list[tuple[str, str]]:
    """Up to ``rows`` texts of the table that would be converted: as it stands, and as it would be read."""
    done = decoded(raw, encoding=encoding)
    pairs: dict[str, str] = {}
    for old, new in zip(raw.frame.columns, done.frame.columns, strict=True):
        if old != new:
            pairs[str(old)] = str(new)
    for place in range(raw.frame.shape[1]):
        for old, new in zip(raw.frame.iloc[:, place], done.frame.iloc[:, place], strict=True):
            if isinstance(old, str) and old != new:
                pairs.setdefault(old, new)
            if len(pairs) >= rows:
                return list(pairs.items())[:rows]
    return list(pairs.items())


def _strings(cells: pd.Series[Any]) -> list[str]:
    """The distinct texts of a column that hold more than printable ASCII."""
    found = {cell for cell in cells.to_numpy(dtype=object) if isinstance(cell, str)}
    return sorted(cell for cell in found if not (cell.isascii() and cell.isprintable()))


def _readings(raw: RawTable, headings: list[str], texts: list[list[str]]) -> list[Detected]:
    """The reading of each column, then that of the headings; InputError if one is in doubt."""
    whole = detect([*headings, *(text for strings in texts for text in strings)])
    done = []
    for strings in texts:
        own = detect(strings)
        few = own.count < FEWEST_WORDS
        if few and own.sure and whole.sure and "unicode" != own.encoding != whole.encoding:
            raise _doubt(raw, replace(own, other=whole.encoding), strings)
        done.append(whole if few or not own.sure else own)
        if not done[-1].sure and any(_differs(text, done[-1]) for text in strings):
            raise _doubt(raw, done[-1], strings)
    if not whole.sure and any(_differs(name, whole) for name in headings):
        raise _doubt(raw, whole, headings)
    return [*done, whole]


def _differs(text: str, found: Detected) -> bool:
    readings = (name for name in (found.encoding, found.other) if name != "unicode")
    return any(converted(text, name) not in (None, text) for name in readings)


def _doubt(raw: RawTable, found: Detected, strings: list[str]) -> InputError:
    """What each reading would make of an example, for the user to choose."""
    text = next(text for text in strings if _differs(text, found))
    made = {name: converted(text, name) for name in ENCODINGS}
    shown = "; ".join(f"{name}: {_short(text)}" for name, text in made.items() if text is not None)
    params: dict[str, Any] = {"example": _short(text), "readings": shown, "choices": ", ".join(CHOICES)}
    return InputError("text.which_cells", file=raw.file, **_asking(found), **params)


def _headings(raw: RawTable, headings: list[str], reading: Detected) -> tuple[list[str], list[Fault]]:
    own = detect(headings)
    work = _Column([name for name in headings if not name.isascii()], reading, mixed=True)
    if own.sure and own.encoding == reading.encoding:
        work.made |= {name: _tidy(new) for name, new in work.doubtful.items()}
        work.turned |= set(work.doubtful)
    names = [work.made.get(name, name) for name in headings]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError("read.heading_twice", file=raw.file, column=twice)
    if not work.turned:
        return names, []
    old, new = next((old, new) for old, new in zip(headings, names, strict=True) if old in work.turned)
    params = {"count": len(work.turned), "encoding": reading.encoding, "found": _short(old), "made": _short(new)}
    return names, [Fault("changed.text_headings", file=raw.file, sheet=raw.sheet, params=params)]


class _Column:
    """The distinct texts of one column and what becomes of them.

    ``made`` says of each text that changes what it is then; ``turned`` were converted, ``tidied`` only composed;
    ``doubtful`` (they could be either) and ``foreign`` (they are neither) are left as they stand.
    """

    def __init__(self, strings: list[str], reading: Detected, *, mixed: bool = False) -> None:
        self.reading = reading
        self.turned: set[str] = set()
        self.tidied: set[str] = set()
        self.doubtful: dict[str, str] = {}
        self.foreign: set[str] = set()
        self.made: dict[str, str] = {}
        encoding = reading.encoding
        if encoding != "unicode" and not mixed:
            own = detect(strings)  # a column of Có and Không in a table of TCVN3
            plain = own.encoding == "unicode" and own.sure
            mixed = plain or _plainly_unicode(strings, encoding)
        for text in strings:
            new = text if encoding == "unicode" else converted(text, encoding)
            if new is None and not _plain(text):
                self.foreign.add(text)
            if new is None or new == text or (mixed and _weight(new) < _weight(text)):
                new = text
            elif mixed and _weight(new) == _weight(text):
                self.doubtful[text] = new
                new = text
            else:
                self.turned.add(text)
            tidy = _tidy(new)
            if tidy != new and text not in self.turned and not _LOST.search(text):
                self.tidied.add(text)
            if tidy != text:
                self.made[text] = tidy

    def of(self, cell: Any) -> Any:
        """What a cell is then."""
        return self.made.get(cell, cell) if isinstance(cell, str) else cell

    def faults(self, raw: RawTable, cells: pd.Series[Any], name: str) -> list[Fault]:
        """What was done to the cells of the column, and which are in doubt or have lost letters."""
        done: list[Fault] = []
        encoding = self.reading.encoding
        if self.turned:
            at = np.flatnonzero(cells.isin(self.turned))
            old = cells.iloc[at[0]]
            params = {
                "count": len(at), "encoding": encoding, "score_pct": _percent(self.reading.score),
                "found": _short(old), "made": _short(self.made[old]),
            }  # fmt: skip
            done.append(Fault("changed.text_encoding", file=raw.file, sheet=raw.sheet, column=name, params=params))
        for place in np.flatnonzero(cells.isin(self.doubtful)) if self.doubtful else ():
            old = cells.iloc[place]
            params = {"found": _short(old), "encoding": encoding, "made": _short(self.doubtful[old])}
            row = int(raw.rows[place])
            done.append(Fault("fault.text_doubtful", raw.file, "", raw.sheet, row, name, params=params))
        if self.foreign:
            at = np.flatnonzero(cells.isin(self.foreign))
            params = {"count": len(at), "encoding": encoding, "found": _short(cells.iloc[at[0]])}
            row = int(raw.rows[at[0]])
            done.append(Fault("note.text_foreign", raw.file, "", raw.sheet, row, name, params=params))
        lost = [isinstance(cell, str) and bool(_LOST.search(cell)) for cell in cells]
        if any(lost):
            params = {"count": sum(lost), "found": _short(cells.iloc[lost.index(True)])}
            row = int(raw.rows[lost.index(True)])
            done.append(Fault("note.text_lost", raw.file, "", raw.sheet, row, name, params=params))
        return done


def _plainly_unicode(texts: Iterable[str], encoding: Encoding) -> bool:
    """Whether a word of the texts is Vietnamese as it stands and cannot be in ``encoding``."""
    marked = {word for text in texts for word in words(text) if not word.isascii()}
    return any(converted(word, encoding) is None and _all_syllables(word) for word in marked)


def _plain(text: str) -> bool:
    """Whether every word with marks is built like Vietnamese as it stands."""
    return all(map(is_alike, (part for word in words(text) if not word.isascii() for part in _parts(word))))


def _weight(text: str) -> tuple[int, int]:
    """How good a text is as plain Vietnamese: words that are syllables less words that hold signs; then common ones."""
    parts = _parts(text)
    good = sum(map(is_syllable, parts)) - sum(not part.isalpha() and not part.isascii() for part in parts)
    return good, sum(map(is_common, parts))


def _percent(score: float) -> str:
    """A share in %, never rounded up."""
    return f"{math.floor(1000 * score) / 10:g}"


def _tidy(text: str) -> str:
    return unicodedata.normalize("NFC", text).translate(_BLANKS)


def _short(text: str) -> str:
    line = " ".join(_tidy(text).split())
    return line if len(line) <= _LINE else f"{line[:_LINE]}…"
