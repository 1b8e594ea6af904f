"""The index a study declares: its own components checked against the indicators, or the rules on communes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

from phusong.coverage.indicators import INDICATORS, Indicator, find
from phusong.coverage.ranking.index import Aggregation, Better, Component, Index, Normalisation
from phusong.coverage.rules.reading import nearest
from phusong.layers.errors import Fault, MissingError, SettingsError


class ComponentLike(Protocol):
    """A component as a study's settings state it."""

    @property
    def indicator(self) -> str: ...
    @property
    def weight(self) -> float: ...
    @property
    def better(self) -> Literal["more", "less"] | None: ...
    @property
    def best(self) -> float | None: ...
    @property
    def worst(self) -> float | None: ...


def choose_index(
    *, aggregation: Aggregation, normalisation: Normalisation, components: Sequence[ComponentLike] = ()
) -> Index:
    """The index of these settings.

    SettingsError with all faults together, each at its key (``index.components.0.best``): an indicator that is not
    declared for communes (the nearest named) or stands twice, a direction that nobody tells or that best and worst
    contradict, best without worst, a shortfall without them, weights that are all 0.
    """
    faults: list[Fault] = []

    def refuse(code: str, key: str, **params: Any) -> None:
        faults.append(Fault(code, column=f"index.components{key}", fatal=True, params=params))

    found: list[Component] = []
    for number, one in enumerate(components):
        key = f".{number}"
        declared = _declared(one.indicator)
        if declared is None:
            known = tuple(each.id for each in INDICATORS if each.level == "unit")
            near = nearest(one.indicator, known)
            refuse("index.unknown_indicator", f"{key}.indicator", found=one.indicator, nearest=near)
            continue
        params: dict[str, Any] = {"indicator": one.indicator}
        if one.indicator in (each.indicator for each in found):
            refuse("index.twice", f"{key}.indicator", **params)
        if (one.best is None) != (one.worst is None) or (one.best is not None and one.best == one.worst):
            refuse("index.half", f"{key}.{'best' if one.best is not None else 'worst'}", **params)
            continue
        told: Better | None = {"better": "more", "worse": "less"}.get(declared.higher_is)  # type: ignore[assignment]
        if one.best is not None and one.worst is not None:
            told = "more" if one.best > one.worst else "less"
            if one.better not in (None, told):
                refuse("index.contrary", f"{key}.better", **params)
        elif normalisation == "shortfall":
            refuse("index.no_span", key, unit=declared.unit, **params)
        better = one.better or told
        if better is None:
            refuse("index.no_direction", key, **params)
            continue
        threshold = float("nan") if one.best is None else float(one.best)
        found.append(
            Component(one.indicator, one.indicator, declared.unit, float(one.weight), better, threshold, one.worst)
        )
    if found and not faults and not sum(one.weight for one in found) > 0:
        refuse("index.no_weight", "")
    if faults:
        raise SettingsError("error.index.settings", faults=tuple(faults))
    return Index(aggregation, normalisation, tuple(found))


def _declared(indicator: str) -> Indicator | None:
    try:
        return find(indicator, level="unit")
    except MissingError:
        return None
