"""The Irregular Terrain Model in a study: its climate."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from phusong.api.pipeline import read_study
from phusong.api.radio import propagation_of
from phusong.coverage.radio.itm import Climate
from phusong.layers.study import Climate as ClimateWord
from phusong.layers.study import RadioSettings, Study, write_settings


def test_every_climate_of_the_settings_is_one_of_the_model(tiny_study: Path) -> None:
    settings, found = Study(tiny_study).settings, []
    for word in get_args(ClimateWord):
        radio = RadioSettings(model="itm", climate=word)
        write_settings(settings.model_copy(update={"radio": radio}), tiny_study / "study.toml", lang="en")
        found.append(propagation_of(read_study(Study(tiny_study))).climate)
    assert found == list(Climate)
