"""What the study's inputs are: rows, dates, sources and columns of each layer, read once a version of the file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from threading import Lock
from typing import Any

import pandas as pd
import pyogrio
import rasterio

from phusong.layers.places.projection import in_degrees
from phusong.layers.schema import LAYERS, RASTERS
from phusong.layers.study import Study


@dataclass(frozen=True)
class LayerFacts:
    """One layer or raster as it lies in the study; ``columns`` are those the file has, ``rows`` is None for rasters."""

    name: str
    rows: int | None
    as_of: tuple[date, ...]
    sources: tuple[str, ...]
    synthetic: bool
    columns: tuple[str, ...] = ()


class LayerBook:
    """The facts of all inputs of a study, read again when a file changed; thread-safe."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._lock = Lock()
        self._kept: dict[Path, tuple[tuple[int, int], list[LayerFacts]]] = {}

    def facts(self) -> list[LayerFacts]:
        """Vector layers and tables in the order of the schema, then rasters; other names are left out."""
        found = self._fresh(self._study.layers_path, _vector_facts)
        for name in RASTERS:
            found = found + self._fresh(self._study.rasters_dir / f"{name}.tif", _raster_facts)
        return found

    def positions(self, layer: str, key: str, columns: tuple[str, ...]) -> dict[str, dict[str, Any]]:
        """Some columns and ``lon``, ``lat`` (degrees, WGS 84) of a point layer by key; empty without such a layer."""
        there = next((facts for facts in self.facts() if facts.name == layer), None)
        if there is None:
            return {}
        wanted = [name for name in (key, *columns) if name in there.columns]
        frame = pyogrio.read_dataframe(self._study.layers_path, layer=layer, columns=wanted)
        frame = frame.set_geometry(in_degrees(frame.geometry))
        rows = frame[wanted].astype(object).where(frame[wanted].notna(), None).to_dict("records")
        return {
            str(row[key]): {**row, "lon": round(float(x), 6), "lat": round(float(y), 6)}
            for row, x, y in zip(rows, frame.geometry.x, frame.geometry.y, strict=True)
        }

    def _fresh(self, path: Path, read: Any) -> list[LayerFacts]:
        try:
            stat = path.stat()
        except FileNotFoundError:
            return []
        stamp = (stat.st_mtime_ns, stat.st_size)
        with self._lock:
            if self._kept.get(path, (None,))[0] != stamp:
                self._kept[path] = (stamp, read(path))
            return self._kept[path][1]


def _vector_facts(path: Path) -> list[LayerFacts]:
    there = {str(name) for name, _ in pyogrio.list_layers(path)}
    found = []
    for name in LAYERS:
        if name in there:
            fields = [str(field) for field in pyogrio.read_info(path, layer=name)["fields"]]
            common = [field for field in ("as_of", "source", "synthetic") if field in fields]
            table = pyogrio.read_dataframe(path, layer=name, columns=common, read_geometry=False)
            found.append(
                LayerFacts(
                    name,
                    int(pyogrio.read_info(path, layer=name, force_feature_count=True)["features"]),
                    tuple(_dates(table.get("as_of"))),
                    tuple(_texts(table.get("source"))),
                    "synthetic" in table and bool(table["synthetic"].eq(True).any()),
                    tuple(fields),
                )
            )
    return found


def _raster_facts(path: Path) -> list[LayerFacts]:
    with rasterio.open(path) as source:
        tags = source.tags()
    return [
        LayerFacts(
            path.stem,
            None,
            tuple(_dates(pd.Series([tags["as_of"]]) if tags.get("as_of") else None)),
            (tags["source"],) if tags.get("source") else (),
            str(tags.get("synthetic", "")).lower() in ("true", "yes", "1"),
        )
    ]


def _dates(values: pd.Series | None) -> list[date]:
    if values is None:
        return []
    return sorted(stamp.date() for stamp in pd.to_datetime(values.dropna(), errors="coerce").dropna().unique())


def _texts(values: pd.Series | None) -> list[str]:
    return [] if values is None else sorted(str(text) for text in values.dropna().unique())
