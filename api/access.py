"""What a study's settings and inputs say of travel, as the access room takes it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

import geopandas as gpd

from phusong.coverage.access.friction import Friction, Mode, friction
from phusong.coverage.access.services import Service, points_of, services
from phusong.coverage.access.serving import Served
from phusong.coverage.access.speeds import speeds
from phusong.coverage.facilities import PARTS
from phusong.layers.errors import Fault, SettingsError
from phusong.layers.messages import Lang, say
from phusong.layers.study import Settings, Study

if TYPE_CHECKING:  # it checks a study by what stands here
    from phusong.api.pipeline import Inputs

WAY_LAYERS = ("roads", "rivers", "crossings")
"""Layers a surface rests on, beside the elevation and the land cover."""


def service_layers() -> tuple[str, ...]:
    """The layers whose points are services, each once."""
    return tuple(dict.fromkeys(one.layer for one in services()))


def services_of(settings: Settings, layers: Mapping[str, Any]) -> dict[Service, gpd.GeoDataFrame]:
    """The services a study asks for and has points of, with the points, in the order of the table of services."""
    asked = settings.access.services
    found = {one: points_of(one, layers) for one in services() if not asked or one.id in asked}
    return {one: points for one, points in found.items() if points is not None and len(points)}


def friction_of(inputs: Inputs, mode: Mode) -> Friction:
    """The study's surface for one way of moving."""
    asked = inputs.settings.access
    ways = {name: cast("gpd.GeoDataFrame | None", inputs.layers.get(name)) for name in WAY_LAYERS}
    return friction(
        inputs.elevation.grid,
        elevation=inputs.elevation,
        land_cover=inputs.land_cover,
        mode=mode,
        walking=asked.walking,
        season=asked.season,
        table=speeds(asked.speeds),
        **ways,
    )


def title_of(service: Service, lang: Lang) -> str:
    """One point of a service in words."""
    return service.name.say(lang)


def rests_on(ground: Friction | Served, settings: Settings, lang: Lang) -> str:
    """One line on what travel times rest on: the way of moving, the season, the pace, and where no roads are known."""
    if ground.mode == "fibre":  # nobody walks, and floods change nothing
        known = "roads" if ground.basis == "roads" else "no_roads"
        return _listed([say("travel.mode.fibre", lang), say(f"travel.basis.{known}", lang)], settings)
    afoot = ground.basis == "walking_model"  # without roads there is nothing to ride on
    mode = say("travel.mode.walk" if afoot else f"travel.mode.{ground.mode}", lang)
    return f"{mode}, {ground_told(ground.basis, settings, lang)}"


def ground_told(basis: str, settings: Settings, lang: Lang) -> str:
    """The same without the way of moving, for people."""
    keys = (f"season.{settings.access.season}", f"walking.{settings.access.walking}", f"basis.{basis}")
    return _listed([say(f"travel.{key}", lang) for key in keys], settings)


def _listed(words: list[str], settings: Settings) -> str:
    return ", ".join([*words, settings.access.ground] if settings.access.ground else words)


def check_access(study: Study) -> list[Fault]:
    """What is wrong with the names and numbers of the section ``access``, each at its line."""
    asked = study.settings.access
    faults: list[Fault] = []

    def refuse(code: str, name: str, params: dict[str, Any]) -> None:
        place: dict[str, Any] = {
            "file": "study.toml",
            "row": study.line_of(f"access.{name}"),
            "column": f"access.{name}",
        }
        faults.append(Fault(code, **place, fatal=True, params=params))

    table = speeds()
    for name, value in asked.speeds.items():
        if table.get(name) is None:
            refuse("setting.access.speed_unknown", f"speeds.{name}", {"nearest": nearest_name(name, table.values)})
            continue
        try:
            speeds({name: value})
        except SettingsError as error:
            refuse(error.code, f"speeds.{name}", error.params)
    for name in [name for name in asked.readiness if name not in PARTS]:
        refuse("setting.access.readiness_unknown", f"readiness.{name}", {"nearest": nearest_name(name, PARTS)})
    known = [one.id for one in services()]
    for key in ("services", "map_services"):
        for name in getattr(asked, key):
            if name not in known:
                params = {"found": name, "nearest": nearest_name(name, known), "known": ", ".join(known)}
                refuse("setting.access.service_unknown", key, params)
    return faults


def nearest_name(name: str, known: Iterable[str]) -> str:
    return difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.0)[0]
