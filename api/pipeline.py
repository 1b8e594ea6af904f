"""The one place that calls all rooms: command line, HTTP and workers run a study through here.

A run reads the study once, then walks the steps of ``phusong.api.steps`` in order. A step's key is the content hash of
everything it depends on: its input layers, its settings, the files of the steps before it, and the code itself. A step
whose key is known is taken over; the others are computed. The results are swapped in when all steps are done.
"""

from __future__ import annotations

import importlib
import io
import json
import platform
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from phusong.api.access import check_access
from phusong.api.classes import check_classes
from phusong.api.index import check_index
from phusong.api.outlook import check_progress
from phusong.api.rules import check_rules, own_packs_of, packs_hash, rules_of
from phusong.coverage.radio.atmosphere import Atmosphere, atmosphere
from phusong.coverage.radio.clutter import check_clutter
from phusong.coverage.rules.choose import RuleSet
from phusong.coverage.rules.notes import figured, notes_of_layers
from phusong.coverage.rules.pack import Pack
from phusong.layers.errors import Fault, InputError
from phusong.layers.grid import Grid, Raster
from phusong.layers.patterns import Patterns
from phusong.layers.places.projection import operation_text
from phusong.layers.rasters import Warp, warp_to
from phusong.layers.schema import PACKS, PATTERNS, RASTERS
from phusong.layers.store import Draft, Results, content_hash, key_of
from phusong.layers.study import Settings, Study
from phusong.layers.study_layers import StudyLayers, read_layers

Progress = Callable[[str, float], None]
"""Called with the step's name and the share of it that is done, 0-1."""

Frame = pd.DataFrame
ROOMS = ("api", "coverage", "layers", "maps")
VERSIONED = (
    "phusong",
    *("numpy", "numba", "scipy", "pandas", "geopandas", "shapely", "pyproj", "rasterio"),
)


@dataclass(frozen=True)
class Inputs:
    """A study as read: validated layers, rasters, rules, every fault found, and the content hash of each input.

    ``rules``: those in force. ``own_packs``: the study's own packs that its settings name.
    """

    settings: Settings
    layers: dict[str, Frame]
    elevation: Raster
    population: Raster | None
    land_cover: Raster | None
    patterns: Patterns
    rules: RuleSet
    own_packs: Mapping[str, Pack]
    faults: tuple[Fault, ...]
    hashes: dict[str, str]

    def synthetic(self, names: Iterable[str]) -> bool:
        """Whether the study calls itself synthetic, or any of these layers and rasters holds something generated."""
        rasters = {"elevation": self.elevation, "population": self.population, "land_cover": self.land_cover}
        tags = [raster.tags.get("synthetic", "") for name in names if (raster := rasters.get(name)) is not None]
        rows = [bool(self.layers[name]["synthetic"].eq(True).any()) for name in names if name in self.layers]
        return self.settings.synthetic or any(rows) or any(tag.lower() in ("true", "yes", "1") for tag in tags)


@dataclass
class Job:
    """What a step sees: the inputs, the folder its files go to, and the values of the steps before it."""

    inputs: Inputs
    draft: Draft
    progress: Callable[[float], None] = lambda share: None
    _values: dict[str, Any] = field(default_factory=dict)
    _loaders: dict[str, Callable[[Job], Any]] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        """The study's settings."""
        return self.inputs.settings

    def layer(self, name: str) -> Frame | None:
        """A validated layer, None where the study has none."""
        return self.inputs.layers.get(name)

    @property
    def rules(self) -> RuleSet:
        """The rules the study is judged by."""
        return self.inputs.rules

    @property
    def units(self) -> gpd.GeoDataFrame:
        """The communes, as of the study's date."""
        return self.inputs.layers["units"]

    def marked(self, frame: Frame) -> Frame:
        """The frame with the date of the study and, for synthetic layers, the word."""
        marked = frame.copy()
        if "as_of" not in marked:
            marked["as_of"] = self.settings.units_valid_on.isoformat()
        marked["data"] = "synthetic" if self.settings.synthetic else ""
        return marked

    def path(self, name: str) -> Path:
        """Where a file of the results goes or lies."""
        return self.draft.directory / name

    def value(self, step: str) -> Any:
        """The value of an earlier step: just computed, or loaded from its files."""
        if step not in self._values:
            self._values[step] = self._loaders[step](self)
        return self._values[step]


@dataclass(frozen=True)
class Made:
    """What a step made: its value for the steps after it, its files, and counts for the run record."""

    value: Any
    files: list[Path]
    counts: Mapping[str, int | float] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """One step: what its key depends on, how it is computed and how its value is loaded again from its files.

    ``inputs``: names of layers and rasters (absent ones count as absent). ``settings``: top-level names of study.toml.
    ``after``: earlier steps whose files it reads.
    """

    name: str
    compute: Callable[[Job], Made]
    load: Callable[[Job], Any]
    inputs: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


def air_of(settings: Settings, grid: Grid) -> Atmosphere:
    """The air over a study; InputError if its model needs a value that neither the study nor a region states."""
    radio = settings.radio
    return atmosphere(
        grid, model=radio.model, delta_n=radio.delta_n, n0=radio.n0, earth_factor=radio.effective_earth_factor
    )


def check_study(study: Study) -> StudyLayers:
    """A study's layers and rasters with everything wrong with them, with its rules and with what the settings ask of
    them; InputError if the GeoPackage cannot be read.
    """
    settings = study.settings
    rules, own, faults = check_rules(study)
    read = read_layers(
        study.layers_path,
        study.rasters_dir,
        crs=settings.crs,
        units_valid_on=settings.units_valid_on,
        patterns=study.patterns_dir,
    )
    present = {name for name, layer in read.layers.items() if len(layer)}
    present |= {name for name in RASTERS if getattr(read, name) is not None}
    faults += [*check_access(study), *check_classes(study, own)]
    faults += check_index(study)
    faults += check_progress(study, read.layers)
    if rules is not None:
        figures = figured(read.layers.get("published_figures"), settings.units_valid_on)
        faults += notes_of_layers(rules, present=present, units=read.layers.get("units"), figures=figures)

    def refuse(code: str, column: str, *, fatal: bool = True, **params: Any) -> None:
        faults.append(Fault(code, file="study.toml", column=column, fatal=fatal, params=params))

    if settings.people.method == "raster" and read.population is None:
        refuse("error.population_raster_missing", "people.method")
    radio, elevation = settings.radio, read.elevation
    faults += check_clutter(
        read.land_cover,
        elevation=elevation,
        overrides=radio.clutter_height_m,
        surface_model=radio.elevation_model == "surface",
    )
    asked, sectors = settings.plan.operator, read.layers.get("sectors")
    if asked is not None and sectors is not None and asked not in set(sectors["operator"]):
        known = ", ".join(sorted(set(sectors["operator"])))
        refuse("note.operator_unknown", "plan.operator", fatal=False, found=asked, known=known)
    if elevation is not None:
        try:
            Grid.covering(elevation.grid.bounds, crs=settings.crs, cell_m=settings.cell_m)
        except InputError as error:
            refuse(error.code, "cell_m", **error.params)
        try:
            air_of(settings, elevation.grid)
        except InputError as error:
            refuse(error.code, "radio.delta_n", **error.params)
    return read._replace(faults=(*faults, *read.faults))


def read_study(study: Study) -> Inputs:
    """Read and validate everything the study holds; InputError with all faults if it cannot be run."""
    settings = study.settings
    layers, elevation, population, land_cover, faults, patterns = check_study(study)
    if elevation is None or any(fault.fatal for fault in faults):
        fatal = tuple(fault for fault in faults if fault.fatal)
        raise InputError("error.study_faults", faults=fatal, directory=str(study.root))
    if elevation.grid.cell_m != settings.cell_m:
        grid = Grid.covering(elevation.grid.bounds, crs=settings.crs, cell_m=settings.cell_m)
        resampling: Warp = "average" if settings.cell_m > elevation.grid.cell_m else "bilinear"
        elevation = warp_to(study.rasters_dir / "elevation.tif", grid, resampling=resampling)
    if population is not None and population.grid != elevation.grid:
        population = warp_to(study.rasters_dir / "population.tif", elevation.grid, resampling="sum")
    if land_cover is not None and land_cover.grid != elevation.grid:
        land_cover = warp_to(study.rasters_dir / "land_cover.tif", elevation.grid, resampling="mode")
    hashes = {name: _frame_hash(frame) for name, frame in layers.items()}
    rasters = {"elevation": elevation, "population": population, "land_cover": land_cover}
    hashes |= {name: _raster_hash(raster) for name, raster in rasters.items() if raster is not None}
    if patterns.names:
        hashes[PATTERNS] = _patterns_hash(patterns)
    if own := packs_hash(study):
        hashes[PACKS] = own
    return Inputs(
        settings,
        layers,
        elevation,
        population,
        land_cover,
        patterns,
        rules=rules_of(study),
        own_packs=own_packs_of(study),
        faults=tuple(faults),
        hashes=hashes,
    )


def run(study: Study, *, steps: tuple[Step, ...], progress: Progress = lambda step, share: None) -> dict[str, Any]:
    """Bring the results of a study up to date and return its run record (``results/run.json``).

    InputError if the study cannot be run or another run is at work. A run killed at any point leaves the last results.
    """
    clock: dict[str, Any] = {"started": datetime.now(UTC).isoformat(timespec="seconds"), "seconds": {}, "computed": []}
    began = time.perf_counter()
    progress("read", 0.0)
    inputs = read_study(study)
    clock["seconds"]["read"] = round(time.perf_counter() - began, 3)
    progress("read", 1.0)
    results = Results(study.root)
    with results.draft() as draft:
        job = Job(inputs, draft)
        for step in steps:
            begin = time.perf_counter()
            job._loaders[step.name] = step.load
            job.progress = lambda share, name=step.name: progress(name, share)  # type: ignore[misc]
            job.progress(0.0)
            key = _step_key(step, inputs, draft)
            if not draft.take_over(step.name, key):
                made = step.compute(job)
                job._values[step.name] = made.value
                draft.finish(step.name, key, made.files, dict(made.counts))
                clock["computed"].append(step.name)
            job.progress(1.0)
            clock["seconds"][step.name] = round(time.perf_counter() - begin, 3)
        clock["seconds"]["all"] = round(time.perf_counter() - began, 3)
        record = {
            "study": inputs.settings.name,
            "synthetic": inputs.settings.synthetic,
            "inputs": inputs.hashes,
            "settings": inputs.settings.model_dump(mode="json"),
            "rows": {name: len(frame) for name, frame in inputs.layers.items()},
            "faults": len(inputs.faults),
            "steps": draft.steps,
            "versions": versions(),
            "vn2000_to_wgs84": operation_text(),
            "timing": clock,
        }
        results.swap(draft, record)
    return record


def write_json(path: Path, value: Any) -> Path:
    """Facts of a step as JSON: the same value gives the same bytes."""
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return path


@cache
def versions() -> dict[str, str]:
    """Versions of what the figures depend on, and the content hash of the project's own code."""
    return {"python": platform.python_version(), "code": _code_hash()} | {name: version(name) for name in VERSIONED}


def _step_key(step: Step, inputs: Inputs, draft: Draft) -> str:
    settings = inputs.settings.model_dump(mode="json")
    return key_of(
        {
            "step": step.name,
            "code": _code_hash(),
            "inputs": {name: inputs.hashes.get(name) for name in step.inputs},
            "settings": {name: settings[name] for name in step.settings},
            "after": {name: draft.steps[name]["files"] for name in step.after},
        }
    )


@cache
def _code_hash() -> str:
    """Hash of every source and data file of the four rooms."""
    parts = []
    for room in ROOMS:
        module = importlib.import_module(f"phusong.{room}")
        root = Path(str(module.__file__)).parent
        for path in sorted(root.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                parts.append(f"{room}/{path.relative_to(root).as_posix()} {content_hash(path)}")
    return content_hash("\n".join(parts).encode())


def _frame_hash(frame: Frame) -> str:
    buffer = io.BytesIO()
    plain = pd.DataFrame(frame.drop(columns="geometry")) if "geometry" in frame else frame
    plain.to_parquet(buffer, index=False)
    shapes = b"".join(w or b"\0" for w in frame.geometry.to_wkb()) if "geometry" in frame else b""
    return content_hash(buffer.getvalue() + shapes)


def _patterns_hash(patterns: Patterns) -> str:
    arrays = (patterns.horizontal_db, patterns.vertical_db, patterns.gain_dbi, patterns.tilt_deg)
    return content_hash(repr(patterns.names).encode() + b"".join(array.tobytes() for array in arrays))


def _raster_hash(raster: Raster) -> str:
    head = repr((raster.grid, sorted(raster.tags.items()))).encode()
    return content_hash(head + raster.values.tobytes())
