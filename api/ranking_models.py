"""Answers on the order of communes: places, how sure they are, and what they depend on."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, Field

from phusong.api import examples
from phusong.api.models import Listing, example_of

CHOICES = Literal["weights", "thresholds", "normalisation", "aggregation", "population", "coverage", "together"]
RANKED: dict[str, Any] = {
    "code": "19429",
    "valid_on": "2012-12-31",
    "name": "Hướng Phùng",
    "district": "Hướng Hóa",
    "need_index": 62.5,
    "rank": 7,
    "rank_low": 3,
    "rank_high": 15,
    "in_first_pct": 97.5,
    "depends": True,
    "depends_on": ["weights", "coverage"],
}
MOVES: dict[str, Any] = {"draws": 1000, "mean_places": 4.2, "most_places": 31, "first_n_depends": 9}
PAIR: dict[str, Any] = {"first": "post_radius", "second": "post_people", "spearman": 0.86, "communes": 141}
ABOUT: dict[str, Any] = {
    "first_n": 20,
    "draws": 1000,
    "seed": 2012,
    "aggregation": "arithmetic",
    "normalisation": "shortfall",
    "weight_spread_pct": 50.0,
    "threshold_shift_pct": 10.0,
    "choices": {"weights": MOVES, "together": MOVES},
    "left_out": ["population"],
    "correlated": [PAIR],
}


class Ranked(BaseModel):
    """The place of a commune by need; null where no need could be judged."""

    model_config = example_of(RANKED)
    code: str
    valid_on: date = Field(description="Date of the unit")
    name: str
    district: str | None
    need_index: float | None = Field(description="Composite need, 0-100")
    rank: int | None = Field(description="Place by the declared choices; 1 is the greatest need")
    rank_low: int | None = Field(description="5 % of the draws place it before this")
    rank_high: int | None = Field(description="5 % of the draws place it behind this")
    in_first_pct: float | None = Field(description="Draws that place it among the first N, %")
    depends: bool | None = Field(description="Whether its place among the first N depends on a choice; null: no place")
    depends_on: list[CHOICES] = Field(description="On which; together: on no one alone, but on all of them")


class Moves(BaseModel):
    """How far a choice moves places."""

    model_config = example_of(MOVES)
    draws: int = Field(description="How many draws, or alternatives where there are only a few")
    mean_places: float = Field(description="Mean move of a commune, places")
    most_places: int = Field(description="Greatest move, places")
    first_n_depends: int = Field(description="Communes that it takes in or out of the first N")


class Correlated(BaseModel):
    """Two components that order communes almost alike: together they weigh more than either weight says."""

    model_config = example_of(PAIR)
    first: str = Field(description="Id of a component")
    second: str
    spearman: float = Field(description="Spearman's rank correlation, -1 to 1")
    communes: int = Field(description="Over so many communes")


class RankingAbout(BaseModel):
    """What was varied and how far it moved the places."""

    model_config = example_of(ABOUT)
    first_n: int = Field(description="N")
    draws: int
    seed: int
    aggregation: Literal["arithmetic", "geometric"]
    normalisation: Literal["shortfall", "minmax", "rank", "zscore"]
    weight_spread_pct: float = Field(description="Weights are drawn between so much less and more, %")
    threshold_shift_pct: float = Field(description="Thresholds are drawn between so much lower and higher, %")
    choices: dict[CHOICES, Moves] = Field(description="Each choice alone, then all together")
    left_out: list[CHOICES] = Field(description="Choices of which there is nothing to vary here")
    correlated: list[Correlated]


class RankingList(Listing):
    """Communes in the order of their need."""

    model_config = example_of({"meta": examples.META, **examples.PAGE, "about": ABOUT, "items": [RANKED]})
    about: RankingAbout
    items: list[Ranked]
