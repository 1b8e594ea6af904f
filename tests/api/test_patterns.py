"""Antenna patterns in a study: brought in, named by sectors, read at the door."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from phusong.api.cli import main
from phusong.api.pipeline import check_study, read_study
from phusong.api.served import InputsReader
from phusong.layers.errors import Fault, InputError, MissingError
from phusong.layers.importing import import_files
from phusong.layers.study import Study

Make = Callable[..., Path]
OFF = np.minimum(np.arange(360), 360 - np.arange(360))


def pattern(*, tilt: int = 6, broken: str = "") -> str:
    horizontal = "\n".join(f"{i} {min(12 * (off / 65) ** 2, 25):.2f}" for i, off in enumerate(OFF))
    vertical = "\n".join(f"{i} {min(12 * (off / 7) ** 2, 30):.2f}" for i, off in enumerate(np.roll(OFF, tilt)))
    return f"NAME a\nGAIN 17.5 dBi\nHORIZONTAL 360\n{horizontal}\nVERTICAL 360\n{broken}{vertical}\n"


@pytest.fixture
def study_naming(
    make_tiny_study: Make, tmp_path: Path, layers_of_tiny: dict[str, pd.DataFrame]
) -> Callable[..., Study]:
    """The tiny study whose first sectors name these patterns; ``files``: what lies in its folder of patterns.

    ``columns``: values of all sectors.
    """

    def make(*names: str, files: dict[str, str], **columns: float) -> Study:
        sectors = layers_of_tiny["sectors"].copy()
        rest = len(sectors) - len(names)
        sectors["pattern"] = pd.Series([*names, *[None] * rest], dtype="str")
        sectors = sectors.assign(**{"azimuth_deg": 120.0, **columns})
        root = make_tiny_study(tmp_path / "study", layers_of_tiny | {"sectors": sectors}, None)
        (root / "patterns").mkdir()
        for name, text in files.items():
            (root / "patterns" / name).write_text(text)
        return Study(root)

    return make


def only(study: Study, code: str) -> Fault:
    (fault,) = [fault for fault in check_study(study).faults if fault.code == code]
    for lang in ("en", "vi"):
        assert "{" not in fault.say(lang)
    return fault


def test_a_study_without_patterns(tiny_study: Path) -> None:
    inputs = read_study(Study(tiny_study))
    assert inputs.patterns.names == ()
    assert "patterns" not in inputs.hashes


def test_patterns_named_are_read_and_their_content_is_an_input(study_naming: Callable[..., Study]) -> None:
    study = study_naming("a.msi", files={"a.msi": pattern(), "unnamed.msi": "just text"})
    inputs = read_study(study)
    assert inputs.faults == ()
    assert inputs.patterns.names == ("a.msi",)
    assert (inputs.patterns.gain_dbi[0], inputs.patterns.tilt_deg[0]) == (17.5, 6.0)
    assert inputs.layers["sectors"]["pattern"][0] == "a.msi"
    (study.patterns_dir / "a.msi").write_text(pattern(tilt=5))
    assert read_study(study).hashes["patterns"] != inputs.hashes["patterns"]
    (study.patterns_dir / "unnamed.msi").unlink()
    (study.patterns_dir / "a.msi").write_text(pattern())
    assert read_study(study).hashes == inputs.hashes


def test_a_server_reads_a_changed_pattern_again(study_naming: Callable[..., Study]) -> None:
    study = study_naming("a.msi", files={"a.msi": pattern()})
    reader = InputsReader(study)
    first = reader.inputs()
    assert reader.inputs() is first
    (study.patterns_dir / "a.msi").write_text(pattern(tilt=12))
    assert reader.inputs().patterns.tilt_deg[0] == 12.0


def test_a_pattern_that_is_not_there_is_named_with_its_row(study_naming: Callable[..., Study]) -> None:
    study = study_naming("b.msi", "../../a.msi", files={"bb.msi": pattern()})
    (study.root.parent / "a.msi").write_text(pattern())
    faults = [fault for fault in check_study(study).faults if fault.code == "fault.pattern_missing"]
    assert [(fault.layer, fault.row, fault.column) for fault in faults] == [
        ("sectors", 1, "pattern"),
        ("sectors", 2, "pattern"),
    ]
    assert "the nearest is bb.msi" in faults[0].say("en")
    inputs = read_study(study)
    assert "b.msi" not in set(inputs.layers["sectors"]["pattern"].dropna())
    assert inputs.patterns.names == ()


def test_a_broken_pattern_is_named_with_its_line_and_its_sectors(study_naming: Callable[..., Study]) -> None:
    study = study_naming("a.msi", files={"a.msi": pattern(broken="x y\n")})
    line = only(study, "link.pattern.line")
    assert (line.file, line.row) == ("a.msi", 365)
    assert only(study, "fault.pattern_broken").row == 1


def test_a_pattern_to_one_side_without_azimuth_is_noted(study_naming: Callable[..., Study]) -> None:
    study = study_naming("a.msi", files={"a.msi": pattern()}, azimuth_deg=np.nan)
    assert only(study, "note.pattern_turned").row == 1
    assert read_study(study).patterns.names == ("a.msi",)


@pytest.mark.parametrize(("frequency", "noted"), [("1795", True), ("790-960", False), ("", False)])
def test_a_pattern_of_another_band_is_noted(study_naming: Callable[..., Study], frequency: str, noted: bool) -> None:
    text = pattern().replace("GAIN", f"FREQUENCY {frequency}\nGAIN")
    study = study_naming("a.msi", files={"a.msi": text}, band_mhz=900.0)
    if noted:
        note = only(study, "note.pattern_band")
        assert (note.row, note.column) == (1, "pattern")
        assert "measured at 1795 MHz" in note.say("en")
    else:
        assert read_study(study).faults == ()
    assert read_study(study).patterns.names == ("a.msi",)


# import


def test_import_keeps_a_file_or_a_folder_of_them(tiny_study: Path, tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    for name in ("a.msi", "b.pln"):
        (given / name).write_text(pattern())
    report = import_files(tiny_study, "patterns", [given / "a.msi"]).report
    assert (report.kept, report.faults) == (1, ())
    assert import_files(tiny_study, "patterns", [given]).report.kept == 2
    assert sorted(path.name for path in (tiny_study / "patterns").iterdir()) == ["a.msi", "b.pln"]
    assert (tiny_study / "patterns" / "a.msi").read_text() == pattern()


def test_import_refuses_what_is_no_pattern(tiny_study: Path, tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    with pytest.raises(InputError):
        import_files(tiny_study, "patterns", [given])  # empty
    (given / "a.msi").write_text(pattern())
    (given / "b.msi").write_text("just text\n")
    with pytest.raises(InputError, match="HORIZONTAL is missing"):
        import_files(tiny_study, "patterns", [given])
    with pytest.raises(MissingError):
        import_files(tiny_study, "patterns", [tmp_path / "none.msi"])
    assert not (tiny_study / "patterns").exists()


def test_the_command_line_imports_patterns(
    tiny_study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.msi").write_text(pattern())
    with pytest.raises(SystemExit) as done:
        main(["--lang", "en", "import", str(tiny_study), "patterns", str(tmp_path / "a.msi")])
    assert not done.value.code
    assert "patterns: 1 rows kept, 0 refused" in capsys.readouterr().out
