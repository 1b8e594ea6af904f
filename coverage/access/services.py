"""The services whose access is measured, as ``data/services.toml`` declares them, and their points in the layers."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from typing import Any, Literal, get_args

import geopandas as gpd
import pandas as pd

from phusong.coverage.access.catchment import Decay, Gaussian, Method, Step
from phusong.coverage.access.friction import Mode
from phusong.layers.errors import MissingError
from phusong.layers.messages import Text

Distance = Literal["straight", "path"]

PER_PEOPLE = (1000, 10000)
"""A catchment's supply is told per so many people; each has its words (``measure.supply_per_<n>``)."""


@dataclass(frozen=True)
class Service:
    """One service: the rows of ``layer`` of these ``kinds`` and ``statuses`` (none: all), and how it is measured.

    ``mode``: how people go there; "fibre": the way of a cable, which has no time. ``distance``: "straight", or "path"
    along the least-cost way. ``limits_km``, ``limits_min``: people within each are counted. ``method``, ``decay``: of
    its catchment, None without one; ``per``: people that the catchment's supply is told for.
    """

    id: str
    layer: str
    mode: Mode
    distance: Distance
    kinds: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    limits_km: tuple[float, ...] = ()
    limits_min: tuple[float, ...] = ()
    method: Method = "e2sfca"
    decay: Decay | None = None
    per: int = PER_PEOPLE[-1]

    @property
    def timed(self) -> bool:
        """Whether people travel there: a cable does not."""
        return self.mode != "fibre"

    @property
    def name(self) -> Text:
        """One point of it in words, such as "post office"."""
        return Text(f"service.{self.id}.name")

    @property
    def limits(self) -> tuple[str, ...]:
        """The limits as they stand in ids: "3km", "30min"."""
        return (*(f"{km:g}km" for km in self.limits_km), *(f"{minutes:g}min" for minutes in self.limits_min))


@cache
def services() -> tuple[Service, ...]:
    """All declared services, in their order. ValueError for an entry that cannot be."""
    text = files(__package__).joinpath("data/services.toml").read_text(encoding="utf-8")
    found = tuple(_service(entry) for entry in tomllib.loads(text)["service"])
    if len({one.id for one in found}) < len(found):
        raise ValueError("a service is declared twice")
    return found


def service(service_id: str) -> Service:
    """The declared service of an id; MissingError without one."""
    for one in services():
        if one.id == service_id:
            return one
    raise MissingError("access.error.no_service", service=service_id, known=", ".join(one.id for one in services()))


def points_of(service: Service, layers: Mapping[str, pd.DataFrame]) -> gpd.GeoDataFrame | None:
    """The rows of a service that are in service, numbered from 0; None if there are none: no data, not a count of 0.

    Rows whose ``in_service`` says no are left out.
    """
    layer = layers.get(service.layer)
    if layer is None or not len(layer):
        return None
    chosen = pd.Series(True, index=layer.index)
    if service.kinds:
        chosen &= layer["kind"].isin(service.kinds)
    if service.statuses:
        chosen &= layer["status"].isin(service.statuses) | layer["status"].isna()
    if "in_service" in layer:
        chosen &= layer["in_service"].astype("boolean").fillna(True).astype(bool)
    found = gpd.GeoDataFrame(layer[chosen].reset_index(drop=True))
    return found if len(found) else None


def services_of(layers: Mapping[str, pd.DataFrame], *, also: Iterable[str] = ()) -> tuple[Service, ...]:
    """The services that the layers have points of, and those of the ids in ``also``, in the declared order."""
    asked = set(also)
    return tuple(one for one in services() if one.id in asked or points_of(one, layers) is not None)


def _service(entry: dict[str, Any]) -> Service:
    given = dict(entry)
    decay = given.pop("decay", None)
    for name in ("kinds", "statuses", "limits_km", "limits_min"):
        given[name] = tuple(given.get(name, ()))
    words = {"per": PER_PEOPLE, "mode": get_args(Mode), "distance": get_args(Distance), "method": get_args(Method)}
    for name, allowed in words.items():
        if name in given and given[name] not in allowed:
            raise ValueError(f"{given['id']}: {name} is one of {allowed}")
    unknown = given.keys() - {one.name for one in fields(Service)}
    if unknown:
        raise ValueError(f"{given['id']}: unknown {sorted(unknown)}")
    return Service(**given, decay=None if decay is None else _decay(**decay))


def _decay(
    *, limits_min: Iterable[float] = (), weights: Iterable[float] = (), gaussian_min: float | None = None
) -> Decay:
    if gaussian_min is not None and (limits_min or weights):
        raise ValueError("a decay is by steps or gaussian, not both")
    return Step(tuple(limits_min), tuple(weights)) if gaussian_min is None else Gaussian(float(gaussian_min))
