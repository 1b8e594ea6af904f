"""What classes of communes and villages rest on in the sample: border and coast lines, minorities, recorded villages.

All of it is generated. A few records disagree with what follows from the figures, as lists of another year do.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from phusong.layers.sample.frames import add_source, layer_frame
from phusong.layers.sample.ground import Ground

ALONG_M = 1200.0
"""How far the outlines run from the drawn border and coast at most."""
LISTED_SHARE = 0.4
"""Communes whose villages have been classed officially."""
OTHER_SHARE = 0.05
"""Villages whose record is not what their ground or people say."""
FEWER_COMMUNES = 3
"""Communes recorded as minority areas whose share has fallen below what is asked."""
HIGH_M = 200.0
MINORITY_PCT = 15.0

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def make_borders(
    units: gpd.GeoDataFrame, *, border: shapely.LineString, coast: shapely.LineString, source: str
) -> pd.DataFrame:
    """Border and coast as a mapper would draw them: the rim of the province along the two drawn lines, and the shores
    of islands, thinned a little so that they do not lie on the outlines themselves."""
    isle = units["island"].fillna(False).to_numpy(dtype=bool)
    rim = shapely.boundary(units.geometry[~isle].union_all())
    shores = [shape.boundary for shape in units.geometry[isle]]
    rows: list[tuple[str, shapely.Geometry]] = []
    for kind, line in (("land_border", border), ("coast", coast)):
        along = shapely.intersection(rim, shapely.buffer(line, ALONG_M, cap_style="flat"))
        parts = shapely.get_parts(shapely.line_merge(along))
        rows += [(kind, shapely.simplify(part, 60.0)) for part in parts if part.length > ALONG_M]
    rows += [("coast", shapely.simplify(shore, 20.0)) for shore in shores]
    return layer_frame(
        "borders",
        {"border_id": [f"B{k + 1:02d}" for k in range(len(rows))], "kind": [kind for kind, _ in rows]},
        rows=len(rows),
        source=source,
        shapes=[shape for _, shape in rows],
        crs=units.crs,
    )


def with_minorities(
    units: pd.DataFrame, villages: pd.DataFrame, ground: Ground, *, rng: np.random.Generator, source: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Units and villages with people of ethnic minorities where nothing is given; the villages sum to their units."""
    if units["minority_people"].notna().any() or villages["minority_people"].notna().any():
        return units, villages
    share = _shares(units, ground, rng)
    unit = pd.Index(units["code"]).get_indexer(pd.Index(villages["unit_code"]))
    people = villages["population"].to_numpy(dtype=np.float64, na_value=np.nan)
    spread = np.clip(share[unit] * rng.lognormal(0.0, 0.35, len(villages)), 0.0, 1.0)
    minority = np.round(people * np.where(unit >= 0, spread, np.nan))
    total = np.bincount(unit[unit >= 0], weights=minority[unit >= 0], minlength=len(units))
    homeless = np.bincount(unit[unit >= 0], minlength=len(units)) == 0
    persons = units["population"].to_numpy(dtype=np.float64, na_value=np.nan)
    units, villages = units.copy(), villages.copy()
    units["minority_people"] = np.where(homeless, np.round(persons * share), total)
    villages["minority_people"] = minority
    real = ~units["synthetic"].fillna(False).to_numpy(dtype=bool)
    units["source"] = units["source"].where(~real, add_source(units["source"], f"minority_people: {source}"))
    return units, villages


def _shares(units: pd.DataFrame, ground: Ground, rng: np.random.Generator) -> Floats:
    """Share of minorities of each unit: high where it is recorded as a minority area, or not recorded but mountainous;
    too low for it in a few."""
    recorded = units["ethnic_minority"]
    many = np.where(recorded.isna(), ground.mountainous, recorded.fillna(False)).astype(bool)
    share = np.where(many, rng.uniform(0.35, 0.98, len(units)), rng.beta(1.0, 60.0, len(units)))
    people = units["population"].to_numpy(dtype=np.float64, na_value=np.nan)
    few = np.flatnonzero(recorded.fillna(False).to_numpy(dtype=bool) & (people < 20_000))
    chosen = rng.permutation(few)[: min(FEWER_COMMUNES, len(few) // 4)]
    share[chosen] = rng.uniform(0.05, 0.09, len(chosen))
    return share


def with_village_records(villages: pd.DataFrame, ground: Ground, *, rng: np.random.Generator) -> pd.DataFrame:
    """Villages of some communes with official classes: mountainous by the height of their centre, minority by their
    people, the other way round in a few."""
    if villages["mountainous"].notna().any() or villages["ethnic_minority"].notna().any():
        return villages
    communes = np.sort(villages["unit_code"].unique().astype(str))
    listed = rng.permutation(communes)[: round(LISTED_SHARE * len(communes))]
    known = villages["unit_code"].isin(listed).to_numpy()
    x_m, y_m = villages.geometry.x.to_numpy(), villages.geometry.y.to_numpy()
    height = ground.elevation.sample(x_m, y_m)
    people = villages["population"].to_numpy(dtype=np.float64, na_value=np.nan)
    minority = villages["minority_people"].to_numpy(dtype=np.float64, na_value=np.nan)
    villages = villages.copy()
    for name, flag, told in (
        ("mountainous", height >= HIGH_M, ~np.isnan(height)),
        ("ethnic_minority", minority >= MINORITY_PCT / 100 * people, ~np.isnan(minority) & (people > 0)),
    ):
        villages[name] = _recorded(flag, known & told, rng)
    return villages


def _recorded(flag: Flags, known: Flags, rng: np.random.Generator) -> pd.Series[bool]:
    other = rng.random(len(flag)) < OTHER_SHARE
    values = pd.array(flag ^ other, dtype="boolean")
    values[~known] = pd.NA
    return pd.Series(values)
