"""What a written Vietnamese syllable can be: onset, rime and tone, and where its tone mark stands.

By the rules of the written language (Quốc ngữ): k, gh and ngh before e, ê, i and c, g, ng before the others; rimes in
-c, -ch, -p, -t take the tones sắc and nặng only; the tone mark stands on the nucleus, in oa, oe and uy on either letter
(Hoà, Hòa). Names from other languages (Đắk, Krông, M'Drắk) are mostly none of these syllables, and that is meant.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

from phusong.layers.vietnamese.encodings import TONES


def _listed(text: str) -> list[str]:
    return text.split()


ONSETS = ("", *_listed("b c ch d đ g gh gi h k kh l m n ng ngh nh p ph q r s t th tr v x"))
RIMES = frozenset(
    _listed("""
    a ac ach ai am an ang anh ao ap at au ay ăc ăm ăn ăng ăp ăt âc âm ân âng âp ât âu ây e ec em en eng eo ep et
    ê êch êm ên ênh êp êt êu êng i ia ich im in inh ip it iu iêc iêm iên iêng iêp iêt iêu o oc oi om on ong ooc
    oong op ot oa oac oach oai oan oang oanh oao oat oay oăc oăn oăng oăt oe oen oeo oet ô ôc ôi ôm ôn ông ôp ôt
    ơ ơi ơm ơn ơp ơt u ua uc ui um un ung up ut uân uâng uât uây uê uêch uênh uôc uôi uôm uôn uông uôt uơ uy uya
    uych uyên uyêt uynh uyt uyu ư ưa ưc ưi ưm ưng ưt ưu ươc ươi ươm ươn ương ươp ươt ươu y yêm yên yêng yêt yêu
    """)
)
_AFTER_Q = frozenset(
    _listed("""
    ua uac uach uai uan uang uanh uao uat uau uay uăc uăm uăn uăng uăt uâc uân uâng uât uây ue uen ueo uet uơi
    uê uêch uên uênh uêt ui uit uơ uôc uy uych uyên uyêt uynh uyt uyu
    """)
)
_NUCLEI = sorted({re.sub("[^aăâeêioôơuưy]", "", rime) for rime in RIMES}, key=len, reverse=True)
_ALIKE = re.compile(f"[bcdđghjklmnpqrstvwxz]{{0,3}}(?:{'|'.join(_NUCLEI)})[bcdđghjklmnpqrstvxz]{{0,2}}")
_LONGEST = 8  # letters of a syllable, and one more
_KEPT = 1 << 16  # words remembered
_STOPS = ("c", "ch", "p", "t")
_COMMON = frozenset(
    _listed("""
    xã phường thị trấn huyện quận thành phố tỉnh thôn bản ấp khu tổ khối xóm đường số mã tên địa chỉ trạm bưu
    điện cục văn hóa hoà hòa hoá vị trí kinh vĩ độ toạ tọa cao cột dân hộ diện tích công nghệ nhà mạng chủ đơn
    ngày năm tháng và của có không chưa đã đang được hải hà sơn thủy thuỷ thượng hạ trung đông tây nam bắc vĩnh
    phú phước lộc thọ đại tiến tân thạnh mỹ lý lâm bình hưng thịnh thái quảng hướng cẩm đức đồng đình tràm trà
    mộc lạc lập lương lợi lãng liên gia cam triệu đá đất đồi núi sông suối cầu chợ hồ bến cửa ngã phó phòng giáo
    dục trường tiểu học cơ sở phổ thông bệnh viện y tế ủy ban nhân uỷ đảng hội nông dịch vụ điểm thuê bao cố
    định băng rộng
    """)
)


def is_syllable(word: str) -> bool:
    """Whether a word (composed, NFC) can be a Vietnamese syllable, written small, with a capital or in capitals."""
    return len(word) <= _LONGEST and _is_syllable(word)


@lru_cache(maxsize=_KEPT)
def _is_syllable(word: str) -> bool:
    if not (word.islower() or word.isupper() or (word[:1].isupper() and word[1:].islower())):
        return False
    letters = unicodedata.normalize("NFD", word.lower())
    marks = [(place, mark) for place, mark in enumerate(letters) if mark in TONES]
    if len(marks) > 1:
        return False
    tone = marks[0][1] if marks else ""
    bare = unicodedata.normalize("NFC", letters.replace(tone, "") if tone else letters)
    for onset in ONSETS:
        if bare.startswith(onset):
            rime = bare[len(onset) :]
            if _fits(onset, rime) and _sung(rime, tone) and (not tone or _placed(onset, rime, word.lower())):
                return True
    return False


def is_alike(word: str) -> bool:
    """Whether a word is built like a syllable, as names from the highlands are (Đắk, Krông, DRông, Khươl): up to three
    consonants, a nucleus of the language, up to two consonants, and at most one tone mark."""
    return len(word) <= _LONGEST and _is_alike(word)


@lru_cache(maxsize=_KEPT)
def _is_alike(word: str) -> bool:
    if word[2:].lower() != word[2:] and not word.isupper():
        return False
    letters = unicodedata.normalize("NFD", word.lower())
    if sum(mark in TONES for mark in letters) > 1:
        return False
    return bool(_ALIKE.fullmatch(unicodedata.normalize("NFC", "".join(c for c in letters if c not in TONES))))


def is_common(word: str) -> bool:
    """Whether a word is one of those that fill office lists: kinds of units and places, headings, parts of names."""
    return word.lower() in _COMMON


def _fits(onset: str, rime: str) -> bool:
    if onset == "q":
        return rime in _AFTER_Q
    if rime not in RIMES:
        return False
    first = rime[0]
    if onset in ("k", "gh", "ngh"):
        return first in "eêiy"
    if onset == "g" and first == "i":
        return rime in ("i", "in")
    if onset in ("c", "g", "ng"):
        return first not in "eêiy"
    if onset == "gi":
        return first not in "iy" or rime == "iêng"
    if first == "y":
        return onset == "" or rime == "y"
    return onset != "" or not rime.startswith("iê")


def _sung(rime: str, tone: str) -> bool:
    """Rimes that end in a stop have an acute tone or the dot below."""
    return not rime.endswith(_STOPS) or tone in ("\u0301", "\u0323")


def _placed(onset: str, rime: str, word: str) -> bool:
    """Whether the tone mark stands where it may."""
    place = next(i for i, letter in enumerate(word) if any(t in unicodedata.normalize("NFD", letter) for t in TONES))
    place -= len(onset)
    if place < 0:
        return place == -1 and onset == "gi" and len(rime) == 1  # gía, by old habit
    return place in _places("q" if onset == "q" else "", rime)


@cache
def _places(onset: str, rime: str) -> tuple[int, ...]:
    marked = [place for place, letter in enumerate(rime) if letter in "ăâêôơư"]
    if marked:
        return (marked[-1],)
    vowels = sum(letter in "aeiouy" for letter in rime)
    if onset == "q":
        return (1,) if vowels < len(rime) or vowels > 2 else (0, 1)
    if vowels == 1:
        return (0,)
    if vowels < len(rime):
        return (vowels - 1,)
    if vowels == 2:
        return (0, 1) if rime in ("oa", "oe", "uy") else (0,)
    return (1,)
