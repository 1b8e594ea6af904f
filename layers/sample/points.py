"""What the sample's services offer and where: public internet and telephones, fibre nodes, capacities, connections.

Shares and sizes are parameters (mark K); what operators report (flags and subscribers of ``broadband``) is kept.
"""

from __future__ import annotations

from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from phusong.layers.sample.frames import AS_OF, layer_frame
from phusong.layers.sample.ground import Ground
from phusong.layers.sample.services import beside_villages, capital, counted, numbered, people_of, seats, urban

Ints = NDArray[np.int64]

FTTX_SHARE: Final = 0.001  # of the fixed broadband of 2012: a few dozen lines in the towns
NODE_M: Final = 9_000.0  # between nodes along the national roads
PUPILS: Final = {"primary_school": 0.085, "lower_secondary_school": 0.065, "upper_secondary_school": 0.045}
"""Pupils a person, of all schools of a level in the province."""
NETWORK: Final = ("M-CQ-01", "Cáp quang mẫu (số liệu mô phỏng)")


def make_service_points(
    ground: Ground,
    villages: pd.DataFrame,
    broadband: pd.DataFrame,
    *,
    internet_units: int,
    rng: np.random.Generator,
    source: str,
) -> pd.DataFrame:
    """A public telephone in every counted commune and public internet in those that operators report.

    Where ``broadband`` says nothing of public internet, the ``internet_units`` communes with most people have it. Towns
    have several points; a few points are out of service.
    """
    units = ground.units
    commune = np.flatnonzero(counted(units))
    latest = broadband[broadband["as_of"] == broadband["as_of"].max()].drop_duplicates("code", keep="last")
    said = latest.set_index("code")["public_internet_point"].reindex(units["code"]).fillna(False).to_numpy(dtype=bool)
    if not said.any():
        said[commune[np.argsort(-people_of(units)[commune], kind="stable")[:internet_units]]] = True
    many = 1 + urban(units) * rng.integers(1, 4, len(units))
    internet = np.repeat(np.flatnonzero(said), many[said])
    telephone = np.concatenate([commune, rng.choice(commune, len(commune) // 4)])
    unit = np.concatenate([internet, telephone]).astype(np.int64)
    kind = np.array(["public_internet"] * len(internet) + ["telephone_access"] * len(telephone), dtype=object)
    first = ~pd.Series([f"{k}/{u}" for k, u in zip(kind, unit, strict=True)]).duplicated().to_numpy()
    n = len(unit)
    names = np.array(units["name"].tolist(), dtype=object)[unit]
    label = np.where(kind == "public_internet", "Điểm Internet công cộng", "Điểm điện thoại công cộng")
    return layer_frame(
        "service_points",
        {
            "point_id": [f"V{i + 1:04d}" for i in range(n)],
            "name": numbered([f"{a} {b}" for a, b in zip(label, names, strict=True)], unit.tolist()),
            "kind": kind.tolist(),
            "operator": rng.choice(["VNPT", "Viettel"], n, p=[0.7, 0.3]).tolist(),
            "unit_code": [units["code"].tolist()[u] for u in unit],
            "capacity": np.where(kind == "public_internet", rng.integers(4, 21, n), 1).astype(np.float64),
            "in_service": first | (rng.random(n) < 0.85),
        },
        rows=n,
        source=source,
        xy_m=beside_villages(ground, villages, unit, rng),
        crs=ground.crs,
    )


def with_lines(broadband: pd.DataFrame, units: pd.DataFrame, *, rng: np.random.Generator) -> pd.DataFrame:
    """``broadband`` with its subscribers told apart: ``FTTX_SHARE`` by fibre, in the towns, the rest by ADSL."""
    town = dict(zip(units["code"].tolist(), urban(units).tolist(), strict=True))
    made = broadband.copy()
    lines = made["broadband_subscribers"].to_numpy(dtype=np.float64, na_value=np.nan)
    inside = np.array([town.get(code, False) for code in made["code"].tolist()]) & (lines > 0)
    fibre = np.where(np.isnan(lines), np.nan, 0.0)
    for day in sorted(set(made["as_of"])):
        rows = np.flatnonzero(inside & (made["as_of"] == day).to_numpy())
        if len(rows):
            count = round(FTTX_SHARE * np.nansum(lines[(made["as_of"] == day).to_numpy()]))
            drawn = rng.choice(rows, size=count, p=lines[rows] / lines[rows].sum())
            fibre[rows] = np.minimum(lines[rows], np.bincount(drawn, minlength=len(lines))[rows])
    made["fttx_subscribers"] = fibre
    made["adsl_subscribers"] = lines - fibre
    return made


def with_counters(posts: pd.DataFrame, *, rng: np.random.Generator) -> pd.DataFrame:
    """Postal points whose number of counters is not known get one by their kind, if the point is synthetic."""
    most = {"post_office": 6, "commune_culture_post": 2, "agency": 2, "telecom_point": 4}
    counters = np.array([rng.integers(1, most[kind] + 1) for kind in posts["kind"].tolist()], dtype=np.float64)
    return _filled(posts, "capacity", counters)


def with_connections(facilities: pd.DataFrame, ground: Ground, *, rng: np.random.Generator) -> pd.DataFrame:
    """Facilities with video conference and capacities: pupils by the people of the commune, beds by kind.

    In 2012 video conference joins the offices of the province and of the districts, the colleges and some hospitals.
    """
    kind = facilities["kind"].to_numpy()
    luck = rng.random(len(kind))
    share = {"provincial_office": 0.75, "district_office": 1.0, "hospital": 0.4, "college": 1.0, "commune_office": 0.06}
    meeting = luck < np.array([share.get(one, 0.0) for one in kind])
    units = ground.units
    of = {code: i for i, code in enumerate(units["code"].tolist())}
    people, total = people_of(units), float(people_of(units).sum())
    row = np.array([of.get(code, -1) for code in facilities["unit_code"].tolist()])
    size = np.full(len(kind), np.nan)
    beds = {"hospital": (80, 300), "health_station": (4, 8), "college": (300, 1200)}
    for one, (low, high) in beds.items():
        mine = kind == one
        size[mine] = rng.integers(low, high + 1, int(mine.sum()))
    for one, rate in PUPILS.items():
        mine = np.flatnonzero((kind == one) & (row >= 0))
        if len(mine):
            shared = np.bincount(row[mine], minlength=len(units))
            weight = people[row[mine]] / shared[row[mine]] * rng.lognormal(0.0, 0.15, len(mine))
            size[mine] = np.maximum(20, np.round(rate * total * weight / max(weight.sum(), 1e-9)))
    return _filled(_filled(facilities, "video_conference", meeting), "capacity", size)


def _filled(frame: pd.DataFrame, column: str, values: NDArray[Any]) -> pd.DataFrame:
    """``frame`` with the empty cells of a column filled in synthetic rows."""
    made = frame.copy()
    free = made[column].isna() & made["synthetic"].fillna(False).astype(bool)
    made[column] = made[column].where(~free, pd.Series(values, index=made.index)).astype(frame[column].dtype)
    return made


def make_fibre_nodes(
    ground: Ground,
    villages: pd.DataFrame,
    broadband: pd.DataFrame,
    roads: pd.DataFrame | None,
    *,
    rng: np.random.Generator,
    source: str,
) -> pd.DataFrame:
    """Nodes at the district seats, in the communes that fibre reaches and along the national roads; a few planned."""
    units = ground.units
    latest = broadband[broadband["as_of"] == broadband["as_of"].max()].drop_duplicates("code", keep="last")
    laid = latest.set_index("code")["fibre_to_commune"].reindex(units["code"]).fillna(False).to_numpy(dtype=bool)
    centre = np.union1d(seats(units), [capital(units)])
    reached = np.setdiff1d(np.flatnonzero(laid), centre)
    wanted = np.setdiff1d(np.flatnonzero(counted(units)), np.union1d(reached, centre))
    planned = np.sort(rng.permutation(wanted)[: len(wanted) // 4])
    unit = np.concatenate([centre, reached, planned]).astype(np.int64)
    xy = beside_villages(ground, villages, unit, rng)
    along = _along(roads)
    n, m = len(unit), len(along)
    names = [units["name"].tolist()[u] for u in unit]
    kind = ["pop"] * len(centre) + ["accessPoint"] * (n - len(centre)) + ["joint"] * m
    return layer_frame(
        "fibre_nodes",
        {
            "node_id": [f"N{i + 1:04d}" for i in range(n + m)],
            "network_id": NETWORK[0],
            "network": NETWORK[1],
            "name": [f"Nút {name}" for name in names] + [f"Nút dọc quốc lộ số {i + 1}" for i in range(m)],
            "status": ["operational"] * (n - len(planned)) + ["planned"] * len(planned) + ["operational"] * m,
            "kind": kind,
            "access_point": [one != "joint" for one in kind],
            "power": [one != "joint" for one in kind],
            "owner": "VNPT",
            "publisher": source,
        },
        rows=n + m,
        source=source,
        as_of=AS_OF,
        xy_m=np.concatenate([xy, along]),
        crs=ground.crs,
    )


def _along(roads: pd.DataFrame | None) -> NDArray[np.float64]:
    """Places (n, 2) about every ``NODE_M`` along the national roads."""
    if roads is None or not (roads["class"] == "national").any():
        return np.zeros((0, 2))
    national = roads.loc[roads["class"] == "national"]
    lines = np.asarray(gpd.GeoSeries(national.geometry).array, dtype=object)
    merged = shapely.get_parts(shapely.line_merge(shapely.multilinestrings(shapely.get_parts(lines))))
    found: list[tuple[float, float]] = []
    for line in sorted(merged.tolist(), key=lambda one: (-one.length, one.coords[0])):
        for away in np.arange(NODE_M / 2, line.length, NODE_M / 3).tolist():
            at = shapely.line_interpolate_point(line, away)
            here = (float(at.x), float(at.y))
            if all(np.hypot(here[0] - x, here[1] - y) >= NODE_M for x, y in found):
                found.append(here)
    return np.array(found, dtype=np.float64).reshape(-1, 2)
