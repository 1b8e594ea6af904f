"""The section ``[index]`` of study.toml: how communes are ordered by need, and what is varied to see how sure it is."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from phusong.layers.sections import NotNegative, Section

Varied = Literal["weights", "thresholds", "normalisation", "aggregation", "population", "coverage"]


class IndexComponent(Section):
    """An indicator of communes as a part of the need index."""

    indicator: Annotated[str, Field(min_length=1)]
    """Id of the indicator."""
    weight: NotNegative = 1.0
    """Weight, relative to the others."""
    better: Literal["more", "less"] | None = None
    """Which way is better, where the indicator does not say it: more or less."""
    best: float | None = None
    """Value from which there is no need."""
    worst: float | None = None
    """Value at which the need is full."""


class IndexSettings(Section):
    """How communes are ordered by need, and what is varied to see how sure their places are."""

    aggregation: Literal["arithmetic", "geometric"] = "arithmetic"
    """arithmetic: small needs make up for a great one; geometric: less so."""
    normalisation: Literal["shortfall", "minmax", "rank", "zscore"] = "shortfall"
    """shortfall: by the full need that a rule declares; minmax, rank, zscore: by comparison with the other communes."""
    vary: tuple[Varied, ...] = ("weights", "thresholds", "normalisation", "aggregation", "population", "coverage")
    """Choices that are varied: weights, thresholds, normalisation, aggregation, population, coverage."""
    draws: Annotated[int, Field(ge=100, le=100_000)] = 1000
    """How often everything is drawn anew."""
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 2012
    """Where the random numbers start: the same seed gives the same answer."""
    first_n: Annotated[int, Field(ge=1)] = 20
    """How many communes the list is cut to: whose place among them hangs on a choice is told."""
    weight_spread_pct: Annotated[float, Field(ge=0, le=100)] = 50.0
    """Weights are drawn between so much less and so much more, %."""
    threshold_shift_pct: Annotated[float, Field(ge=0, le=90)] = 10.0
    """Thresholds are drawn between so much lower and so much higher, %."""
    site_share_pct: Annotated[float, Field(ge=0, le=100)] = 50.0
    """Share of the level's variance that all villages of a mast have in common, %; the rest is each village's own."""
    position_error_m: Annotated[float, Field(ge=0, le=10_000)] = 100.0
    """Standard error of the recorded position of a mast along each axis, m."""
    components: tuple[IndexComponent, ...] = ()
    """Indicators that make up the index; without them each rule on communes does, by its weight."""
