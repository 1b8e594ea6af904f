"""study.toml: everything wrong is named with its line; what is written reads back."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phusong.layers.errors import MissingError, SettingsError
from phusong.layers.study import RuleOverride, RuleSettings, Settings, Study, new_study, parse_settings, write_settings

GOOD = 'name = "A"\nunits_valid_on = 2012-12-31\ncrs = "EPSG:9212"\n'


def faults(text: str) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        parse_settings(text.encode())
    return {fault.column: fault.say("en") for fault in caught.value.faults}


def test_the_least_study() -> None:
    settings = parse_settings(GOOD.encode())
    assert (settings.units_valid_on, settings.cell_m) == (date(2012, 12, 31), 90.0)


@pytest.mark.parametrize(
    ("line", "column", "words"),
    [
        ("cel_m = 90", "cel_m", 'row 4, column cel_m: there is no such setting; the nearest is "cell_m"'),
        (
            "[radio]\nmax_rnge_km = 3",
            "radio.max_rnge_km",
            'row 5, column radio.max_rnge_km: there is no such setting; the nearest is "max_range_km"',
        ),
        ("cell_m = 0", "cell_m", "row 4, column cell_m: found 0; expected a value ≥ 5"),
        ("cell_m = nan", "cell_m", "found nan; expected"),
        ('language = "fr"', "language", "found 'fr'; expected 'vi', 'en'"),
        ('[plan]\ntechnology = "6G"', "plan.technology", "found '6G'"),
        ('[[rules.overrides]]\nrule = "a"\nthreshold = 1\nreason = ""', "rules.overrides.0.reason", "not empty"),
        ('[plan]\nname = "B"', "plan.name", "row 5, column plan.name: there is no such setting"),
        ('[radio.usable_dbm]\n"6G" = -100', "radio.usable_dbm.6G", "row 5, column radio.usable_dbm.6G: found '6G'"),
        ("[plan]\nband_mhz = 5", "plan.band_mhz", "row 5, column plan.band_mhz: found 5; expected a value ≥ 30"),
        (
            '[[rules.overrides]]\nrule = "a"\nthreshold = 1\nreason = "b"\n'
            '[[rules.overrides]]\nrule = "a"\nthreshold = 1\nreason = ""',
            "rules.overrides.1.reason",
            "row 11, column rules.overrides.1.reason",
        ),
    ],
)
def test_each_fault_names_its_line(line: str, column: str, words: str) -> None:
    assert words in faults(GOOD + line)[column]


def test_all_faults_are_reported_together() -> None:
    assert set(faults('nme = "A"\nunits_valid_on = "soon"')) == {"name", "nme", "units_valid_on", "crs"}


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:99999", "VN2000"])
def test_a_crs_that_is_not_in_metres_is_refused(crs: str) -> None:
    assert "projected CRS in metres" in faults(GOOD.replace("EPSG:9212", crs))["crs"]


def test_a_new_study_that_is_refused_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="projected CRS in metres"):
        new_study(tmp_path / "a", name="A", crs="EPSG:4326", units_valid_on=date(2012, 12, 31), cell_m=90.0, lang="vi")
    assert not (tmp_path / "a").exists()


def test_a_climate_that_is_none_is_refused_with_those_there_are() -> None:
    assert "'maritime-subtropical', 'desert'" in faults(f'{GOOD}[radio]\nclimate = "tropical"\n')["radio.climate"]


def test_text_that_is_not_toml_names_the_line() -> None:
    with pytest.raises(SettingsError, match="row 2: this line cannot be read"):
        parse_settings(b'name = "A"\nunits valid\n')
    with pytest.raises(SettingsError, match="not UTF-8"):
        parse_settings('name = "Quảng Trị"'.encode("cp1258", errors="replace") + b"\xd2\xff")


def test_a_folder_without_settings_is_not_a_study(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="phusong new"):
        Study(tmp_path)


@given(
    name=st.text(min_size=1, max_size=40).filter(lambda s: max(s) < "\ud800" or max(s) > "\udfff"),
    cell_m=st.floats(5, 1000),
    packs=st.lists(st.text(max_size=10), max_size=3),
    usable=st.dictionaries(st.sampled_from(["2G", "3G", "4G", "5G"]), st.floats(-160, 0)),
)
def test_what_is_written_reads_back(
    tmp_path_factory: pytest.TempPathFactory, name: str, cell_m: float, packs: list[str], usable: dict[str, float]
) -> None:
    settings = Settings.model_validate(
        {
            "name": name,
            "units_valid_on": date(2012, 12, 31),
            "crs": "EPSG:9212",
            "cell_m": cell_m,
            "radio": {"usable_dbm": usable},
            "rules": RuleSettings(
                packs=tuple(packs), overrides=(RuleOverride(rule='a"b', threshold=0.5, reason="\\n"),)
            ),
        }
    )
    path = tmp_path_factory.mktemp("study") / "study.toml"
    for lang in ("vi", "en"):
        write_settings(settings, path, lang=lang)
        assert parse_settings(path.read_bytes()) == settings


@pytest.mark.parametrize(
    ("lines", "column", "words"),
    [
        ("terrain_k = 1", "terrain_k", "row 5, column radio.terrain_k: the model delta-bullington knows the terrain"),
        ('model = "p1812"\nterrain_k = 1', "terrain_k", "row 6, column radio.terrain_k: the model p1812 knows"),
        ('model = "line-of-sight"\nterrain_k = 1', "terrain_k", "the model line-of-sight knows"),
        ('environment = "urban"', "environment", "knows no environment"),
        ('model = "cost231-hata"\nenvironment = "suburban"', "environment", "cost231-hata has no suburban"),
        (
            'climate = "desert"',
            "climate",
            "row 5, column radio.climate: the model delta-bullington knows no radio climate",
        ),
        ("time_pct = 10", "time_pct", "gives the median only"),
        ('model = "rma"\nlocation_pct = 90', "location_pct", "the model rma gives the median only"),
        ('model = "p1812"\ntime_pct = 90', "time_pct", "p1812 holds for 1 to 50 % of time"),
        ('model = "itm"\nspherical_earth = false', "spherical_earth", "cannot leave the spherical Earth out"),
        ('model = "itm"\nn0 = 220', "n0", "250 to 400"),
        ("delta_n = 50\neffective_earth_factor = 1.2", "effective_earth_factor", "delta_n = 50 already says"),
        ('model = "p1812"\neffective_earth_factor = 1.2', "effective_earth_factor", "set delta_n instead"),
        ('model = "itm"\neffective_earth_factor = 1.2', "effective_earth_factor", "set n0 instead"),
        ("link.high_loss = true", "link.high_loss", "row 5, column radio.link.high_loss: outdoors nothing stands"),
        ('[radio.link]\nreceiver = "vehicle"\ndepth_m = 3', "link.depth_m", "row 7, column radio.link.depth_m"),
        (
            'model = "p1812"\nlocation_pct = 90\n[radio.link]\nreliability_pct = 90',
            "link.reliability_pct",
            "location_pct = 90 counts",
        ),
    ],
)
def test_radio_settings_that_contradict_each_other_are_refused(lines: str, column: str, words: str) -> None:
    found = faults(f"{GOOD}[radio]\n{lines}\n")
    assert list(found) == [f"radio.{column}"]
    assert words in found[f"radio.{column}"]


@pytest.mark.parametrize("value", ["0.19", "101", "1e-300", "nan", "inf"])
def test_an_earth_that_no_air_makes_is_refused(value: str) -> None:
    assert "radio.effective_earth_factor" in faults(f"{GOOD}[radio]\neffective_earth_factor = {value}\n")


@pytest.mark.parametrize("value", ["0", "1e-300", "31", "1e300", "nan"])
def test_a_fading_that_nobody_measured_is_refused(value: str) -> None:
    assert "radio.link.sigma_db" in faults(f"{GOOD}[radio.link]\nsigma_db = {value}\n")


def test_all_contradictions_are_reported_together() -> None:
    lines = 'environment = "urban"\nterrain_k = 1\ntime_pct = 5\nlocation_pct = 95\n'
    assert len(faults(f"{GOOD}[radio]\n{lines}")) == 4


@pytest.mark.parametrize(
    "lines",
    [
        'model = "okumura-hata"\nenvironment = "suburban"\nterrain_k = 0.6\noffset_db = -3.5',
        'model = "free-space"\nterrain_k = 1\nspherical_earth = false',
        'model = "p1812"\ntime_pct = 1\nlocation_pct = 95\ndelta_n = 50\nn0 = 376',
        'model = "itm"\ntime_pct = 90\nn0 = 376\npolarisation = "horizontal"\nclimate = "continental-temperate"',
        "delta_n = 50",
        "effective_earth_factor = 1.2",
        "[radio.clutter_height_m]\n10 = 20\n50 = 5.5",
        '[radio.link]\nreceiver = "indoor"\nhigh_loss = true\ndepth_m = 5\nbody = true\nuplink = true\nsigma_db = 7.5',
        '[radio.link]\nreceiver = "vehicle"\nhigh_loss = true\nreliability_pct = 95\nreliability_at = "area"',
    ],
)
def test_radio_settings_that_fit_each_other_read_back(tmp_path: Path, lines: str) -> None:
    settings = parse_settings(f"{GOOD}[radio]\n{lines}\n".encode())
    for lang in ("vi", "en"):
        write_settings(settings, tmp_path / "study.toml", lang=lang)
        assert parse_settings((tmp_path / "study.toml").read_bytes()) == settings


def test_heights_of_clutter_are_by_class_code() -> None:
    assert parse_settings(f"{GOOD}[radio.clutter_height_m]\n10 = 20\n".encode()).radio.clutter_height_m == {10: 20.0}
    found = faults(f'{GOOD}[radio.clutter_height_m]\ntrees = 20\n50 = -1\n"-3" = 2\n')
    assert set(found) == {f"radio.clutter_height_m.{code}" for code in ("trees", "50", "-3")}
    assert "row 5" in found["radio.clutter_height_m.trees"]
