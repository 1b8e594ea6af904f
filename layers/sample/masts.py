"""Masts, and the base stations and sectors on them, placed as operators place them: people first.

Lowland and towns are dense; in the mountains a commune has a mast at its centre, in the valley, and building stops
while villages of side valleys and of a few remote communes are still without a signal.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from phusong.layers.sample.figures import largest_remainder
from phusong.layers.sample.frames import layer_frame, points_xy
from phusong.layers.sample.ground import Floats, Ground, Ints, pairs_within, path_loss_db, spread

OPERATORS: Final = ("Viettel", "VinaPhone", "MobiFone", "Vietnamobile", "Gmobile", "Doanh nghiệp 6", "Doanh nghiệp 7")
SHARES: Final = (0.38, 0.27, 0.22, 0.09, 0.025, 0.008, 0.007)  # synthetic; of the masts in the lowland
MOUNTAIN_SHARES: Final = (0.55, 0.32, 0.13, 0.0, 0.0, 0.0, 0.0)
SMALL_OPERATOR_MASTS: Final = 2  # at least, in towns
REACH_M: Final = 20_000.0
LIMIT_DB: Final = 147.0  # 58 dBm radiated down to -95 dBm, less 6 dB for tilt and the sides of the beam
UNSERVED_SHARE: Final = 0.085  # of all villages, at most, stay without a signal
UNSERVED_HILLY_SHARE: Final = 0.4  # and never more than this of those in mountains
REMOTE_SHARE: Final = 0.15  # of mountain communes, without a mast: those farthest from villages with a signal,
REMOTE_APART_M: Final = 12_000.0  # with others between them
PEOPLE_A_MOUNTAIN_MAST: Final = 1.5  # times the people of a lowland mast
MOUNTAIN_TOWN: Final = 4_000.0  # people within 2 km: a town, served as those of the lowland
CARRIER_DBM: Final = 43.0
SMALL_CARRIER_DBM: Final = 34.0  # the one station of a mountain commune: 2.5 W, class 8 of ETSI TS 100 910 (GSM 05.05)
OMNI_LESS_DB: Final = 6.0  # gain of an omnidirectional antenna below that of a sector
TRIAL_HEIGHT_M: Final = 36.0
HILLTOP_SHARE: Final = 0.3


def place_masts(
    ground: Ground, villages: pd.DataFrame, *, count: int, rng: np.random.Generator
) -> tuple[Floats, NDArray[np.bool_], NDArray[np.bool_]]:
    """Positions (n, 2) of ``count`` masts, which stand in the mountains and which are the small one of a commune."""
    xy = points_xy(villages)
    people = _people(villages)
    hilly = ground.hilly(xy) & (_demand(xy, villages) < MOUNTAIN_TOWN)
    weight = np.where(hilly, people / PEOPLE_A_MOUNTAIN_MAST, people)
    islands = _island_masts(ground, villages, xy, people)[:count]
    in_hills = round((count - len(islands)) * float(weight[hilly].sum() / weight.sum()))
    lowland = _lowland(
        ground, xy[~hilly], people[~hilly], count=count - in_hills - len(islands), rng=rng, taken=islands
    )
    lowland = np.concatenate([islands, lowland])
    if not in_hills:
        return lowland, np.zeros(len(lowland), dtype=np.bool_), np.zeros(len(lowland), dtype=np.bool_)
    unserved = min(round(UNSERVED_SHARE * len(xy)), round(UNSERVED_HILLY_SHARE * int(hilly.sum())))
    mountain, small = _mountain(ground, xy[hilly], people[hilly], lowland, count=in_hills, unserved=unserved, rng=rng)
    more = _lowland(ground, xy[~hilly], people[~hilly], count=in_hills - len(mountain), rng=rng, taken=lowland)
    lowland = np.concatenate([lowland, more])
    masts = np.concatenate([lowland, mountain])
    short = count - len(masts)  # no lowland to take them: beside masts that stand already
    beside = _near(ground, masts[rng.integers(len(masts), size=short)], rng, hilltops=0.0)
    after = np.arange(count) - len(lowland)
    return np.concatenate([masts, beside]), after >= 0, (after >= 0) & (after < small)


def _island_masts(ground: Ground, villages: pd.DataFrame, xy: Floats, people: Floats) -> Floats:
    """A mast at the largest village of each island, which no other mast may reach."""
    units = ground.units
    islands = units.loc[units["island"].fillna(False).astype(bool), "code"].tolist()
    on = [np.flatnonzero(villages["unit_code"] == code) for code in islands]
    return xy[np.array([rows[np.argmax(people[rows])] for rows in on if len(rows)], dtype=np.int64)]


def island_at(ground: Ground, xy: Floats) -> NDArray[np.bool_]:
    """Which points (n, 2) are on units marked as islands."""
    island = ground.units["island"].fillna(False).to_numpy(dtype=bool)
    unit = ground.at(ground.unit, xy)
    return np.asarray((unit >= 0) & island[np.maximum(unit, 0)])


def _people(villages: pd.DataFrame) -> Floats:
    people = villages["population"].to_numpy(dtype=np.float64, na_value=np.nan)
    known = people[np.isfinite(people)]
    return np.asarray(np.where(np.isfinite(people), people, known.mean() if len(known) else 1.0) + 1e-6)


def _lowland(
    ground: Ground,
    xy: Floats,
    people: Floats,
    *,
    count: int,
    rng: np.random.Generator,
    taken: Floats | None = None,
) -> Floats:
    """Masts by people: several near large villages, closer together in towns."""
    if count <= 0 or not len(xy):
        return np.zeros((0, 2))
    copies = max(2, -(-3 * count // len(xy)))
    options = np.concatenate([_near(ground, xy, rng) for _ in range(copies)])
    score = (
        np.log(np.tile(people, copies)) + rng.gumbel(size=len(options)) - 0.7 * np.repeat(np.arange(copies), len(xy))
    )
    chosen = spread(options, score, count, spacing_m=900.0, taken=taken)
    return options[chosen]


def _near(ground: Ground, xy: Floats, rng: np.random.Generator, *, hilltops: float = HILLTOP_SHARE) -> Floats:
    """A mast position for each place (n, 2): beside it, or on the highest ground near by; always on a unit's land."""
    angle, away = rng.uniform(0, 2 * np.pi, len(xy)), rng.uniform(60, 450, len(xy))
    beside = xy + np.column_stack([np.cos(angle), np.sin(angle)]) * away[:, None]
    fits = (ground.at(ground.unit, beside) >= 0) & ground.at(ground.land, beside)
    beside = np.where(fits[:, None], beside, xy)
    on_top = np.flatnonzero((rng.random(len(xy)) < hilltops) & (ground.at(ground.relief_m, xy) > 60))
    for i in on_top:
        beside[i] = _hilltop(ground, xy[i])
    return beside


def _hilltop(ground: Ground, place: Floats) -> Floats:
    """Centre of the highest cell of any unit within 1.2 km."""
    grid = ground.elevation.grid
    rows, cols = grid.rowcol(place[:1], place[1:])
    reach = max(1, int(1_200 // grid.cell_m))
    top, left = max(0, int(rows[0]) - reach), max(0, int(cols[0]) - reach)
    window = np.s_[top : int(rows[0]) + reach + 1, left : int(cols[0]) + reach + 1]
    height = np.where((ground.unit[window] >= 0) & ground.land[window], ground.elevation.values[window], -np.inf)
    if not np.isfinite(height).any():
        return place
    row, col = np.unravel_index(int(np.argmax(height)), height.shape)
    return np.array([grid.x_m[left + int(col)], grid.y_m[top + int(row)]])


def _mountain(
    ground: Ground,
    xy: Floats,
    people: Floats,
    lowland: Floats,
    *,
    count: int,
    unserved: int,
    rng: np.random.Generator,
) -> tuple[Floats, int]:
    """Masts (n, 2), and how many of them, the first, are the small ones at the centres of communes.

    Then come those where most people hear nothing, while more than ``unserved`` villages do not; then, for capacity and
    rival networks, those by which no further village hears anything.
    """
    options = np.concatenate([_near(ground, xy, rng, hilltops=0.0), _near(ground, xy, rng)])
    served = served_by(ground, lowland, xy)
    mast, place = pairs_within(options, xy, reach_m=REACH_M)
    masts = np.column_stack([options, np.full(len(options), TRIAL_HEIGHT_M)])
    loss = np.full((len(options), len(xy)), np.inf)
    loss[mast, place] = path_loss_db(ground.elevation, masts[mast], xy[place])
    hears = loss <= LIMIT_DB
    chosen = _central(ground, xy, people, served)[:count]
    small = len(chosen)
    weaker = CARRIER_DBM - SMALL_CARRIER_DBM + OMNI_LESS_DB
    served = served | (loss[chosen] <= LIMIT_DB - weaker).any(axis=0)
    while len(chosen) < count and (~served).sum() > unserved:
        gain = (hears & ~served) @ people
        best = int(np.argmax(gain))
        if gain[best] <= 0:
            break
        chosen.append(best)
        served = served | hears[best]
    rest = np.setdiff1d(np.flatnonzero(~(hears & ~served).any(axis=1)), chosen)
    score = np.log(np.tile(people, 2)[rest]) + rng.gumbel(size=len(rest))
    more = spread(options[rest], score, count - len(chosen), spacing_m=1_500.0, taken=options[chosen])
    return np.asarray(options[np.concatenate([np.array(chosen, dtype=np.int64), rest[more]])]), small


def _central(ground: Ground, xy: Floats, people: Floats, served: NDArray[np.bool_]) -> list[int]:
    """The village in the middle of each mountainous unit but the remote ones, units of most people first."""
    unit = ground.at(ground.unit, xy)
    units = [u for u in np.unique(unit).tolist() if u >= 0 and ground.mountainous[u]]
    if not units:
        return []
    own = [np.flatnonzero(unit == u) for u in units]
    middle = np.array([np.average(xy[rows], axis=0, weights=people[rows]) for rows in own])
    away = cKDTree(xy[served]).query(middle)[0] if served.any() else np.zeros(len(units))
    remote = spread(middle, away, round(REMOTE_SHARE * len(units)), spacing_m=REMOTE_APART_M)
    order = np.argsort([-people[rows].sum() for rows in own], kind="stable")
    return [int(own[i][np.argmin(np.hypot(*(xy[own[i]] - middle[i]).T))]) for i in order if i not in remote]


def served_by(ground: Ground, masts: Floats, places: Floats) -> NDArray[np.bool_]:
    """Which places (n, 2) hear some mast (m, 2) by the crude path estimate at 900 MHz."""
    return least_loss_db(ground, masts, places) <= LIMIT_DB


def least_loss_db(
    ground: Ground, masts: Floats, places: Floats, *, weaker_db: Floats | float = 0.0, frequency_mhz: float = 900.0
) -> Floats:
    """Loss in dB from each place (n, 2) to the mast (m, 2) heard best within 20 km; infinite where there is none.

    ``weaker_db`` (m,): what each radiates below an ordinary station, counted as loss.
    """
    mast, place = pairs_within(masts, places, reach_m=REACH_M)
    tops = np.column_stack([masts, np.full(len(masts), TRIAL_HEIGHT_M)])
    best = np.full(len(places), np.inf)
    loss = path_loss_db(ground.elevation, tops[mast], places[place], frequency_mhz=frequency_mhz)
    np.minimum.at(best, place, loss + np.broadcast_to(weaker_db, len(masts))[mast])
    return best


def weaker_db(sectors: pd.DataFrame) -> Floats:
    """What each sector radiates below an ordinary station of the sample, in dB; ordinary where not known."""
    power = sectors["carrier_power_dbm"].to_numpy(dtype=np.float64, na_value=np.nan)
    return np.nan_to_num(CARRIER_DBM - power) + np.where(sectors["azimuth_deg"].isna(), OMNI_LESS_DB, 0.0)


def make_sites(
    ground: Ground,
    villages: pd.DataFrame,
    *,
    bts: int,
    masts: int,
    planned: int,
    closed: int,
    operators: int,
    rng: np.random.Generator,
    source: str,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sites and sectors: ``masts`` positions in service carrying ``bts`` base stations, and some planned and closed.

    A base station is one technology of one operator at a position: each mast carries its owner's 2G; 3G and tenants are
    added where most people live. ``bts`` below ``masts`` lowers the masts. ``operators`` are named, all present.
    """
    masts = min(masts, bts)
    xy, mountain, small = place_masts(ground, villages, count=masts + planned + closed, rng=rng)
    n = len(xy)
    status = np.full(n, "in_service", dtype=object)
    ordinary = np.flatnonzero(~mountain & ~island_at(ground, xy))
    aside = ordinary if len(ordinary) >= planned + closed else np.arange(n)
    picked = rng.choice(aside, size=n - masts, replace=False)
    status[picked[:planned]] = "planned"
    status[picked[planned:]] = "closed"
    demand = _demand(xy, villages)
    owner = _owners(mountain, demand, operators, status == "in_service", rng)
    stations = _stations(
        owner, mountain=mountain, demand=demand, running=status == "in_service", bts=bts, operators=operators, rng=rng
    )
    tenants = stations.groupby("mast")["operator"].nunique().reindex(range(n)).to_numpy()
    ids = [f"M{i + 1:04d}" for i in range(n)]
    sites = layer_frame(
        "sites",
        {
            "site_id": ids,
            "name": _site_names(ground, xy),
            "owner": [OPERATORS[o] for o in owner],
            "status": status.tolist(),
            "shared": tenants > 1,
            "backhaul": _backhaul(mountain, rng),
            "power_source": np.where(mountain & (rng.random(n) < 0.12), "hybrid", "grid").tolist(),
            **_dates(status, rng),
        },
        rows=n,
        source=source,
        xy_m=xy,
        crs=ground.crs,
    )
    return sites, _sectors(
        stations,
        ids=ids,
        xy=xy,
        owner=owner,
        mountain=mountain,
        small=small,
        demand=demand,
        villages=villages,
        rng=rng,
        source=source,
    )


def _demand(xy: Floats, villages: pd.DataFrame) -> Floats:
    """People in villages within 2 km of each mast."""
    mast, village = pairs_within(xy, points_xy(villages), reach_m=2_000.0)
    return np.bincount(mast, weights=_people(villages)[village], minlength=len(xy)).astype(np.float64)


def _owners(
    mountain: NDArray[np.bool_], demand: Floats, operators: int, running: NDArray[np.bool_], rng: np.random.Generator
) -> Ints:
    owner = np.zeros(len(mountain), dtype=np.int64)
    for where, shares in ((mountain, MOUNTAIN_SHARES), (~mountain, SHARES)):
        share = np.array(shares[:operators])
        owner[where] = rng.permutation(np.repeat(np.arange(operators), largest_remainder(int(where.sum()), share)))
    busiest = iter(np.argsort(-np.where(running & ~mountain, demand, -1.0), kind="stable"))
    for small in range(4, operators):  # the small ones are in towns only
        owner[np.flatnonzero((owner == small) & ~mountain)] = 0
        for _ in range(max(SMALL_OPERATOR_MASTS, round(SHARES[small] * len(owner)))):
            spot = next(busiest, None)
            if spot is not None and running[spot]:
                owner[spot] = small
    return owner


def _stations(
    owner: Ints,
    *,
    mountain: NDArray[np.bool_],
    demand: Floats,
    running: NDArray[np.bool_],
    bts: int,
    operators: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """One row a base station: mast, operator, technology, in the order of masts."""
    n = len(owner)
    rows = [(i, int(owner[i]), "2G") for i in range(n)]
    options: list[tuple[int, int, str]] = []
    score: list[float] = []
    big = min(operators, 4)
    share = np.array(SHARES[:big]) / sum(SHARES[:big])
    size = np.log1p(demand)
    for i in np.flatnonzero(running).tolist():
        luck = rng.gumbel(size=3)
        tenant = int(rng.choice(big, p=share))
        hard = 2.0 if mountain[i] else 0.0
        options.append((i, int(owner[i]), "3G"))
        score.append(size[i] + luck[0] - hard + 0.8)
        if tenant != owner[i]:
            options.append((i, tenant, "2G"))
            score.append(size[i] + luck[1] - hard / 2 - 0.6)
            options.append((i, tenant, "3G"))
            score.append(size[i] + min(luck[1], luck[2]) - hard - 1.0)
    wanted = bts - int(running.sum())
    best = np.argsort(-np.array(score), kind="stable")[:wanted]
    rows += [options[k] for k in best]
    third = int(wanted - len(best))  # few masts, many stations: further operators on the busiest masts
    have = set(rows)
    for i in np.argsort(-np.where(running, demand, -1.0), kind="stable"):
        for extra in range(operators):
            for technology in ("2G", "3G"):
                if third > 0 and running[i] and (int(i), extra, technology) not in have:
                    rows.append((int(i), extra, technology))
                    third -= 1
    rows.sort()
    return pd.DataFrame(rows, columns=["mast", "operator", "technology"])


def _site_names(ground: Ground, xy: Floats) -> list[str]:
    names = ground.units["name"].tolist()
    seen: dict[int, int] = {}
    out = []
    for unit in ground.at(ground.unit, xy).tolist():
        seen[unit] = seen.get(unit, 0) + 1
        out.append(f"Trạm {names[unit] if unit >= 0 else ''} {seen[unit]}".replace("  ", " "))
    return out


def _backhaul(mountain: NDArray[np.bool_], rng: np.random.Generator) -> list[str]:
    luck = rng.random(len(mountain))
    fibre = luck < np.where(mountain, 0.3, 0.85)
    return ["fibre" if laid else "microwave" for laid in fibre]


def _dates(status: NDArray[Any], rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """In service since 2003-2012; planned ones from 2013; closed ones until a day before the sample's date."""
    days = (rng.beta(3, 1.5, len(status)) * 3_400).astype(int)
    start = pd.Timestamp("2003-01-15") + pd.to_timedelta(days, unit="D")
    first = np.where(status == "planned", np.datetime64("2013-06-30", "s"), start.to_numpy().astype("datetime64[s]"))
    last = np.where(status == "closed", np.datetime64("2012-09-30", "s"), np.datetime64("NaT", "s"))
    return {
        "in_service_from": np.minimum(first, np.where(status == "planned", first, np.datetime64("2012-08-31", "s"))),
        "in_service_to": last,
    }


def _sectors(
    stations: pd.DataFrame,
    *,
    ids: list[str],
    xy: Floats,
    owner: Ints,
    mountain: NDArray[np.bool_],
    small: NDArray[np.bool_],
    demand: Floats,
    villages: pd.DataFrame,
    rng: np.random.Generator,
    source: str,
) -> pd.DataFrame:
    """Three sectors a base station; in the mountains some of two along the valley; one all round on small masts."""
    n = len(xy)
    town = demand >= np.quantile(demand, 0.9)
    height = np.where(town & (rng.random(n) < 0.6), rng.integers(15, 26, n), rng.choice([30, 33, 36, 39, 42], n))
    below = np.where(rng.random(n) < 0.5, 4, 0)  # where tenants hang on a shared mast
    first = rng.uniform(0, 120, n)
    valley = _towards_people(xy, villages)
    kind = np.where(small, 1, np.where(mountain, rng.choice([3, 2], n, p=[0.6, 0.4]), 3))
    tilt = rng.integers(0, 4, n)
    keep = rng.random((n, 6))  # a mast's surveyed values; the others are left to the documented defaults
    rows: list[dict[str, Any]] = []
    for mast, operator, technology in stations.itertuples(index=False):
        high_band = technology == "2G" and town[mast] and operator % 2 == 1
        band = 2100.0 if technology == "3G" else 1800.0 if high_band else 900.0
        count = int(kind[mast])
        angles = {
            3: [first[mast], first[mast] + 120, first[mast] + 240],
            2: [valley[mast], valley[mast] + 180],
            1: [np.nan],
        }[count]
        for k, azimuth in enumerate(angles):
            omni = count == 1
            rows.append(
                {
                    "sector_id": f"{ids[mast]}-{operator + 1}-{technology}-{k + 1}",
                    "site_id": ids[mast],
                    "operator": OPERATORS[operator],
                    "technology": technology,
                    "band_mhz": band,
                    "bandwidth_mhz": 5.0 if technology == "3G" else 0.2,
                    "carrier_power_dbm": SMALL_CARRIER_DBM
                    if small[mast]
                    else CARRIER_DBM
                    if keep[mast, 0] < 0.8
                    else np.nan,
                    "pilot_share_pct": 10.0 if technology == "3G" and keep[mast, 1] < 0.4 else np.nan,
                    "feeder_loss_db": 2.0 if keep[mast, 2] < 0.7 else np.nan,
                    "antenna_gain_dbi": 11.0
                    if omni
                    else (17.0 if band == 900 else 18.0)
                    if keep[mast, 3] < 0.6
                    else np.nan,
                    "height_m": float(height[mast] - (0 if operator == owner[mast] else below[mast])),
                    "azimuth_deg": np.round(azimuth % 360),
                    "mechanical_tilt_deg": float(tilt[mast]) if not omni and keep[mast, 4] < 0.7 else np.nan,
                    "electrical_tilt_deg": float(2 + k % 2) if not omni and keep[mast, 5] < 0.5 else np.nan,
                }
            )
    frame = pd.DataFrame(rows)
    return layer_frame("sectors", {str(c): frame[c].tolist() for c in frame}, rows=len(frame), source=source)


def _towards_people(xy: Floats, villages: pd.DataFrame) -> Floats:
    """Azimuth in degrees from each mast to the middle of the people within 6 km: along the valley."""
    places, people = points_xy(villages), _people(villages)
    mast, village = pairs_within(xy, places, reach_m=6_000.0)
    away = places[village] - xy[mast]
    # doubled angles: both ends of a valley pull the axis the same way
    angle = 2 * np.arctan2(away[:, 0], away[:, 1])
    pull = [np.bincount(mast, weights=people[village] * f(angle), minlength=len(xy)) for f in (np.sin, np.cos)]
    return np.degrees(np.arctan2(pull[0], pull[1])) / 2 % 180
