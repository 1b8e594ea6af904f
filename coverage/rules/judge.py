"""Rules against a frame of indicators: values and signed margins, one column a rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.coverage.rules.pack import Rule

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Judgement:
    """How n rows of a frame stand to r rules; all arrays are (n, r).

    value         the indicator in the rule's unit (yes/no as 1 and 0), NaN for no data
    margin        signed distance to the threshold, NaN where it is not judged
    fails         where the rule fails; no data never fails
    applies       whether the rule asks anything of the row; True where it is not known (class, or ``asked_where``)
    class_known   False where the rule is for a class and it is not known whether the row belongs to it
    """

    rules: tuple[Rule, ...]
    value: Floats
    margin: Floats
    fails: Bools
    applies: Bools
    class_known: Bools

    @property
    def not_judged(self) -> Bools:
        """Where a rule applies but cannot be judged: (n, r)."""
        return self.applies & np.isnan(self.margin)


def judge(indicators: pd.DataFrame, rules: Sequence[Rule], *, classes: pd.DataFrame) -> Judgement:
    """``rules`` against ``indicators``; ``classes``: yes/no columns by class name, rows as in ``indicators``.

    An indicator whose column is not there is no data for every row.
    """
    shape = (len(indicators), len(rules))
    value = np.full(shape, np.nan)
    margin = np.full(shape, np.nan)
    fails = np.zeros(shape, dtype=np.bool_)
    applies = np.zeros(shape, dtype=np.bool_)
    class_known = np.ones(shape, dtype=np.bool_)
    for r, rule in enumerate(rules):
        value[:, r] = numbers(indicators, rule.indicator)
        member = np.ones(len(indicators))
        if rule.applies_to != "all":
            member = numbers(classes, rule.applies_to.removeprefix("not "))
            if rule.applies_to.startswith("not "):
                member = 1.0 - member
        class_known[:, r] = ~np.isnan(member)
        where = numbers(indicators, rule.asked_where) if rule.asked_where else np.ones(len(indicators))
        applies[:, r] = (member != 0.0) & (where != 0.0)
        margin[:, r] = np.where((member == 1.0) & (where == 1.0), rule.margins(value[:, r]), np.nan)
        fails[:, r] = rule.fails(margin[:, r])
    return Judgement(tuple(rules), value, margin, fails, applies, class_known)


def numbers(frame: pd.DataFrame, column: str) -> Floats:
    """A column as float64[n]: yes/no as 1 and 0, NaN for no data and for a column that is not there."""
    if column not in frame.columns:
        return np.full(len(frame), np.nan)
    values = frame[column]
    if values.dtype == object:
        values = values.astype("boolean")
    return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))
