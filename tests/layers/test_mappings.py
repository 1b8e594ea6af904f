"""What the user says headings mean: the option, and what is kept of it for the next file."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phusong.layers.columns.mappings import parse_mapping, recall, remember
from phusong.layers.errors import InputError
from phusong.layers.schema import LAYERS

SITES, UNITS = LAYERS["sites"], LAYERS["units"]


def test_the_option_is_read_and_refused() -> None:
    assert parse_mapping(["Tên = trạm=name", "X=-", "Xã=unit_name"], SITES) == {
        "Tên = trạm": "name",
        "X": "-",
        "Xã": "unit_name",
    }
    for text, code in (("name", "form"), ("=name", "form"), ("A=nme", "no_column"), ("A=Tên trạm", "no_column")):
        with pytest.raises(InputError) as error:
            parse_mapping([text], SITES)
        assert error.value.code == f"headings.map_{code}"
        if code == "no_column":
            assert error.value.params["nearest"] == "name"
    with pytest.raises(InputError) as error:
        parse_mapping(["A=name", "A=owner"], SITES)
    assert error.value.code == "headings.map_twice"


HEADINGS = st.lists(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=8), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None)
@given(HEADINGS, st.data())
def test_a_saved_mapping_comes_back(
    tmp_path_factory: pytest.TempPathFactory, headings: list[str], draw: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("study") / "imports" / "mappings.toml"
    wanted = {" ".join(unicodedata.normalize("NFC", h).split()): "name" for h in headings[:1]}
    remember(path, SITES, headings, wanted)
    remember(path, UNITS, headings, {"a": "population"})
    back = recall(path, SITES, draw.draw(st.permutations(headings)))
    assert back.mapping == wanted
    assert [note.code for note in back.notes] == ["note.mapping_used"]
    assert recall(path, LAYERS["villages"], headings) == ({}, ())


def test_a_saved_mapping_is_not_taken_for_other_headings(tmp_path: Path) -> None:
    path = tmp_path / "imports" / "mappings.toml"
    remember(path, SITES, ["Cột A", "Cột B"], {"Cột A": "site_id"})
    back = recall(path, SITES, ["Cột A", "Cột C"], file="b.xlsx")
    assert back.mapping == {}
    (note,) = back.notes
    assert 'there: "Cột B"; here: "Cột C"' in note.say("en")
    remember(path, SITES, ["Cột B", "Cột A"], {"Cột A": "name"})
    assert recall(path, SITES, ["Cột A", "Cột B"]).mapping == {"Cột A": "name"}
    assert path.read_text(encoding="utf-8").count("[[mapping]]") == 1
    assert recall(path, SITES, ["Cột A", "Cột B (+)"]).mapping == {"Cột A": "name"}  # as a Match lists it
    remember(path, SITES, ["Cột B", "Cột A"], {})
    assert recall(path, SITES, ["Cột A", "Cột B"]) == ({}, ())


@pytest.mark.parametrize(
    "text",
    [
        "[[mapping",
        "mapping = 3",
        "[[mapping]]\nlayer = 'sites'",
        "[[mapping]]\nlayer='a'\nheadings=[1]\n[mapping.columns]\nb='c'",
    ],
)
def test_broken_mappings_are_an_input_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mappings.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as error:
        recall(path, SITES, ["a"])
    assert error.value.code == "headings.mappings_unreadable"
