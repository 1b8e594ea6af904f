"""The command line: every command, its help in both languages, bad input in one clear sentence with exit code 2."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from shapely.geometry import LineString, Point, Polygon

from phusong.api.cli import command, main, take_language
from phusong.layers.errors import InputError
from phusong.layers.grid import Raster
from phusong.layers.study import Study
from phusong.layers.writers.vectors import write_gpkg

COMMANDS = (
    "new",
    "sample",
    "import",
    "check",
    "template",
    "carry",
    "run",
    "route",
    "gaps",
    "plan",
    "map",
    "profile",
    "fit",
    "serve",
    "export",
    "classes",
    "explain",
    "list",
    "ranking",
    "report",
    "rules",
    "targets",
)


def phusong(*words: object) -> int:
    """Run a command line in this process; its exit code."""
    try:
        main([str(word) for word in words])
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHUSONG_LANG", "en")


@pytest.fixture(scope="module")
def done(tiny_study_of_module: Path) -> Path:
    assert phusong("--quiet", "run", tiny_study_of_module) == 0
    return tiny_study_of_module


def test_the_commands_are_those_promised() -> None:
    assert set(command("en").commands) == set(COMMANDS)


@pytest.mark.parametrize("lang", ["vi", "en"])
@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_explained_in_both_languages(name: str, lang: str) -> None:
    each = command("vi" if lang == "vi" else "en").commands[name]
    assert len(each.help) > 10
    for param in each.params:
        assert param.help or param.name == "help"
    other = command("en" if lang == "vi" else "vi").commands[name]
    assert each.help != other.help


def test_help_in_vietnamese(capsys: pytest.CaptureFixture[str]) -> None:
    assert phusong("--lang", "vi", "run", "--help") == 0
    assert "Tính những bước đã thay đổi" in capsys.readouterr().out


def test_the_language_may_stand_anywhere() -> None:
    assert take_language(["run", "x", "--lang=vi"]) == ("vi", ["run", "x"])
    assert take_language(["--lang", "en", "run"]) == ("en", ["run"])
    with pytest.raises(InputError, match="known are vi and en"):
        take_language(["--lang", "fr"])


def test_help_is_quick_to_say_because_heavy_rooms_are_not_loaded() -> None:
    heavy = ("numba", "folium", "fastapi", "geopandas")
    ask = f"import sys, phusong.api.cli; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_run_prints_targets_gaps_plan_and_paths(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert phusong("run", done) == 0
    out = capsys.readouterr().out
    for words in ("Targets of the province", "Underserved communes", "Investment list", "map.html", "phusong serve"):
        assert words in out
    assert "synthetic" in out
    assert "<img src=x onerror=alert(1)>" in out  # a name is text


def test_run_in_vietnamese(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert phusong("run", done, "--lang", "vi") == 0
    out = capsys.readouterr().out
    assert "Chỉ tiêu của tỉnh" in out
    assert "mô phỏng" in out


def test_quiet_says_nothing(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert phusong("--quiet", "run", done) == 0
    assert capsys.readouterr().out == ""


def test_gaps_plan_map_export(done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert phusong("gaps", done, "--limit", 1) == 0
    assert "1 of " in capsys.readouterr().out
    assert phusong("gaps", done, "--level", "villages") == 0
    assert "Thôn 0" in capsys.readouterr().out
    assert phusong("plan", done) == 0
    assert phusong("map", done, "--to", tmp_path / "page.html") == 0
    assert (tmp_path / "page.html").stat().st_size > 10_000
    assert phusong("export", done, tmp_path / "out", "--format", "csv", "--format", "xlsx") == 0
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".csv", ".xlsx"}
    assert phusong("export", done, tmp_path / "out", "--format", "doc") == 2
    assert "known are csv" in capsys.readouterr().err


def test_new_check_import(tmp_path: Path, done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From an empty folder to a study that can be run, with the layers of another one."""
    root = tmp_path / "mine"
    assert phusong("new", root, "--name", "Mine", "--units-date", "2012-12-31", "--cell-m", 250) == 0
    assert any((root / "templates").glob("*.xlsx"))
    assert phusong("new", root) == 2
    assert phusong("check", root) == 2
    assert "units" in capsys.readouterr().err
    for layer in ("units", "villages", "sites", "sectors"):
        assert phusong("import", root, layer, done / "layers.gpkg", "--source-layer", layer) == 0
    assert phusong("import", root, "elevation", done / "rasters" / "elevation.tif") == 0
    assert phusong("check", root) == 0
    assert phusong("--quiet", "run", root) == 0
    assert phusong("import", root, "vilages", done / "layers.gpkg") == 2
    assert 'nearest is "villages"' in capsys.readouterr().err


def test_a_refused_import_says_how_many_rows_it_read(
    tiny_study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.csv").write_text("Mã trạm,Kinh độ,Vĩ độ\nM1,,\nM2,,\nM3,,\n", encoding="utf-8")
    for option in ((), ("--preview",)):
        assert phusong("import", tiny_study, "sites", tmp_path / "a.csv", "--as-of", "2020-01-01", *option) == 2
        assert re.search(r"\b3 (rows )?read\b", capsys.readouterr().err)
    assert phusong("import", tiny_study, "elevation", tmp_path / "a.csv", "--map", "a=b") == 2
    assert "--map" in capsys.readouterr().err


def test_a_form_that_may_be_filled_in_is_not_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "sites.xlsx"
    assert phusong("template", "sites", "--out", path) == 0
    before = path.read_bytes()
    assert phusong("template", "sites", "--out", path) == 2
    assert "--out" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_no_study_and_no_results(tmp_path: Path, tiny_study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert phusong("run", tmp_path / "nowhere") == 2
    assert "phusong new" in capsys.readouterr().err
    for name in ("gaps", "plan", "map", "serve"):
        assert phusong(name, tiny_study) == 2
        assert "phusong run" in capsys.readouterr().err


# bad input: one clear sentence with file, layer, row and column, exit code 2, no traceback


Layers = dict[str, pd.DataFrame]


def _text_people(layers: Layers) -> None:
    layers["units"]["population"] = ["1000", "five thousand", "800", "3000"]


def _twice(layers: Layers) -> None:
    layers["units"].loc[1, "code"] = "T1"


def _bow_tie(layers: Layers) -> None:
    x, y = layers["units"].geometry.iloc[0].bounds[:2]
    layers["units"].loc[0, "geometry"] = Polygon([(x, y), (x + 9000, y + 9000), (x + 9000, y), (x, y + 9000)])


def _lines(layers: Layers) -> None:
    lines = [LineString([(p.x, p.y), (p.x + 10, p.y)]) for p in layers["villages"].geometry]
    layers["villages"] = layers["villages"].set_geometry(gpd.GeoSeries(lines, crs=layers["villages"].crs))


def _far_site(layers: Layers) -> None:
    layers["sites"].loc[0, "geometry"] = Point(900_000, 2_300_000)


def _no_height(layers: Layers) -> None:
    layers["sectors"].loc[2, "height_m"] = np.nan


def _operator_any(layers: Layers) -> None:
    layers["sectors"].loc[1, "operator"] = "Any"


def _other_crs(layers: Layers) -> None:
    layers["villages"] = layers["villages"].to_crs("EPSG:4326")


def _no_crs(layers: Layers) -> None:
    layers["villages"] = layers["villages"].set_crs(None, allow_override=True)


def _empty_villages(layers: Layers) -> None:
    layers["villages"] = layers["villages"].iloc[:0]


def _no_units(layers: Layers) -> None:
    del layers["units"]


def _zero_units(layers: Layers) -> None:
    layers["units"] = layers["units"].iloc[:0]


def _no_column(layers: Layers) -> None:
    layers["units"] = layers["units"].rename(columns={"population": "popullation"})


FATAL = {
    "missing layer": (_no_units, "units"),
    "zero communes": (_zero_units, "units"),
    "missing column": (_no_column, "column population"),
    "other CRS": (_other_crs, "layer villages"),
    "no CRS": (_no_crs, "layer villages"),
    "wrong geometry type": (_lines, "layer villages"),
}
LISTED = {
    "population text": (_text_people, r"layers\.gpkg, layer units: .*column population, row 2: .*five thousand"),
    "duplicate codes": (_twice, r"layers\.gpkg, layer units: .*column code, valid_on, row 2: .*T1"),
    "broken geometry": (_bow_tie, r"layers\.gpkg, layer units: .*    row 1: .*"),
    "site far outside": (_far_site, r"layers\.gpkg, layer sites: .*    row 1: .*"),
    "site without height": (_no_height, r"layers\.gpkg, layer sectors: .*column height_m, row 3: .*"),
    "reserved operator": (_operator_any, r"layers\.gpkg, layer sectors: .*column operator, row 2: .*\"Any\""),
    "empty layer": (_empty_villages, r"layers\.gpkg, layer villages: .*"),
}


@pytest.mark.parametrize("case", FATAL)
@pytest.mark.filterwarnings("ignore:'crs' was not provided:UserWarning")
def test_fatal_faults_stop_a_run(
    case: str,
    make_tiny_study: Callable[..., Path],
    layers_of_tiny: Layers,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    spoil, words = FATAL[case]
    root = make_tiny_study(tmp_path / "study")
    spoil(layers_of_tiny)
    write_gpkg(layers_of_tiny, root / "layers.gpkg")
    for name in ("check", "run"):
        assert phusong("--quiet", name, root) == 2
        err = capsys.readouterr().err
        assert words in err
        assert "Traceback" not in err
    assert not (root / "results").exists()


@pytest.mark.parametrize("case", LISTED)
def test_listed_faults_name_the_row_and_the_rest_is_used(
    case: str,
    make_tiny_study: Callable[..., Path],
    layers_of_tiny: Layers,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    spoil, pattern = LISTED[case]
    root = make_tiny_study(tmp_path / "study")
    spoil(layers_of_tiny)
    write_gpkg(layers_of_tiny, root / "layers.gpkg")
    code = phusong("check", root)
    out = capsys.readouterr()
    assert re.search(pattern, out.err, re.DOTALL), out.err
    written = json.loads((root / "imports" / "check.json").read_text(encoding="utf-8"))
    assert all(one["kept"] + one["rejected"] == one["read"] for one in written["reports"])
    assert "Traceback" not in out.err
    assert phusong("--quiet", "run", root) == code
    assert "Traceback" not in capsys.readouterr().err


def test_voids_and_an_elevation_elsewhere(
    make_tiny_study: Callable[..., Path],
    elevation_of_tiny: Raster,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    values = elevation_of_tiny.values.copy()
    values[40, 40] = np.nan
    voids = make_tiny_study(tmp_path / "voids", None, Raster(elevation_of_tiny.grid, values, {}))
    assert phusong("check", voids) == 0
    assert re.search(r"elevation\.tif.*\n    1 cells", capsys.readouterr().err, re.DOTALL)
    moved = replace(elevation_of_tiny.grid, left_m=elevation_of_tiny.grid.left_m + 500_000)
    elsewhere = make_tiny_study(tmp_path / "elsewhere", None, Raster(moved, elevation_of_tiny.values, {}))
    assert phusong("check", elsewhere) == 2
    assert "elevation.tif" in capsys.readouterr().err


def test_an_unreadable_geopackage(tiny_study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tiny_study / "layers.gpkg").write_bytes(b"this is no database")
    assert phusong("check", tiny_study) == 2
    err = capsys.readouterr().err
    assert "layers.gpkg" in err
    assert "Traceback" not in err


def test_a_threshold_changed_with_a_reason_is_said(tiny_study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (tiny_study / "study.toml").open("a") as file:
        file.write('[[rules.overrides]]\nrule = "mobile_people"\nthreshold = 50.0\nreason = "first stage"\n')
    assert phusong("run", tiny_study) == 0
    assert "Rule mobile_people: this study asks for 50: first stage" in capsys.readouterr().out
    rules = pd.read_parquet(tiny_study / "results" / "rules.parquet").set_index("id")
    assert rules.loc["mobile_people", "override_reason"] == "first stage"


def test_unknown_settings_name_the_nearest(tiny_study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (tiny_study / "study.toml").open("a") as file:
        file.write("\n[radoi]\nmax_range_km = 3\n")
    assert phusong("run", tiny_study) == 2
    assert 'the nearest is "radio"' in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"resolution_08"', '"resolution_80"', "did you mean resolution_08"),
        (
            "# [[rules.overrides]]",
            '[[rules.overrides]]\nrule = "mobile_peple"\nthreshold = 3\nreason = "x"\n#',
            "did you mean mobile_people",
        ),
        ("[rules.index_weights]", "[rules.index_weights]\nmobile_peple = 2", "did you mean mobile_people"),
        ('method = "auto"', 'method = "raster"', r"study\.toml.*column people\.method: .*no population raster"),
        ("cell_m = 250.0", "cell_m = 5", "cell_m"),
    ],
)
def test_what_the_settings_ask_for_is_judged_before_anything_is_computed(
    tiny_study: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    old: str,
    new: str,
    words: str,
) -> None:
    monkeypatch.setattr("phusong.layers.grid.MAX_CELLS", 1_000_000)
    settings = tiny_study / "study.toml"
    assert old in settings.read_text()
    settings.write_text(settings.read_text().replace(old, new))
    for name in ("check", "run"):
        assert phusong("--quiet", name, tiny_study) == 2
        assert re.search(words, capsys.readouterr().err, re.DOTALL)
    assert not (tiny_study / "results").exists()


def test_an_operator_of_the_plan_that_has_no_sector_is_noted(
    tiny_study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tiny_study / "study.toml"
    settings.write_text(settings.read_text().replace("# operator =", 'operator = "Vietel"'))
    assert phusong("check", tiny_study, "--lang", "vi") == 0
    assert re.search(r"study\.toml.*cột plan\.operator: Vietel .*Viettel", capsys.readouterr().err, re.DOTALL)


@pytest.mark.parametrize(
    ("words", "en", "vi"),
    [
        (["run"], "DIR is missing: The study's folder", "thiếu DIR: Thư mục nghiên cứu"),
        (["runn"], "No such command 'runn'", "câu lệnh chưa đúng"),
        (["run", "x", "--nope"], "No such option: --nope", "Xem: phusong run --help"),
        (["new", "x", "--units-date", "31/12/2012"], "--units-date: Date of the", "--units-date: Ngày hiệu lực"),
        (["gaps", "x", "--limit", "0"], "--limit: How many lines", "--limit: Số dòng"),
    ],
)
def test_a_wrong_command_line_is_said_in_one_line(
    capsys: pytest.CaptureFixture[str], words: list[str], en: str, vi: str
) -> None:
    for lang, said in (("en", en), ("vi", vi)):
        assert phusong(*words, "--lang", lang) == 2
        err = capsys.readouterr().err
        assert said in err
        assert err.count("\n") == 1


def test_places_that_cannot_be_written_to(done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    note = tmp_path / "note"
    note.write_text("mine")
    for words, said in (
        (["new", note], "a file stands where a folder is needed"),
        (["sample", note / "below"], "a file stands where a folder is needed"),
        (["export", done, note], "a file stands where a folder is needed"),
        (["export", done, done / "results"], "onto themselves"),
        (["map", done, "--to", tmp_path], "name a file in it"),
        (["map", done, "--to", tmp_path / "none" / "map.html"], "no such file or folder"),
    ):
        assert phusong(*words) == 2
        err = capsys.readouterr().err
        assert said in err
        assert "Traceback" not in err
    assert note.read_text() == "mine"


def test_a_new_study_here_is_named_after_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Hướng Hóa").mkdir()
    monkeypatch.chdir(tmp_path / "Hướng Hóa")
    assert phusong("new", ".", "--units-date", "2012-12-31") == 0
    assert 'name = "Hướng Hóa"' in (tmp_path / "Hướng Hóa" / "study.toml").read_text(encoding="utf-8")


def test_a_reader_that_leaves_early_is_no_fault(done: Path) -> None:
    ask = f"from phusong.api.cli import main; main(['gaps', {str(done)!r}, '--level', 'villages'])"
    with subprocess.Popen(
        [sys.executable, "-c", ask], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""


def test_the_sample_on_itself_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "sample"
    assert phusong("sample", root, "--cell-m", 900) == 0
    assert shapely.is_valid(gpd.read_file(root / "layers.gpkg", layer="units").geometry).all()
    assert phusong("sample", root, "--cell-m", 900) == 2
    assert phusong("sample", root, "--cell-m", 900, "--refresh") == 0
    assert "up to date" in capsys.readouterr().out
    assert phusong("sample", tmp_path / "x", "--units", root / "layers.gpkg") == 2
    units = gpd.read_file(root / "layers.gpkg", layer="units").assign(valid_on="2025-07-01")
    units.to_file(tmp_path / "units.gpkg")
    given = ("--units", tmp_path / "units.gpkg", "--elevation", root / "rasters" / "elevation.tif", "--cell-m", 900)
    assert phusong("sample", tmp_path / "later", *given) == 0  # the study is of the day of its units
    assert Study(tmp_path / "later").settings.units_valid_on.isoformat() == "2025-07-01"
    assert phusong("check", tmp_path / "later") == 0
