"""The ranking step on the tiny study: its files, the same again, the API, the command line and the map."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from phusong.api.app import create_app
from phusong.api.cli import main
from phusong.api.pipeline import run
from phusong.api.ranking_models import RANKED, Ranked
from phusong.api.ranking_report import basis_lines
from phusong.api.ranking_step import RANKING_COLUMNS
from phusong.api.report import _intervals, place_text
from phusong.api.routes.ranking import AskedRanking, _chosen, _ranked
from phusong.api.steps import STEPS
from phusong.layers.errors import InputError
from phusong.layers.index_settings import IndexComponent, IndexSettings
from phusong.layers.store import Results
from phusong.layers.study import Study, write_settings

NEEDED = ("people", "radio", "access", "indicators", "gaps", "ranking")
UNTIL_RANKING = tuple(step for step in STEPS if step.name in NEEDED)


def computed(root: Path, index: IndexSettings) -> tuple[pd.DataFrame, dict]:
    """The ranking of the tiny study under other settings of the index."""
    settings = Study(root).settings.model_copy(update={"index": index})
    write_settings(settings, root / "study.toml", lang="en")
    run(Study(root), steps=UNTIL_RANKING)
    return read(root)


def read(root: Path) -> tuple[pd.DataFrame, dict]:
    about = json.loads((root / "results" / "ranking.json").read_text(encoding="utf-8"))
    return pd.read_parquet(root / "results" / "ranking.parquet"), about


def phusong(*words: str) -> None:
    """A command that does what it is asked."""
    with pytest.raises(SystemExit) as end:
        main(list(words))
    assert end.value.code in (0, None)


@pytest.fixture(scope="module")
def done(tiny_study_of_module: Path) -> Path:
    """The tiny study, run; the first place alone is looked at."""
    study = Study(tiny_study_of_module)
    index = IndexSettings(draws=200, first_n=1, site_share_pct=40)
    write_settings(study.settings.model_copy(update={"index": index}), study.root / "study.toml", lang="en")
    run(Study(study.root), steps=STEPS)
    return study.root


@pytest.fixture
def client(done: Path, client_of: Callable[..., Any]) -> Any:
    """Speaks to the API of that study."""
    return client_of(create_app(done))


def test_every_commune_has_its_place_and_interval(done: Path) -> None:
    table, about = read(done)
    assert tuple(table.columns[: len(RANKING_COLUMNS)]) == RANKING_COLUMNS
    assert table["rank"].tolist() == [1, 2, 3, 4]
    assert (table["rank_low"] <= table["rank_high"]).all()
    assert (np.diff(table["need_index"]) <= 0).all()
    assert about["counts"]["ranked"] == 4
    assert about["first_n"] == 1
    assert set(about["choices"]) >= {"weights", "normalisation", "coverage", "population", "together"}
    assert table["in_first_pct"].sum() == pytest.approx(100.0)  # somebody is first in every draw
    need = pd.read_parquet(done / "results" / "need.parquet").set_index("code")
    assert need.loc[table["code"], "rank"].tolist() == [1, 2, 3, 4]
    assert [name for name in need if name.startswith("need_") and name != "need_index"]
    gaps = pd.read_parquet(done / "results" / "gaps.parquet")
    assert gaps["code"].tolist() == table["code"].tolist()[: len(gaps)]


def test_villages_behind_the_ridge_have_less_of_a_chance(done: Path) -> None:
    chances = pd.read_parquet(done / "results" / "signal_chances.parquet")
    villages = pd.read_parquet(done / "results" / "villages.parquet").set_index("code")
    name = next(name for name in chances if name.startswith("chance_any"))
    covered = villages.loc[chances["code"], "centre_covered_any"].to_numpy(dtype=bool)
    chance = chances[name].to_numpy()
    assert ((chance >= 0) & (chance <= 100)).all()
    assert (chance[covered] >= 50).all()  # a margin of 0 dB or more of one mast is half a chance or more
    assert chance[~covered].mean() < chance[covered].mean()


def test_the_same_settings_give_the_same_bytes_and_another_seed_other_draws(done: Path, tmp_path: Path) -> None:
    other = tmp_path / "again"
    shutil.copytree(done, other, ignore=shutil.ignore_patterns("results.new", ".lock"))
    index = Study(done).settings.index
    table, about = computed(other, index.model_copy(update={"seed": 7}))
    first, before = read(done)
    assert table["rank"].tolist() == first["rank"].tolist()
    assert about["choices"] != before["choices"]
    computed(other, index)
    for name in ("ranking.csv", "ranking.parquet", "ranking.json", "signal_chances.csv"):
        assert (other / "results" / name).read_bytes() == (done / "results" / name).read_bytes()


def test_own_components_make_another_order_and_gap_list(done: Path, tmp_path: Path) -> None:
    other = tmp_path / "own"
    shutil.copytree(done, other, ignore=shutil.ignore_patterns("results.new", ".lock"))
    own = IndexSettings(draws=100, components=(IndexComponent(indicator="people", better="more", best=5000, worst=0),))
    table, about = computed(other, own)
    people = pd.read_parquet(other / "results" / "units.parquet").set_index("code")["people"]
    assert people.loc[table["code"]].is_monotonic_increasing
    assert [one["id"] for one in about["components"]] == ["people"]
    assert set(about["left_out"]) == {"weights", "aggregation", "population", "coverage"}
    # the list of gaps counts gaps alone: no place of it stands beside the interval of another
    assert set(_intervals(Results(other))) == set(zip(table["code"], table["rank"], strict=True))


def test_an_index_that_cannot_be_used_stops_the_run_with_its_line(tiny_study: Path) -> None:
    path = tiny_study / "study.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text + '\n[[index.components]]\nindicator = "broadbnd_per_100"\n', encoding="utf-8")
    with pytest.raises(InputError) as error:
        run(Study(tiny_study), steps=UNTIL_RANKING)
    fault = next(fault for fault in error.value.faults if fault.code == "index.unknown_indicator")
    assert (fault.file, fault.row) == ("study.toml", text.count("\n") + 3)
    assert "broadband_per_100" in fault.say("vi")


# over HTTP


def items(client: Any, query: str = "") -> list[dict]:
    return client.json(f"/ranking{query}")["items"]


def test_the_api_tells_places_and_what_moves_them(client: Any, done: Path) -> None:
    table, about = read(done)
    answer = client.json("/ranking?lang=vi&limit=2")
    assert answer["total"] == 4
    assert [item["code"] for item in answer["items"]] == table["code"].tolist()[:2]
    assert answer["items"][0]["rank_low"] == table["rank_low"][0]
    assert answer["about"]["choices"] == about["choices"]
    assert answer["meta"]["synthetic"] is True


def test_the_api_filters_by_dependence_name_and_district(client: Any, done: Path) -> None:
    table, _ = read(done)
    depending = table.loc[table["depends"] == "yes", "code"].tolist()
    assert [item["code"] for item in items(client, "?depends=true")] == depending
    assert len(items(client, "?depends=false")) == 4 - len(depending)
    assert {item["district"] for item in items(client, "?district=tay")} == {"Tây"}
    assert [item["name"] for item in items(client, "?q=huong tay")] == ["Hướng Tây"]
    for item in items(client, "?choice=weights"):
        assert "weights" in item["depends_on"]
    assert client.get("/api/v1/ranking?choice=luck").status_code == 422


def test_of_a_commune_without_a_place_it_is_not_said_that_nothing_moves_it() -> None:
    unknown = dict.fromkeys(("need_index", "rank", "rank_low", "rank_high", "in_first_pct"))
    row = {**RANKED, **unknown, "depends": "", "depends_on": ""}
    assert Ranked(**_ranked(row)).depends is None
    assert [_chosen(row, AskedRanking(depends=asked)) for asked in (None, True, False)] == [True, False, False]


# in words


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_the_command_line_shows_places_choices_and_the_draws(
    done: Path, capsys: pytest.CaptureFixture[str], lang: str
) -> None:
    phusong("--lang", lang, "ranking", str(done))
    said = capsys.readouterr().out
    assert "Hướng Tây" in said
    assert {"vi": "trọng số", "en": "weights"}[lang] in said
    assert "200" in said


def test_the_gap_list_and_the_map_show_the_interval(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, _ = read(done)
    phusong("--lang", "en", "gaps", str(done))
    said = capsys.readouterr().out
    first = table.iloc[0]
    assert place_text(first["rank"], int(first["rank_low"]), int(first["rank_high"]), "en") in said
    page = (done / "results" / "map.html").read_text(encoding="utf-8")
    assert f'"rank_low":{first["rank_low"]}' in page.replace(" ", "")


def test_communes_without_a_place_are_told(done: Path) -> None:
    _, about = read(done)
    more = {**about, "counts": {**about["counts"], "units": about["counts"]["ranked"] + 3}}
    for lang, words in (("vi", "3 xã"), ("en", "3 communes")):
        told = set(basis_lines(more, lang)) - set(basis_lines(about, lang))  # type: ignore[arg-type]
        assert len(told) == 1
        assert words in told.pop()


def test_a_component_that_is_known_nowhere_is_named(done: Path) -> None:
    _, about = read(done)
    assert {one["communes"] for one in about["components"]} <= {0, 1, 2, 3, 4}
    known = {**about, "components": [{**one, "communes": 4} for one in about["components"]]}
    first, *rest = known["components"]
    without = {**known, "components": [{**first, "communes": 0}, *rest]}
    for lang in ("vi", "en"):
        told = set(basis_lines(without, lang)) - set(basis_lines(known, lang))  # type: ignore[arg-type]
        assert len(told) == 1
        assert first["id"] in told.pop()


def test_a_place_without_an_interval_stands_alone() -> None:
    assert place_text(7, 3, 15, "vi") == "7 (3-15)"
    assert place_text(7, 7, 7, "vi") == "7"
    assert place_text(7, None, None, "en") == "7"
