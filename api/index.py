"""The need index that a study declares, and what is wrong with it."""

from __future__ import annotations

from dataclasses import replace

from phusong.coverage.ranking.choose import choose_index
from phusong.coverage.ranking.index import Index
from phusong.layers.errors import Fault, SettingsError
from phusong.layers.study import Settings, Study


def index_of(settings: Settings) -> Index:
    """The need index that a study declares; SettingsError if its components cannot be used."""
    own = settings.index
    return choose_index(aggregation=own.aggregation, normalisation=own.normalisation, components=own.components)


def check_index(study: Study) -> list[Fault]:
    """What keeps the index from being used, each fault with its line of study.toml."""
    try:
        index_of(study.settings)
    except SettingsError as error:
        return [replace(one, file="study.toml", row=study.line_of(one.column or "index")) for one in error.faults]
    return []
