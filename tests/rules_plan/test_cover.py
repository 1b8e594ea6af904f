"""The greedy choice against hand-made cases and against every possible choice."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from phusong.coverage.plan.cover import Choice, choose


def covers(*rows: list[int]) -> csr_array:
    return csr_array(np.array(rows, dtype=np.float64))


def chosen(rows: csr_array, people: list[float], cost: list[float], budget: float) -> Choice:
    return choose(rows, people=np.array(people), cost_vnd=np.array(cost), budget_vnd=budget)


def test_most_new_people_per_vnd_first_and_nobody_counted_twice() -> None:
    # site 0: 10 + 20 people for 2; site 1: 20 + 5 for 1; after 1, site 0 adds 10
    choice = chosen(covers([1, 1, 0], [0, 1, 1]), [10.0, 20.0, 5.0], [2.0, 1.0], 3.0)
    assert choice.order == (1, 0)
    assert choice.gains == (25.0, 10.0)
    assert (choice.people, choice.cost_vnd) == (35.0, 3.0)
    assert (choice.bound_people, choice.gap_pct, choice.status) == (35.0, 0.0, "greedy")


def test_a_site_the_rest_cannot_pay_is_passed_over() -> None:
    choice = chosen(covers([1, 0, 0], [0, 1, 0], [0, 0, 1]), [100.0, 90.0, 10.0], [2.0, 2.0, 1.0], 3.0)
    assert choice.order == (0, 2)
    assert choice.bound_people == pytest.approx(145.0)  # 100, and half of 90 for the rest
    assert choice.gap_pct == pytest.approx(100 * 35 / 145)


def test_one_dear_site_that_covers_more_than_all_that_were_chosen_is_the_answer() -> None:
    """10 people for 1 are more per VND than 95 for 10, and leave too little for them."""
    choice = chosen(covers([1, 0], [0, 1]), [10.0, 95.0], [1.0, 10.0], 10.0)
    assert (choice.order, choice.gains, choice.cost_vnd, choice.people) == ((1,), (95.0,), 10.0, 95.0)
    assert choice.bound_people == pytest.approx(10.0 + 95.0 * 9 / 10)
    assert chosen(covers([1, 0], [0, 1]), [10.0, 95.0], [1.0, 10.0], 9.0).order == (0,)
    assert chosen(covers([1, 0], [0, 1]), [10.0, 95.0], [1.0, 10.0], 11.0).order == (0, 1)


def test_ties_go_to_the_first_and_small_gains_are_not_proposed() -> None:
    rows, cost = covers([1, 0, 0], [0, 1, 0], [0, 0, 1]), np.ones(3)
    people = np.array([5.0, 5.0, 2.0])
    choice = choose(rows, people=people, cost_vnd=cost, budget_vnd=9.0, min_people=2.0)
    assert choice.order == (0, 1)
    assert choice.bound_people == 12.0  # the bound is that of any choice


def test_no_money_no_candidates_and_nobody_to_win() -> None:
    assert chosen(covers([1]), [5.0], [1.0], 0.0).order == ()
    none = chosen(csr_array((0, 3)), [5.0, 1.0, 1.0], [], 10.0)
    assert (none.order, none.bound_people, none.gap_pct) == ((), 0.0, 0.0)
    assert chosen(covers([1]), [0.0], [1.0], 5.0).gap_pct == 0.0


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, 7),
    places=st.integers(1, 12),
    budget=st.floats(0, 12),
)
def test_laws_of_the_choice(seed: int, n: int, places: int, budget: float) -> None:
    rng = np.random.default_rng(seed)
    table = rng.random((n, places)) < 0.4
    people = np.round(rng.random(places) * 50, 1)
    cost = np.round(0.5 + rng.random(n) * 3, 1)
    choice = choose(csr_array(table.astype(np.float64)), people=people, cost_vnd=cost, budget_vnd=budget)

    assert cost[list(choice.order)].sum() <= budget + 1e-9
    assert len(set(choice.order)) == len(choice.order)
    union = table[list(choice.order)].any(axis=0) if choice.order else np.zeros(places, dtype=bool)
    assert choice.people == pytest.approx(people[union].sum())

    per_vnd = np.array(choice.gains) / cost[list(choice.order)]
    assert (np.diff(per_vnd) <= 1e-9).all()

    best = max(
        (
            people[table[list(some)].any(axis=0)].sum()
            for size in range(1, n + 1)
            for some in combinations(range(n), size)
            if cost[list(some)].sum() <= budget
        ),
        default=0.0,
    )
    assert choice.people <= best + 1e-9
    assert choice.people >= (1.0 - 1.0 / np.e) / 2.0 * best - 1e-9
    assert choice.people >= max((people @ table[i] for i in range(n) if cost[i] <= budget), default=0.0) - 1e-9
    assert best <= choice.bound_people + 1e-9
    assert choice.bound_people <= people[table.any(axis=0)].sum() + 1e-9


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_money_without_end_reaches_everyone_who_can_be_reached(seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = csr_array((rng.random((6, 15)) < 0.3).astype(np.float64))
    people, cost = rng.random(15) * 90, 1 + rng.random(6)
    choice = choose(table, people=people, cost_vnd=cost, budget_vnd=100.0)
    assert choice.people == pytest.approx(people[np.unique(table.indices)].sum())
    assert choice.gap_pct == pytest.approx(0.0, abs=1e-9)
