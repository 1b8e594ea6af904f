"""What a study's settings and inputs say of radio, as the radio room takes it."""

from __future__ import annotations

from phusong.api.pipeline import Inputs, air_of
from phusong.coverage.radio.clutter import Clutter, clutter_heights
from phusong.coverage.radio.itm import Climate
from phusong.coverage.radio.link_budget import LinkTerms
from phusong.coverage.radio.models import Propagation
from phusong.layers.grid import Raster
from phusong.layers.study import Settings

WITH_ENVIRONMENT = ("okumura-hata", "cost231-hata")


def propagation_of(inputs: Inputs) -> Propagation:
    """The propagation model of the study, over its air."""
    radio, air = inputs.settings.radio, air_of(inputs.settings, inputs.elevation.grid)
    stated = {} if air.n0 is None else {"n0": air.n0}
    return Propagation(
        model=radio.model,
        effective_earth_factor=air.effective_earth_factor,
        terminal_height_m=radio.terminal_height_m,
        spherical_earth=radio.spherical_earth,
        vertical=radio.polarisation == "vertical",
        environment=radio.environment,
        terrain_k=radio.terrain_k,
        offset_db=radio.offset_db,
        time_pct=radio.time_pct,
        location_pct=radio.location_pct,
        delta_n=air.delta_n,
        latitude_deg=air.latitude_deg,
        climate=Climate[radio.climate.replace("-", "_").upper()],
        **stated,
    )


def clutter_of(inputs: Inputs) -> Clutter | None:
    """What stands on the ground, None without land cover."""
    cover, radio = inputs.land_cover, inputs.settings.radio
    if cover is None:
        return None
    return clutter_heights(cover, overrides=radio.clutter_height_m, surface_model=radio.elevation_model == "surface")


def clutter_raster(inputs: Inputs) -> Raster | None:
    """Heights in m of what stands on the ground, None without land cover."""
    clutter = clutter_of(inputs)
    return None if clutter is None else Raster(inputs.elevation.grid, clutter.height_m)


def terms_of(settings: Settings) -> LinkTerms:
    """What a covered place is asked to have."""
    radio = settings.radio
    environment = radio.environment if radio.model in WITH_ENVIRONMENT else None
    return LinkTerms(**radio.link.model_dump(), environment=environment)


def usable_of(settings: Settings) -> dict[str, float]:
    """Usable levels that the study states itself, by technology."""
    return {str(technology): level for technology, level in settings.radio.usable_dbm.items()}


def model_tags(settings: Settings) -> dict[str, str]:
    """By what model a raster was computed: its name, and where they count surroundings, terrain and offset."""
    radio = settings.radio
    environment = {"environment": radio.environment} if radio.model in WITH_ENVIRONMENT else {}
    numbers = {"terrain_k": radio.terrain_k, "offset_db": radio.offset_db or None}
    stated = {name: f"{value:g}" for name, value in numbers.items() if value is not None}
    return {"model": radio.model} | environment | stated


def tags_of(settings: Settings) -> dict[str, str]:
    """What every raster of the results says of itself: its date and, for synthetic layers, the word."""
    return {"as_of": settings.units_valid_on.isoformat()} | ({"synthetic": "yes"} if settings.synthetic else {})
