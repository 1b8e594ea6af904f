"""The one table of radio defaults (``data/defaults.toml``) and its use, counted."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd

from phusong.layers.errors import InputError
from phusong.layers.patterns import Patterns
from phusong.layers.schema import SECTORS, TECHNOLOGIES

DEFAULTED = tuple(column.name for column in SECTORS.columns if column.defaulted)
DEFAULTS_COLUMNS = ("technology", "column", "value", "unit", "count", "source")
OF_TABLE = "table"
OF_PATTERN = ("beamwidth_h_deg", "beamwidth_v_deg")  # a measured pattern says more


@cache
def radio_defaults() -> Mapping[str, Any]:
    """The table: ``technology``, ``antenna``, ``omnidirectional``, ``site``, ``band`` (an entry each)."""
    return tomllib.loads(files(__package__).joinpath("data/defaults.toml").read_text(encoding="utf-8"))


def usable_levels(overrides: Mapping[str, float] | None = None) -> dict[str, float]:
    """Usable level outdoors in dBm of each technology, in its own quantity; ``overrides`` replace the table's."""
    levels = {name: float(radio_defaults()["technology"][name]["usable_dbm"]) for name in TECHNOLOGIES}
    for name, level in (overrides or {}).items():
        if name not in levels:
            raise InputError("radio.error.technology", technology=name, known=", ".join(TECHNOLOGIES))
        levels[name] = float(level)
    return levels


def sector_defaults(technology: str, band_mhz: float, *, omnidirectional: bool) -> dict[str, float]:
    """What a sector of this technology and band takes where its own value is missing, by column of the layer.

    The values are those of the technology's listed band that lies nearest. ``omnidirectional``: without azimuth.
    """
    bands = [entry for entry in radio_defaults()["band"] if entry["technology"] == technology]
    nearest = min(bands, key=lambda entry: abs(float(entry["band_mhz"]) - band_mhz))
    values = {name: value for name, value in nearest.items() if name in DEFAULTED and name != "band_mhz"}
    values |= radio_defaults()["antenna"]
    if omnidirectional:
        values |= radio_defaults()["omnidirectional"]
        del values["beamwidth_h_deg"]
    return {name: float(value) for name, value in values.items()}


def complete_sectors(sectors: pd.DataFrame, *, patterns: Patterns | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sectors with every missing value that matters filled, and what was used how often.

    ``sectors``: a validated ``sectors`` layer (columns that may be defaulted can be absent). Returns a copy with the
    same rows, and a frame technology, column, value, unit, count, source. Left empty where the value changes nothing:
    bandwidth in 2G and 3G, pilot share outside 3G, horizontal beamwidth of an omnidirectional sector, both beamwidths
    of a sector with a measured pattern. Such a sector takes its gain and electrical tilt from the file where it has
    none itself (``source`` is the file, else "table").
    """
    frame = sectors.copy()
    for column in (*DEFAULTED, "azimuth_deg"):
        frame[column] = frame[column].astype("float64") if column in frame else np.nan
    uses: dict[tuple[str, str, float, str], int] = {}

    def fill(rows: pd.Series[bool], technology: str, column: str, value: float, source: str = OF_TABLE) -> None:
        empty = rows & frame[column].isna()
        count = int(empty.sum())
        if count:
            frame.loc[empty, column] = value
            uses[technology, column, value, source] = uses.get((technology, column, value, source), 0) + count

    measured = pd.Series(False, index=frame.index)
    if patterns is not None and "pattern" in frame:
        rows = patterns.rows(frame["pattern"])
        measured = pd.Series(rows >= 0, index=frame.index)
        for row, technology in sorted(set(zip(rows[rows >= 0].tolist(), frame["technology"][measured], strict=True))):
            of_it = pd.Series(rows == row, index=frame.index) & (frame["technology"] == technology)
            fill(of_it, technology, "electrical_tilt_deg", float(patterns.tilt_deg[row]), patterns.names[row])
            if np.isfinite(patterns.gain_dbi[row]):
                fill(of_it, technology, "antenna_gain_dbi", float(patterns.gain_dbi[row]), patterns.names[row])
    for technology in sorted(set(frame["technology"])):
        fill(
            frame["technology"] == technology,
            technology,
            "band_mhz",
            float(radio_defaults()["technology"][technology]["band_mhz"]),
        )
    omnidirectional = frame["azimuth_deg"].isna()
    kinds = pd.DataFrame(
        {"technology": frame["technology"], "band_mhz": frame["band_mhz"], "omnidirectional": omnidirectional}
    )
    for technology, band_mhz, omni in kinds.drop_duplicates().itertuples(index=False):
        same = (kinds["technology"] == technology) & (kinds["band_mhz"] == band_mhz) & (omnidirectional == omni)
        for column, value in sector_defaults(technology, band_mhz, omnidirectional=bool(omni)).items():
            fill(same & ~measured if column in OF_PATTERN else same, technology, column, value)

    records = [
        (technology, column, value, SECTORS.column(column).unit, count, source)
        for (technology, column, value, source), count in sorted(
            uses.items(), key=lambda use: (use[0][0], DEFAULTED.index(use[0][1]), use[0][2:])
        )
    ]
    return frame, pd.DataFrame(records, columns=list(DEFAULTS_COLUMNS))
