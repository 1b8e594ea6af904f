"""Intervals of places against all cases counted out, the same draws twice, and one choice at a time."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phusong.coverage.ranking import (
    Chances,
    Component,
    Index,
    Measured,
    Variation,
    ranks_by_need,
    sensitivity,
    varied_shares,
)
from phusong.coverage.ranking.index import AGGREGATIONS, NORMALISATIONS, combine, component_needs, lack, normalised
from phusong.coverage.ranking.sensitivity import Sensitivity

MOBILE = Component("mobile", "people_covered_any_pct", "%", 4.0, "more", 95.0)
RADIUS = Component("radius", "mean_service_radius_post_km", "km", 1.0, "less", 3.0)
MAIL = Component("mail", "same_day_mail", "yes_no", 1.0, "more", 1.0)
ALL = (MOBILE, RADIUS, MAIL)


def measured(value: np.ndarray, components: tuple[Component, ...] = ALL) -> Measured:
    return Measured(components, value, np.ones(value.shape, dtype=bool))


def province(n: int, *, seed: int = 1, missing: float = 0.0) -> Measured:
    rng = np.random.default_rng(seed)
    value = np.column_stack([rng.uniform(30, 100, n), rng.gamma(3, 1.2, n), rng.random(n) < 0.6]).astype(float)
    value[rng.random(value.shape) < missing] = np.nan
    return measured(value)


def places(need: np.ndarray) -> np.ndarray:
    """By counting: one more than have a greater need, or the same and stand before."""
    n = len(need)
    return np.array([1 + sum(need[j] > need[i] or (need[j] == need[i] and j < i) for j in range(n)) for i in range(n)])


def declared(of: Measured, index: Index) -> np.ndarray:
    need = combine(component_needs(of, index.normalisation), of.weights, index.aggregation)
    codes = pd.Series([f"{i:06d}" for i in range(len(need))])
    rank = ranks_by_need(need, people_affected=np.zeros(len(need)), codes=codes)
    return pd.Series(rank).astype("Float64").to_numpy(dtype=float, na_value=np.nan)


def found(of: Measured, variation: Variation, index: Index | None = None, **more: object) -> Sensitivity:
    index = index or Index()
    return sensitivity(of, index, rank=declared(of, index), variation=variation, **more)  # type: ignore[arg-type]


# against all cases


def test_choices_of_a_few_are_exactly_all_cases() -> None:
    of = province(12)
    cases = [
        places(combine(component_needs(of, one), of.weights, how)) for one, how in product(NORMALISATIONS, AGGREGATIONS)
    ]
    drawn = found(of, Variation(vary=("normalisation", "aggregation"), draws=4000, first_n=4)).table
    # each of the eight cases has an eighth of the draws: 5 % lie below the second, 95 % below the last
    counted = np.sort(np.array(cases), axis=0)
    low, high = drawn["rank_low"].to_numpy(dtype=int), drawn["rank_high"].to_numpy(dtype=int)
    np.testing.assert_array_equal(low, counted[0])
    np.testing.assert_array_equal(high, counted[-1])
    share = 100 * (np.array(cases) <= 4).mean(axis=0)
    np.testing.assert_allclose(drawn["in_first_pct"], share, atol=3.0)


def test_weights_drawn_are_as_weights_on_a_grid() -> None:
    of = province(10, seed=5)
    needs = component_needs(of, "shortfall")
    steps = 0.5 + (np.arange(21) + 0.5) / 21
    cases = np.array([places(combine(needs, of.weights * np.array(f), "arithmetic")) for f in product(steps, repeat=3)])
    drawn = found(of, Variation(vary=("weights",), draws=6000, weight_spread_pct=50)).table
    low = np.quantile(cases, 0.05, axis=0, method="inverted_cdf")
    high = np.quantile(cases, 0.95, axis=0, method="inverted_cdf")
    assert np.abs(drawn["rank_low"].to_numpy(dtype=float) - low).max() <= 1
    assert np.abs(drawn["rank_high"].to_numpy(dtype=float) - high).max() <= 1
    assert (np.abs(drawn["rank_low"].to_numpy(dtype=float) - low) > 0).sum() <= 1
    for n in (3, 5):
        share = 100 * (cases <= n).mean(axis=0)
        first = found(of, Variation(vary=("weights",), draws=6000, first_n=n)).table["in_first_pct"]
        np.testing.assert_allclose(first, share, atol=3.0)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10_000))
def test_no_draw_of_weights_goes_beyond_their_corners(seed: int) -> None:
    """Who stands before another at every corner of the weights stands before it in every draw."""
    of = province(7, seed=seed)
    needs = component_needs(of, "shortfall")
    corners = [combine(needs, of.weights * np.array(f), "arithmetic") for f in product((0.5, 1.5), repeat=3)]
    always_before = np.all([need[:, None] > need[None, :] + 1e-9 for need in corners], axis=0)
    never_before = np.all([need[:, None] < need[None, :] - 1e-9 for need in corners], axis=0)
    table = found(of, Variation(vary=("weights",), draws=200, seed=seed)).table
    first = 1 + always_before.sum(axis=0)
    last = 7 - never_before.sum(axis=0)
    assert (table["rank_low"].to_numpy(dtype=int) >= first).all()
    assert (table["rank_high"].to_numpy(dtype=int) <= last).all()


def test_thresholds_drawn_are_as_thresholds_on_a_grid() -> None:
    of = province(10, seed=8)
    cases = []
    steps = 0.8 + 0.4 * (np.arange(41) + 0.5) / 41
    for f, g in product(steps, repeat=2):
        needs = component_needs(of, "shortfall")
        for r, (one, factor) in enumerate(((MOBILE, f), (RADIUS, g))):
            threshold = min(one.threshold * factor, 100.0) if r == 0 else one.threshold * factor
            needs[:, r] = normalised(lack(one, of.value[:, r], threshold), "shortfall", span=threshold)
        cases.append(places(combine(needs, of.weights, "arithmetic")))
    drawn = found(of, Variation(vary=("thresholds",), draws=6000, threshold_shift_pct=20, first_n=3)).table
    np.testing.assert_allclose(drawn["in_first_pct"], 100 * (np.array(cases) <= 3).mean(axis=0), atol=3.0)
    low = np.quantile(cases, 0.05, axis=0, method="inverted_cdf")
    assert np.abs(drawn["rank_low"].to_numpy(dtype=float) - low).max() <= 1


def test_yes_and_no_and_counts_have_no_threshold_to_shift_and_shares_end_at_100() -> None:
    assert not MAIL.shifts
    assert not Component("p", "points_post_count", "points", 1.0, "more", 1.0).shifts
    assert not Component("x", "x", "per_100", 1.0, "more").shifts
    assert MOBILE.shifted(1.2) == 100.0
    assert RADIUS.shifted(1.1) == pytest.approx(3.3)
    growth = Component("g", "broadband_growth_pct", "%", 1.0, "more", 120.0)
    assert (growth.shifted(1.0), growth.shifted(1.2), growth.shifted(0.9)) == (120.0, 120.0, pytest.approx(108.0))
    assert Component("m", "m", "%", 1.0, "more", 50.0, 20.0).span(60.0) == 30.0


# laws


def test_nothing_varied_is_the_declared_place() -> None:
    of = province(30, missing=0.1)
    table = found(of, Variation(vary=(), draws=50)).table
    rank = declared(of, Index())
    np.testing.assert_array_equal(table["rank_low"].astype("Float64").to_numpy(dtype=float, na_value=np.nan), rank)
    np.testing.assert_array_equal(table["rank_high"].astype("Float64").to_numpy(dtype=float, na_value=np.nan), rank)
    assert set(table["depends"]) == {"no"}


def test_the_same_seed_gives_the_same_answer_and_another_another() -> None:
    of = province(40)
    first, again = found(of, Variation(draws=100)), found(of, Variation(draws=100))
    pd.testing.assert_frame_equal(first.table, again.table)
    assert first.moves == again.moves
    assert not first.table.equals(found(of, Variation(draws=100, seed=3)).table)


def test_leaving_a_choice_out_changes_no_other_draw() -> None:
    of = province(40)
    whole = found(of, Variation(draws=100))
    part = found(of, Variation(draws=100, vary=("weights",)))
    assert part.moves["weights"] == whole.moves["weights"]


def test_every_choice_has_random_numbers_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams of one seed; a sequence with zeros behind it is the same stream."""
    streams = []
    fresh = np.random.default_rng

    def noted(seed: list[int]) -> np.random.Generator:
        streams.append(tuple(fresh(seed).integers(0, 2**63, 4)))
        return fresh(seed)

    of = province(10)
    place = np.arange(10)
    one = np.ones((10, 1), dtype=np.float32)
    chances = Chances(place, place * 0, one, one[:, 0], one[:, 0], 5.0, 5.0, one.astype(float), 1)
    monkeypatch.setattr(np.random, "default_rng", noted)
    moved = varied_shares(chances, area=place, people=np.ones(10), areas=10, draws=100, seed=2012)
    found(of, Variation(draws=100), populations={"uniform": of.value - 1.0}, coverage={0: moved[..., 0]})
    assert len(streams) == len(set(streams)) >= 7  # five of a choice each, two of coverage


def test_no_data_has_no_place_and_takes_none() -> None:
    of = province(20)
    of.value[3] = np.nan
    rest = measured(np.delete(of.value, 3, axis=0))
    variation = Variation(draws=60, vary=("weights", "thresholds", "normalisation"))
    table, other = found(of, variation).table, found(rest, variation).table
    assert table.loc[3, ["rank_low", "rank_high"]].isna().all()
    assert np.isnan(table.loc[3, "in_first_pct"])
    assert (table.loc[3, "depends"], table.loc[3, "depends_on"]) == ("", "")
    pd.testing.assert_frame_equal(table.drop(index=3).reset_index(drop=True), other)


def test_communes_alike_keep_their_order() -> None:
    of = measured(np.tile([60.0, 4.0, 0.0], (6, 1)))
    table = found(of, Variation(draws=40)).table
    assert table["rank_low"].tolist() == table["rank_high"].tolist() == [1, 2, 3, 4, 5, 6]


# who depends on what


def test_who_crosses_the_line_is_named_with_the_choice() -> None:
    """Two communes, each worst in one component: the weights alone decide who is first."""
    components = (MOBILE, Component("radius", "radius", "km", 4.0, "less", 3.0))
    of = measured(np.array([[47.5, 3.0], [95.0, 4.6], [95.0, 3.0]]), components)
    answer = found(of, Variation(vary=("weights", "aggregation"), draws=400, first_n=1))
    assert answer.table["depends"].tolist() == ["yes", "yes", "no"]
    assert answer.table["depends_on"].tolist() == ["weights", "weights", ""]
    assert answer.moves["weights"]["first_n_depends"] == 2
    assert answer.moves["aggregation"]["first_n_depends"] == 0


def test_a_population_source_that_turns_two_communes_round() -> None:
    of = measured(np.array([[50.0, 3.0, 1.0], [60.0, 3.0, 1.0], [70.0, 3.0, 1.0]]))
    other = of.value.copy()
    other[:, 0] = [65.0, 55.0, np.nan]  # not known by the other source: as it was
    answer = found(of, Variation(vary=("population",), first_n=1, draws=200), populations={"uniform": other})
    assert answer.table["depends_on"].tolist() == ["population", "population", ""]
    assert answer.moves["population"] == {
        "draws": 2,
        "mean_places": pytest.approx(2 / 6),
        "most_places": 1,
        "first_n_depends": 2,
    }
    assert answer.table["in_first_pct"].tolist() == pytest.approx([50.0, 50.0, 0.0], abs=12)


def test_coverage_moves_a_share_between_0_and_100_and_leaves_no_data_alone() -> None:
    of = measured(np.array([[50.0, 3.0, 1.0], [60.0, 3.0, 1.0], [np.nan, 3.5, 1.0]]))
    change = np.zeros((100, 3), dtype=np.float32)
    change[::2, 1] = -500.0  # no less than nobody
    change[:, 2] = 5.0
    answer = found(of, Variation(vary=("coverage",), first_n=1, draws=100), coverage={0: change})
    assert answer.table["in_first_pct"].tolist() == [50.0, 50.0, 0.0]
    assert answer.table["depends_on"].tolist() == ["coverage", "coverage", ""]
    lost = found(of, Variation(vary=("coverage",), draws=100), coverage={0: np.full((100, 3), np.nan, np.float32)})
    assert lost.moves["coverage"]["most_places"] == 0


def test_what_cannot_be_varied_is_told() -> None:
    of = measured(np.array([[0.0], [1.0]]), (MAIL,))
    answer = found(of, Variation(draws=100))
    assert answer.left_out == ("weights", "thresholds", "aggregation", "population", "coverage")
    assert set(answer.moves) == {"normalisation", "together"}
