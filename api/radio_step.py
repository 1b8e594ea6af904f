"""The radio step: the network's maps, as rasters and tables, and read back from them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.api.pipeline import Job, Made, versions, write_json
from phusong.api.radio import clutter_of, model_tags, propagation_of, tags_of, terms_of, usable_of
from phusong.coverage.indicators import operator_slugs
from phusong.coverage.population import People
from phusong.coverage.radio import RadioResult, ServerMap, compute
from phusong.coverage.radio.itm_rays import warning_table
from phusong.coverage.radio.margin import best_of_operators, margin_db
from phusong.coverage.radio.network import BandKey
from phusong.coverage.radio.required import link_table, terms_text
from phusong.coverage.radio.site_general import MODELS
from phusong.coverage.radio.validity import validity_summary
from phusong.coverage.zonal import Zones
from phusong.layers.grid import Raster
from phusong.layers.rasters import read_bands, write_cog
from phusong.layers.store import LossStore
from phusong.layers.writers.vectors import export, write_geoparquet
from phusong.maps.classes import LEVEL_COLOURS
from phusong.maps.images import MARGIN_BOUNDS_DB, margin_classes

NO_COUNT, NO_SHARE = 65_535, 255
Write = Callable[[], Path]
"""Writes a raster when it is called: several at a time."""
KINDS: dict[str, tuple[str, float | None]] = {
    "coverage": ("dBm", None),
    "servers": ("row", -1),
    "second": ("dBm", None),
    "second_servers": ("row", -1),
    "serving": ("masts", NO_COUNT),
}
"""Unit and no data of the rasters of a technology, or of one of its bands, that hold the fields of a ``ServerMap``."""


def radio_step(job: Job) -> Made:
    """Levels, servers, second best, number of serving masts, class and probability of each technology."""
    sites, sectors, settings = job.layer("sites"), job.layer("sectors"), job.settings.radio
    note = job.path("radio.json")
    if sites is None or sectors is None or not len(sites) or not len(sectors) or not job.settings.services.mobile:
        note.write_text("null\n", encoding="utf-8")
        return Made(None, [note], {"sectors": 0})
    people: People = job.value("people")
    grid, terms = job.inputs.elevation.grid, terms_of(job.settings)
    clutter = clutter_of(job.inputs)
    store = LossStore(job.draft.directory.parent / "path_loss", version=versions()["code"])
    radio = compute(
        sites,
        sectors,
        elevation=job.inputs.elevation,
        where=_wanted(people.zones),
        grid=grid,
        on=job.settings.units_valid_on,
        usable_dbm=usable_of(job.settings),
        terms=terms,
        patterns=job.inputs.patterns,
        clutter=None if clutter is None else Raster(grid, clutter.height_m),
        max_range_m=settings.max_range_km * 1000,
        propagation=propagation_of(job.inputs),
        kept=settings.servers_kept,
        store=store if settings.keep_path_loss else None,
        progress=lambda done, whole: job.progress(done / whole),
    )
    store.drop_unused()
    kept = {
        "usable_dbm": dict(radio.usable_dbm),
        "required_dbm": dict(radio.required_dbm),
        "counts": dict(radio.counts),
        "warnings": dict(radio.warnings),
        "bands_mhz": [[t, o, band] for t, o, band in radio.maps if band is not None],
    }
    write_json(note, kept)
    lang = job.settings.language
    budget = link_table(radio.sectors, usable_dbm=radio.usable_dbm, terms=terms, lang=lang)
    files = [
        note,
        write_geoparquet(radio.sectors, job.path("sectors.parquet")),
        write_geoparquet(radio.defaults_used, job.path("defaults_used.parquet")),
        _table(job, radio.defaults_used, "defaults_used"),
        _table(job, budget, "link_budget"),
    ]
    model = settings.model.replace("-", "_")
    if model in MODELS:
        limits = validity_summary(
            model,
            radio.sectors,
            max_range_m=settings.max_range_km * 1000,
            terminal_height_m=settings.terminal_height_m,
            environment=settings.environment,
            lang=lang,
        )
        files.append(_table(job, limits, "model_limits"))
    if settings.model == "itm":
        warned = warning_table(radio.warnings, paths=radio.counts["paths"], lang=lang)
        files.append(_table(job, warned, "model_limits"))
    common = tags_of(job.settings) | model_tags(job.settings) | {"asked": terms_text(terms, lang=lang)}
    drawn: list[Write] = []
    for technology in radio.technologies:
        tags = common | {"technology": technology, "usable_dbm": f"{radio.usable_dbm[technology]:g}"}
        tags |= {"required_dbm": f"{radio.required_dbm[technology]:g}"}
        drawn += _technology(job, radio, technology, tags=tags)
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        files += threads.map(lambda write: write(), drawn)
    if clutter is not None:
        files.append(_table(job, clutter.table(lang), "clutter"))
    counts = dict(radio.counts) | {f"warned_{name.lower()}": count for name, count in radio.warnings.items()}
    counts |= {"defaults_used": int(radio.defaults_used["count"].sum())}
    return Made(radio, files, counts | (clutter.counts if clutter is not None else {}))


def load_radio(job: Job) -> RadioResult | None:
    """The result of ``radio_step`` from its files."""
    note = json.loads(job.path("radio.json").read_text(encoding="utf-8"))
    if note is None:
        return None
    sectors = pd.read_parquet(job.path("sectors.parquet"))
    keys: list[BandKey] = [
        (t, o, None) for t, o in sorted(set(zip(sectors["technology"], sectors["operator"], strict=True)))
    ]
    keys += [(t, o, float(band)) for t, o, band in note["bands_mhz"]]
    read: dict[Path, dict[str, Raster]] = {}

    def band(quantity: str, key: tuple[str, str, float | None]) -> NDArray[Any]:
        path = _path(job, quantity, key[0], key[2])
        if path not in read:
            read[path] = read_bands(path)
        values = read[path][key[1]].values
        return values if KINDS[quantity][1] is None else np.where(np.isnan(values), -1, values).astype(np.int32)

    grid = job.inputs.elevation.grid
    maps = {key: ServerMap(*(band(quantity, key) for quantity in KINDS)) for key in keys}
    defaults_used = pd.read_parquet(job.path("defaults_used.parquet"))
    return RadioResult(
        grid, maps, sectors, defaults_used, note["usable_dbm"], note["required_dbm"], note["counts"], note["warnings"]
    )


def _technology(job: Job, radio: RadioResult, technology: str, *, tags: dict[str, str]) -> Iterator[Write]:
    """The rasters of a technology: of any operator and of each, and of each band where an operator has several."""
    names = [operator for tech, operator in radio.levels if tech == technology]
    level, server = best_of_operators(radio, technology)
    every: dict[str, dict[str, NDArray[Any]]] = {
        "coverage": {"any": level},
        "servers": {"any": server},
        "serving": {"any": _counts(radio.serving(technology))},
    }
    yield from _rasters(
        job, {o: radio.maps[technology, o, None] for o in names}, technology, None, tags=tags, every=every
    )
    yield from _judged(job, radio, technology, None, operators=[None, *names], tags=tags)
    bands = {mhz for t, _, mhz in radio.maps if t == technology and mhz is not None}
    for mhz in sorted(bands):
        own = {o: radio.maps[technology, o, mhz] for o in names if (technology, o, mhz) in radio.maps}
        of_band = tags | {"band_mhz": f"{mhz:g}"}
        yield from _rasters(job, own, technology, mhz, tags=of_band, every={})
        yield from _judged(job, radio, technology, mhz, operators=list(own), tags=of_band)


def _judged(
    job: Job,
    radio: RadioResult,
    technology: str,
    band_mhz: float | None,
    *,
    operators: Sequence[str | None],
    tags: dict[str, str],
) -> Iterator[Write]:
    """Probability and class by operator (None: any)."""
    terms = terms_of(job.settings)
    slugs = operator_slugs(name for name in operators if name is not None)
    likely = {
        name or "any": radio.probability_pct(technology, name, band_mhz=band_mhz, terms=terms) for name in operators
    }
    rounded = {
        name: np.where(np.isnan(values), NO_SHARE, np.round(values)).astype(np.uint8) for name, values in likely.items()
    }
    chance = tags | {"unit": "%", "sigma_db": f"{terms.spread_db:.1f}"}
    path = _path(job, "probability", technology, band_mhz)
    yield partial(write_cog, rounded, path, grid=radio.grid, nodata=NO_SHARE, tags=chance)
    path = _path(job, "class", technology, band_mhz)
    for name in operators:  # a colour table allows of one band
        margin = margin_db(radio, technology, name, band_mhz=band_mhz)
        yield partial(
            write_cog,
            {name or "any": margin_classes(margin)},
            path if name is None else path.with_stem(f"{path.stem}_{slugs[name]}"),
            grid=radio.grid,
            nodata=0,
            colormap=dict(enumerate(LEVEL_COLOURS)),
            tags=tags | {"unit": "class", "bounds_db": " ".join(f"{db:g}" for db in MARGIN_BOUNDS_DB)},
        )


def _rasters(
    job: Job,
    maps: Mapping[str, ServerMap],
    technology: str,
    band_mhz: float | None,
    *,
    tags: dict[str, str],
    every: Mapping[str, Mapping[str, NDArray[Any]]],
) -> Iterator[Write]:
    """A raster a quantity, with a band an operator after those of ``every``."""
    grid = job.inputs.elevation.grid
    of: dict[str, Callable[[ServerMap], NDArray[Any]]] = {
        "coverage": lambda servers: servers.level_dbm,
        "servers": lambda servers: servers.server,
        "second": lambda servers: servers.second_dbm,
        "second_servers": lambda servers: servers.second_server,
        "serving": lambda servers: _counts(servers.above),
    }
    for quantity, take in of.items():
        bands = {**every.get(quantity, {}), **{name: take(servers) for name, servers in maps.items()}}
        unit, nodata = KINDS[quantity]
        path = _path(job, quantity, technology, band_mhz)
        yield partial(write_cog, bands, path, grid=grid, tags=tags | {"unit": unit}, nodata=nodata)


def _table(job: Job, frame: pd.DataFrame, stem: str) -> Path:
    """A table for people, as CSV; no figure in it means more than three decimals."""
    return export(job.marked(frame.round(3)), job.draft.directory, stem, formats=["csv"])["csv"]


def _path(job: Job, quantity: str, technology: str, band_mhz: float | None) -> Path:
    """``coverage_2g.tif``; of one band ``band_coverage_2g_900mhz.tif``."""
    stem = technology.lower()
    name = f"{quantity}_{stem}" if band_mhz is None else f"band_{quantity}_{stem}_{band_mhz:g}mhz"
    return job.path(f"{name}.tif")


def _counts(masts: NDArray[np.int32]) -> NDArray[np.uint16]:
    """Counts, ``NO_COUNT`` for no data."""
    return np.where(masts < 0, NO_COUNT, masts).astype(np.uint16)


def _wanted(pairs: Zones) -> NDArray[np.bool_]:
    """Cells that any commune touches."""
    wanted = np.zeros(int(np.prod(pairs.grid.shape)), dtype=np.bool_)
    wanted[pairs.cell] = True
    return wanted.reshape(pairs.grid.shape)
