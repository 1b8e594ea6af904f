"""Pattern files of MSI/Planet as makers write them, and as they break them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from phusong.layers.errors import InputError, MissingError
from phusong.layers.readers.pattern import GAIN_DBI, Pattern, read_pattern, read_patterns
from phusong.layers.report import kind_of
from phusong.layers.schema import SECTORS

DEGREES = np.arange(360)
OFF = np.minimum(DEGREES, 360 - DEGREES)
HORIZONTAL = np.round(np.minimum(12 * (OFF / 65) ** 2, 25), 2)
VERTICAL = np.round(np.minimum(12 * (np.minimum((DEGREES - 6) % 360, (6 - DEGREES) % 360) / 7) ** 2, 30), 2)
HEAD = "NAME 65-17\nMAKE Maker\nFREQUENCY 1795\nGAIN 17.5 dBi\nTILT ELECTRICAL\nELECTRICAL_TILT 6\n"

Write = Callable[..., Pattern]


def cut(name: str, losses: np.ndarray, *, step: float = 1.0, sep: str = " ") -> str:
    lines = [f"{i * step:g}{sep}{loss:g}" for i, loss in enumerate(losses)]
    return "\n".join([f"{name} {len(losses)}", *lines]) + "\n"


@pytest.fixture
def read(tmp_path: Path) -> Write:
    def write_and_read(*parts: str, encoding: str = "utf-8", name: str = "antenna.msi") -> Pattern:
        (tmp_path / name).write_bytes("".join(parts).encode(encoding))
        return read_pattern(tmp_path / name)

    return write_and_read


def test_a_file_as_planet_writes_it(read: Write) -> None:
    found = read(HEAD, cut("HORIZONTAL", HORIZONTAL), cut("VERTICAL", VERTICAL))
    assert (found.name, found.gain_dbi, found.electrical_tilt_deg) == ("65-17", 17.5, 6.0)
    assert found.frequencies_mhz == (1795.0, 1795.0)
    assert found.horizontal_db.tolist() == HORIZONTAL.tolist()
    assert found.vertical_db.tolist() == VERTICAL.tolist()
    assert found.vertical_db.argmin() == 6
    assert found.notes == ()


@pytest.mark.parametrize(
    ("line", "dbi"),
    [("GAIN 15.35", 17.5), ("GAIN 15.35 dBd", 17.5), ("Gain\t17.5 DBI", 17.5), ("GAIN 17.5dBi", 17.5), ("", None)],
)
def test_gain_is_in_dbd_unless_it_says_dbi(read: Write, line: str, dbi: float | None) -> None:
    found = read(f"NAME a\n{line}\n", cut("HORIZONTAL", HORIZONTAL), cut("VERTICAL", VERTICAL))
    assert found.gain_dbi == (None if dbi is None else pytest.approx(dbi))


def test_a_file_may_state_the_gain_that_a_sector_may_have() -> None:
    column = SECTORS.column("antenna_gain_dbi")
    assert (column.minimum, column.maximum) == GAIN_DBI


@pytest.mark.parametrize(
    ("text", "mhz"),
    [
        ("925 MHz", (925.0, 925.0)),
        ("9.25E+02", (925.0, 925.0)),
        ("1.8 GHz", (1800.0, 1800.0)),
        ("1710-2170", (1710.0, 2170.0)),
        ("1710 - 2170 MHz", (1710.0, 2170.0)),
        ("824-960/1710-2170", (824.0, 2170.0)),
        ("", None),
    ],
)
def test_frequency(read: Write, text: str, mhz: tuple[float, float] | None) -> None:
    found = read(f"FREQUENCY {text}\n", cut("HORIZONTAL", HORIZONTAL), cut("VERTICAL", VERTICAL))
    assert found.frequencies_mhz == mhz


@pytest.mark.parametrize("text", ["2,1 GHz", "900 MHz - 1.8 GHz"])
def test_a_frequency_that_may_be_two_things_is_refused(read: Write, text: str) -> None:
    with pytest.raises(InputError) as caught:
        read(f"FREQUENCY {text}\n", cut("HORIZONTAL", HORIZONTAL), cut("VERTICAL", VERTICAL))
    assert [fault.code for fault in caught.value.faults] == ["link.pattern.value"]


@pytest.mark.parametrize(
    ("lines", "tilt"),
    [
        ("TILT ELECTRICAL\nELECTRICAL_TILT 6", 6.0),
        ("TILT 6 deg", 6.0),
        ("ELECTRICAL_TILT 6°", 6.0),
        ("TILT MECHANICAL 4\nELECTRICAL_TILT 6", 6.0),
        ("TILT MECHANICAL 4", None),
        ("TILT ELECTRICAL", None),
    ],
)
def test_the_electrical_tilt_and_no_other(read: Write, lines: str, tilt: float | None) -> None:
    found = read(f"NAME a\n{lines}\n", cut("HORIZONTAL", HORIZONTAL), cut("VERTICAL", VERTICAL))
    assert found.electrical_tilt_deg == tilt
    assert found.notes == ()


def test_the_name_is_the_one_that_is_called_so(read: Write) -> None:
    cuts = (cut("HORIZONTAL", HORIZONTAL), cut("VERTICAL", VERTICAL))
    assert read("Made by Planet\nNAME 65-17\n", *cuts).name == "65-17"
    assert read("GAIN 17 dBi\n", *cuts).name == "antenna"


def test_makers_variants(read: Write) -> None:
    """Name without its key, a degree sign in another encoding, Windows line ends, tabs and commas, lower case."""
    text = (
        "K739 6°\ncomment tilt 6° down\n" + cut("horizontal", HORIZONTAL, sep="\t") + cut("Vertical", VERTICAL, sep=",")
    )
    found = read(text.replace("\n", "\r\n"), encoding="cp1252", name="k.pln")
    assert found.name == "K739 6°"
    assert found.horizontal_db.tolist() == HORIZONTAL.tolist()
    assert found.vertical_db.tolist() == VERTICAL.tolist()


def test_half_degrees_are_kept_and_five_degrees_filled(read: Write) -> None:
    fine = np.round(np.interp(np.arange(720) / 2, np.arange(361), np.append(VERTICAL, VERTICAL[0])), 3)
    found = read(HEAD, cut("HORIZONTAL", HORIZONTAL[::5], step=5.0), cut("VERTICAL", fine, step=0.5))
    assert len(found.vertical_db) == 720
    assert found.vertical_db == pytest.approx(fine)
    assert len(found.horizontal_db) == 360
    assert found.horizontal_db[::5] == pytest.approx(HORIZONTAL[::5])
    assert found.horizontal_db[357] == pytest.approx(0.6 * HORIZONTAL[355], abs=1e-9)


def test_angles_may_go_from_minus_180_to_180(read: Write) -> None:
    lines = "\n".join(f"{i} {HORIZONTAL[i % 360]:g}" for i in range(-180, 181))
    found = read(f"HORIZONTAL 361\n{lines}\n", cut("VERTICAL", VERTICAL))
    assert found.horizontal_db.tolist() == HORIZONTAL.tolist()


def test_negative_gains_and_a_mirrored_cut_are_turned_and_noted(read: Write) -> None:
    found = read(HEAD, cut("HORIZONTAL", -HORIZONTAL), cut("VERTICAL", np.roll(VERTICAL[::-1], 1)))
    assert found.horizontal_db.tolist() == HORIZONTAL.tolist()
    assert found.vertical_db.tolist() == VERTICAL.tolist()
    assert [note.code for note in found.notes] == ["changed.pattern_negative", "changed.pattern_mirrored"]
    assert {kind_of(note) for note in found.notes} == {"changed"}  # the pattern is taken, not refused
    assert "6" in found.notes[1].say("vi")


def test_a_beam_up_without_a_stated_tilt_is_left_alone(read: Write) -> None:
    mirrored = np.roll(VERTICAL[::-1], 1)
    found = read("NAME a\n", cut("HORIZONTAL", HORIZONTAL), cut("VERTICAL", mirrored))
    assert found.vertical_db.tolist() == mirrored.tolist()
    assert found.electrical_tilt_deg is None


def test_a_downtilt_with_a_minus_sign_is_read_without_it_and_noted(read: Write) -> None:
    found = read(HEAD.replace("TILT 6", "TILT -6"), cut("HORIZONTAL", HORIZONTAL), cut("VERTICAL", VERTICAL))
    assert found.electrical_tilt_deg == 6.0
    assert found.vertical_db.tolist() == VERTICAL.tolist()
    assert [note.code for note in found.notes] == ["changed.pattern_minus"]
    up = np.roll(VERTICAL[::-1], 1)  # a beam that does point up says so with its minus sign
    found = read(HEAD.replace("TILT 6", "TILT -6"), cut("HORIZONTAL", HORIZONTAL), cut("VERTICAL", up))
    assert (found.electrical_tilt_deg, found.notes) == (-6.0, ())
    assert found.vertical_db.tolist() == up.tolist()


def test_a_vertical_cut_counted_from_the_zenith_is_noted(read: Write) -> None:
    found = read("NAME a\n", cut("HORIZONTAL", HORIZONTAL), cut("VERTICAL", np.roll(VERTICAL, 90)))
    (note,) = found.notes
    assert (note.code, kind_of(note)) == ("note.pattern_elsewhere", "noted")
    assert "strongest at 96 degrees" in note.say("en")
    assert "96 độ" in note.say("vi")


def test_all_faults_are_named_together(read: Write) -> None:
    with pytest.raises(InputError) as caught:
        read(
            "GAIN much\nFREQUENCY low\nELECTRICAL_TILT 2-10\n",
            cut("HORIZONTAL", HORIZONTAL).replace("\n7 ", "\nseven "),
            cut("VERTICAL", VERTICAL).replace("\n9 ", "\n9 x"),
        )
    codes = [fault.code for fault in caught.value.faults]
    assert codes.count("link.pattern.value") == 3
    assert "link.pattern.line" in codes
    said = caught.value.say("en")
    assert "GAIN" in said
    assert 'row 12: found "seven' in said
    assert "row 375" in said


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (("NAME a\n", cut("HORIZONTAL", HORIZONTAL)), "VERTICAL is missing"),
        (("just text\n",), "HORIZONTAL is missing"),
        ((cut("HORIZONTAL", HORIZONTAL), cut("VERTICAL", VERTICAL).replace("VERTICAL 360", "VERTICAL 361")), "361"),
        ((cut("HORIZONTAL", HORIZONTAL[::20], step=20.0), cut("VERTICAL", VERTICAL)), "hole of 20 degrees"),
        ((cut("HORIZONTAL", HORIZONTAL - 3.0), cut("VERTICAL", VERTICAL)), "both gains and losses"),
        ((cut("HORIZONTAL", HORIZONTAL).replace("\n5 ", "\n4 "), cut("VERTICAL", VERTICAL)), "angle 4 twice"),
        (("HORIZONTAL 0\n", cut("VERTICAL", VERTICAL)), "hole of 360 degrees"),
        ((cut("HORIZONTAL", HORIZONTAL), cut("HORIZONTAL", HORIZONTAL), cut("VERTICAL", VERTICAL)), "a second time"),
        (("HORIZONTAL \u00b2\n", cut("VERTICAL", VERTICAL)), "announces 360 points and has 0"),
        (("HORIZONTAL " + "9" * 5000 + "\n", cut("VERTICAL", VERTICAL)), "announces 360 points and has 0"),
        (("GAIN 1e400\n", cut("HORIZONTAL", HORIZONTAL), cut("VERTICAL", VERTICAL)), "GAIN"),
        (("GAIN 50 dBd\n", cut("HORIZONTAL", HORIZONTAL), cut("VERTICAL", VERTICAL)), "GAIN"),
        (("FREQUENCY 1e400\n", cut("HORIZONTAL", HORIZONTAL), cut("VERTICAL", VERTICAL)), "FREQUENCY"),
        (("TILT 1e400\n", cut("HORIZONTAL", HORIZONTAL), cut("VERTICAL", VERTICAL)), "TILT"),
        ((cut("HORIZONTAL", HORIZONTAL).replace("\n180 25", "\n180 1e308"), cut("VERTICAL", VERTICAL)), "row 182"),
        ((cut("HORIZONTAL", HORIZONTAL).replace("\n180 25", "\n180 nan"), cut("VERTICAL", VERTICAL)), "row 182"),
        ((cut("HORIZONTAL", HORIZONTAL).replace("\n359 ", "\n719 "), cut("VERTICAL", VERTICAL)), "row 361"),
    ],
)
def test_what_is_no_pattern_is_refused(read: Write, parts: tuple[str, ...], said: str) -> None:
    with pytest.raises(InputError, match=said):
        read(*parts)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(MissingError):
        read_pattern(tmp_path / "none.msi")


# a folder of them


def test_the_named_files_of_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "patterns"
    folder.mkdir()
    (folder / "b.msi").write_text(HEAD + cut("HORIZONTAL", HORIZONTAL) + cut("VERTICAL", VERTICAL))
    fine = np.interp(np.arange(720) / 2, np.arange(361), np.append(VERTICAL, VERTICAL[0]))
    (folder / "a.pln").write_text("NAME a\n" + cut("HORIZONTAL", HORIZONTAL) + cut("VERTICAL", fine, step=0.5))
    (folder / "broken.msi").write_text(
        cut("HORIZONTAL", HORIZONTAL) + cut("VERTICAL", VERTICAL).replace("\n9 ", "\n9 x")
    )
    (folder / "text.msi").write_text("just text\n")
    (folder / "unnamed.msi").write_text("just text\n")
    (tmp_path / "outside.msi").write_text((folder / "b.msi").read_text())
    (folder / "link.msi").symlink_to(tmp_path / "outside.msi")
    asked = ["b.msi", "a.pln", "b.msi", "broken.msi", "text.msi", "../outside.msi", "link.msi", "none.msi", ""]
    found, faults = read_patterns(folder, asked)
    assert found.names == ("a.pln", "b.msi")
    assert found.horizontal_db.dtype == found.vertical_db.dtype == np.float32
    assert found.horizontal_db.shape == found.vertical_db.shape == (2, 360)
    assert found.vertical_db == pytest.approx(np.stack([VERTICAL, VERTICAL]), abs=1e-4)
    assert found.tilt_deg.tolist() == [6.0, 6.0]  # seen, and stated
    assert np.isnan(found.gain_dbi[0])
    assert found.gain_dbi[1] == 17.5
    assert found.band_mhz[1].tolist() == [1795.0, 1795.0]
    assert np.isnan(found.band_mhz[0]).all()
    assert [(fault.file, fault.code, fault.row) for fault in faults] == [
        ("broken.msi", "link.pattern.line", 372),
        ("text.msi", "link.pattern.not_pattern", None),
    ]
    assert found.rows(["b.msi", None, "c", float("nan"), "a.pln"]).tolist() == [1, -1, -1, -1, 0]


def test_no_folder_and_nothing_asked_for(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        found, faults = read_patterns(folder, ["a.msi"])
        assert found.names == ()
        assert found.vertical_db.shape == (0, 360)
        assert faults == []


def test_a_file_far_too_large_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.msi").write_bytes(b"0 0\n" * 300_000)
    with pytest.raises(InputError, match="not an antenna pattern"):
        read_pattern(tmp_path / "a.msi")
