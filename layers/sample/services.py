"""Postal points, broadband and telephones, programme communes and facilities of the sample."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.special import expit, logit

from phusong.layers.sample.figures import largest_remainder
from phusong.layers.sample.frames import AS_OF, add_source, layer_frame, points_xy
from phusong.layers.sample.ground import Floats, Ground, Ints

POSTAL_OPERATORS: Final = (
    "VNPost",
    "Viettel Post",
    "Bưu chính 3",
    "Bưu chính 4",
    "Bưu chính 5",
    "Bưu chính 6",
    "Bưu chính 7",
    "Bưu chính 8",
)
YEAR_BEFORE: Final = date(2011, 12, 31)
EARLIER: Final = {2010: (0.8, 0.6), 2009: (0.68, 0.42), 2008: (0.55, 0.25), 2007: (0.4, 0.12)}
"""Years before: shares of the points of 2012 with a telephone or the internet, and of the fibre, that were there."""
SATURATION_PER_100: Final = 30.0  # broadband lines per 100 people that growth leads to
TOWN_PER_KM2: Final = 1_500.0  # density from which a unit of unknown kind counts as a town


def people_of(units: pd.DataFrame) -> Floats:
    """Population (n,) of units; 0 where unknown, so that nobody unknown subscribes to anything."""
    return np.asarray(np.nan_to_num(units["population"].to_numpy(dtype=np.float64, na_value=np.nan)))


def counted(units: pd.DataFrame) -> NDArray[np.bool_]:
    """Which units count in "x of 141": all but those marked otherwise and islands left unmarked."""
    island = units["island"].fillna(False).to_numpy(dtype=bool)
    return np.asarray(units["counted"].fillna(pd.Series(~island, index=units.index)).to_numpy(dtype=bool))


def urban(units: pd.DataFrame) -> NDArray[np.bool_]:
    """Wards and townships; where the kind is unknown, units of 1,500 persons a km2 and more."""
    density = people_of(units) / np.maximum(shapely.area(np.asarray(units.geometry.array)) / 1e6, 1e-9)
    known = units["kind"].notna().to_numpy()
    return np.where(known, units["kind"].isin(["ward", "township"]).to_numpy(), density >= TOWN_PER_KM2)


def seats(units: pd.DataFrame) -> Ints:
    """Row of the unit that seats each district: an urban one with most people, else the one with most people."""
    people = people_of(units) + 1e9 * (urban(units) & counted(units))
    district = units["district"].fillna("").reset_index(drop=True)
    return np.asarray(pd.Series(people).groupby(district).idxmax().to_numpy(dtype=np.int64))


def capital(units: pd.DataFrame) -> int:
    """Row of the province's seat: the district seat whose surroundings (15 km) hold most people."""
    shapes = np.asarray(units.geometry.array)
    centre = shapely.get_coordinates(shapely.centroid(shapes))
    found = seats(units)
    near = np.hypot(*(centre[found][:, None] - centre[None]).transpose(2, 0, 1)) <= 15_000
    return int(found[np.argmax(near @ people_of(units) + people_of(units)[found])])


def choose_programme(ground: Ground, *, count: int, people: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """``count`` communes of the universal-service programme, poor ones first, with about ``people`` inhabitants.

    Mountains, ethnic minorities, the sea border and thin settlement make a commune likely; then communes are exchanged
    for others of like standing until the people agree.
    """
    units = ground.units
    size = people_of(units)
    open_to = counted(units) & (size > 0)
    count = min(count, int(open_to.sum()))
    density = size / (shapely.area(np.asarray(units.geometry.array)) / 1e6)
    flags = {c: units[c].fillna(False).to_numpy(dtype=float) for c in ("ethnic_minority", "sea_border", "land_border")}
    score = 3 * ground.mountainous + flags["ethnic_minority"] + 1.2 * flags["sea_border"] + 0.5 * flags["land_border"]
    score = score - 0.6 * np.log10(density + 1) - 3 * urban(units) + 0.5 * rng.gumbel(size=len(units))
    score = np.where(open_to, score, -np.inf)
    chosen = np.zeros(len(units), dtype=np.bool_)
    chosen[np.argsort(-score, kind="stable")[:count]] = True
    for _ in range(4 * count):
        over = size[chosen].sum() - people
        if abs(over) <= 0.001 * people:
            break
        leave, enter = np.flatnonzero(chosen), np.flatnonzero(~chosen & open_to)
        if not len(leave) or not len(enter):
            break
        after = np.abs(over - size[leave][:, None] + size[enter][None])
        cost = after / people + 0.01 * np.maximum(score[leave][:, None] - score[enter][None], 0)
        out, into = np.unravel_index(int(np.argmin(cost)), cost.shape)
        if after[out, into] >= abs(over):
            break
        chosen[leave[int(out)]], chosen[enter[int(into)]] = False, True
    return chosen


def make_postal_points(
    ground: Ground,
    villages: pd.DataFrame,
    *,
    given: pd.DataFrame | None,
    count: int,
    same_day: int,
    operators: int,
    rng: np.random.Generator,
    source: str,
) -> pd.DataFrame:
    """``count`` points, at least one a unit where that suffices, and same-day mail in ``same_day`` counted communes.

    ``given`` points are kept as they are; generated ones come on top. Only where a commune of same-day mail has given
    points alone, and none says so, is the empty cell filled, and the point's source says that this cell is synthetic.
    """
    units = ground.units
    old = pd.DataFrame() if given is None else given
    old_unit = _unit_rows(ground, old) if len(old) else np.zeros(0, dtype=np.int64)
    new_unit, n_first = _postal_units(units, old_unit, max(0, count - len(old)), rng)
    n = len(new_unit)
    kind, operator = _postal_kinds(units, old, new_unit, n_first=n_first, operators=operators, rng=rng)
    xy = beside_villages(ground, villages, new_unit, rng)
    served = _same_day_units(ground, old, old_unit=old_unit, new_unit=new_unit, count=same_day, rng=rng)
    first_of_unit = ~pd.Series(new_unit).duplicated().to_numpy()
    names = units["name"].tolist()
    label = {
        "post_office": "Bưu cục",
        "commune_culture_post": "Bưu điện văn hóa",
        "agency": "Đại lý bưu chính",
        "telecom_point": "Điểm giao dịch viễn thông",
    }
    services = {
        "post_office": "thư; báo; bưu kiện; chuyển tiền",
        "commune_culture_post": "thư; báo; đọc sách; internet",
    }
    new = layer_frame(
        "postal_points",
        {
            "point_id": [f"P{i + 1:04d}" for i in range(n)],
            "name": numbered([f"{label[k]} {names[u]}" for k, u in zip(kind, new_unit, strict=True)], new_unit),
            "kind": kind,
            "operator": operator,
            "unit_code": [units["code"].tolist()[u] for u in new_unit],
            "same_day_mail": served[new_unit] & first_of_unit,
            "services": [services.get(k, "thư; bưu kiện") for k in kind],
        },
        rows=n,
        source=source,
        xy_m=xy,
        crs=ground.crs,
    )
    if not len(old):
        return new
    old = old.copy()
    alone = served[old_unit] & ~np.isin(old_unit, new_unit) & old["same_day_mail"].isna().to_numpy()
    old.loc[alone, "same_day_mail"] = True
    old["source"] = old["source"].where(~alone, add_source(old["source"], f"same_day_mail: {source}"))
    return pd.concat([old, new], ignore_index=True)[list(new.columns)]


def numbered(names: Iterable[str], units: Iterable[int]) -> list[str]:
    """The names, with a number behind those that their unit had before."""
    count: Counter[tuple[str, int]] = Counter()
    found = []
    for name, unit in zip(names, units, strict=True):
        count[name, unit] += 1
        found.append(f"{name} {count[name, unit]}" if count[name, unit] > 1 else name)
    return found


def _unit_rows(ground: Ground, points: pd.DataFrame) -> Ints:
    """Row in units of each point: by its unit_code, else by where it lies; -1 where neither tells."""
    row_of = {code: i for i, code in enumerate(ground.units["code"].tolist())}
    by_code = np.array([row_of.get(c, -1) if isinstance(c, str) else -1 for c in points["unit_code"].tolist()])
    return np.where(by_code >= 0, by_code, ground.at(ground.unit, points_xy(points))).astype(np.int64)


def _postal_units(units: pd.DataFrame, old_unit: Ints, count: int, rng: np.random.Generator) -> tuple[Ints, int]:
    """Units of the new points: first one for each unit without (counted and larger ones first), then more in towns."""
    people = people_of(units)
    without = np.setdiff1d(np.arange(len(units)), old_unit)
    without = without[np.lexsort((-people[without], ~counted(units)[without]))]
    first = np.sort(without[:count])
    more = count - len(first)
    if not more:
        return first, len(first)
    weight = people * np.where(urban(units), 4.0, 0.5) * counted(units) + 1e-9
    extra = rng.choice(len(units), size=more, p=weight / weight.sum(), replace=more > len(units))
    return np.concatenate([first, np.sort(extra)]), len(first)


def _postal_kinds(
    units: pd.DataFrame, old: pd.DataFrame, new_unit: Ints, *, n_first: int, operators: int, rng: np.random.Generator
) -> tuple[list[str], list[str]]:
    """Kinds and operators of the new points, so that ``operators`` names stand in the whole layer where room is."""
    main = urban(units)
    main[seats(units)] = True
    kind = ["post_office" if main[u] else "commune_culture_post" for u in new_unit[:n_first]]
    kind += rng.choice(["agency", "telecom_point", "post_office"], len(new_unit) - n_first, p=[0.5, 0.3, 0.2]).tolist()
    operator = [POSTAL_OPERATORS[0]] * len(new_unit)
    known = set(old["operator"].dropna().tolist()) if len(old) else set()
    known |= {POSTAL_OPERATORS[0]} if len(new_unit) else set()
    fresh = [o for o in POSTAL_OPERATORS if o not in known][: max(0, operators - len(known))]
    spots = list(range(n_first, len(new_unit))) + list(range(n_first - 1, 0, -1))  # extra points, then the last ones
    for name, spot in zip(fresh, spots, strict=False):
        operator[spot] = name
    for spot in range(n_first + len(fresh), len(new_unit)):
        operator[spot] = POSTAL_OPERATORS[int(rng.integers(0, 2))] if operators > 1 else POSTAL_OPERATORS[0]
    return kind, operator


def _same_day_units(
    ground: Ground, old: pd.DataFrame, *, old_unit: Ints, new_unit: Ints, count: int, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """The counted communes with same-day mail: those that given points tell of, then the easiest to reach."""
    units = ground.units
    told = np.zeros(len(units), dtype=np.bool_)
    possible = np.zeros(len(units), dtype=np.bool_)
    possible[new_unit] = True
    if len(old):
        mail = old["same_day_mail"]
        inside = old_unit >= 0
        told[old_unit[inside & mail.fillna(False).to_numpy(dtype=bool)]] = True
        possible[old_unit[inside & mail.isna().to_numpy()]] = True
    shapes = np.asarray(units.geometry.array)
    centre = shapely.get_coordinates(shapely.centroid(shapes))
    away_km = np.hypot(*(centre - centre[capital(units)]).T) / 1000
    hard = away_km / 10 + 4 * ground.mountainous + rng.gumbel(size=len(units)) - 3 * urban(units)
    hard = np.where(told, -np.inf, np.where(possible & counted(units), hard, np.inf))
    chosen = np.argsort(hard, kind="stable")[: count + int((told & ~counted(units)).sum())]
    served = told.copy()
    served[chosen[np.isfinite(hard[chosen])]] = True
    return served


def beside_villages(ground: Ground, villages: pd.DataFrame, units: Ints, rng: np.random.Generator) -> Floats:
    """A place (n, 2) for each entry of ``units``: beside its largest village, further ones beside any by people."""
    xy = points_xy(villages)
    people = np.nan_to_num(villages["population"].to_numpy(dtype=np.float64, na_value=np.nan)) + 1.0
    codes = ground.units["code"].tolist()
    of = villages["unit_code"].to_numpy()
    shapes = np.asarray(ground.units.geometry.array)
    rows = {u: np.flatnonzero(of == codes[u]) for u in np.unique(units)}
    seen: set[int] = set()
    out = np.empty((len(units), 2))
    for k, u in enumerate(units.tolist()):
        own = rows[u]
        if not len(own):
            out[k] = shapely.get_coordinates(shapely.point_on_surface(shapes[u]))[0]
            continue
        weight = people[own] / people[own].sum()
        village = own[np.argmax(weight)] if u not in seen else rng.choice(own, p=weight)
        seen.add(u)
        moved = xy[village] + rng.normal(0, 120, 2)
        fits = shapely.contains_xy(shapes[u], *moved) and bool(ground.at(ground.land, moved[None])[0])
        out[k] = moved if fits else xy[village]
    return out


def make_broadband(
    ground: Ground,
    programme: NDArray[np.bool_],
    *,
    broadband_per_100: float,
    growth_pct: float,
    telephones_per_100: float,
    programme_telephones: int,
    internet_units: int,
    rng: np.random.Generator,
    source: str,
) -> pd.DataFrame:
    """Subscribers of every unit at the ends of 2007 to 2012; sums give the stated rates of the province in 2012 and the
    year before, and growth to ``SATURATION_PER_100`` from there back."""
    units = ground.units
    people = people_of(units)
    n = len(units)
    total = people.sum()
    density = people / (shapely.area(np.asarray(units.geometry.array)) / 1e6)
    easy = np.where(ground.mountainous, 0.3, 1.0) * (1 + 1.5 * urban(units))
    weight = people * easy * (density + 10) ** 0.25 * rng.lognormal(0, 0.25, n)
    adsl = _share_out(round(broadband_per_100 / 100 * total), weight)
    adsl_before = _share_out(round(adsl.sum() / (1 + growth_pct / 100)), adsl * rng.lognormal(0, 0.08, n))
    fixed = np.zeros(n)
    fixed[programme] = _share_out(programme_telephones, (people * rng.lognormal(0, 0.2, n))[programme])
    fixed[~programme] = np.round(people * 0.15 * rng.lognormal(0, 0.2, n))[~programme]
    mobile = people * np.where(ground.mountainous, 0.6, 1.0) * (1 + 0.3 * urban(units)) * rng.lognormal(0, 0.1, n)
    telephones = fixed + _share_out(max(0, round(telephones_per_100 / 100 * total) - int(fixed.sum())), mobile)
    rank = np.log10(density + 1) + easy + 0.4 * rng.gumbel(size=n)
    internet = _best_of(np.where(counted(units), rank, -np.inf), internet_units)
    fibre = ~ground.mountainous & (rng.random(n) < 0.95) | (ground.mountainous & (rng.random(n) < 0.5))
    early = rng.random(n)
    years = {
        AS_OF: (adsl, telephones, fixed, 1.0, 1.0),
        YEAR_BEFORE: (adsl_before, np.round(telephones * 0.93), np.round(fixed * 1.04), 0.9, 0.85),
    }
    of_all = [100 * lines.sum() / max(total, 1) / SATURATION_PER_100 for lines in (adsl, adsl_before)]
    now, before = logit(np.clip(of_all, 1e-6, 0.99))
    lines = adsl_before
    for back, (year, (access, laid)) in enumerate(EARLIER.items(), start=1):
        rate = SATURATION_PER_100 * expit(before - back * (now - before) + rng.normal(0, 0.03))
        lines = _share_out(round(rate / 100 * total), lines * rng.lognormal(0, 0.08, n))
        phones, wired = np.round(telephones * 0.93 ** (back + 1)), np.round(fixed * 1.04 ** (1 - back))
        years[date(year, 12, 31)] = (lines, np.maximum(phones, wired), wired, access, laid)
    frames = [
        layer_frame(
            "broadband",
            {
                "code": units["code"].tolist(),
                "valid_on": units["valid_on"].tolist(),
                "broadband_subscribers": lines,
                "telephone_subscribers": phones,
                "fixed_telephones": wired,
                "telephone_access_point": early < access,
                "public_internet_point": internet & (early < access),
                "fibre_to_commune": fibre & (early < laid),
            },
            rows=n,
            source=source,
            as_of=year,
        )
        for year, (lines, phones, wired, access, laid) in sorted(years.items())
    ]
    return pd.concat(frames, ignore_index=True)


def _share_out(total: int, weight: Floats) -> Floats:
    return largest_remainder(total, weight).astype(np.float64) if weight.sum() > 0 else np.zeros(len(weight))


def _best_of(score: Floats, count: int) -> NDArray[np.bool_]:
    chosen = np.zeros(len(score), dtype=np.bool_)
    chosen[np.argsort(-score, kind="stable")[:count]] = True
    return chosen & np.isfinite(score)


def make_facilities(
    ground: Ground,
    villages: pd.DataFrame,
    *,
    mountain_online_pct: float,
    institutions_pct: float,
    rng: np.random.Generator,
    source: str,
) -> pd.DataFrame:
    """Schools, hospitals, health stations and offices.

    All lowland lower secondary schools are online and just over ``mountain_online_pct`` of those in mountainous
    communes; just over ``institutions_pct`` of upper secondary schools, colleges, hospitals and urban lower secondary
    schools have a LAN and broadband.
    """
    units = ground.units
    kinds, unit = _facility_list(units, rng)
    n = len(unit)
    town = urban(units)[unit]
    luck = rng.random(n)
    online = (luck < 0.75) | np.isin(kinds, ["hospital", "college", "district_office", "provincial_office"])
    lower = kinds == "lower_secondary_school"
    online |= lower
    high = np.flatnonzero(lower & ground.mountainous[unit] & ~town)
    n_high = int((lower & ground.mountainous[unit]).sum())
    offline = min(len(high), max(0, n_high - _just_over(mountain_online_pct, n_high)))
    online[high[np.argsort(luck[high], kind="stable")[:offline]]] = False
    institutions = np.isin(kinds, ["upper_secondary_school", "college", "hospital"]) | (lower & town)
    lan = online & (rng.random(n) < np.where(np.isin(kinds, ["district_office", "provincial_office"]), 1.0, 0.5))
    lan &= ~institutions
    order = np.flatnonzero(institutions)
    order = order[np.argsort(luck[order], kind="stable")]
    full = order[: _just_over(institutions_pct, len(order))]
    online[full], lan[full] = True, True
    network = np.isin(kinds, ["district_office", "provincial_office"])
    network |= (kinds == "commune_office") & (rng.random(n) < np.where(ground.mountainous[unit], 0.12, 0.35))
    label = {
        "primary_school": "Trường Tiểu học",
        "lower_secondary_school": "Trường THCS",
        "upper_secondary_school": "Trường THPT",
        "college": "Trường Cao đẳng",
        "hospital": "Bệnh viện",
        "health_station": "Trạm Y tế",
        "commune_office": "UBND",
        "district_office": "UBND cấp huyện tại",
        "provincial_office": "Cơ quan cấp tỉnh",
    }
    names = units["name"].tolist()
    return layer_frame(
        "facilities",
        {
            "facility_id": [f"F{i + 1:04d}" for i in range(n)],
            "name": numbered([f"{label[k]} {names[u]}" for k, u in zip(kinds, unit, strict=True)], unit),
            "kind": kinds.tolist(),
            "unit_code": [units["code"].tolist()[u] for u in unit],
            "urban": town,
            "lan": lan,
            "broadband": online,
            "government_network": network,
        },
        rows=n,
        source=source,
        xy_m=beside_villages(ground, villages, unit, rng),
        crs=ground.crs,
    )


def _just_over(percent: float, count: int) -> int:
    """The least number out of ``count`` that is more than ``percent`` of it (all, where nothing is)."""
    return min(count, int(np.floor(percent / 100 * count + 1e-9)) + 1)


def _facility_list(units: pd.DataFrame, rng: np.random.Generator) -> tuple[NDArray[Any], Ints]:
    """Kinds and unit rows of all facilities."""
    people = people_of(units)
    every = np.arange(len(units))
    commune = every[counted(units)]
    seat = seats(units)
    main = capital(units)
    large = commune[people[commune] > 9_000]
    parts: list[tuple[str, Ints]] = [
        ("primary_school", np.repeat(commune, np.clip(np.round(people[commune] / 3_500), 1, 4).astype(np.int64))),
        ("lower_secondary_school", np.concatenate([commune, large])),
        ("upper_secondary_school", np.concatenate([seat, commune[rng.random(len(commune)) < 0.15]])),
        ("college", np.full(3 if len(commune) > 60 else 1, main)),
        ("hospital", np.concatenate([[main], seat])),
        ("health_station", every),
        ("commune_office", commune),
        ("district_office", seat),
        ("provincial_office", np.full(12 if len(commune) > 60 else 2, main)),
    ]
    kinds = np.concatenate([np.full(len(where), kind, dtype=object) for kind, where in parts])
    return kinds, np.concatenate([where for _, where in parts]).astype(np.int64)
