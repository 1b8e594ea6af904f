"""The order of communes by need, and how far it hangs on choices: the index, drawn anew, and signal as a chance."""

from phusong.coverage.ranking.choose import choose_index
from phusong.coverage.ranking.correlation import correlated
from phusong.coverage.ranking.index import Component, Index, Measured, measured, need_table, ranks_by_need
from phusong.coverage.ranking.sensitivity import CHOICES, Sensitivity, Variation, sensitivity
from phusong.coverage.ranking.signal import Chances, signal_chances, varied_shares

__all__ = [
    "CHOICES",
    "Chances",
    "Component",
    "Index",
    "Measured",
    "Sensitivity",
    "Variation",
    "choose_index",
    "correlated",
    "measured",
    "need_table",
    "ranks_by_need",
    "sensitivity",
    "signal_chances",
    "varied_shares",
]
