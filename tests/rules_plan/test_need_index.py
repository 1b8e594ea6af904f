"""The need index against hand-made figures, the laws of means, and its rules of normalisation."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm, rankdata

from phusong.coverage.ranking import Component, Index, Measured, correlated, need_table, ranks_by_need
from phusong.coverage.ranking.index import FLOOR, NORMALISATIONS, combine, component_needs, lack, normalised
from phusong.coverage.rules import load_pack
from phusong.coverage.rules.judge import Judgement, judge
from phusong.coverage.rules.pack import Rule

MOBILE = Component("mobile", "people_covered_any_pct", "%", 4.0, "more", 95.0)
RADIUS = Component("radius", "mean_service_radius_post_km", "km", 1.0, "less", 3.0)


shares = arrays(np.float64, st.tuples(st.integers(1, 8), st.just(3)), elements=st.floats(0, 1) | st.just(np.nan))
weights_of_three = arrays(np.float64, 3, elements=st.floats(0.01, 10))


def units(**columns: list[float]) -> pd.DataFrame:
    return pd.DataFrame(columns)


# what is lacking


def test_lack_by_direction_and_none_by_rounding() -> None:
    value = np.array([95.0, 94.99999999999999, 50.0, np.nan, 99.0])
    assert lack(MOBILE, value, 95.0).tolist()[:3] == [0.0, 0.0, 45.0]
    assert np.isnan(lack(MOBILE, value, 95.0)[3])
    assert lack(RADIUS, np.array([2.0, 4.5]), 3.0).tolist() == [0.0, 1.5]
    exact = Component("x", "y", "km", 1.0, "exact", 2.0)
    assert lack(exact, np.array([1.0, 2.0, 3.5]), 2.0).tolist() == [1.0, 0.0, 1.5]


def test_without_a_threshold_the_best_value_stands_in() -> None:
    more = Component("x", "y", "per_100", 1.0, "more")
    assert lack(more, np.array([1.0, 4.0, np.nan]), np.nan).tolist()[:2] == [3.0, 0.0]
    less = Component("x", "y", "km", 1.0, "less")
    assert lack(less, np.array([1.0, 4.0]), np.nan).tolist() == [0.0, 3.0]


def test_a_rule_becomes_a_component_that_lacks_as_the_rule_fails() -> None:
    values = np.array([0.0, 2.3, 95.0, 100.0, 9000.0, np.nan])
    for name in ("mobile_signal", "postal_qcvn1"):
        for rule in load_pack(name).rules:
            if rule.level == "unit":
                margins = rule.margins(values)
                wanted = np.where(np.isnan(margins), np.nan, np.maximum(0.0, -margins))
                np.testing.assert_array_equal(lack(Component.of(rule), values, rule.threshold), wanted)


# normalisation


def test_normalisations_of_a_small_table() -> None:
    short = np.array([0.0, 0.0, 10.0, 20.0, np.nan, 70.0])
    known = short[~np.isnan(short)]
    assert normalised(short, "shortfall", span=50.0)[[0, 2, 3, 5]].tolist() == [0.0, 0.2, 0.4, 1.0]
    np.testing.assert_allclose(normalised(short, "minmax")[[0, 2, 3, 5]], [0, 1 / 7, 2 / 7, 1])
    np.testing.assert_allclose(normalised(short, "rank")[[0, 1, 2, 3, 5]], (rankdata(known, "min") - 1) / 4)
    z = (known - known.mean()) / known.std()
    np.testing.assert_allclose(normalised(short, "zscore")[[0, 1, 2, 3, 5]], norm.cdf(z))


@pytest.mark.parametrize("one", NORMALISATIONS)
def test_no_data_stays_no_data_and_where_all_meet_nobody_has_need(one: str) -> None:
    short = np.array([0.0, np.nan, 0.0])
    found = normalised(short, one, span=5.0)  # type: ignore[arg-type]
    assert np.isnan(found[1])
    assert found[[0, 2]].tolist() == [0.0, 0.0]
    assert np.isnan(normalised(np.array([np.nan, np.nan]), one, span=5.0)).all()  # type: ignore[arg-type]


@given(arrays(np.float64, st.integers(1, 30), elements=st.floats(0, 1e4)), st.sampled_from(NORMALISATIONS))
def test_more_lack_is_never_less_need(short: np.ndarray, one: str) -> None:
    need = normalised(short, one, span=100.0)  # type: ignore[arg-type]
    assert ((need >= 0) & (need <= 1)).all()
    order = np.argsort(short, kind="stable")
    assert (np.diff(need[order]) >= -1e-12).all()


# aggregation


def test_means_by_hand() -> None:
    needs = np.array([[0.5, 1.0, 0.0], [np.nan, 0.2, 0.6], [np.nan, np.nan, np.nan]])
    weights = np.array([2.0, 1.0, 1.0])
    np.testing.assert_allclose(combine(needs, weights, "arithmetic")[:2], [0.5, 0.4])
    left = 1 - (1 - FLOOR) * needs[0]
    wanted = (1 - (left[0] ** 2 * left[1] * left[2]) ** 0.25) / (1 - FLOOR)
    assert combine(needs, weights, "geometric")[0] == pytest.approx(wanted, rel=1e-12)
    assert np.isnan(combine(needs, weights, "arithmetic")[2])
    assert np.isnan(combine(needs, weights, "geometric")[2])


@given(shares, weights_of_three)
def test_the_geometric_mean_is_never_below_the_arithmetic_and_both_stay_between_0_and_1(
    needs: np.ndarray, weights: np.ndarray
) -> None:
    plain, geometric = combine(needs, weights, "arithmetic"), combine(needs, weights, "geometric")
    known = ~np.isnan(plain)
    assert (known == ~np.isnan(geometric)).all()
    assert (geometric[known] >= plain[known] - 1e-12).all()
    assert ((plain[known] >= 0) & (geometric[known] <= 1 + 1e-12)).all()


@given(shares, weights_of_three, st.floats(0.1, 50))
def test_only_the_proportions_of_weights_count(needs: np.ndarray, weights: np.ndarray, factor: float) -> None:
    for how in ("arithmetic", "geometric"):
        np.testing.assert_allclose(combine(needs, weights, how), combine(needs, weights * factor, how), atol=1e-12)


def test_full_need_everywhere_is_100_and_none_is_0() -> None:
    for how in ("arithmetic", "geometric"):
        assert combine(np.ones((1, 3)), np.ones(3), how)[0] == pytest.approx(1.0)  # type: ignore[arg-type]
        none = combine(np.zeros((1, 3)), np.ones(3), how)[0]  # type: ignore[arg-type]
        assert (none, np.signbit(none)) == (0.0, False)  # "-0.0" would stand in the list


# the table


def rules_and_judgement(frame: pd.DataFrame) -> tuple[list[Rule], Judgement]:
    rules = [*load_pack("mobile_signal").rules, *load_pack("postal_qcvn1").rules]
    rules = [rule for rule in rules if rule.level == "unit"]
    return rules, judge(frame, rules, classes=pd.DataFrame(index=frame.index))


def test_the_table_has_the_need_of_each_rule_and_the_weight_judged() -> None:
    frame = units(
        people_covered_any_pct=[47.5, 95.0], points_post_count=[0.0, 2.0], people_per_post_point=[np.nan, 1e3]
    )
    rules, judged = rules_and_judgement(frame)
    table = need_table(frame, judged)
    assert list(table.columns) == ["need_index", "judged_weight_pct", *(f"need_{rule.id}" for rule in rules)]
    weight = {rule.id: rule.weight for rule in rules}
    known = weight["mobile_people"] + weight["post_point_in_commune"]
    wanted = 100 * (weight["mobile_people"] * 0.5 + weight["post_point_in_commune"] * 1.0) / known
    assert table["need_index"].tolist() == pytest.approx([wanted, 0.0])
    assert table["need_mobile_people"].tolist() == [0.5, 0.0]
    assert table["judged_weight_pct"].tolist() == pytest.approx(
        [100 * known / sum(weight.values()), 100 * (known + weight["post_people"]) / sum(weight.values())]
    )


def test_own_components_take_the_place_of_the_rules() -> None:
    frame = units(people_covered_any_pct=[95.0, 95.0, 10.0], broadband_per_100=[1.0, 5.0, np.nan])
    _, judged = rules_and_judgement(frame)
    own = Component("broadband_per_100", "broadband_per_100", "per_100", 2.0, "more")
    table = need_table(frame, judged, Index(normalisation="minmax", components=(own,)))
    assert list(table.columns) == ["need_index", "judged_weight_pct", "need_broadband_per_100"]
    assert table["need_index"].tolist()[:2] == [100.0, 0.0]
    assert np.isnan(table["need_index"][2])
    assert table["judged_weight_pct"].tolist() == [100.0, 100.0, 0.0]


def test_weights_of_nothing_give_no_index() -> None:
    of = Measured((MOBILE,), np.array([[50.0]]), np.ones((1, 1), dtype=bool))
    assert np.isnan(combine(component_needs(of, "shortfall"), np.zeros(1), "arithmetic")).all()


def test_places_by_need_then_people_then_code_and_none_without_a_need() -> None:
    rank = ranks_by_need(
        np.array([10.0, 50.0, 10.0, np.nan, 10.0]),
        people_affected=np.array([5.0, 1.0, 9.0, 9.0, np.nan]),
        codes=pd.Series(["b", "c", "a", "d", "e"]),
    )
    assert rank.tolist()[:3] == [3, 1, 2]
    assert rank[3] is pd.NA
    assert rank[4] == 4


def test_needs_that_differ_by_rounding_alone_are_a_tie_for_people() -> None:
    """Weights 0.1, 0.2 and 0.3: half of the need either way, but not to the last bit."""
    needs, weights = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]), np.array([0.1, 0.2, 0.3])
    for how in ("arithmetic", "geometric"):
        need = 100.0 * combine(needs, weights, how)  # type: ignore[arg-type]
        assert need[0] == pytest.approx(need[1], rel=1e-12)
        for people in ([1.0, 9.0], [9.0, 1.0]):
            rank = ranks_by_need(need, people_affected=np.array(people), codes=pd.Series(["a", "b"]))
            assert rank.tolist() == [2, 1] if people[1] > people[0] else [1, 2]
    assert ranks_by_need(
        np.array([50.0, 50.000001]), people_affected=np.array([9.0, 1.0]), codes=pd.Series(["a", "b"])
    ).tolist() == [2, 1]


# correlated components


def test_components_that_say_the_same_are_told_of_with_both_names() -> None:
    rng = np.random.default_rng(1)
    base = rng.uniform(0, 90, 40)
    value = np.column_stack([base, 8 - base / 20, rng.uniform(0, 90, 40)])
    of = Measured(
        (MOBILE, RADIUS, Component("c", "c", "%", 1.0, "more", 95.0)), value, np.ones(value.shape, dtype=bool)
    )
    pairs = correlated(of)
    assert [(pair.first, pair.second, pair.communes) for pair in pairs] == [("mobile", "radius", 40)]
    lacks = [lack(one, value[:, r], one.threshold) for r, one in enumerate(of.components[:2])]
    assert pairs[0].spearman == pytest.approx(np.corrcoef(rankdata(lacks[0]), rankdata(lacks[1]))[0, 1], abs=1e-6)


def test_few_communes_or_no_weight_or_no_difference_give_no_warning() -> None:
    base = np.linspace(0, 90, 9)
    value = np.column_stack([base, 9 - base / 20])
    few = Measured((MOBILE, RADIUS), value, np.ones(value.shape, dtype=bool))
    assert correlated(few) == []
    many = np.repeat(value, 3, axis=0)
    unweighted = Measured((MOBILE, Component("r", "r", "km", 0.0, "less", 3.0)), many, np.ones(many.shape, dtype=bool))
    assert correlated(unweighted) == []
    met = Measured((MOBILE, RADIUS), np.tile([95.0, 1.0], (20, 1)), np.ones((20, 2), dtype=bool))
    assert correlated(met) == []
