"""What the API answers on villages with gaps and on people affected."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from phusong.api import examples
from phusong.api.models import Listing, Reason, Whole, example_of

GAP_VILLAGE: examples.Example = {
    "rank": 1,
    "code": "19429-03",
    "name": "Thôn Cợp",
    "unit_code": "19429",
    "unit_name": "Hướng Phùng",
    "district": "Hướng Hóa",
    "population": 410.0,
    "lon": 106.58,
    "lat": 16.73,
    "grid_power": False,
    "signal_state": "none_at_centre",
    "operators_count": 0,
    "operators": [],
    "clusters_basis": "populated_cells",
    "observed": False,
    "predicted": True,
    "nearest_covered_village_km": 3.2,
    "nearest_covered_village": "19429-05",
    "nearest_covered_village_name": "Thôn Xa Ry",
    "nearest_site_km": 5.1,
    "nearest_site": "M0504",
    "people_affected": 410.0,
    "reasons_count": 1,
    "classes": ["mountainous", "land_border"],
    "basis": ["observed"],
    "reasons": [{**examples.REASON, "level": "village", "code": "19429-03"}],
}
GAP_TOTAL: examples.Example = {
    "district": None,
    "service": "mobile",
    "units": 13,
    "villages": 80,
    "none_at_centre": 47,
    "none_at_cluster": 9,
    "one_operator": 24,
    "people_affected": 31241.5,
    "unknown": 0,
}
State = Literal["none_at_centre", "none_at_cluster", "one_operator"]


class GapVillage(BaseModel):
    """A village that fails at least one rule."""

    model_config = example_of(GAP_VILLAGE)
    rank: int = Field(description="By state, the worst first, then by people affected")
    code: str
    name: str
    unit_code: str | None = Field(description="Code of its commune")
    unit_name: str | None = Field(description="Name of its commune")
    district: str | None
    population: float | None = Field(description="persons")
    lon: float | None = Field(description="Longitude of the centre, degrees, WGS 84")
    lat: float | None = Field(description="Latitude of the centre, degrees, WGS 84")
    grid_power: bool | None = Field(description="Whether it has power from the grid")
    signal_state: State | None = Field(
        description="What it lacks of signal of any technology: none at the centre, none at some cluster of houses, or "
        "one operator only; null where it lacks something else"
    )
    operators_count: int | None = Field(description="Operators with signal at the centre")
    operators: list[str] | None = Field(description="Their names; null is no data")
    clusters_basis: Literal["clusters", "populated_cells"] | None = Field(
        description="What was looked at around the centre: clusters of houses, or populated cells where none are known"
    )
    observed: bool | None = Field(description="Signal at the centre by reports")
    predicted: bool | None = Field(description="Signal at the centre by the model")
    nearest_covered_village_km: float | None = Field(
        description="Straight distance to the nearest other village with signal at its centre, km"
    )
    nearest_covered_village: str | None = Field(description="Its code")
    nearest_covered_village_name: str | None = Field(description="Its name")
    nearest_site_km: float | None = Field(description="Straight distance to the nearest site in service, km")
    nearest_site: str | None = Field(description="Its id")
    people_affected: float | None = Field(description="persons")
    reasons_count: int = Field(description="Rules it fails")
    classes: list[str] = Field(description="Classes it belongs to")
    basis: list[str] = Field(description="What its reasons rest on: observed, model, record")
    reasons: list[Reason]


class GapVillageList(Listing):
    """Villages with gaps."""

    model_config = example_of({"meta": examples.META, **examples.PAGE, "items": [GAP_VILLAGE]})
    items: list[GapVillage]


class GapTotal(BaseModel):
    """Communes and villages with gaps in one district (or all) for one service (or all), and people affected."""

    model_config = example_of(GAP_TOTAL)
    district: str | None = Field(description="Name of the district; null for the whole")
    service: Literal["mobile", "post", "broadband", "facilities"] | None = Field(description="null for all services")
    units: int | None = Field(description="Communes that fail a rule; null where none could be judged")
    villages: int | None = Field(description="Villages that fail a rule; null where none could be judged")
    none_at_centre: int | None = Field(
        description="Villages without signal at the centre, whether or not a rule asks; null where nothing is known, "
        "and for services other than mobile"
    )
    none_at_cluster: int | None = Field(description="Likewise: signal at the centre, none at some cluster")
    one_operator: int | None = Field(description="Likewise: signal of one operator only")
    people_affected: float | None = Field(
        description="persons, at least: in each commune the larger of its own largest reason and of the sum over its "
        "villages, at most all its people; nobody counts twice"
    )
    unknown: int = Field(description="Communes and villages with gaps whose people affected are not known")


class GapTotalList(Whole):
    """Totals of gaps."""

    model_config = example_of({"meta": examples.META, "total": 1, "items": [GAP_TOTAL]})
    items: list[GapTotal]
