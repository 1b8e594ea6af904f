"""The Irregular Terrain Model in a study: its climate, and what it warned of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pandas as pd
import pytest

from phusong.api.cli import main
from phusong.api.pipeline import read_study
from phusong.api.radio import propagation_of
from phusong.coverage.radio.itm import Climate, ItmWarning
from phusong.layers.study import Climate as ClimateWord
from phusong.layers.study import RadioSettings, Study, write_settings


def set_radio(root: Path, radio: RadioSettings, *, lang: str = "en") -> None:
    settings = Study(root).settings.model_copy(update={"radio": radio, "language": lang})
    write_settings(settings, root / "study.toml", lang="en")


def test_every_climate_of_the_settings_is_one_of_the_model(tiny_study: Path) -> None:
    found = []
    for word in get_args(ClimateWord):
        set_radio(tiny_study, RadioSettings(model="itm", climate=word))
        found.append(propagation_of(read_study(Study(tiny_study))).climate)
    assert found == list(Climate)


def test_what_the_model_warned_of_stands_in_the_record_and_in_a_list(tiny_study: Path) -> None:
    """Once computed, then in the other language from the losses kept."""
    told = {}
    for lang in ("en", "vi"):
        set_radio(tiny_study, RadioSettings(model="itm", max_range_km=5.0), lang=lang)
        with pytest.raises(SystemExit) as ended:
            main(["run", str(tiny_study)])
        assert not ended.value.code
        counts = json.loads((tiny_study / "results" / "run.json").read_text())["steps"]["radio"]["counts"]
        table = pd.read_csv(tiny_study / "results" / "model_limits.csv")
        assert set(table["limit"]) <= {flag.name for flag in ItmWarning}
        assert dict(zip(table["limit"], table["paths"], strict=True)) == {
            name.removeprefix("warned_").upper(): count for name, count in counts.items() if name.startswith("warned_")
        }
        assert set(table["paths_in_all"]) == {counts["paths"]}
        assert (
            table["share_pct"] - 100 * table["paths"] / counts["paths"]
        ).abs().max() < 6e-4  # written with three decimals
        assert table["paths"].is_monotonic_decreasing
        told[lang] = table.set_index("limit")
    short = told["en"].loc["PATH_TOO_SHORT"]
    assert 0 < short["paths"] < short["paths_in_all"]
    assert short["note"].endswith(" %): the path is shorter than 1 km: use the result with care")
    assert short["note"].startswith(f"{short['paths']:,} of {short['paths_in_all']:,} paths (")
    assert " tuyến (" in told["vi"].loc["PATH_TOO_SHORT", "note"]
    assert told["en"]["paths"].to_dict() == told["vi"]["paths"].to_dict()
