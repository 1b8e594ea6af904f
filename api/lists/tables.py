"""The results of one run as the lists read them: frames by name, and what stands at the head of every list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyarrow.parquet as pq

from phusong.layers.store import Results
from phusong.layers.study import Settings, Study

_GEO = b"geo"


@dataclass(frozen=True)
class Tables:
    """Frames of one run by the stem of their file, and the settings they were made with.

    ``read`` gives a frame (with geometry where the file has one) or None where the run made no such file;
    ``changed`` holds frames that were judged anew and stand before those of the files.
    """

    settings: Settings
    read: Callable[[str], pd.DataFrame | None]
    record: Mapping[str, Any]
    changed: Mapping[str, pd.DataFrame | None] = field(default_factory=dict)

    @classmethod
    def of(cls, study: Study) -> Tables:
        """The last completed results of a study; MissingError if there are none."""
        results = Results(study.root)
        return cls(study.settings, lambda stem: read_frame(results.directory / f"{stem}.parquet"), results.record())

    def frame(self, stem: str) -> pd.DataFrame | None:
        """A frame, or None."""
        return self.changed[stem] if stem in self.changed else self.read(stem)

    @property
    def as_of(self) -> date:
        """The date of the units the run was made for."""
        made_with = self.record.get("settings", {}).get("units_valid_on")
        return date.fromisoformat(made_with) if made_with else self.settings.units_valid_on

    @property
    def synthetic(self) -> bool:
        """Whether the run calls its data synthetic."""
        return bool(self.record.get("synthetic", self.settings.synthetic))


def read_frame(path: Path) -> pd.DataFrame | None:
    """A Parquet file, with geometry where it has one; None where there is no such file."""
    if not path.is_file():
        return None
    spatial = _GEO in (pq.read_schema(path).metadata or {})
    found: pd.DataFrame = gpd.read_parquet(path) if spatial else pd.read_parquet(path)
    return found


def placed(frame: pd.DataFrame, home: pd.DataFrame | None) -> pd.DataFrame:
    """The frame with the geometry that ``home`` has for its codes, None where it has none; unchanged without one."""
    if not isinstance(home, gpd.GeoDataFrame):
        return frame
    shapes = home.set_index("code").geometry.reindex(frame["code"])
    located: pd.DataFrame = gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(shapes.to_numpy(), crs=home.crs))
    return located
