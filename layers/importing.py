"""Brings one file into a study: a table or geographic file as a layer, a raster onto the study's grid."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from phusong.layers.check import LAST_CLASS, check_values
from phusong.layers.errors import Fault, InputError
from phusong.layers.grid import Grid, Raster
from phusong.layers.rasters import Warp, raster_bounds, warp_to, write_cog
from phusong.layers.readers.pattern import pattern_files, read_pattern
from phusong.layers.schema import LAYERS, PATTERNS, RASTERS
from phusong.layers.study import Study
from phusong.layers.study_layers import import_layer, read_layers

RESAMPLING: dict[str, Warp] = {"elevation": "bilinear", "population": "sum", "land_cover": "mode"}
NO_CLASS = LAST_CLASS + 1  # mark for no data in the file


def import_file(
    root: Path,
    name: str,
    file: Path,
    *,
    source_layer: str | None = None,
    sheet: str | None = None,
    crs: str | None = None,
    as_of: date | None = None,
    source: str = "",
) -> tuple[int, Sequence[Fault]]:
    """Read ``file`` into the layer or raster ``name`` of a study; how many rows (or cells with data) were kept, faults.

    Antenna patterns (``name`` "patterns") are kept as they are under the file's name; ``file`` may be a folder of them.

    Good rows replace the layer; bad ones are listed in the faults. InputError if the name is unknown or nothing of the
    file can be used.
    """
    study = Study(root)
    if name in RASTERS:
        return _import_raster(study, name, file, as_of=as_of, source=source), ()
    if name == PATTERNS:
        return _import_patterns(study, file)
    if name not in LAYERS:
        near = difflib.get_close_matches(name, (*LAYERS, *RASTERS, PATTERNS), n=1, cutoff=0.0)
        raise InputError("import.unknown_layer", found=name, nearest=near[0])
    defaults: dict[str, Any] = {"valid_on": study.settings.units_valid_on, "source": source or file.name}
    if as_of is not None:
        defaults["as_of"] = as_of
    checked = import_layer(
        file,
        name,
        gpkg=study.layers_path,
        crs=study.settings.crs,
        defaults=defaults,
        layer=source_layer,
        sheet=sheet,
        source_crs=crs,
    )
    fatal = tuple(fault for fault in checked.faults if fault.fatal)
    if fatal or checked.frame.empty:
        raise InputError("import.refused", faults=tuple(checked.faults), file=file.name, layer=name)
    return len(checked.frame), checked.faults


def _import_patterns(study: Study, file: Path) -> tuple[int, Sequence[Fault]]:
    """Put a pattern file, or all files of a folder, into the study; how many, and notes. Nothing if one is broken."""
    files = list(pattern_files(file).values()) if file.is_dir() else [file]
    faults: list[Fault] = []
    broken = not files
    for each in files:
        try:
            faults += read_pattern(each).notes
        except InputError as error:
            faults += error.faults or [Fault(error.code, file=each.name, params=error.params)]
            broken = True
    if broken:
        raise InputError("import.refused", faults=tuple(faults), file=file.name, layer=PATTERNS)
    study.patterns_dir.mkdir(exist_ok=True)
    for each in files:
        (study.patterns_dir / each.name).write_bytes(each.read_bytes())
    return len(files), faults


def _import_raster(study: Study, name: str, file: Path, *, as_of: date | None, source: str) -> int:
    """Warp the raster onto the study's grid: the file's extent, cut to the communes' with a margin if there are any."""
    settings = study.settings
    bounds = raster_bounds(file, crs=settings.crs)
    if study.layers_path.is_file():
        layers = read_layers(
            study.layers_path, study.rasters_dir, crs=settings.crs, units_valid_on=settings.units_valid_on
        ).layers
        if "units" in layers and len(layers["units"]):
            margin_m = settings.radio.max_range_km * 1000
            left, bottom, right, top = layers["units"].total_bounds
            wanted = (left - margin_m, bottom - margin_m, right + margin_m, top + margin_m)
            bounds = (*map(max, bounds[:2], wanted[:2]), *map(min, bounds[2:], wanted[2:]))
    if bounds[0] >= bounds[2] or bounds[1] >= bounds[3]:
        raise InputError("import.raster_elsewhere", file=file.name)
    if not all(map(math.isfinite, bounds)):
        raise InputError("import.raster_unbounded", file=file.name)
    grid = Grid.covering(bounds, crs=settings.crs, cell_m=settings.cell_m)
    raster = warp_to(file, grid, resampling=RESAMPLING[name])
    faults = check_values(raster, layer=name, file=file.name)
    if faults:
        raise InputError("import.refused", faults=tuple(faults), file=file.name, layer=name)
    tags = {"source": source or file.name, **({"as_of": as_of.isoformat()} if as_of else {})}
    study.rasters_dir.mkdir(exist_ok=True)
    path, known = study.rasters_dir / f"{name}.tif", np.isfinite(raster.values)
    if name == "land_cover":
        codes = np.where(known, raster.values, NO_CLASS).astype(np.uint16)
        tags = {"classes": "esa_worldcover"} | raster.tags | tags
        write_cog({name: codes}, path, grid=grid, nodata=NO_CLASS, tags=tags)
    else:
        write_cog(Raster(grid, raster.values, raster.tags | tags), path)
    return int(known.sum())
