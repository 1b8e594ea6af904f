"""What the results of one run say of one commune, gathered for its explanation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Known:
    """Rows of the results' tables, columns as there, None for no data; what a study does not have is empty.

    as_of           date of the study's figures
    unit            the commune: code, name, district, people, area_km2, lon, lat (degrees) and its indicators
    gap             its row of the gap list, None if it is not on it; gaps_count: rows of that list
    reasons         of the commune, worst need first
    rules           the rules in force by id; cited: by rule the source of its threshold by language, where it has both
    villages        all its villages: code, name, population, lon, lat
    gap_villages    the rows of those that have gaps, by rank
    weak            by village code: what its centre lacks of signal (``Weak``), where that was computed
    not_judged      rules that could not be judged: level, code, rule, indicator, why
    classes         code, class, used, official, computed
    need            need_index, judged_weight_pct
    ranking         rank, rank_low, rank_high, in_first_pct, depends_on; ranked: how many communes have a rank; first_n
                    and draws of the ranking
    serves          whom candidate sites would serve: rows of the commune and its villages
    sites           candidates by id: name, unit_name, rank (None: not chosen), cost_vnd, km (from the commune's middle)
    technology      of the plan; operator: whose signal it counts, None anybody's
    """

    as_of: date
    unit: Row
    gap: Row | None = None
    gaps_count: int = 0
    reasons: Sequence[Row] = ()
    rules: Mapping[str, Row] = field(default_factory=dict)
    cited: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    villages: Sequence[Row] = ()
    gap_villages: Sequence[Row] = ()
    weak: Mapping[str, Weak] = field(default_factory=dict)
    not_judged: Sequence[Row] = ()
    classes: Sequence[Row] = ()
    need: Row = field(default_factory=dict)
    ranking: Row | None = None
    ranked: int = 0
    first_n: int = 0
    draws: int = 0
    serves: Sequence[Row] = ()
    sites: Mapping[str, Row] = field(default_factory=dict)
    technology: str = ""
    operator: str | None = None

    @property
    def code(self) -> str:
        """Code of the commune."""
        return str(self.unit["code"])

    def village_names(self) -> dict[str, str]:
        """Names of its villages by code."""
        return {str(row["code"]): str(row["name"]) for row in self.villages}


@dataclass(frozen=True)
class Weak:
    """The strongest signal at a village's centre where it is too weak: by how much, and whose it is.

    ``short_db``: what is lacking, positive; ``km``: from the mast to the village, straight.
    """

    short_db: float
    site: str
    operator: str
    technology: str
    km: float
