"""Points of services that may be there twice, lines by kind that are more than all lines: notes, never removed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import shapely

from phusong.layers.checks.nearness import MOST_LISTED, WITHIN_M, near_pairs, plain_name
from phusong.layers.checks.validate import Checked
from phusong.layers.errors import Fault
from phusong.layers.schema import LAYERS

POINTS = ("postal_points", "service_points", "facilities")


def check_services(layers: Mapping[str, Checked]) -> list[Fault]:
    """Notes on the points of services and the subscribers of broadband."""
    faults = [fault for name in POINTS if name in layers for fault in same_points(layers[name])]
    if "broadband" in layers:
        faults += too_many_lines(layers["broadband"])
    return faults


def same_points(points: Checked, *, within_m: float = WITHIN_M) -> list[Fault]:
    """Notes on two points of one kind (and operator, where both say theirs) within ``within_m`` m of each other, and on
    those of one name and kind in one unit: the first MOST_LISTED of each, the rest as a number."""
    frame, key = points.frame, LAYERS[points.layer].key[0]
    shapes = np.asarray(frame.geometry.array, dtype=object)
    kind = frame["kind"].tolist()
    known = frame["operator"] if "operator" in frame else pd.Series(pd.NA, index=frame.index)
    operator = [plain_name(str(name)) if pd.notna(name) else None for name in known.tolist()]
    pairs, _ = near_pairs(shapes, shapes, within_m)
    alike = [kind[a] == kind[b] and len({operator[a], operator[b]} - {None}) < 2 for a, b in pairs.tolist()]
    one, other = pairs[np.array(alike, dtype=bool)].T
    away_m = shapely.distance(shapes[one], shapes[other])
    ids = frame[key].tolist()
    faults = []
    for i in np.lexsort((other, one, away_m))[:MOST_LISTED].tolist():
        a, b = int(one[i]), int(other[i])
        params = {"found": ids[b], "other": ids[a], "distance_m": f"{away_m[i]:.1f}"}
        faults.append(points.fault("note.point_near", row=int(points.rows[b]), column=key, **params))
    if len(one) > MOST_LISTED:
        faults.append(points.fault("note.points_near_more", count=len(one) - MOST_LISTED, within_m=f"{within_m:g}"))
    return faults + _same_names(points, key)


def _same_names(points: Checked, key: str) -> list[Fault]:
    frame = points.frame
    named = frame["name"].notna().to_numpy() & frame["unit_code"].notna().to_numpy()
    plain = pd.DataFrame({"name": [plain_name(str(name)) for name in frame["name"].tolist()]})
    for column in ("unit_code", "kind"):
        plain[column] = frame[column].to_numpy()
    plain = plain[named]
    rows = list(zip(plain.index.tolist(), *(plain[column].tolist() for column in plain), strict=True))
    first: dict[tuple[object, ...], int] = {}
    later = [(i, k) for i, *same in rows if (k := first.setdefault(tuple(same), i)) != i]
    ids = frame[key].tolist()
    faults = []
    for i, k in later[:MOST_LISTED]:
        params = {"found": ids[i], "other": ids[k], "name": str(frame["name"].iloc[i])}
        faults.append(points.fault("note.point_named_twice", row=int(points.rows[i]), column="name", **params))
    if len(later) > MOST_LISTED:
        faults.append(points.fault("note.points_named_more", column="name", count=len(later) - MOST_LISTED))
    return faults


def too_many_lines(broadband: Checked) -> list[Fault]:
    """Notes on rows with more subscribers by ADSL and FTTx together than by any fixed broadband."""
    frame = broadband.frame
    lines, adsl, fttx = (
        frame[column].to_numpy(dtype=np.float64, na_value=np.nan)
        for column in ("broadband_subscribers", "adsl_subscribers", "fttx_subscribers")
    )
    parts = np.nan_to_num(adsl) + np.nan_to_num(fttx)
    odd = np.flatnonzero(parts > lines)
    faults = [
        broadband.fault(
            "note.lines_of_kinds",
            row=int(broadband.rows[i]),
            column="broadband_subscribers",
            found=f"{parts[i]:.15g}",
            lines=f"{lines[i]:.15g}",
        )
        for i in odd[:MOST_LISTED].tolist()
    ]
    if len(odd) > MOST_LISTED:
        faults.append(broadband.fault("note.lines_of_kinds_more", count=len(odd) - MOST_LISTED))
    return faults
