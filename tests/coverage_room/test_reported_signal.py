"""What reports say together: against the definition, one (village, spot) at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Point, box

from phusong.coverage.observed import NEAR_M, observed_operators, observed_signal, reports_of_villages

TECHNOLOGIES, OPERATORS = ("2G", "3G"), ("X", "Y")
Said = tuple[int, bool, str | None, str | None]


def verdict(said: list[Said], technology: str | None, technologies: Sequence[str], operators: Sequence[str]) -> object:
    """Yes, no or unknown from (day, has_signal, operator, technology) of one spot, as ``observed_signal`` says it."""
    for day, has, operator, tech in said:
        if has and (technology is None or tech == technology) and not taken_back(said, day, operator, tech):
            return True
    denied = [(operator, tech) for _, has, operator, tech in said if not has]
    if technology is None:
        if (None, None) in denied:
            return False
        each = [verdict(said, one, technologies, operators) for one in technologies]
        return False if each and all(one is False for one in each) else None
    relevant = {operator for operator, tech in denied if tech in (None, technology)}
    return False if None in relevant or (operators and set(operators) <= relevant) else None


def taken_back(said: list[Said], day: int, operator: str | None, tech: str | None) -> bool:
    return any(not no and then > day and by in (None, operator) and of in (None, tech) for then, no, by, of in said)


def operator_verdict(said: list[Said], name: str, technologies: Sequence[str]) -> object:
    yes = [(day, by) for day, has, by, tech in said if has and not taken_back(said, day, by, tech)]
    if any(by == name for _, by in yes):
        return True
    since = max((day for day, by in yes if by is None), default=-1)
    denied = {tech for day, has, by, tech in said if not has and (by == name or (by is None and day > since))}
    return False if None in denied or (technologies and set(technologies) <= denied) else None


reports = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(["centre", "cluster 1"]),
        st.integers(1, 4),
        st.booleans(),
        st.sampled_from([None, "X", "Y", "Z"]),
        st.sampled_from([None, "2G", "3G", "4G"]),
    ),
    max_size=25,
)


@settings(max_examples=50, deadline=None)
@given(
    rows=reports, technologies=st.sampled_from([(), ("2G",), TECHNOLOGIES]), operators=st.sampled_from([(), OPERATORS])
)
def test_verdicts_are_those_of_the_definition(
    rows: list[tuple[int, str, int, bool, str | None, str | None]],
    technologies: tuple[str, ...],
    operators: tuple[str, ...],
) -> None:
    told = pd.DataFrame(
        {
            "village": np.array([row[0] for row in rows], dtype=np.int64),
            "spot": pd.Series([row[1] for row in rows], dtype="str"),
            "as_of": pd.to_datetime([f"2012-01-0{row[2]}" for row in rows]),
            "has_signal": np.array([row[3] for row in rows], dtype=bool),
            "operator": pd.Series([row[4] for row in rows], dtype="str"),
            "technology": pd.Series([row[5] for row in rows], dtype="str"),
        }
    )
    found = observed_signal(told, technologies=technologies, operators=operators)
    by_operator = observed_operators(told, technologies=technologies, operators=operators)
    assert list(found.index) == sorted({(row[0], row[1]) for row in rows})
    for key in found.index:
        said = [(day, has, by, tech) for village, spot, day, has, by, tech in rows if (village, spot) == key]
        for name in ("any", *technologies):
            expected = verdict(said, None if name == "any" else name, technologies, operators)
            assert found.loc[key, name] is pd.NA if expected is None else found.loc[key, name] == expected
        for name in operators:
            expected = operator_verdict(said, name, technologies)
            assert by_operator.loc[key, name] is pd.NA if expected is None else by_operator.loc[key, name] == expected


def test_a_report_on_a_cluster_speaks_for_the_nearest_one_of_its_village(layer, points) -> None:
    villages = points("villages", [{"code": c, "unit_code": "A", "xy": (x, 0)} for c, x in (("V1", 0), ("V2", 9000))])
    clusters = points(
        "village_clusters",
        [
            {"cluster_id": "far", "village_code": "V1", "xy": (600, 0)},
            {"cluster_id": "near", "village_code": "V1", "xy": (300, 0)},
            {"cluster_id": "twin", "village_code": "V1", "xy": (300, 0)},
            {"cluster_id": "other", "village_code": "V2", "xy": (210, 0)},
        ],
    )
    shapes = [Point(200, 0), Point(500, 0), Point(0, 5000), None, box(290, -10, 310, 10), Point(200, 0)]
    rows = [{"report_id": str(i), "village_code": "V1", "has_signal": False, "place": "cluster"} for i in range(6)]
    rows[5]["place"] = "centre"
    told = reports_of_villages(layer("signal_reports", rows, shapes), villages, clusters=clusters, usable_dbm={})
    assert NEAR_M < 5000
    assert told["spot"].tolist() == ["cluster near", "cluster far", "cluster 0 50", "cluster", "cluster near", "centre"]
    alone = reports_of_villages(layer("signal_reports", rows, shapes), villages, clusters=None, usable_dbm={})
    assert alone["spot"].tolist()[:3] == ["cluster 2 0", "cluster 5 0", "cluster 0 50"]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(1, "X", None, True)], {"X": True, "Y": None}),
        ([(1, None, None, False)], {"X": False, "Y": False}),
        ([(1, None, None, True)], {"X": None, "Y": None}),
        ([(1, "X", "2G", False)], {"X": None, "Y": None}),
        ([(1, "X", "2G", False), (1, "X", "3G", False)], {"X": False, "Y": None}),
        ([(1, None, None, False), (2, "X", "3G", True)], {"X": True, "Y": False}),
        ([(1, None, None, False), (2, None, None, True)], {"X": None, "Y": None}),
        ([(2, "X", None, True), (1, None, None, False)], {"X": True, "Y": False}),
        ([(1, "X", None, True), (2, None, None, False)], {"X": False, "Y": False}),
    ],
)
def test_reports_speak_of_an_operator(rows, expected) -> None:
    told = pd.DataFrame(
        {
            "village": 0,
            "spot": "centre",
            "operator": pd.Series([row[1] for row in rows], dtype="str"),
            "technology": pd.Series([row[2] for row in rows], dtype="str"),
            "has_signal": [row[3] for row in rows],
            "as_of": pd.to_datetime([f"2012-01-0{row[0]}" for row in rows]),
        }
    )
    found = observed_operators(told, technologies=TECHNOLOGIES, operators=OPERATORS).iloc[0]
    assert {name: None if pd.isna(value) else bool(value) for name, value in found.items()} == expected
