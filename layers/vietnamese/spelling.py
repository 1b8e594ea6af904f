"""Names of administrative units and places compared as people mean them: without tones if need be, and without prefix
words and habits of spelling.

A name has two keys: one without tones ("Xã Hướng Hoá", "X. huong hoa" -> "huonghoa") and a toned one in which the place
of the tone mark is equal (Hoà, Hòa). In both, i and y after a consonant are one letter (Mỹ, Mĩ), numbers are plain
("Phường 01", "P.1", "Phường I" -> "1"), blanks, hyphens and apostrophes are nothing (Ea H'Leo, Ea Hleo); without tones
a final k is c (Đắk, Đăk, Dak, Đắc).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from phusong.layers.vietnamese.encodings import TONES

LONGEST = 200  # letters of a name that are looked at
_WORDED = {  # prefix words; the longer ones first where one begins another
    "huyện đảo": "district",
    "đặc khu": "special_zone",
    "thành phố": "city",
    "t.phố": "city",
    "tỉnh": "province",
    "huyện": "district",
    "quận": "urban_district",
    "thị xã": "town",
    "t.xã": "town",
    "thị trấn": "township",
    "t.trấn": "township",
    "phường": "ward",
    "xã": "commune",
    "tổ dân phố": "village",
    "khu dân cư": "village",
    "khu phố": "village",
    "khu vực": "village",
    "khu": "village",
    "khóm": "village",
    "thôn": "village",
    "bản": "village",
    "buôn": "village",
    "làng": "village",
    "xóm": "village",
    "đội": "village",
    "ấp": "village",
    "tổ": "village",
}
_SHORT = re.compile(
    r"(?P<city>t\.?p)|(?P<town>t\.?x)|(?P<village>t\.?d\.?p|k\.?d\.?c|k\.?p)|(?P<township>t\.?tr?)|(?P<province>t(?=\.))"
    r"|(?P<district>h)|(?P<urban_district>q)|(?P<ward>[pf])|(?P<commune>x)",
    re.IGNORECASE,
)
_NUMBERED = frozenset({"", "ward", "village", "urban_district", "commune", "township"})
_UNITS = ["", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix"]
_ROMAN = {tens + unit: 10 * ten + n for ten, tens in enumerate(["", "x", "xx"]) for n, unit in enumerate(_UNITS)}
_SYLLABLES_TOO = ("i", "vi", "xi")  # numbers only where their capitals stand out
_Y_FOR_I = re.compile(r"(?:^|(?<=[bcdđghklmnprstvx])|(?<=qu))y(?![aeê])")
_BRACKETS = re.compile(r"\s*\(([^()]*)\)\s*$")
_APOSTROPHES = re.compile(r"\s*['’‘`´ʼ\\]+\s*")
_BETWEEN = re.compile(r"[\W_]+")
_FARM = re.compile(r"\bN\.?\s?T\b\.?")  # Nông trường, in names of townships
_FOLD = str.maketrans("đĐ", "dD")


def toneless(text: str) -> str:
    """Small letters without any marks; đ is d ("Hướng Hóa" -> "huong hoa")."""
    apart = unicodedata.normalize("NFD", text.translate(_FOLD).casefold())
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def key(name: str) -> str:
    """What spellings of one name share: no tones, no prefix word, no blanks ("TT. Hồ Xá" -> "hoxa")."""
    return Name.of(name).key


@dataclass(frozen=True)
class Name:
    """A name taken apart: the kind of unit written before or behind it ("" if none), its toned key and its key without
    tones, and both with the prefix word left on, for names that begin like one (Xá Lượng, Bản Qua)."""

    kind: str
    toned: str
    key: str
    whole_toned: str
    whole_key: str

    @staticmethod
    def of(text: str) -> Name:
        """Take a name apart, as far as LONGEST; the keys are empty if there is no letter or digit in it."""
        return Name._of(text[:LONGEST])

    @staticmethod
    @lru_cache(maxsize=1 << 16)
    def _of(text: str) -> Name:
        text = " ".join(unicodedata.normalize("NFC", text).split()).strip(".,; ")
        kind, rest = split_kind(text)
        bracket = _BRACKETS.search(rest)
        if bracket is not None and bracket.start() > 0:
            behind = split_kind(f"{bracket.group(1)} -")[0] if bracket.group(1) else ""
            if behind:  # "Cam Lộ (TT)", "Cam Lộ (TT. Cam Lộ)"
                kind, rest = behind, rest[: bracket.start()]
        toned, plain = _keys(rest, numbered=kind in _NUMBERED)
        whole_toned, whole = _keys(text, numbered=False)
        if not plain:  # nothing but a prefix word
            kind, toned, plain = "", whole_toned, whole
        return Name(kind, toned, plain, whole_toned, whole)


def split_kind(text: str) -> tuple[str, str]:
    """The kind of unit a name begins with (xã, X., TT, phường ...) and the rest; ("", text) if it begins with none.

    Words are known with their tones, and without where the whole name has none; abbreviations before a dot, a blank, a
    digit or (two letters in capitals) the name itself: "P.1", "P1", "TT Hồ Xá", "TPHuế".
    """
    small = text.casefold()
    if len(small) != len(text):
        return "", text
    for words, kind in _WORDED.items():
        head, rest = small[: len(words)], text[len(words) :]
        toneless_too = head.isascii() and (" " in words or "." in words or small.isascii())
        if head != words and not (toneless_too and head == toneless(words)):
            continue
        name = rest.lstrip(" .:")
        apart = rest != name or rest[:1].isdigit() or (rest[:1].isupper() and text[len(words) - 1].islower())
        if name and apart:
            return kind, name
    found = _SHORT.match(text)
    if found is None or found.lastgroup is None:
        return "", text
    rest = text[found.end() :]
    name = rest.lstrip(" .:")
    letters = found.group().replace(".", "")
    attached = len(letters) > 1 and letters.isupper() and rest[:1].isupper() and rest[1:2].islower()
    if name and (rest != name or rest[:1].isdigit() or attached):
        return found.lastgroup, name
    return "", text


def _keys(text: str, *, numbered: bool) -> tuple[str, str]:
    """The toned key and the key without tones of a name without its prefix word."""
    text = _FARM.sub("Nông trường ", _APOSTROPHES.sub("", text))
    parts = [part for part in _BETWEEN.split(text) if part]
    loud = len(parts) > 1 and text.isupper()
    toned: list[str] = []
    plain: list[str] = []
    for place, part in enumerate(parts):
        number = _number(part, roman=numbered and place == len(parts) - 1, loud=loud)
        if number:
            if plain and plain[-1] == "so":  # "Phường Số 1"
                del toned[-1], plain[-1]
            number = f".{number}" if plain and plain[-1][-1].isdigit() else number
            toned.append(number)
            plain.append(number)
            continue
        apart = unicodedata.normalize("NFD", part.casefold())
        tone = "".join(mark for mark in apart if mark in TONES)
        bare = unicodedata.normalize("NFC", "".join(mark for mark in apart if mark not in TONES))
        bare = _Y_FOR_I.sub("i", bare)
        toned.append(bare + tone)
        simple = toneless(bare)
        plain.append(simple[:-1] + "c" if simple.endswith("k") and len(simple) > 1 else simple)
    return "".join(toned), "".join(plain)


def _number(part: str, *, roman: bool, loud: bool) -> str:
    if part.isascii() and part.isdigit():
        return part.lstrip("0") or "0"
    small = part.casefold()
    if not roman or not _ROMAN.get(small):
        return ""
    if small in _SYLLABLES_TOO and (not part.isupper() or (loud and small != "i")):
        return ""
    return str(_ROMAN[small])
