"""Legacy Vietnamese encodings: letters by outside tables, round trips, and what a table's words tell."""

import os
import shutil
import subprocess
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyogrio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phusong.layers.errors import InputError
from phusong.layers.readers.raw import RawTable
from phusong.layers.vietnamese.encodings import (
    ENCODINGS,
    LETTERS,
    TONES,
    Encoding,
    cell_form,
    convert,
    encode,
    encode_bytes,
)
from phusong.layers.vietnamese.syllables import ONSETS, RIMES, is_syllable
from phusong.layers.vietnamese.text import SCORE, decode_bytes, decoded, detect, known_encoding, preview

NAMES = [
    "Thành phố Hồ Chí Minh", "Tỉnh Quảng Trị", "Huyện Hướng Hóa", "Xã Hải Lăng", "Thị trấn Hồ Xá", "Phường Đông Lễ",
    "Xã Triệu Độ", "Huyện Vĩnh Linh", "Xã Bằng Thành", "Tỉnh Thừa Thiên Huế", "Quận Liên Chiểu", "Xã Tân Thuận Đông",
    "Huyện Cẩm Xuyên", "Xã Mỹ Quý", "Phường Sĩ Bình", "Xã Gio Mỹ", "Ấp Thượng", "Xã Yên Nguyễn", "Thôn Vực Sũng",
]  # fmt: skip
ICONV = pytest.mark.skipif(shutil.which("iconv") is None, reason="iconv is not installed")


def iconv(data: bytes, *, source: str, target: str) -> bytes:
    done = subprocess.run(["iconv", "-f", source, "-t", target], input=data, capture_output=True, check=True)
    return done.stdout


def folded(text: str, encoding: Encoding) -> str:
    """The text as far as the encoding can hold it: TCVN3 has no capitals with tones."""
    text = unicodedata.normalize("NFC", text)
    if encoding != "tcvn3":
        return text
    return "".join(c.lower() if set(unicodedata.normalize("NFD", c)) & set(TONES) else c for c in text)


def table(**columns: list[Any]) -> RawTable:
    frame = pd.DataFrame({name.replace("_", " "): pd.Series(cells, dtype=object) for name, cells in columns.items()})
    return RawTable(frame, np.arange(2, len(frame) + 2), "list.xlsx", "S1")


def codes(raw: RawTable) -> list[str]:
    return [fault.code for fault in raw.faults]


# Letters.


def test_there_are_134_letters() -> None:
    """12 vowels in 6 tones and 2 cases, less a e i o u y as they are, and đ."""
    assert len(set(LETTERS)) == len(LETTERS) == 12 * 6 * 2 - 6 * 2 + 2 == 134
    assert all(len(letter) == 1 and letter == unicodedata.normalize("NFC", letter) for letter in LETTERS)


@ICONV
@pytest.mark.parametrize(("encoding", "theirs"), [("viscii", "VISCII"), ("cp1258", "CP1258")])
def test_tables_agree_with_iconv(encoding: Encoding, theirs: str) -> None:
    said = iconv(encode_bytes(LETTERS, encoding), source=theirs, target="UTF-8").decode()
    assert unicodedata.normalize("NFC", said) == LETTERS
    if encoding == "viscii":
        assert iconv(LETTERS.encode(), source="UTF-8", target=theirs) == encode_bytes(LETTERS, encoding)


@ICONV
def test_tcvn3_is_the_upper_part_of_tcvn5712_1_without_capitals_with_tones() -> None:
    for letter in LETTERS:
        theirs, ours = iconv(letter.encode(), source="UTF-8", target="TCVN5712-1"), encode_bytes(letter, "tcvn3")
        if letter == folded(letter, "tcvn3"):
            assert ours == theirs
            assert ours[0] >= 0xA1
        else:
            assert ours == encode_bytes(letter.lower(), "tcvn3") != theirs
            assert theirs[0] < 0xA1 or convert_or_none(cell_form(theirs)) != letter


def convert_or_none(cell: str) -> str | None:
    try:
        return convert(cell, "tcvn3")
    except ValueError:
        return None


def test_cp1258_agrees_with_python() -> None:
    for letter in LETTERS:
        assert unicodedata.normalize("NFC", encode_bytes(letter, "cp1258").decode("cp1258")) == letter


@pytest.mark.parametrize(
    ("encoding", "cell", "text"),
    [
        ("tcvn3", "Céng hßa x· héi chñ nghÜa ViÖt Nam", "Cộng hòa xã hội chủ nghĩa Việt Nam"),
        ("tcvn3", "§éc lËp - Tù do - H¹nh phóc", "Độc lập - Tự do - Hạnh phúc"),
        ("vni", "Coäng hoøa xaõ hoäi chuû nghóa Vieät Nam", "Cộng hòa xã hội chủ nghĩa Việt Nam"),
        ("vni", "Ñoäc laäp - Töï do - Haïnh phuùc", "Độc lập - Tự do - Hạnh phúc"),
        ("vni", "COÄNG HOØA XAÕ HOÄI CHUÛ NGHÓA VIEÄT NAM", "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"),
        ("utf-8", "Cá»™ng hÃ²a xÃ£ há»™i", "Cộng hòa xã hội"),
        ("utf-8", "TiÃªÌ\u0081ng ViÃªÌ£t", "Tiếng Việt"),
    ],
)
def test_texts_as_they_are_met(encoding: Encoding, cell: str, text: str) -> None:
    assert convert(cell, encoding) == text


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_letter_comes_back(encoding: Encoding) -> None:
    for letter in LETTERS:
        for form in ("NFC", "NFD"):
            cell = encode(unicodedata.normalize(form, letter), encoding)  # type: ignore[arg-type]
            assert folded(convert(cell, encoding), encoding) == folded(letter, encoding), letter
            assert cell_form(encode_bytes(letter, encoding)) == cell


def test_utf8_read_as_latin_1_is_repaired_like_windows_1252() -> None:
    for letter in LETTERS:
        once = letter.encode().decode("latin-1")
        assert convert(once, "utf-8") == letter
        assert convert(once.encode().decode("latin-1"), "utf-8-twice") == letter


def syllable(onset: str, rime: str, tone: str) -> str:
    """A syllable with its tone on the last vowel letter with a mark, else the last vowel: about as it is written."""
    places = [i for i, c in enumerate(rime) if c in "ăâêôơư"] or [i for i, c in enumerate(rime) if c in "aeiouy"]
    place = places[-1]
    return unicodedata.normalize("NFC", onset + rime[: place + 1] + tone + rime[place + 1 :])


syllables = st.builds(syllable, st.sampled_from(ONSETS), st.sampled_from(sorted(RIMES)), st.sampled_from(["", *TONES]))
cases = st.sampled_from([str.lower, str.capitalize, str.upper])
texts = st.lists(st.builds(lambda case, word: case(word), cases, syllables), min_size=1, max_size=6).map(" ".join)


@settings(max_examples=60, deadline=None)
@given(texts, st.sampled_from(ENCODINGS), st.booleans())
def test_any_vietnamese_text_comes_back_from_any_encoding(text: str, encoding: Encoding, apart: bool) -> None:
    given_text = unicodedata.normalize("NFD", text) if apart else text
    assert folded(convert(encode(given_text, encoding), encoding), encoding) == folded(text, encoding)
    if not encoding.startswith("utf-8"):
        back = decode_bytes(encode_bytes(given_text, encoding), encoding=encoding).text
        assert folded(back, encoding) == folded(text, encoding)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=30), st.sampled_from(ENCODINGS))
def test_any_text_is_converted_or_refused_but_never_breaks(text: str, encoding: Encoding) -> None:
    try:
        made = convert(text, encoding)
    except ValueError:
        return
    assert unicodedata.normalize("NFC", made) == made or text.isascii()


def test_the_case_of_tcvn3_follows_from_the_letters_around() -> None:
    for text in ("TỈNH QUẢNG TRỊ", "Ái Tử", "Xã Ái Tử", "Ủy ban nhân dân xã", "Xã Bé", "XÃ HẢI LĂNG", "Đà Nẵng"):
        expected = "ủy ban nhân dân xã" if text.startswith("Ủy") else text  # nothing tells that this begins a sentence
        assert convert(encode(text, "tcvn3"), "tcvn3") == expected


def test_signs_of_numbers_and_units_stay() -> None:
    for encoding in ENCODINGS[:4]:
        assert convert("16°42'12\"", encoding) == "16°42'12\""
        assert convert("(km²)", encoding) == "(km²)"
    assert convert(encode("Xã Tây Mỗ", "viscii"), "viscii") == "Xã Tây Mỗ"


def test_a_letter_no_encoding_has_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        encode("Ж", "tcvn3")
    with pytest.raises(ValueError, match="not vni"):
        convert("Số", "vni")


# Syllables.

WORDS = ["quý", "quả", "quốc", "gì", "giếng", "nghĩa", "khuỷu", "Hoà", "Hòa", "THUÝ", "uyển", "ngoằn", "yêu", "ĐẮC"]
NO_WORDS = ["Krông", "Café", "bb", "ká", "ngi", "cê", "Sá»‘", "X·", "ThÞ", "tàc", "hƠn", "hoaì", "Pàp"]


@pytest.mark.parametrize("word", WORDS)
def test_syllables(word: str) -> None:
    assert is_syllable(word)


@pytest.mark.parametrize("word", NO_WORDS)
def test_no_syllables(word: str) -> None:
    assert not is_syllable(word)


# The detector.


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_each_encoding_is_told_from_all_others(encoding: Encoding) -> None:
    found = detect([encode(name, encoding) for name in NAMES])
    assert (found.encoding, found.sure) == (encoding, True)
    assert found.fit > 0.95


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_plain_vietnamese_is_left_alone(form: Any) -> None:
    found = detect([unicodedata.normalize(form, name) for name in NAMES])
    assert (found.encoding, found.sure) == ("unicode", True)


@pytest.mark.parametrize(
    "texts",
    [
        ["Viettel", "MobiFone", "BTS 900 MHz", "North"],
        ["Café de Orléans", "Besançon", "Hôtel du Nord", "Château d'Œx"],
        ["Zürich", "Österreich", "Straße 7", "Århus", "Łódź"],
        ["16°42'12\" N", "12,5 km²", "± 3 %", "½"],
        ["北京", "Москва", "Ελλάδα"],
    ],
)
def test_other_languages_and_signs_are_left_alone(texts: list[str]) -> None:
    assert detect(texts).encoding == "unicode"
    assert detect(texts).sure


def test_one_word_that_could_be_two_is_not_guessed() -> None:
    found = detect(["Sè"])
    assert not found.sure
    assert {found.encoding, found.other} == {"unicode", "tcvn3"}
    assert detect(["Sè TT", "Tªn x·"]).encoding == "tcvn3"


@pytest.mark.skipif(not os.environ.get("PHUSONG_DATA"), reason="PHUSONG_DATA is not set")
@pytest.mark.parametrize("file", ["communes_2012_vietnam_raw.gpkg", "communes_2025_vietnam_150m.gpkg"])
def test_real_names_of_communes_are_told(file: str) -> None:
    """Columns of 10 names: always told; of 1 or 3 names: told or asked about, hardly ever wrong."""
    path = Path(os.environ["PHUSONG_DATA"]) / file
    names = [n.replace("\\", "") for n in pyogrio.read_dataframe(path, read_geometry=False)["name"].dropna()]
    rng = np.random.default_rng(4)
    for size, least, most_wrong in ((1, 0.6, 0.02), (3, 0.93, 0.01), (10, 1.0, 0.0)):
        for encoding in (*ENCODINGS, "unicode"):
            right = wrong = 0
            for _ in range(60):
                chosen = [names[i] for i in rng.integers(0, len(names), size)]
                cells = chosen if encoding == "unicode" else [encode(name, encoding) for name in chosen]
                found = detect(cells)
                truth = "unicode" if cells == chosen else encoding
                right += found.sure and found.encoding == truth
                wrong += found.sure and found.encoding != truth
            assert right >= least * 60, (encoding, size)
            assert wrong <= most_wrong * 60, (encoding, size)


# Bytes.

LIST = "Tên xã;Số dân\r\nXã Hải Lăng;12\r\nÁi Tử;3\r\nTỈNH QUẢNG TRỊ;4\r\n"


@pytest.mark.parametrize("encoding", ENCODINGS[:4])
def test_a_file_is_told_by_its_words(encoding: Encoding) -> None:
    done = decode_bytes(encode_bytes(LIST, encoding))
    assert (done.text, done.encoding) == (LIST, encoding)
    assert done.score >= SCORE
    fault = done.fault("list.csv")
    assert fault is not None
    assert encoding in fault.say("vi")


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("text", [LIST, f"Đơn vị;{LIST}"])  # its first letter has no zero byte in UTF-16
def test_unicode_files_are_read_as_they_are(codec: str, text: str) -> None:
    done = decode_bytes(text.encode(codec))
    assert (done.text, done.score, done.fault("list.csv")) == (text, 1.0, None)


def test_what_is_not_utf16_is_not_read_as_such() -> None:
    with pytest.raises(InputError) as caught:
        decode_bytes(b"a;b\n1;22\n1;23\n", encoding="utf-16")
    assert caught.value.code == "text.not_in_encoding"


def test_western_bytes_are_windows_1252() -> None:
    text = "Café;Orléans;Besançon – 3 €"
    assert decode_bytes(text.encode("cp1252")).text == text


def test_a_cut_or_broken_file_is_refused_with_its_line() -> None:
    with pytest.raises(InputError) as caught:
        decode_bytes((LIST * 3).encode()[:-60] + b"\xe1\xbb;x\n", file="list.csv")
    assert caught.value.code == "text.broken"
    assert caught.value.params["line"] > 4
    with pytest.raises(InputError, match="utf-16"):
        decode_bytes(LIST.encode("utf-16")[:-1])


def test_a_file_in_doubt_asks_with_the_choices() -> None:
    with pytest.raises(InputError, match="--encoding") as caught:
        decode_bytes("Sè".encode("cp1252"), file="list.csv")
    assert caught.value.code == "text.which_encoding"
    assert decode_bytes("Sè".encode("cp1252"), encoding="ABC").text == "Số"
    assert decode_bytes("Sè".encode("cp1252"), encoding="latin-1").text == "Sè"


def test_the_users_word_is_checked() -> None:
    with pytest.raises(InputError, match="tcvn3"):
        known_encoding("klingon")
    with pytest.raises(InputError, match="broken"):
        decode_bytes(encode_bytes(LIST, "tcvn3"), encoding="utf-8")


# Tables.


@pytest.mark.parametrize("words", [["Có", "Không"], ["Có", "Có"], ["Đã có", "Chưa"], ["Tốt", "Kém"]])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_few_unicode_words_beside_a_column_in_an_old_encoding_stay(encoding: Encoding, words: list[str]) -> None:
    """In TCVN3 "Có" would be "Cú" and "Không" "Khụng", syllables too."""
    names = [encode(name, encoding) for name in NAMES[:10]]
    for asked in (None, encoding):
        done = decoded(table(name=names, has=words * 5), encoding=asked)
        assert list(done.frame["name"]) == NAMES[:10]
        assert list(done.frame["has"]) == words * 5


def test_a_few_words_in_another_old_encoding_are_asked_about() -> None:
    raw = table(name=[encode(n, "tcvn3") for n in NAMES[:4]], has=[encode(w, "vni") for w in ("Có", "Không")] * 2)
    with pytest.raises(InputError) as caught:
        decoded(raw)
    assert caught.value.code == "text.which_cells"
    assert {caught.value.params["found"], caught.value.params["other"]} == {"vni", "tcvn3"}


def test_half_letters_of_json_are_lost_letters() -> None:
    done = decoded(table(name=["Hải \ud800Lăng", "Gio Mỹ"]))
    assert list(done.frame["name"]) == ["Hải \ufffdLăng", "Gio Mỹ"]
    assert [(fault.code, fault.row) for fault in done.faults] == [("note.text_lost", 2)]
    assert done.faults[0].say("vi").encode()


def test_invisible_signs_go() -> None:
    done = decoded(table(name=["Hải\u00ad Lăng", "Gio\u2060 Mỹ\u200d", "Hồ\u3000Xá", "\u202aBA\u202c"]))
    assert list(done.frame["name"]) == ["Hải Lăng", "Gio Mỹ", "Hồ Xá", "BA"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_table_is_made_plain_and_says_so(encoding: Encoding) -> None:
    raw = table(**{encode("Tên_xã", encoding): [encode(n, encoding) for n in NAMES], "So_dan": list(range(len(NAMES)))})
    done = decoded(raw)
    assert list(done.frame.iloc[:, 0]) == NAMES
    assert list(done.frame.columns) == ["Tên xã", "So dan"]
    assert list(done.frame["So dan"]) == list(range(len(NAMES)))
    said = next(fault for fault in done.faults if fault.code == "changed.text_encoding")
    changed = sum(cell != name for cell, name in zip(raw.frame.iloc[:, 0], NAMES, strict=True))
    assert (said.params["count"], said.params["encoding"], said.column) == (changed, encoding, "Tên xã")
    assert list(raw.frame.iloc[:, 0]) == [encode(n, encoding) for n in NAMES]
    assert preview(raw, rows=3)[-1][1] in [*NAMES, "Tên xã"]
    assert len(preview(raw, rows=3)) == 3


def test_a_plain_table_is_not_touched() -> None:
    raw = table(Tên_xã=NAMES, Nhà_mạng=["Viettel"] * len(NAMES), Số=[1.5] * len(NAMES))
    done = decoded(raw)
    pd.testing.assert_frame_equal(done.frame, raw.frame)
    assert done.faults == ()


def test_a_column_converted_in_part_is_judged_cell_by_cell() -> None:
    cells = [encode(name, "tcvn3") if i % 2 else name for i, name in enumerate(NAMES)]
    done = decoded(table(Tên_xã=cells))
    assert list(done.frame["Tên xã"]) == NAMES
    assert done.faults[0].params["count"] == len(NAMES) // 2


def test_a_cell_that_could_be_either_in_such_a_column_is_a_fault_of_its_row() -> None:
    cells = [encode(name, "tcvn3") if i % 2 else name for i, name in enumerate(NAMES)]
    done = decoded(table(Tên_xã=[*cells, "Bé"]))
    assert done.frame["Tên xã"].iloc[-1] == "Bé"
    fault = next(fault for fault in done.faults if fault.code == "fault.text_doubtful")
    assert (fault.row, fault.params["found"], fault.params["made"]) == (len(NAMES) + 2, "Bé", "Bộ")


def test_a_cell_that_is_neither_is_told() -> None:
    """The blank that belongs to "à" was trimmed, as some programs do: nothing can restore it."""
    cells = [encode(name, "utf-8") for name in NAMES]
    done = decoded(table(a=[*cells, "Xã Hòa", "HoÃ"]))
    assert list(done.frame["a"])[-2:] == ["Xã Hòa", "HoÃ"]
    told = next(fault for fault in done.faults if fault.code == "note.text_foreign")
    assert (told.row, told.params["count"], told.params["found"]) == (len(NAMES) + 3, 1, "HoÃ")


def test_a_whole_legacy_column_is_converted_with_its_odd_names() -> None:
    names = [*NAMES, "Xã Ea H'Leo", "Huyện Krông Pắk", "Huyện M'Drắk", "Xã Bé"]
    done = decoded(table(a=[encode(name, "tcvn3") for name in names]))
    assert list(done.frame["a"]) == names


def test_columns_may_differ() -> None:
    done = decoded(table(a=[encode(n, "tcvn3") for n in NAMES], b=[encode(n, "vni") for n in NAMES], c=NAMES))
    assert all(list(done.frame[column]) == NAMES for column in "abc")


def test_doubt_names_the_choices_and_the_user_decides() -> None:
    raw = table(a=["Sè", "x"])
    with pytest.raises(InputError, match="--encoding") as caught:
        decoded(raw)
    assert "tcvn3: Số" in caught.value.say("vi")
    assert list(decoded(raw, encoding="tcvn3").frame["a"]) == ["Số", "x"]
    assert list(decoded(raw, encoding="unicode").frame["a"]) == ["Sè", "x"]


def test_cells_of_a_file_converted_by_its_bytes_are_not_converted_again() -> None:
    """ "Xã An Bình" converted once more as TCVN3 would be "Xó An Bỡnh"."""
    fault = decode_bytes(encode_bytes(LIST, "tcvn3")).fault("list.csv")
    assert fault is not None
    raw = table(a=["Xã An Bình", "Sè"])
    raw = RawTable(raw.frame, raw.rows, raw.file, raw.sheet, faults=(fault,))
    assert list(decoded(raw, encoding="tcvn3").frame["a"]) == ["Xã An Bình", "Sè"]


def test_marks_are_composed_invisible_signs_go_and_lost_letters_are_told() -> None:
    cells = [unicodedata.normalize("NFD", "Hướng Hóa"), "Hải\u00a0Lăng\u200b", "Qu\ufffdng Trị", None]
    done = decoded(table(a=cells))
    assert list(done.frame["a"])[:3] == ["Hướng Hóa", "Hải Lăng", "Qu\ufffdng Trị"]
    assert codes(done) == ["note.text_lost", "note.text_composed"]
    assert done.faults[0].row == 4


def test_endless_words_are_nothing_special() -> None:
    done = decoded(table(a=[*NAMES, "é" * 200_000, "Đ" * 200_000]))
    assert list(done.frame["a"])[: len(NAMES)] == NAMES
    assert not is_syllable("a" * 10**6)


def test_how_sure_is_never_rounded_up() -> None:
    done = decoded(table(a=[encode(name, "vni") for name in NAMES]))
    assert done.faults[0].params["score_pct"] == "99.9"
    asked = decoded(table(a=["Sè"]), encoding="tcvn3")
    assert asked.faults[0].params["score_pct"] == "100"


def test_an_empty_table_passes() -> None:
    raw = RawTable(pd.DataFrame(), np.array([], dtype=np.int64), "a.csv")
    assert decoded(raw).frame.empty
