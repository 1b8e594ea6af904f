"""How villages stand with their signal: at the centre, at clusters, by whom, by report and model, and how far it is."""

from __future__ import annotations

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from phusong.coverage.columns import yes_no
from phusong.coverage.evidence import OBSERVED, centres_by_source
from phusong.coverage.rules.judge import numbers

NONE_AT_CENTRE, NONE_AT_CLUSTER, ONE_OPERATOR = "none_at_centre", "none_at_cluster", "one_operator"
STATES = (NONE_AT_CENTRE, NONE_AT_CLUSTER, ONE_OPERATOR, "")
"""What a village lacks of signal of any technology, the worst first: "trắng sóng", "lõm sóng", a second operator."""
STATE_COLUMNS = (
    "signal_state",
    "operators_count",
    "operators",
    "clusters_basis",
    "observed",
    "predicted",
    "nearest_covered_village_km",
    "nearest_covered_village",
    "nearest_covered_village_name",
    "nearest_site_km",
    "nearest_site",
)


def village_states(indicators: pd.DataFrame, signal: pd.DataFrame, basis: pd.DataFrame) -> pd.DataFrame:
    """``STATE_COLUMNS`` without those of the nearest covered village, one row a village.

    ``signal`` and its ``basis`` are those that decide (``evidence.village_signal``). ``signal_state`` is one of
    ``STATES``: no signal at the centre; else none at some cluster; else at the centre one operator only; else "".
    ``clusters_basis``: what was counted as clusters: "clusters" of houses (also those reported), "populated_cells", or
    "" for no data. ``observed`` and ``predicted``: signal at the centre by reports and by the model, yes, no or NA.
    """
    centre, clusters = numbers(signal, "centre_covered_any"), numbers(signal, "clusters_uncovered")
    count = numbers(signal, "operators_at_centre_count")
    state = np.select([centre == 0, clusters > 0, count == 1], STATES[:3], default="")
    reported = basis["clusters_uncovered"].to_numpy(dtype=object) == OBSERVED
    counted = np.where(reported, "clusters", texts(indicators, "clusters_basis"))
    names = texts(indicators, "operators_at_centre", otherwise=None)
    names[count == 0], names[np.isnan(count)] = "", None
    observed, predicted = centres_by_source(indicators)
    return pd.DataFrame(
        {
            "signal_state": pd.array(state, dtype="str"),
            "operators_count": pd.array(count, dtype="Float64").astype("Int64"),
            "operators": pd.array(names, dtype="str"),
            "clusters_basis": pd.array(np.where(np.isnan(clusters), "", counted), dtype="str"),
            "observed": yes_no(observed).array,
            "predicted": yes_no(predicted).array,
            "nearest_site_km": numbers(indicators, "nearest_site_km"),
            "nearest_site": pd.array(texts(indicators, "nearest_site", otherwise=None), dtype="str"),
        }
    )


def nearest_covered(villages: pd.DataFrame, covered: NDArray[np.bool_], rows: NDArray[np.int64]) -> pd.DataFrame:
    """Straight distance of the villages in ``rows`` to the nearest other one with signal at its centre, and which.

    ``villages`` hold code, name and, to be measured, points in metres. Columns ``nearest_covered_village_km``,
    ``nearest_covered_village`` (code), ``nearest_covered_village_name``; no data without a position or without any.
    """
    away_m, found = np.full(len(rows), np.nan), np.zeros(len(rows), dtype=np.int64)
    if isinstance(villages, gpd.GeoDataFrame) and villages.active_geometry_name is not None:
        places = np.column_stack([villages.geometry.x, villages.geometry.y]).astype(np.float64)
        placed = np.asarray(np.isfinite(places).all(axis=1))
        sources = np.flatnonzero(covered & placed)
        asked = np.flatnonzero(placed[rows])
        if len(sources) and len(asked):
            k = min(2, len(sources))  # itself, and another
            far, near = cKDTree(places[sources]).query(places[rows[asked]], k=[*range(1, k + 1)])
            other = sources[near] != rows[asked][:, None]
            pick = np.argmax(other, axis=1)
            line = np.arange(len(asked))
            away_m[asked] = np.where(other.any(axis=1), far[line, pick], np.nan)
            found[asked] = sources[near[line, pick]]
    known = ~np.isnan(away_m)
    told: dict[str, object] = {"nearest_covered_village_km": away_m / 1000.0}
    for column, name in (("code", "nearest_covered_village"), ("name", "nearest_covered_village_name")):
        own = villages[column].astype("str").array.take(found) if len(villages) else pd.array([], dtype="str")
        told[name] = pd.Series(own).where(known)
    return pd.DataFrame(told)


def uncovered_by(indicators: pd.DataFrame) -> Mapping[str, int]:
    """How many villages lack signal at the centre by reports and by the model, by one of them against the other, or by
    one alone because nobody reported or the model says nothing: uncovered_by_both, _by_reports_only, _by_model_only,
    _unreported, _unmodelled."""
    observed, predicted = centres_by_source(indicators)
    return {
        "uncovered_by_both": int(((observed == 0) & (predicted == 0)).sum()),
        "uncovered_by_reports_only": int(((observed == 0) & (predicted == 1)).sum()),
        "uncovered_by_model_only": int(((observed == 1) & (predicted == 0)).sum()),
        "uncovered_unreported": int((np.isnan(observed) & (predicted == 0)).sum()),
        "uncovered_unmodelled": int(((observed == 0) & np.isnan(predicted)).sum()),
    }


def texts(frame: pd.DataFrame, column: str, *, otherwise: str | None = "") -> NDArray[np.object_]:
    """A column of texts, ``otherwise`` where it has none or is not there."""
    if column not in frame:
        return np.full(len(frame), otherwise, dtype=object)
    own = frame[column].astype(object)
    return np.array(own.where(own.notna(), otherwise), dtype=object)
