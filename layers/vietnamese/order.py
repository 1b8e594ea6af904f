"""The order of Vietnamese words, as dictionaries have it: lists sorted by name are sorted by it.

Letters a ă â b c d đ e ê ... u ư v w x y z; within one syllable of the same letters the tones ngang huyền hỏi ngã sắc
nặng; syllable by syllable from the left, so that all of "ba ..." stands before "bà ..."; what differs only in case
comes last, small letters first. Source: Vũ Xuân Lương, "Quy tắc sắp xếp đơn vị từ vựng trong từ điển tiếng Việt"
(Trung tâm Từ điển học), rules 1 to 4.3; letters and tones are those of CLDR's collation for vi, which compares the
letters of the whole text before any tone.

Eth and the African d with a tail, whose capitals look like Đ and which some keyboards give for it, stand with it.
Numbers go by their value ("Thôn 2" before "Thôn 10"), before letters. Letters of other alphabets follow z.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from itertools import dropwhile

import numpy as np
import pandas as pd
from numpy.typing import NDArray

ALPHABET = "aăâbcdđeêfghijklmnoôơpqrstuưvwxyz"
TONES = ("", "\u0300", "\u0309", "\u0303", "\u0301", "\u0323")
"""Ngang (no mark), huyền, hỏi, ngã, sắc, nặng: combining marks in their order."""

Syllable = tuple[tuple[tuple[int, ...], ...], tuple[int, ...]]

_PLACE = {letter: place for place, letter in enumerate(ALPHABET)}
_PLACE |= dict.fromkeys("\u00f0\u0256", _PLACE["đ"])  # eth and d with tail: in capitals they look like Đ
_TONE = {mark: place for place, mark in enumerate(TONES) if mark}
_SHAPES = frozenset("\u0306\u0302\u031b")  # breve, circumflex, horn: they make another letter
_WORD = re.compile(r"(?:[^\W_]|[\u0300-\u036f])+")
_PART = re.compile(r"\d+|.[\u0300-\u036f]*", re.DOTALL)  # of a word in NFD: a number, or a letter with its marks
_DIGITS, _LETTERS, _OTHERS = range(3)


@lru_cache(maxsize=200_000)
def order_key(text: str) -> tuple[tuple[Syllable, ...], str, str]:
    """What texts are compared by: syllables, then case, then the rest (blanks, hyphens, place of a tone mark).

    The same for NFC and NFD; two texts have one key only if they are the same text.
    """
    whole = unicodedata.normalize("NFC", text)
    small = unicodedata.normalize("NFD", whole.lower())
    return tuple(_syllable(word) for word in _WORD.findall(small)), whole.swapcase(), whole


def ranks(texts: Iterable[object]) -> NDArray[np.int64]:
    """Place of each text in Vietnamese order from 0, alike for equal texts, int64[n]; None, NaN and "" come last."""
    known = [None if _missing(text) else str(text) for text in texts]
    in_order = sorted({text for text in known if text is not None}, key=order_key)
    places = {text: place for place, text in enumerate(in_order)}
    return np.array([len(places) if text is None else places[text] for text in known], dtype=np.int64)


def _missing(text: object) -> bool:
    return text is None or text is pd.NA or text == "" or (isinstance(text, float) and math.isnan(text))


def _syllable(word: str) -> Syllable:
    """The letters of a word by their place in the alphabet, and its tones (and marks of other tongues) in turn."""
    letters: list[tuple[int, ...]] = []
    marks: list[int] = []
    for part in _PART.findall(word):
        if part.isdecimal():
            digits = [*dropwhile(lambda digit: digit == 0, map(int, part))]
            letters.append((_DIGITS, len(digits), *digits))
            continue
        base, rest = part[0], part[1:]
        shaped = unicodedata.normalize("NFC", base + "".join(mark for mark in rest if mark in _SHAPES))
        letters.append((_LETTERS, _PLACE[shaped]) if shaped in _PLACE else (_OTHERS, *map(ord, shaped)))
        marks += [_TONE.get(mark, len(TONES) + ord(mark)) for mark in rest if mark not in _SHAPES]
    return tuple(letters), tuple(marks)
