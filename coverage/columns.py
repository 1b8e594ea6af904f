"""Columns of tables out of numbers: yes and no, words by their place, words joined."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Column = pd.api.extensions.ExtensionArray


def yes_no(values: NDArray[np.float64]) -> pd.Series[bool]:
    """1, 0 and NaN as yes, no and NA."""
    made = pd.array(values == 1, dtype="boolean")
    made[np.isnan(values)] = pd.NA
    return pd.Series(made)


def words_at(words: Sequence[str], place: NDArray[np.integer]) -> Column:
    """``words[place]`` as texts."""
    return pd.array([*words, ""], dtype="str").take(place)


def joined_words(flags: NDArray[np.bool_], words: Sequence[str]) -> Column:
    """The words (a column each) whose flag is set, joined by ";", one text a row; at most 62 words."""
    number = flags.astype(np.int64) @ (1 << np.arange(len(words), dtype=np.int64))
    found, place = np.unique(number, return_inverse=True)
    return words_at(
        [";".join(word for bit, word in enumerate(words) if one >> bit & 1) for one in found.tolist()], place
    )
