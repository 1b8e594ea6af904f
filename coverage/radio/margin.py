"""Whether a place is covered, and by how much: the level there less what its own server must bring.

A sector may need more than another of its technology (``required``), so a level alone does not say whether it covers.
Whatever judges a level asks here; a place is covered from a margin of 0 dB up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from phusong.layers.errors import MissingError

F32 = NDArray[np.float32]


class Servers(Protocol):
    """Best level and server of a cell: of a ``ServerMap`` what is needed here."""

    @property
    def level_dbm(self) -> F32: ...
    @property
    def server(self) -> NDArray[np.int32]: ...


class Maps(Protocol):
    """Of a ``RadioResult`` what is needed here."""

    @property
    def maps(self) -> Mapping[tuple[str, str, float | None], Servers]: ...
    @property
    def sectors(self) -> pd.DataFrame: ...


def over_db(level_dbm: ArrayLike, required_dbm: ArrayLike) -> F32:
    """Level less the level required, dB, float32; in single precision, as the maps count serving masts."""
    return np.asarray(np.asarray(level_dbm, dtype=np.float32) - np.asarray(required_dbm, dtype=np.float32))


def margin_db(radio: Maps, technology: str, operator: str | None = None, *, band_mhz: float | None = None) -> F32:
    """Level of the best server less what that sector must bring, dB, float32 (rows, cols).

    NaN no data, -inf computed and no mast in range. ``operator`` None: the most of all operators, NaN where none is
    known to cover and one is not known. ``band_mhz``: one of several bands of the operator, all of them if None.
    MissingError for a technology, operator or band that is not on air.
    """
    if operator is None:
        return _most(np.stack([margin_db(radio, technology, name) for name in _operators(radio, technology)]))
    if (technology, operator, band_mhz) not in radio.maps:
        raise MissingError("radio.error.no_operator", technology=technology, operator=operator)
    of = radio.maps[technology, operator, band_mhz]
    required = np.append(radio.sectors["required_dbm"].to_numpy(dtype=np.float32), np.float32(np.inf))
    return over_db(of.level_dbm, required[of.server])  # no server, -1, is the last


def best_of_operators(radio: Maps, technology: str) -> tuple[F32, NDArray[np.int32]]:
    """Level and server of the operator with the greatest margin; NaN and -1 where ``margin_db`` has no data."""
    names = _operators(radio, technology)
    margins = np.stack([margin_db(radio, technology, name) for name in names])
    most = _most(margins)
    levels = np.stack([radio.maps[technology, name, None].level_dbm for name in names])
    servers = np.stack([radio.maps[technology, name, None].server for name in names])
    # a tie goes to the sector that stands first, whichever operator it is of
    ranked = np.where((margins == most) & (servers >= 0), servers, np.iinfo(np.int32).max)
    first = ranked.argmin(axis=0)[None]
    level, server = (np.take_along_axis(of, first, axis=0)[0] for of in (levels, servers))
    unknown = np.isnan(most)
    return np.where(unknown, np.float32(np.nan), level), np.where(unknown, np.int32(-1), server)


def _most(margins: F32) -> F32:
    """Over operators (the first axis): what any of them gives."""
    most = np.fmax.reduce(margins, axis=0)
    return np.where(np.isnan(margins).any(axis=0) & ~(most >= 0.0), np.float32(np.nan), most)


def _operators(radio: Maps, technology: str) -> list[str]:
    """Those on air with the technology, in the order of the maps."""
    names = [operator for tech, operator, band in radio.maps if tech == technology and band is None]
    if not names:
        raise MissingError("radio.error.no_technology", technology=technology)
    return names
