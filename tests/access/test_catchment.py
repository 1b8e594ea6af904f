"""Floating catchment measures: against PySAL, by hand, and their laws."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phusong.coverage.access.catchment import Gaussian, Pairs, Step, two_step

ZONES = Step((10.0, 20.0, 30.0), (1.0, 0.68, 0.22))  # Luo and Qi 2009, table 1
METHODS = ("2sfca", "e2sfca", "3sfca", "m2sfca")


def _pairs(cost, limit=np.inf):
    """Pairs of a (n_demand, n_supply) table of costs up to a limit."""
    supply, demand = np.nonzero((cost <= limit).T)
    found = cost[demand, supply].astype(np.float64)
    return Pairs(demand.astype(np.int32), supply.astype(np.int32), found, *cost.shape)


def _random(seed, n_demand=60, n_supply=7):
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 60, (n_demand, n_supply)), rng.uniform(1, 500, n_demand), rng.uniform(1, 9, n_supply)


@pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")  # the peer's own
@pytest.mark.filterwarnings("ignore:The inplace keyword:pandas.errors.Pandas4Warning")
@pytest.mark.parametrize("seed", range(3))
def test_pysal_finds_the_same(seed):
    fca = pytest.importorskip("access.fca")
    cost, people, size = _random(seed)
    place, point = np.indices(cost.shape)
    table = pd.DataFrame({"origin": place.ravel(), "dest": point.ravel(), "cost": cost.ravel()})
    demand = pd.DataFrame({"demand": people}, index=pd.Index(range(len(people)), name="geoid"))
    supply = pd.DataFrame({"supply": size}, index=pd.Index(range(len(size)), name="geoid"))

    def peer(call, weigh, limit):
        made = call(
            demand, supply, table, max_cost=limit, demand_index=True, supply_index=True, demand_name="demand",
            supply_name="supply", weight_fn=weigh,
        )  # fmt: skip
        return made.reindex(range(len(people))).to_numpy()

    pairs = _pairs(cost)
    for decay, method in ((ZONES, "2sfca"), (ZONES, "e2sfca"), (Gaussian(30.0), "e2sfca")):
        ours = two_step(pairs, demand=people, supply=size, decay=decay, method=method).access
        weigh = None if method == "2sfca" else (lambda c, decay=decay: float(decay(np.array([c]))[0]))
        np.testing.assert_allclose(ours, peer(fca.two_stage_fca, weigh, 30.0), rtol=1e-9)
    ours = two_step(pairs, demand=people, supply=size, decay=ZONES, method="3sfca").access
    theirs = peer(fca.three_stage_fca, lambda c: float(ZONES(np.array([c]))[0]), 30.0)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_two_places_and_two_points_by_hand():
    # place 0 is 5 from point 0 and 25 from point 1; place 1 is 15 from point 1 only
    cost = np.array([[5.0, 25.0], [99.0, 15.0]])
    people, size = np.array([100.0, 50.0]), np.array([2.0, 3.0])

    def made(method):
        return two_step(_pairs(cost), demand=people, supply=size, decay=ZONES, method=method)

    plain = made("2sfca")
    np.testing.assert_allclose(plain.ratio, [2 / 100, 3 / 150])
    np.testing.assert_allclose(plain.access, [2 / 100 + 3 / 150, 3 / 150])
    weighted = made("e2sfca")
    second = 3 / (0.22 * 100 + 0.68 * 50)
    np.testing.assert_allclose(weighted.access, [2 / 100 + 0.22 * second, 0.68 * second])
    chosen = made("3sfca")
    near, far = 1 / 1.22, 0.22 / 1.22
    second = 3 / (far * 0.22 * 100 + 0.68 * 50)
    np.testing.assert_allclose(chosen.access, [near * 2 / (near * 100) + far * 0.22 * second, 0.68 * second])
    used = made("m2sfca")
    second = 3 / (0.22 * 100 + 0.68 * 50)
    np.testing.assert_allclose(used.access, [2 / 100 + 0.22**2 * second, 0.68**2 * second])
    assert used.supplied < used.reached_supply == 5.0


@st.composite
def cases(draw):
    n_demand, n_supply = draw(st.integers(1, 12)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    cost = np.round(rng.uniform(0, 60, (n_demand, n_supply)), draw(st.integers(-1, 2)))
    people = rng.uniform(0, 500, n_demand) * (rng.random(n_demand) < 0.8)
    size = rng.uniform(0, 9, n_supply) * (rng.random(n_supply) < 0.8)
    decay = draw(st.sampled_from([ZONES, Gaussian(25.0), Step((30.0,), (1.0,)), Step((15.0, 40.0), (1.0, 0.0))]))
    return np.abs(cost), people, size, decay


@settings(deadline=None)
@given(cases(), st.sampled_from(METHODS))
def test_supply_is_shared_out_whole_and_nothing_in_reach_is_no_zero(case, method):
    cost, people, size, decay = case
    made = two_step(_pairs(cost), demand=people, supply=size, decay=decay, method=method)
    slack = 1e-9 * max(1.0, size.sum())
    if method == "m2sfca":
        assert made.supplied <= made.reached_supply + slack
    else:
        assert abs(made.supplied - made.reached_supply) <= slack
    assert abs(made.reached_supply + made.unreached_supply - size.sum()) <= slack
    assert (np.isnan(made.access) == ~(cost <= decay.limit).any(axis=1)).all()
    assert set(made.unreached) == set(np.flatnonzero(np.isnan(made.ratio)))
    in_reach = (cost <= decay.limit) & (people > 0)[:, None]
    assert np.isnan(made.ratio[~in_reach.any(axis=0)]).all()  # nobody lives within the limit


@settings(deadline=None)
@given(cases(), st.sampled_from(METHODS), st.floats(0.1, 10))
def test_twice_the_supply_gives_twice_the_access(case, method, factor):
    cost, people, size, decay = case
    once = two_step(_pairs(cost), demand=people, supply=size, decay=decay, method=method)
    more = two_step(_pairs(cost), demand=people, supply=size * factor, decay=decay, method=method)
    np.testing.assert_allclose(more.access, factor * once.access, rtol=1e-9, atol=1e-15)


def test_pairs_beyond_the_limit_change_nothing():
    cost, people, size = _random(5)
    for method in METHODS:
        whole = two_step(_pairs(cost), demand=people, supply=size, decay=ZONES, method=method)
        sparse = two_step(_pairs(cost, 30.0), demand=people, supply=size, decay=ZONES, method=method)
        np.testing.assert_array_equal(whole.access, sparse.access)


def test_supply_that_is_zero_gives_zero_and_is_not_unreached():
    made = two_step(_pairs(np.array([[1.0]])), demand=np.array([5.0]), supply=np.array([0.0]), decay=ZONES)
    assert made.access[0] == 0.0
    assert len(made.unreached) == 0


def test_supply_that_nobody_reaches_is_listed():
    cost = np.array([[1.0, 99.0, 2.0], [50.0, 99.0, 2.0]])
    made = two_step(_pairs(cost), demand=np.array([0.0, 10.0]), supply=np.array([4.0, 2.0, 1.0]), decay=ZONES)
    assert made.unreached.tolist() == [0, 1]  # the first has a place without people only
    assert (made.unreached_supply, made.reached_supply) == (6.0, 1.0)


@pytest.mark.parametrize(
    ("demand", "supply", "cost"),
    [([0, 0], [0, 0], [1, 1]), ([0, 0], [1, 0], [1, 1]), ([2], [0], [1]), ([0], [0], [-1]), ([0], [0], [np.nan]),
     ([0], [0], [np.inf])],
    ids=["twice", "order", "outside", "negative", "unknown", "endless"],
)  # fmt: skip
def test_broken_pairs_are_refused(demand, supply, cost):
    with pytest.raises(ValueError, match=r"pairs|cost"):
        Pairs(np.array(demand, np.int32), np.array(supply, np.int32), np.array(cost, np.float64), 2, 2)


@pytest.mark.parametrize("wrong", [np.array([-1.0]), np.array([np.nan]), np.array([np.inf]), np.zeros(2)])
def test_unknown_people_or_supply_are_refused(wrong):
    pairs = _pairs(np.array([[1.0]]))
    with pytest.raises(ValueError, match="demand"):
        two_step(pairs, demand=wrong, supply=np.ones(1), decay=ZONES)
    with pytest.raises(ValueError, match="supply"):
        two_step(pairs, demand=np.ones(1), supply=wrong, decay=ZONES)


@pytest.mark.parametrize(
    ("limits", "weights"),
    [
        ((), ()),
        ((5.0,), (1.0, 0.5)),
        ((5.0, 5.0), (1.0, 0.5)),
        ((0.0,), (1.0,)),
        ((5.0,), (2.0,)),
        ((np.nan,), (1.0,)),
        ((5.0,), (np.nan,)),
    ],
)
def test_broken_decays_are_refused(limits, weights):
    with pytest.raises(ValueError, match=r"limit|weight"):
        Step(limits, weights)
    with pytest.raises(ValueError, match="limit"):
        Gaussian(0.0)
