"""What the postal, broadband and facilities layers say of each unit: counts and flags, one row a unit, NA = no data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.coverage.places import counts, in_service, units_of
from phusong.coverage.population import rows_of

YEAR_DAYS = 365
YEAR_SLACK_DAYS = 60
"""The row "one year earlier" is the one nearest to 365 days before, if at most 60 days off."""
LAN_KINDS = ("upper_secondary_school", "college", "hospital")  # and lower secondary schools in towns
NUMBERS = (
    "broadband_subscribers",
    "adsl_subscribers",
    "fttx_subscribers",
    "telephone_subscribers",
    "fixed_telephones",
)
FLAGS = ("telephone_access_point", "public_internet_point", "fibre_to_commune")

Floats = NDArray[np.float64]


def present(layers: Mapping[str, pd.DataFrame], name: str) -> pd.DataFrame | None:
    """The layer if it is there and has rows; an empty layer is no data, not a count of 0."""
    layer = layers.get(name)
    return layer if layer is not None and len(layer) else None


def same_day_mail(points: gpd.GeoDataFrame, units: gpd.GeoDataFrame) -> pd.Series[bool]:
    """Whether newspapers and mail arrive the same day, one a unit.

    Yes if one point of the unit has it; no if the unit has no point or all its points say no; NA if no point says yes
    and one says nothing, and everywhere if the layer says nothing of same-day mail at all.
    """
    told = points["same_day_mail"].astype("boolean")
    absent = False if told.notna().any() else None
    return pd.Series(_any_flag(units_of(points, units), told, n_units=len(units), absent=absent))


def broadband(table: pd.DataFrame, units: gpd.GeoDataFrame, *, on: date) -> pd.DataFrame:
    """Latest figures of each unit at or before ``on`` and ``previous_broadband_subscribers``, one row a unit.

    Numbers are float64, flags boolean; all empty for a unit without a row. The previous figure is of the row nearest
    to 365 days before the latest one, NaN if none lies within 60 days of that.
    """
    rows = table.assign(unit=rows_of(table["code"], units["code"]))
    rows = rows[(rows["unit"] >= 0) & (rows["as_of"] <= pd.Timestamp(on))]
    rows = rows.sort_values(["unit", "as_of"], kind="stable").reset_index(drop=True)
    latest = rows.drop_duplicates("unit", keep="last").set_index("unit")
    off = ((latest["as_of"].reindex(rows["unit"]).reset_index(drop=True) - rows["as_of"]).dt.days - YEAR_DAYS).abs()
    before = rows.assign(off=off)[off <= YEAR_SLACK_DAYS].sort_values(["unit", "off"], kind="stable")
    previous = before.drop_duplicates("unit").set_index("unit")["broadband_subscribers"]
    index = pd.RangeIndex(len(units))
    found = pd.DataFrame({name: latest[name].astype("float64").reindex(index) for name in NUMBERS})
    for name in FLAGS:
        found[name] = latest[name].astype("boolean").reindex(index)
    found["previous_broadband_subscribers"] = previous.astype("float64").reindex(index)
    return found


def facilities(table: gpd.GeoDataFrame, units: gpd.GeoDataFrame) -> pd.DataFrame:
    """Counts of institutions and the flag of the commune office, one row a unit.

    ``institutions``: upper secondary schools, colleges, hospitals and lower secondary schools in towns;
    ``institutions_known``, ``institutions_ready``: those of which it is known whether they have both LAN and broadband,
    and that have both.
    ``government_network``: a commune office of the unit is on the government data network (NA: no office, no data).
    """
    rows = units_of(table, units)
    n = len(units)
    kind = table["kind"]
    lan, online = table["lan"].astype("boolean"), table["broadband"].astype("boolean")
    urban = table["urban"].astype("boolean").fillna(False)
    both = lan & online  # no and unknown is no; yes and unknown is unknown
    lower = (kind == "lower_secondary_school").astype("boolean")
    institution = kind.isin(LAN_KINDS).astype("boolean") | (lower & urban)
    office = np.asarray(kind == "commune_office", dtype=bool)
    return pd.DataFrame(
        {
            "institutions": _count(rows, institution, n_units=n),
            "institutions_known": _count(rows, institution & both.notna(), n_units=n),
            "institutions_ready": _count(rows, institution & both, n_units=n),
            "government_network": _any_flag(
                rows[office], table["government_network"].astype("boolean")[office], n_units=n, absent=None
            ),
        }
    )


def mobile(
    sites: gpd.GeoDataFrame, sectors: pd.DataFrame | None, units: gpd.GeoDataFrame, *, on: date
) -> tuple[pd.DataFrame, gpd.GeoDataFrame]:
    """Columns ``sites`` and ``bts`` (NaN without sectors), one row a unit, and the sites in service on the day.

    A BTS is one technology of one operator at a site, however many sectors it has there.
    """
    active = in_service(sites, on=on)
    rows = units_of(active, units)
    n = len(units)
    bts = np.full(n, np.nan)
    if sectors is not None:
        each = sectors[["site_id", "operator", "technology"]].drop_duplicates()
        site = rows_of(each["site_id"], active["site_id"])
        bts = counts(np.where(site >= 0, rows[site], -1) if len(rows) else site, n_units=n)
    return pd.DataFrame({"sites": counts(rows, n_units=n), "bts": bts}), active


def _count(rows: NDArray[np.int64], chosen: pd.Series[bool], *, n_units: int) -> Floats:
    return counts(rows[np.asarray(chosen.fillna(False), dtype=bool)], n_units=n_units)


def _any_flag(
    rows: NDArray[np.int64], told: pd.Series[bool], *, n_units: int, absent: bool | None
) -> pd.api.extensions.ExtensionArray:
    """Yes if one says yes, NA if none does and one says nothing, no if all say no; ``absent`` where there is none."""
    yes = _count(rows, told, n_units=n_units) > 0
    silent = _count(rows, told.isna(), n_units=n_units) > 0
    some = counts(rows, n_units=n_units) > 0
    value = pd.array(yes, dtype="boolean")
    value[~yes & silent] = pd.NA
    if absent is None:
        value[~some] = pd.NA
    return value
