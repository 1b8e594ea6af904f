"""Whom a candidate site would serve: the people without signal it reaches, by commune and by village."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from phusong.coverage.population import People

SERVES_COLUMNS = ("candidate_id", "rank", "level", "code", "people_lacking", "people_alone", "people_new", "centre")
LEAST_PERSONS = 0.5
"""A candidate that reaches less than half a person of a place is not told beside it: that is nobody."""

Floats = NDArray[np.float64]


def serves(
    found: pd.DataFrame,
    covers: csr_array,
    *,
    people: People,
    covered: NDArray[np.float32],
    unit_codes: NDArray[np.object_],
    village_codes: NDArray[np.object_],
    village_cells: NDArray[np.int64],
    home: NDArray[np.int64] | None,
) -> pd.DataFrame:
    """One row a candidate and place it would serve, columns ``SERVES_COLUMNS``; by candidate, level and code.

    ``found``: candidates with ``candidate_id`` and ``rank`` (NA: not chosen), rows as in ``covers`` (n candidates,
    rows * cols). ``covered`` (rows, cols): 1 signal, 0 none, NaN not known. ``village_cells``: flat index of the cell
    of each village's centre, -1 off the grid; ``home``: row of the village that a cell belongs to, -1 none; None
    without villages.

    level "unit" or "village"; people_lacking: persons of the place without the signal before the plan; people_alone:
    of them, those within reach of this candidate; people_new: those whom it reaches first when the chosen sites are
    built by rank (NaN where not chosen). centre: "yes" or "no", whether it reaches the cell of the village's centre;
    "" for communes, and where nobody without signal lives on that cell, for such cells are not computed.
    """
    pairs, cells = people.zones, covered.size
    persons = np.where(np.isnan(people.people) | (covered.reshape(-1)[pairs.cell] != 0), 0.0, people.people)
    dark = np.bincount(pairs.cell, weights=persons, minlength=cells)
    of_units = csr_array((persons, (pairs.cell, pairs.unit)), shape=(cells, pairs.n_units))
    newly = _newly(covers, found["rank"])
    parts = [_rows(found, covers, newly, level="unit", codes=unit_codes, persons=of_units)]
    if home is not None and len(village_codes):
        own = np.flatnonzero((home >= 0) & (dark > 0))
        of_villages = csr_array((dark[own], (own, home[own])), shape=(cells, len(village_codes)))
        rows = _rows(found, covers, newly, level="village", codes=village_codes, persons=of_villages)
        lit = np.flatnonzero((village_cells >= 0) & (dark[np.maximum(village_cells, 0)] > 0))
        centres = csr_array((np.ones(len(lit)), (village_cells[lit], lit)), shape=of_villages.shape)
        said = np.where(_at(covers @ centres, rows["row"], rows["place"]) > 0, "yes", "no")
        parts.append(rows.assign(centre=np.where(np.isin(rows["place"], lit), said, "")))
    table = pd.concat(parts, ignore_index=True).sort_values(["row", "level", "place"], kind="stable", ignore_index=True)
    return table[list(SERVES_COLUMNS)]


def _newly(covers: csr_array, rank: pd.Series) -> csr_array:
    """``covers`` of the chosen candidates without the cells that one of a better rank reaches; no other rows."""
    taken = np.zeros(covers.shape[1], dtype=np.bool_)
    own: list[NDArray[np.int64]] = [np.empty(0, np.int64)] * covers.shape[0]
    ranks = rank.to_numpy(dtype=np.float64, na_value=np.nan)
    for row in np.argsort(ranks, kind="stable")[: int(np.count_nonzero(~np.isnan(ranks)))]:
        reached = covers.indices[covers.indptr[row] : covers.indptr[row + 1]]
        own[row] = reached[~taken[reached]]
        taken[reached] = True
    starts = np.concatenate([[0], np.cumsum([len(cells) for cells in own])]).astype(np.int64)
    joined = np.concatenate([*own, np.empty(0, np.int64)])
    return csr_array((np.ones(len(joined)), joined, starts), shape=covers.shape)


def _rows(
    found: pd.DataFrame,
    covers: csr_array,
    newly: csr_array,
    *,
    level: str,
    codes: NDArray[np.object_],
    persons: csr_array,
) -> pd.DataFrame:
    """The rows of one level, with ``row`` (candidate) and ``place``; ``persons`` (rows * cols, places)."""
    alone = (covers @ persons).tocoo()
    kept = alone.data >= LEAST_PERSONS
    row, place = (at[kept].astype(np.int64) for at in alone.coords)
    rank = found["rank"].iloc[row].reset_index(drop=True)
    return pd.DataFrame(
        {
            "row": row,
            "place": place,
            "candidate_id": found["candidate_id"].to_numpy(dtype=object)[row],
            "rank": rank,
            "level": level,
            "code": codes[place],
            "people_lacking": np.asarray(persons.sum(axis=0), dtype=np.float64).ravel()[place],
            "people_alone": alone.data[kept],
            "people_new": np.where(rank.notna(), _at(newly @ persons, row, place), np.nan),
            "centre": "",
        }
    ).astype({"candidate_id": "str", "level": "str", "code": "str", "centre": "str"})


def _at(matrix: csr_array, row: ArrayLike, place: ArrayLike) -> Floats:
    """The values of a sparse matrix at places, 0 where none is stored."""
    stored = matrix.tocoo()
    keys = stored.coords[0].astype(np.int64) * matrix.shape[1] + stored.coords[1]
    order = np.argsort(keys, kind="stable")
    wanted = np.asarray(row, dtype=np.int64) * matrix.shape[1] + np.asarray(place, dtype=np.int64)
    if not len(keys):
        return np.zeros(len(wanted))
    spot = np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)
    return np.where(keys[order][spot] == wanted, stored.data[order][spot], 0.0)
