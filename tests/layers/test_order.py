"""Vietnamese order against the rules of the Vietnam Lexicography Centre, and the laws of an order."""

from __future__ import annotations

import random
import re
import unicodedata

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from phusong.layers.vietnamese.order import order_key, ranks

# Vũ Xuân Lương, "Quy tắc sắp xếp đơn vị từ vựng trong từ điển tiếng Việt", rule 2 as printed
PRINTED = re.findall(
    r"\w",
    "a à ả ã á ạ ă ằ ẳ ẵ ắ ặ â ầ ẩ ẫ ấ ậ b c d đ e è ẻ ẽ é ẹ ê ề ể ễ ế ệ f g h i ì ỉ ĩ í ị j k l m n "
    "o ò ỏ õ ó ọ ô ồ ổ ỗ ố ộ ơ ờ ở ỡ ớ ợ p q r s t u ù ủ ũ ú ụ ư ừ ử ữ ứ ự v w x y ỳ ỷ ỹ ý ỵ z",
)
# the examples of rules 3, 4.1 and 4.2 there
EXAMPLES = [("a", "A"), ("cha", "chan"), ("ang", "anh"), ("áng", "anh"), ("ác", "ách"), ("apatit", "apxe")]
EXAMPLES += [("ba", "bà"), ("bà", "bả"), ("hai", "hài"), ("hài", "hại")]
# rule 4.3: of several syllables, each from left to right
WORDS = ["ba", "ba ba", "ba hoa", "bà", "bà ba", "bả", "bạ"]

names = st.text(alphabet="aăâbdđeêghoôơuưyàảãáạằếệồợứ ADĐÊƠ0129-'ñц", max_size=12)


def test_the_printed_alphabet() -> None:
    shuffled = random.Random(1).sample(PRINTED, len(PRINTED))
    assert sorted(shuffled, key=order_key) == PRINTED


@pytest.mark.parametrize(("first", "second"), EXAMPLES)
def test_the_examples_of_the_rules(first: str, second: str) -> None:
    assert order_key(first) < order_key(second)


def test_syllable_by_syllable() -> None:
    assert sorted(random.Random(2).sample(WORDS, len(WORDS)), key=order_key) == WORDS


def test_units_of_quang_tri() -> None:
    found = sorted(
        ["Đông Hà", "Triệu Phong", "Vĩnh Linh", "Đakrông", "Hướng Hóa", "Cồn Cỏ", "Cam Lộ", "Hải Lăng", "Gio Linh"],
        key=order_key,
    )
    assert found == [
        *("Cam Lộ", "Cồn Cỏ", "Đakrông", "Đông Hà", "Gio Linh", "Hải Lăng", "Hướng Hóa", "Triệu Phong", "Vĩnh Linh"),
    ]


def test_d_with_a_bar_follows_all_of_d() -> None:
    assert sorted(["Đa", "Dương", "Dạ", "Đá", "E", "Dz"], key=order_key) == ["Dạ", "Dương", "Dz", "Đa", "Đá", "E"]


def test_numbers_by_value() -> None:
    places = ["Thôn 10", "Thôn 2", "Thôn An", "Thôn 1", "Thôn 02", "Thôn"]
    assert sorted(places, key=order_key) == ["Thôn", "Thôn 1", "Thôn 02", "Thôn 2", "Thôn 10", "Thôn An"]
    assert order_key("Thôn " + "9" * 5000) < order_key("Thôn 1" + "0" * 5000)


def test_the_place_of_a_tone_mark_is_no_tone() -> None:
    assert sorted(["Hoà Bình", "Hòa An", "Hoá", "Hoà Vang"], key=order_key) == ["Hòa An", "Hoà Bình", "Hoà Vang", "Hoá"]


def test_letters_of_others_follow_and_marks_of_others_come_after_the_tones() -> None:
    assert sorted(["цех", "zin", "nå", "nạ", "na", "ła"], key=order_key) == ["na", "nạ", "nå", "zin", "ła", "цех"]


@given(names)
@example("Hướng Hóa")
@example("q̣́")
def test_composed_and_decomposed_alike(name: str) -> None:
    composed, apart = unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name)
    assert order_key(composed) == order_key(apart)


@given(st.text(max_size=8), st.text(max_size=8))
def test_only_the_same_text_is_equal(one: str, other: str) -> None:
    same = unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other)
    assert (order_key(one) == order_key(other)) == same
    assert (order_key(one) < order_key(other)) == (order_key(other) > order_key(one))


@given(st.lists(names, max_size=8), st.randoms())
def test_the_order_does_not_depend_on_where_it_began(found: list[str], chance: random.Random) -> None:
    shuffled = chance.sample(found, len(found))
    assert sorted(found, key=order_key) == sorted(shuffled, key=order_key)


@given(names, names)
def test_case_decides_only_last(one: str, other: str) -> None:
    if order_key(one.lower())[0] < order_key(other.lower())[0]:
        assert order_key(one.upper()) < order_key(other)
        assert order_key(one) < order_key(other.upper())


@pytest.mark.parametrize("letter", ["\u00d0", "\u0189", "\u00f0", "\u0256"])
def test_letters_that_look_like_d_with_stroke_stand_with_it(letter: str) -> None:
    found = ["E", "Đông Hà", f"{letter}akrông", "Dương"]
    assert sorted(found, key=order_key) == ["Dương", f"{letter}akrông", "Đông Hà", "E"]


def test_ranks_leave_no_text_last() -> None:
    column = pd.Series(["Đông Hà", None, "Cam Lộ", "", "Đông Hà", float("nan")], dtype=object)
    assert ranks(column).tolist() == [1, 2, 0, 2, 1, 2]
    assert ranks(pd.array(["b", pd.NA, "a"], dtype="string")).tolist() == [1, 2, 0]
