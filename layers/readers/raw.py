"""What a reader hands over: cells as they stand in the file, and where each row stands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.layers.errors import Fault


@dataclass(frozen=True)
class RawTable:
    """A table as read: text stays text, numbers stay numbers, no cell has been judged yet.

    ``rows`` holds each row's number as the user sees it (the header of a sheet is row 1, a feature counts from 1).
    ``geometry`` is an object array of shapely geometries or None, in ``crs``; a table's coordinates are still columns
    and ``crs`` is then what the user declared. ``faults`` were found in reading.
    """

    frame: pd.DataFrame
    rows: NDArray[np.int64]
    file: str
    sheet: str = ""
    geometry: NDArray[np.object_] | None = None
    crs: str | None = None
    faults: tuple[Fault, ...] = ()
