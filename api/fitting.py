"""The fit of a site-general model over terrain to the levels that a study's signal reports hold."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from phusong.api.pipeline import Inputs, read_study, versions
from phusong.api.radio import WITH_ENVIRONMENT, clutter_raster, propagation_of
from phusong.coverage.radio.fit import LEAST_DIFFRACTION_DB, LEAST_POINTS, Residuals, TerrainFit, fit_over_terrain
from phusong.coverage.radio.pairing import pair_levels
from phusong.coverage.radio.site_general import Outside
from phusong.coverage.radio.terrain import Terrain
from phusong.layers.errors import Fault, InputError
from phusong.layers.messages import Lang, say
from phusong.layers.messages.format import number
from phusong.layers.store import Results
from phusong.layers.study import Study
from phusong.layers.writers.aside import written_aside
from phusong.layers.writers.vectors import export
from phusong.maps.fit import FitView, fit_png

FITTED_MODELS = ("free-space", *WITH_ENVIRONMENT, "rma", "uma")
USED_INPUTS = ("signal_reports", "sites", "sectors", "elevation", "land_cover", "patterns")
K_LIMITS = (0.0, 2.0)
MOST_FOLDS = 5


@dataclass(frozen=True)
class StudyFit:
    """A fit, and what it rests on. ``points``: a row a report with a level, ``left_out`` says why one is not used, its
    ``outside`` which limits of the model it breaks; ``outside`` counts those.
    """

    model: str
    environment: str | None
    technology: str | None
    fit: TerrainFit
    points: pd.DataFrame
    left_out: dict[str, int]
    outside: dict[str, int]

    @property
    def better(self) -> bool:
        """Whether it does better than k = 1 and offset 0 on points it did not see."""
        return self.fit.hold_out.rmse_db < self.fit.before.rmse_db

    @property
    def settings(self) -> list[str]:
        """Lines for study.toml."""
        lines = ["[radio]", f'model = "{self.model}"']
        if self.environment is not None:
            lines.append(f'environment = "{self.environment}"')
        return [*lines, f"terrain_k = {self.fit.k:.3f}", f"offset_db = {self.fit.offset_db:.2f}"]


def fit_inputs(inputs: Inputs, *, model: str = "", environment: str = "", technology: str | None = None) -> StudyFit:
    """Fit ``model`` (the study's if site-general, else free space) to the levels of the signal reports.

    Only reports of ``technology`` if given. InputError for an unknown model, an environment it has not, without levels,
    and where ``fit_over_terrain`` refuses; its message says what was left out.
    """
    radio = inputs.settings.radio
    model = model or (radio.model if radio.model in FITTED_MODELS else FITTED_MODELS[0])
    if model not in FITTED_MODELS:
        raise InputError("link.error.model", model=model, known=", ".join(FITTED_MODELS))
    if environment and model not in WITH_ENVIRONMENT:
        raise InputError("fit.error.environment", model=model, known=", ".join(WITH_ENVIRONMENT))
    changes = {
        "model": model,
        "environment": environment or (radio.environment if model in WITH_ENVIRONMENT else "open"),
        "terrain_k": None,
        "offset_db": 0.0,
    }
    asked = radio.model_copy(update=changes)
    # the air is the one a run with that model takes, which may differ from that of the study's own
    propagation = propagation_of(replace(inputs, settings=inputs.settings.model_copy(update={"radio": asked})))
    reports, sites, sectors = (inputs.layers.get(name) for name in ("signal_reports", "sites", "sectors"))
    if reports is None or sites is None or sectors is None:
        raise InputError("fit.error.no_levels", least=LEAST_POINTS)
    told = gpd.GeoDataFrame(reports[reports["level_dbm"].notna()])
    if technology is not None:
        told = told[told["technology"] == technology]
    if not len(told):
        raise InputError("fit.error.no_levels", least=LEAST_POINTS)
    told = told.reset_index(drop=True)
    pairs = pair_levels(
        told,
        sites,
        sectors,
        terrain=Terrain.of(inputs.elevation, clutter_raster(inputs)),
        propagation=propagation,
        max_range_m=radio.max_range_km * 1000.0,
        patterns=inputs.patterns,
    )
    why = pairs["left_out"].value_counts()
    left_out = {str(name): int(count) for name, count in why.items() if name}
    used = pairs["left_out"] == ""
    kept, measured = pairs[used], told.loc[used, "level_dbm"].to_numpy(dtype=np.float64)
    losses: dict[str, Any] = {
        name: kept[name].to_numpy(dtype=np.float64) for name in ("model_db", "free_space_db", "diffraction_db")
    }
    eirp_dbm = kept["eirp_dbm"].to_numpy(dtype=np.float64)
    sites_used = kept["site_id"].nunique()
    at_sites: dict[str, Any] = {"group": kept["site_id"], "folds": min(MOST_FOLDS, sites_used)}
    try:
        if sites_used < 2 and len(kept) >= LEAST_POINTS:
            raise InputError("fit.error.few_sites", count=len(kept))
        fit = fit_over_terrain(measured, eirp_dbm=eirp_dbm, **losses, **at_sites, k_limits=K_LIMITS)
    except InputError as error:
        raise InputError(error.code, faults=_left_out(left_out), **error.params) from error
    pairs["operator"] = pairs["operator"].fillna(told["operator"])  # of a report that was left out its own
    points = pd.concat([told.drop(columns=["operator", "has_signal"]), pairs], axis=1)
    terrain_db = losses["free_space_db"] + fit.k * losses["diffraction_db"]
    found = {
        "predicted_dbm": measured - fit.residual_db,
        "residual_db": fit.residual_db,
        "on_terrain": (terrain_db >= losses["model_db"]) & (losses["diffraction_db"] >= LEAST_DIFFRACTION_DB),
    }
    points = gpd.GeoDataFrame(points.join(pd.DataFrame(found, index=kept.index)))
    broken = [Outside(int(flags)).limits for flags in kept["outside"]]
    points["outside"] = pd.Series([";".join(names) for names in broken], index=kept.index, dtype="str")
    outside = Counter(name for names in broken for name in names)
    return StudyFit(
        model,
        propagation.environment if model in WITH_ENVIRONMENT else None,
        technology,
        fit,
        points,
        left_out,
        dict(sorted(outside.items())),
    )


def fit_study(
    study: Study, *, model: str = "", environment: str = "", technology: str | None = None, lang: Lang
) -> StudyFit:
    """``fit_inputs`` of a study, written to its results as ``fit.json``, ``fit.csv`` and ``fit.png``."""
    inputs = read_study(study)
    found = fit_inputs(inputs, model=model, environment=environment, technology=technology)
    settings = inputs.settings
    synthetic = inputs.synthetic(USED_INPUTS)
    used = found.points[found.points["left_out"] == ""]
    view = FitView(
        study=settings.name,
        as_of=settings.units_valid_on,
        synthetic=synthetic,
        model=found.model,
        fit=found.fit,
        measured_dbm=used["level_dbm"].to_numpy(dtype=np.float64),
        predicted_dbm=used["predicted_dbm"].to_numpy(dtype=np.float64),
        distance_km=used["distance_m"].to_numpy(dtype=np.float64) / 1000.0,
        on_terrain=used["on_terrain"].to_numpy(dtype=np.bool_),
    )
    answer = {
        "study": settings.name,
        "as_of": settings.units_valid_on.isoformat(),
        "synthetic": synthetic,
        "model": found.model,
        "environment": found.environment,
        "technology": found.technology,
        "k": found.fit.k,
        "offset_db": found.fit.offset_db,
        **{name: _figures(getattr(found.fit, name)) for name in ("before", "after", "hold_out")},
        "used": len(used),
        "decided_by_terrain": found.fit.on_terrain,
        "left_out": found.left_out,
        "outside_validity": found.outside,
        "better_on_unseen_points": found.better,
        "settings": found.settings,
        "inputs": {name: inputs.hashes[name] for name in USED_INPUTS if name in inputs.hashes},
        "radio": settings.radio.model_dump(mode="json"),
        "versions": versions(),
    }
    with Results(study.root).beside() as directory:
        export(found.points.assign(data="synthetic" if synthetic else ""), directory, "fit", formats=["csv"])
        with written_aside(directory / "fit.png") as aside:
            fit_png(view, aside, lang=lang)
        with written_aside(directory / "fit.json") as aside:
            aside.write_text(json.dumps(answer, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return found


def lines_of(found: StudyFit, lang: Lang) -> list[str]:
    """The fit in words: what was found, how well it does, what was left out, and what to paste into study.toml."""
    fit = found.fit
    lines = [say("fit.told.found", lang, model=found.model, k=_db(fit.k, lang, 2), offset=_db(fit.offset_db, lang))]
    for name in ("before", "after", "hold_out"):
        one: Residuals = getattr(fit, name)
        figures = {key: _db(getattr(one, f"{key}_db"), lang) for key in ("bias", "sigma", "rmse")}
        lines.append(say("fit.told.row", lang, name=say(f"fit.row.{name}", lang), **figures))
    lines.append(say("fit.told.used", lang, count=fit.after.count, terrain=fit.on_terrain))
    lines += [fault.say(lang) for fault in _left_out(found.left_out)]
    lines += [say(f"fit.outside.{name}", lang, count=count) for name, count in found.outside.items()]
    if fit.k in K_LIMITS:
        lines.append(say("fit.told.k_at_limit", lang, k=_db(fit.k, lang, 0)))
    lines.append(say("fit.told.better" if found.better else "fit.told.not_better", lang))
    return [*lines, *(f"  {line}" for line in found.settings)]


def _left_out(counts: Mapping[str, int]) -> tuple[Fault, ...]:
    return tuple(Fault(f"fit.left_out.{why}", params={"count": count}) for why, count in sorted(counts.items()))


def _figures(one: Residuals) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in asdict(one).items()}


def _db(value: float, lang: Lang, decimals: int = 1) -> str:
    return number(value, lang, decimals=decimals)
