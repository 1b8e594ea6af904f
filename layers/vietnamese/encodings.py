"""Vietnamese letters in the encodings offices still hold them in: to and from each, letter by letter.

A legacy text meets us in two ways: as the bytes of a file, and as characters of a Unicode cell (a sheet, a Shapefile
read without its code page) that are those bytes taken for Windows-1252, so that "Số" stands there as "Sè". Here text
is always in the second form, the *cell form*; ``cell_form`` makes it of bytes. Bytes 0x80-0x9F stand as the characters
of Windows-1252 or, where that has none or Latin-1 was assumed, as the C1 control of the same number: both are read.

- ``tcvn3``: ABC, the fonts .VnTime and so on; VN3 of TCVN 5712:1993, one byte of 0xA1 or higher each. It is the upper
  part of VN1 (what iconv calls TCVN5712-1) without the 60 capitals with tones, which VN1 puts at 0x01-0x17, 0x80-0x9F,
  0xAF, 0xBA and so on: VN3 leaves those places alone, and its capitals with tones exist by font only (.VnTimeH). The
  case of a toned letter is therefore not in the text; ``convert`` takes it from the letters around it. VN1's combining
  tones (0xB0-0xB4) are left alone too: no ABC font or keyboard wrote them, and 0xB0 is the degree sign of coordinates.
- ``vni``: VNI Windows, a base letter and a letter for its marks (some letters are one character).
- ``viscii``: RFC 1456, one byte each, six capitals below 0x20.
- ``cp1258``: Windows-1258, the tone of most letters as a combining character after it.
- ``utf-8``: UTF-8 whose bytes were taken for Windows-1252 or Latin-1; ``utf-8-twice``: that, saved and once more.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from functools import cache
from typing import Literal, get_args

Encoding = Literal["tcvn3", "vni", "viscii", "cp1258", "utf-8", "utf-8-twice"]
ENCODINGS: tuple[Encoding, ...] = get_args(Encoding)

TONES = "\u0300\u0309\u0303\u0301\u0323"  # grave (huyền), hook (hỏi), tilde (ngã), acute (sắc), dot below (nặng)
_LOWER = "".join(
    unicodedata.normalize("NFC", vowel + tone) for vowel in "aăâeêioôơuưy" for tone in ("", *TONES) if vowel + tone
)
LETTERS = "".join(letter for letter in _LOWER + _LOWER.upper() + "đĐ" if not letter.isascii())
"""The 134 letters that are not ASCII: 12 vowels in 6 tones and 2 cases, less the 12 plain ones, and đ and Đ."""

_NONE = "\0"
_SIGNS = "°±²³´º¿"  # of Windows-1252, at places that VN3 leaves free
_TCVN3 = (  # from 0xA1; none where VN3 has no letter
    "ĂÂÊÔƠƯĐăâêôơưđ\0"  # A1-AF
    "\0\0\0\0\0àảãáạ\0ằẳẵắ\0"  # B0-BF
    "\0\0\0\0\0\0ặầẩẫấậè\0ẻẽ"  # C0-CF
    "éẹềểễếệìỉ\0\0\0ĩíịò"  # D0-DF
    "\0ỏõóọồổỗốộờởỡớợù"  # E0-EF
    "\0ủũúụừửữứựỳỷỹýỵ\0"  # F0-FF
)
_VISCII = (  # from 0x80
    "ẠẮẰẶẤẦẨẬẼẸẾỀỂỄỆỐỒỔỖỘỢỚỜỞỊỎỌỈỦŨỤỲ"
    "ÕắằặấầẩậẽẹếềểễệốồổỗỠƠộờởịỰỨỪỬơớƯ"
    "ÀÁÂÃẢĂẳẵÈÉÊẺÌÍĨỳĐứÒÓÔạỷừửÙÚỹỵÝỡư"
    "àáâãảăữẫèéêẻìíĩỉđựòóôõỏọụùúũủýợỮ"
)
_VISCII_LOW = {0x02: "Ẳ", 0x05: "Ẵ", 0x06: "Ẫ", 0x14: "Ỷ", 0x19: "Ỹ", 0x1E: "Ỵ"}
_VNI_MARKS = {  # what stands after the base letter: the marks of the letter as combining characters
    "": "ùøûõï",  # a e o u y, and ô (ơ) and ö (ư): acute, grave, hook, tilde, dot
    "\u0302": "áàåãä",  # the same with a circumflex
    "\u0306": "éèúüë",  # the same with a breve
}
_VNI_ORDER = "\u0301\u0300\u0309\u0303\u0323"
_VNI_SINGLE = {"í": "í", "ì": "ì", "ỉ": "æ", "ĩ": "ó", "ị": "ò", "ơ": "ô", "ư": "ö", "ỵ": "î", "đ": "ñ"}

_KM2, _M2 = re.compile("km[²³]"), re.compile("[cd]?m[²³]")
_BREAK = re.compile(r"([ \t\r\n\f\v!-@\[-`{-~]+)")


def cell_form(data: bytes) -> str:
    """Bytes as they stand in a Unicode cell: Windows-1252, and C1 controls where it has no character."""
    return codecs.charmap_decode(data, "strict", _CHARACTERS)[0]


def encode(text: str, encoding: Encoding) -> str:
    """``text`` as it stands in a Unicode cell written in ``encoding``; UnicodeEncodeError if a letter is not in it.

    tcvn3 has no capitals with tones: they become small ones.
    """
    return cell_form(encode_bytes(text, encoding))


def encode_bytes(text: str, encoding: Encoding) -> bytes:
    """``text`` as the bytes of a file in ``encoding``; UnicodeEncodeError if a letter is not in it."""
    text = unicodedata.normalize("NFC", text)
    if encoding == "utf-8":
        return text.encode()
    if encoding == "utf-8-twice":
        return cell_form(text.encode()).encode()
    table = _tables()[encoding]
    done = bytearray()
    for place, letter in enumerate(text):
        if letter in table:
            done += table[letter]
        elif letter.isascii() or encoding == "cp1258":
            done += letter.encode("cp1258" if encoding == "cp1258" else "ascii")
        elif letter in _BYTES and _free(_BYTES[letter], encoding):
            done.append(_BYTES[letter])
        else:
            raise UnicodeEncodeError(encoding, text, place, place + 1, "no such letter")
    return bytes(done)


def convert(text: str, encoding: Encoding) -> str:
    """A text in cell form as what it says in ``encoding``, composed (NFC); ValueError if it cannot be in it.

    It cannot if a word holds a character outside Windows-1252 and Latin-1 or one the encoding does not know.
    """
    made = converted(text, encoding)
    if made is None:
        raise ValueError(f"not {encoding}: {text}")
    return made


def converted(text: str, encoding: Encoding) -> str | None:
    """As ``convert``; None if the text cannot be in ``encoding``."""
    if text.isascii() and not (encoding == "viscii" and any(ord(c) in _VISCII_LOW for c in text)):
        return text
    parts = _BREAK.split(text)
    kept = [place % 2 == 1 or _says_the_same(part, parts[place - 1]) for place, part in enumerate(parts)]
    made = [part if keep else _word(part, encoding) for part, keep in zip(parts, kept, strict=True)]
    if any(part is None for part in made):
        return None
    done = [unicodedata.normalize("NFC", part) for part in made if part is not None]
    if encoding == "tcvn3":
        done = _with_case(done, parts)
    return "".join(done)


def words(text: str) -> list[str]:
    """The words of a text in cell form: broken at ASCII blanks, digits and punctuation only, for in a legacy text any
    other character may be a letter. Degree signs after numbers and squares of units are none."""
    parts = _BREAK.split(text)
    return [parts[place] for place in range(0, len(parts), 2) if not _says_the_same(parts[place], parts[place - 1])]


def _says_the_same(part: str, before: str) -> bool:
    """Whether a part of a text between breaks says the same in all encodings: nothing, degrees after a number, squares
    and cubes of units of length after a number or in brackets. (Of the first part the one before is the last: no
    break, or empty.)"""
    if not part or part[-1] not in "°º²³":
        return not part
    counted = before.strip()[-1:].isdecimal()
    if part in "°º":
        return counted
    return bool(_KM2.fullmatch(part) or (_M2.fullmatch(part) and (counted or before.endswith(("(", "/")))))


def _word(word: str, encoding: Encoding) -> str | None:
    if encoding == "utf-8":
        return _repaired(word)
    if encoding == "utf-8-twice":
        once = _repaired(word)
        return None if once is None else _repaired(once)
    if encoding == "vni":
        return _from_vni(word)
    table = _readings()[encoding]
    made = []
    for letter in word:
        code = ord(letter) if letter.isascii() else _BYTES.get(letter)
        if code is None or (known := table[code]) == _NONE:
            return None
        made.append(known)
    return "".join(made)


def _repaired(word: str) -> str | None:
    """A word whose UTF-8 bytes were taken for Windows-1252 or Latin-1."""
    if word.isascii():
        return word
    if any(letter not in _BYTES and not letter.isascii() for letter in word):
        return None
    try:
        return bytes(ord(letter) if letter.isascii() else _BYTES[letter] for letter in word).decode()
    except UnicodeDecodeError:
        return None


def _from_vni(word: str) -> str | None:
    pairs, singles = _vni_readings()
    made: list[str] = []
    place = 0
    while place < len(word):
        pair, letter = word[place : place + 2], word[place]
        if pair in pairs:
            made.append(pairs[pair])
            place += 2
            continue
        if letter in singles:
            made.append(singles[letter])
        elif letter.isascii() or (letter in _BYTES and not letter.isalpha()):
            made.append(letter)
        else:
            return None
        place += 1
    return "".join(made)


def _with_case(made: list[str], parts: list[str]) -> list[str]:
    """TCVN3 text with its toned letters in capitals where the letters of known case are: in a word of several, in a
    text where all are and one does not begin its word, and at the start of a word where all other words begin so."""
    known = [[c for c in part if c.isalpha() and c not in _TONED] for part in made]
    inner = any(c.isalpha() and c not in _TONED for part in made for c in part[1:])
    loud = inner and all(c.isupper() for letters in known for c in letters)
    starts = [part[0].isupper() for part in made if part and part[0].isalpha() and part[0] not in _TONED]
    named = bool(starts) and all(starts)
    done = []
    for part, source, letters in zip(made, parts, known, strict=True):
        if part == source:
            done.append(part)
        elif loud or (len(letters) > 1 and all(c.isupper() for c in letters)):
            done.append(part.upper())
        elif named and part[0] in _TONED:
            done.append(part[0].upper() + part[1:])
        else:
            done.append(part)
    return done


def _free(code: int, encoding: Encoding) -> bool:
    """Whether a byte means in a legacy encoding what it means in Windows-1252: no letter is there."""
    if encoding == "tcvn3":
        return _readings()["tcvn3"][code] == _CHARACTERS[code]
    return encoding == "vni" and not _CHARACTERS[code].isalpha()


def _decoded_byte(code: int) -> str:
    try:
        return bytes([code]).decode("cp1252")
    except UnicodeDecodeError:
        return chr(code)


_CHARACTERS = "".join(map(_decoded_byte, range(256)))
_BYTES = {chr(code): code for code in range(0x80, 0x100)} | {_CHARACTERS[code]: code for code in range(0x80, 0x100)}
_TONED = frozenset(letter for letter in LETTERS if any(tone in unicodedata.normalize("NFD", letter) for tone in TONES))


@cache
def _readings() -> dict[str, list[str]]:
    """What each byte of the encodings of one byte a letter says; none where a letter would have to be and is not."""
    below = [chr(code) for code in range(0x80)]
    middle = list(_CHARACTERS[0x80:0xA1])
    tcvn3 = [
        letter if letter != _NONE else (sign if sign in _SIGNS else _NONE)
        for letter, sign in zip(_TCVN3, _CHARACTERS[0xA1:], strict=True)
    ]
    viscii = [_VISCII_LOW.get(code, chr(code)) for code in range(0x80)] + list(_VISCII)
    cp1258 = [_cp1258(code) for code in range(0x80, 0x100)]
    return {"tcvn3": below + middle + tcvn3, "viscii": viscii, "cp1258": below + cp1258}


def _cp1258(code: int) -> str:
    try:
        return bytes([code]).decode("cp1258")
    except UnicodeDecodeError:
        return _NONE


@cache
def _tables() -> dict[str, dict[str, bytes]]:
    """The bytes of each letter, by encoding."""
    tcvn3 = {letter: bytes([code]) for code, letter in enumerate(_TCVN3, start=0xA1) if letter != _NONE}
    tcvn3 |= {letter.upper(): code for letter, code in tcvn3.items() if letter in _TONED}
    viscii = {letter: bytes([code]) for code, letter in enumerate(_VISCII, start=0x80)}
    viscii |= {letter: bytes([code]) for code, letter in _VISCII_LOW.items()}
    pairs, singles = _vni_readings()
    vni = {letter: pair.encode("latin-1") for pair, letter in pairs.items() if pair[0].isupper() == pair[1].isupper()}
    vni |= {letter: single.encode("latin-1") for single, letter in singles.items()}
    return {"tcvn3": tcvn3, "viscii": viscii, "vni": vni, "cp1258": {letter: _to_cp1258(letter) for letter in LETTERS}}


def _to_cp1258(letter: str) -> bytes:
    try:
        return letter.encode("cp1258")
    except UnicodeEncodeError:
        parts = unicodedata.normalize("NFD", letter)
        tone = next(mark for mark in parts if mark in TONES)
        return unicodedata.normalize("NFC", parts.replace(tone, "")).encode("cp1258") + tone.encode("cp1258")


@cache
def _vni_readings() -> tuple[dict[str, str], dict[str, str]]:
    """Letters by pair of characters, in any case (the base letter tells it), and by single character."""
    pairs: dict[str, str] = {}
    for quality, marks in _VNI_MARKS.items():
        bases = {"": "aeouyôö", "\u0302": "aeo", "\u0306": "a"}[quality]
        plain = [("", {"\u0302": "â", "\u0306": "ê"}[quality])] if quality else []
        for tone, mark in [*zip(_VNI_ORDER, marks, strict=True), *plain]:
            for base in bases:
                letter = {"ô": "ơ", "ö": "ư"}.get(base, base)
                whole = unicodedata.normalize("NFC", letter + quality + tone)
                if whole == "ỵ":
                    continue
                pairs |= {base + m: whole for m in (mark, mark.upper())}
                pairs |= {base.upper() + m: whole.upper() for m in (mark, mark.upper())}
    singles = {mark: letter for letter, mark in _VNI_SINGLE.items()}
    return pairs, singles | {mark.upper(): letter.upper() for mark, letter in singles.items()}
