"""ITU-R P.1812 against every official profile and step log, then its laws, then its limits."""

from __future__ import annotations

import csv
import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from phusong.coverage.radio import p1812_terms as terms
from phusong.coverage.radio.delta_bullington import diffraction_over, smooth_surface
from phusong.coverage.radio.p1812 import COAST, INLAND, LIMITS, SEA, PathLoss, location_sigma_db, p1812
from phusong.layers.errors import InputError

FOLDER = os.environ.get("PHUSONG_RF_VALIDATION")
LOGS = sorted(Path(FOLDER, "p1812").glob("result_*.csv")) if FOLDER else []
P452 = sorted(Path(FOLDER, "p452").glob("test_result_*.csv")) if FOLDER else []
needs_truth = pytest.mark.skipif(not LOGS, reason="PHUSONG_RF_VALIDATION does not name the official profiles")

# what the step logs print: (name, reference) -> value, tolerance
PRINTED: dict[tuple[str, str], tuple[Any, float]] = {
    ("d (km)", ""): (lambda r: r.path_km, 1e-9),
    ("dlt (km)", "Eq (78)"): (lambda r: r.horizon_tx_km, 1e-9),
    ("dlr (km)", "Eq (81a)"): (lambda r: r.horizon_rx_km, 1e-9),
    ("th_t (mrad)", "Eqs (76-78)"): (lambda r: r.horizon_tx_mrad, 1e-7),
    ("th_r (mrad)", "Eqs (79-81)"): (lambda r: r.horizon_rx_mrad, 1e-7),
    ("th (mrad)", "Eq (82)"): (lambda r: r.angular_distance_mrad, 1e-7),
    ("hts (m)", ""): (lambda r: r.tx_m, 1e-6),
    ("hrs (m)", ""): (lambda r: r.rx_m, 1e-6),
    ("htc (m)", "Table 5"): (lambda r: r.tx_m, 1e-6),
    ("hrc (m)", "Table 5"): (lambda r: r.rx_m, 1e-6),
    ("w", "Table 5"): (lambda r: r.sea_share, 1e-9),
    ("dtm (km)", "Sec 3.6"): (lambda r: r.land_km, 1e-9),
    ("dlm (km)", "Sec 3.6"): (lambda r: r.inland_km, 1e-9),
    ("b0 (%)", "Eq (5)"): (lambda r: r.duct_incidence_pct, 1e-8),
    ("ae (km)", "Eq (7a)"): (lambda r: r.earth_km, 1e-6),
    ("hst (m)", "Eq (85)"): (lambda r: r.surface_tx_m, 1e-6),
    ("hsr (m)", "Eq (86)"): (lambda r: r.surface_rx_m, 1e-6),
    ("hst (m)", "Eq (90a)"): (lambda r: r.tx_m - r.effective_tx_m, 1e-6),
    ("hsr (m)", "Eq (90b)"): (lambda r: r.rx_m - r.effective_rx_m, 1e-6),
    ("hstd (m)", "Eq (89)"): (lambda r: r.diffraction_50.smooth_tx_m, 1e-6),
    ("hsrd (m)", "Eq (89)"): (lambda r: r.diffraction_50.smooth_rx_m, 1e-6),
    ("htc (m)", "Eq (37a)"): (lambda r: r.tx_m - r.diffraction_50.smooth_tx_m, 1e-6),
    ("hrc (m)", "Eq (37b)"): (lambda r: r.rx_m - r.diffraction_50.smooth_rx_m, 1e-6),
    ("hte (m)", "Eq (92a)"): (lambda r: r.effective_tx_m, 1e-6),
    ("hre (m)", "Eq (92b)"): (lambda r: r.effective_rx_m, 1e-6),
    ("hm (m)", "Eq (93)"): (lambda r: r.roughness_m, 1e-6),
    ("Fi", "Eq (40)"): (lambda r: r.time_share, 1e-9),
    ("Fj", "Eq (57)"): (lambda r: r.angle_share, 1e-9),
    ("Fk", "Eq (58)"): (lambda r: r.distance_share, 1e-9),
    ("Lbfs", "Eq (8)"): (lambda r: r.free_space_db, 1e-6),
    ("Lb0p", "Eq (10)"): (lambda r: r.clear_p_db, 1e-6),
    ("Lb0b", "Eq (11)"): (lambda r: r.clear_beta_db, 1e-6),
    # the logs print the parts of the last pass: the Earth radius for the time beta0
    ("Lbulla (dB)", "Eq (21)"): (lambda r: r.diffraction_beta.bullington_db, 1e-6),
    ("Lbulls (dB)", "Eq (21)"): (lambda r: r.diffraction_beta.smooth_bullington_db, 1e-6),
    ("Ldsph (dB)", "Eq (27)"): (lambda r: r.diffraction_beta.spherical_db, 1e-6),
    ("Ld50 (dB)", "Eq (39)"): (lambda r: r.diffraction_50.loss_db, 1e-6),
    ("Ldb (dB)", "Eq (39)"): (lambda r: r.diffraction_beta.loss_db, 1e-6),
    ("Ldp (dB)", "Eq (41)"): (lambda r: r.diffraction_p_db, 1e-6),
    ("Lbd50 (dB)", "Eq (42)"): (lambda r: r.with_diffraction_50_db, 1e-6),
    # the logs print this row after eq. (61) has overwritten it
    ("Lbd (dB)", "Eq (43)"): (lambda r: r.enhanced_db, 1e-6),
    ("Lminb0p (dB)", "Eq (59)"): (lambda r: r.least_clear_db, 1e-6),
    ("Lba (dB)", "Eq (46)"): (lambda r: r.ducting_db, 1e-6),
    ("Lminbap (dB)", "Eq (60)"): (lambda r: r.least_duct_db, 1e-6),
    ("Lbda (dB)", "Eq (61)"): (lambda r: r.enhanced_db, 1e-6),
    ("Lbam (dB)", "Eq (62)"): (lambda r: r.modified_db, 1e-6),
    ("Lbs (dB)", "Eq (44)"): (lambda r: r.troposcatter_db, 1e-6),
    ("Lbc (dB)", "Eq (63)"): (lambda r: r.half_locations_db, 1e-6),
    ("Lb (dB)", "Eq (69)"): (lambda r: r.loss_db, 1e-6),
    ("Ep (dBuV/m)", "Eq (70)"): (lambda r: r.field_dbuv_m, 1e-6),
}
# what they were given, and the radiated field, which the combined results hold
INPUTS = {
    *("Ptx (kW)", "Gtx (dBi)", "Grx (dBi)", "f (GHz)", "p (%)", "pL (%)", "sigmaL (dB)", "phi_t (deg)", "phi_r (deg)"),
    *("lam_t (deg)", "lam_r (deg)", "htg (m)", "hrg (m)", "pol", "DN", "N0", "dct (km)", "dcr (km)", "R2 (m)"),
    *("Rn-1 (m)", "phi (deg)", "Ep (dBuV/m) w.r.t. Ptx", "Ep (dBuV/m) w.r.t. Ptx, Gtx, Grx"),
}


def read_log(path: Path) -> dict[tuple[str, str], float]:
    """The rows of a step log: name and reference -> value; names may hold commas, so values are read from the right."""
    rows = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#") or not line.strip(" ,"):
            continue
        name, reference, _, value, _ = line.rsplit(",", 4)
        rows[name.strip(), reference.strip()] = float(value)
    return rows


@cache
def read_profile(name: str) -> dict[str, Any]:
    lines = Path(str(FOLDER), "p1812", f"profile_{name}.csv").read_text(encoding="utf-8").splitlines()
    lines = [line.rstrip(",") for line in lines]
    begin = lines.index("{Begin of Profile}")
    count = int(lines[begin + 1].split(",")[1])
    rows = np.array([[float(x) for x in line.split(",")[:5]] for line in lines[begin + 2 : begin + 2 + count]])
    measured = lines[lines.index("{Begin of Measurements}") + 1 : lines.index("{End of Measurements}")]
    return {
        "d_km": rows[:, 0],
        "h_m": rows[:, 1],
        "clutter_m": rows[:, 3],
        "zones": rows[:, 4].astype(int),
        "measured": [line.split(",") for line in measured if line],
    }


def centre_latitude_deg(lat_t: float, lon_t: float, lat_r: float, lon_r: float, d_km: float) -> float:
    """Latitude of the point ``d_km / 2`` from the transmitter on the great circle to the receiver."""

    def unit(lat: float, lon: float) -> np.ndarray:
        lat, lon = np.radians(lat), np.radians(lon)
        return np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])

    start, end = unit(lat_t, lon_t), unit(lat_r, lon_r)
    towards = end - start * (start @ end)
    angle = d_km / 2.0 / 6371.0
    return float(np.degrees(np.arcsin((start * np.cos(angle) + towards / np.linalg.norm(towards) * np.sin(angle))[2])))


def official(log: Path) -> tuple[PathLoss, dict[tuple[str, str], float], list[str]]:
    """The path of a step log, computed; the log; the row of the profile file it belongs to."""
    name, _, number = log.stem.removeprefix("result_").rpartition("_")
    profile, value = read_profile(name), read_log(log)
    row = profile["measured"][int(number)]
    terminals = [value[key, ""] for key in ("phi_t (deg)", "lam_t (deg)", "phi_r (deg)", "lam_r (deg)")]
    latitude_deg = centre_latitude_deg(*terminals, float(profile["d_km"][-1]))
    assert latitude_deg == pytest.approx(value["phi (deg)", "Eq (4)"], abs=1e-8)
    result = p1812(
        profile["d_km"],
        profile["h_m"],
        clutter_m=profile["clutter_m"],
        zones=profile["zones"],
        frequency_mhz=float(row[0]),
        tx_height_m=float(row[1]),
        rx_height_m=float(row[3]),
        vertical=row[4] == "2",
        time_pct=float(row[14]),
        locations_pct=value["pL (%)", ""],
        sigma_db=value["sigmaL (dB)", ""],
        latitude_deg=latitude_deg,
        delta_n=value["DN", ""],
        n0=value["N0", ""],
        tx_coast_km=value["dct (km)", ""],
        rx_coast_km=value["dcr (km)", ""],
    )
    return result, value, row


@needs_truth
@pytest.mark.parametrize("log", LOGS, ids=lambda path: path.stem)
def test_every_printed_value_of_the_official_logs(log: Path) -> None:
    result, value, row = official(log)
    assert {name for name, _ in value} - INPUTS == {name for name, _ in PRINTED}
    wrong = {
        key: (of(result), value[key])
        for key, (of, tolerance) in PRINTED.items()
        if of(result) != pytest.approx(value[key], abs=tolerance, rel=0.0)
    }
    assert wrong == {}
    assert result.with_diffraction_p_db == pytest.approx(
        value["Lb0p", "Eq (10)"] + value["Ldp (dB)", "Eq (41)"], abs=1e-6
    )
    assert result.loss_db == pytest.approx(float(row[17]), abs=1e-6)
    assert (float(row[0]), float(row[14])) == pytest.approx((1e3 * value["f (GHz)", ""], value["p (%)", ""]))


@needs_truth
def test_the_combined_results_where_their_profiles_are_here() -> None:
    table = Path(str(FOLDER), "p1812", "combined_results.csv")
    found = 0
    with table.open(encoding="utf-8") as file:
        for row in csv.reader(file):
            log = table.parent / f"result_{row[1].strip().removesuffix('.csv')}_{row[2].strip()}.csv"
            if log.exists():
                result, _, measured = official(log)
                erp_dbkw = float(measured[12]) - 30.0
                assert result.field_dbuv_m + erp_dbkw == pytest.approx(float(row[3]), abs=1e-6)
                found += 1
    assert found == len(LOGS) >= 45


@needs_truth
@pytest.mark.parametrize("log", P452, ids=lambda path: path.stem)
def test_what_p452_shares(log: Path) -> None:
    """Geometry and diffraction of P.452's own profiles; its logs print the parts for the median Earth radius."""
    lines = log.with_name(log.name.replace("result", "profile")).read_text(encoding="utf-8").splitlines()
    profile = list(csv.reader(lines))[1:]
    d_km, h_m = (np.array([float(row[i]) for row in profile]) for i in (0, 1))
    zones = np.array([{1: COAST, 2: INLAND, 3: SEA}[int(row[4])] for row in profile])
    land_km, inland_km, sea_km = terms.sections(d_km, zones)
    sea_share = sea_km / d_km[-1]
    with log.open(encoding="utf-8") as file:
        rows = [{key.strip(): text.strip() for key, text in row.items() if key} for row in csv.DictReader(file)]
    assert len(rows) == 35
    for row in rows:
        value = {key: float(text) for key, text in row.items() if key not in {"profile", "path"}}
        earth_km = 6371.0 * 157.0 / (157.0 - value["DN"])
        tx_m, rx_m = h_m[0] + value["htg (m)"], h_m[-1] + value["hrg (m)"]
        hst, hsr, hstd, hsrd = smooth_surface(1e3 * d_km, h_m, tx_m, rx_m)
        sight, dlt, dlr, theta_t, theta_r, theta, hte, hre, hm = terms.horizons(
            d_km, h_m, tx_m, rx_m, earth_km, hst, hsr
        )
        places = [value[f"phi{end}_{axis} (deg)"] for end in "tr" for axis in "ne"]
        b0 = terms.duct_incidence_pct(centre_latitude_deg(*places, d_km[-1]), land_km, inland_km)
        median, rare = (
            diffraction_over(
                1e3 * d_km,
                h_m,
                tx_m=tx_m,
                rx_m=rx_m,
                smooth_tx_m=hstd,
                smooth_rx_m=hsrd,
                earth_radius_m=1e3 * radius_km,
                frequency_mhz=1e3 * value["f (GHz)"],
                wavelength_m=0.2998 / value["f (GHz)"],
                vertical=value["pol (1-h/2-v)"] == 2.0,
                sea_share=sea_share,
            )
            for radius_km in (earth_km, 3.0 * 6371.0)
        )
        share = terms.time_share(value["p (%)"], b0)
        ours = {
            **{"ae": earth_km, "dtot": d_km[-1], "hts": tx_m, "hrs": rx_m, "hstd": hstd, "hsrd": hsrd, "hm": hm},
            **{"theta_t": theta_t, "theta_r": theta_r, "theta": theta, "dlt": dlt, "dlr": dlr, "hte": hte, "hre": hre},
            **{"dtm": land_km, "dlm": inland_km, "b0": b0, "omega": sea_share},
            **{"Ldsph": median.spherical_db, "Ld50": median.loss_db},
            "Ldp": median.loss_db + share * (rare.loss_db - median.loss_db),
        }
        # DN stands in the logs with six decimals only, 3e-5 km of Earth radius
        tolerance = {"ae": 4e-5}
        wrong = {key: (x, value[key]) for key, x in ours.items() if not abs(x - value[key]) <= tolerance.get(key, 1e-6)}
        assert wrong == {}
        assert sight == (row["path"] == "Line of Sight")


COMMON: dict[str, Any] = {
    "frequency_mhz": 900.0,
    "tx_height_m": 30.0,
    "rx_height_m": 1.5,
    "vertical": True,
    "latitude_deg": 22.0,
    "delta_n": 50.0,
    "n0": 360.0,
}


def hills(points: int = 60, *, path_km: float = 18.0, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return np.linspace(0.0, path_km, points), 300.0 + np.abs(np.cumsum(rng.normal(0.0, 40.0, points)))


paths = st.builds(hills, st.integers(3, 60), path_km=st.floats(0.3, 900.0), seed=st.integers(0, 2**32 - 1))
frequencies = st.floats(30.0, 6000.0)
masts = st.floats(1.0, 300.0)


@settings(max_examples=150, deadline=None)
@given(paths, frequencies, masts, masts, st.booleans())
def test_never_below_free_space_at_half_of_the_time(
    path: tuple[np.ndarray, np.ndarray], mhz: float, tx: float, rx: float, vertical: bool
) -> None:
    result = p1812(*path, **COMMON | {"frequency_mhz": mhz, "tx_height_m": tx, "rx_height_m": rx, "vertical": vertical})
    assert result.clear_p_db == result.free_space_db
    assert result.free_space_db <= result.loss_db < 2000.0


@settings(max_examples=150, deadline=None)
@given(paths, frequencies, masts, masts, st.floats(1.0, 50.0))
def test_diffraction_is_the_same_both_ways(
    path: tuple[np.ndarray, np.ndarray], mhz: float, tx: float, rx: float, time: float
) -> None:
    d, h = path
    there = p1812(d, h, **COMMON | {"frequency_mhz": mhz, "tx_height_m": tx, "rx_height_m": rx, "time_pct": time})
    back = p1812(
        (d[-1] - d)[::-1],
        h[::-1],
        **COMMON | {"frequency_mhz": mhz, "tx_height_m": rx, "rx_height_m": tx, "time_pct": time},
    )
    assert there.diffraction_p_db == pytest.approx(back.diffraction_p_db, abs=1e-6)
    assert there.angular_distance_mrad == pytest.approx(back.angular_distance_mrad, abs=1e-6)
    assert there.clear_p_db == pytest.approx(back.clear_p_db, abs=1e-6)
    assert there.line_of_sight == back.line_of_sight


@settings(max_examples=150, deadline=None)
@given(paths, frequencies, st.floats(1.0, 50.0), st.floats(1.0, 50.0))
def test_diffraction_moves_from_its_rare_to_its_median_value_with_time(
    path: tuple[np.ndarray, np.ndarray], mhz: float, one: float, other: float
) -> None:
    """Ldp lies between its values for beta0 and 50 % of time: eq. (41) interpolates, never extrapolates."""
    low, high = (
        p1812(*path, **COMMON | {"frequency_mhz": mhz, "time_pct": time}) for time in (min(one, other), max(one, other))
    )
    rising = low.diffraction_50.loss_db >= low.diffraction_beta.loss_db
    assert (high.diffraction_p_db - low.diffraction_p_db) * (1.0 if rising else -1.0) >= -1e-9
    assert high.clear_p_db >= low.clear_p_db
    assert 0.0 <= high.time_share <= low.time_share <= 1.0


@settings(max_examples=100, deadline=None)
@given(paths, frequencies, st.integers(0, 59), st.floats(0.0, 40.0))
def test_higher_clutter_never_helps_diffraction(
    path: tuple[np.ndarray, np.ndarray], mhz: float, where: int, more: float
) -> None:
    d, h = path
    clutter = np.full(len(d), 5.0)
    below = p1812(d, h, clutter_m=clutter, **COMMON | {"frequency_mhz": mhz})
    clutter[where % len(d)] += more
    above = p1812(d, h, clutter_m=clutter, **COMMON | {"frequency_mhz": mhz})
    assert above.diffraction_50.loss_db >= below.diffraction_50.loss_db - 1e-9
    assert above.diffraction_50.smooth_tx_m == below.diffraction_50.smooth_tx_m
    assert above.horizon_tx_mrad == below.horizon_tx_mrad


def test_clutter_on_the_two_ends_stands_on_no_path() -> None:
    d, h = hills()
    ends = np.zeros(len(d))
    ends[[0, -1]] = 20.0
    bare, with_ends = p1812(d, h, **COMMON), p1812(d, h, clutter_m=ends, **COMMON)
    assert with_ends.half_locations_db == bare.half_locations_db
    ends[1] = 60.0
    assert p1812(d, h, clutter_m=ends, **COMMON).diffraction_50.loss_db > bare.diffraction_50.loss_db + 1.0


def test_short_clear_path_is_free_space() -> None:
    d = np.linspace(0.0, 2.0, 40)
    result = p1812(
        d, np.full(40, 10.0), **COMMON | {"tx_height_m": 120.0, "rx_height_m": 120.0, "frequency_mhz": 3500.0}
    )
    assert result.line_of_sight
    assert result.diffraction_50.loss_db == 0.0
    assert result.loss_db == pytest.approx(92.4 + 20 * np.log10(3.5) + 20 * np.log10(2.0), abs=0.01)


def test_more_locations_need_more_loss_and_half_of_them_none() -> None:
    path = hills()
    sigma = location_sigma_db(900.0, rx_height_m=1.5, clutter_m=0.0)
    assert sigma == pytest.approx((0.52 + 0.024 * 0.9) * 100.0**0.28 * 0.85)
    losses = {pct: p1812(*path, **COMMON, locations_pct=pct) for pct in (1.0, 10.0, 50.0, 90.0, 99.0)}
    assert losses[50.0].loss_db == pytest.approx(losses[50.0].half_locations_db, abs=1e-6)
    for pct, result in losses.items():
        assert result.location_sigma_db == sigma
        expected = losses[50.0].half_locations_db + norm.ppf(pct / 100.0) * sigma
        assert result.loss_db == pytest.approx(max(expected, result.clear_p_db), abs=6e-4 * sigma)
    indoors = p1812(*path, **COMMON, locations_pct=90.0, entry_db=12.0, entry_sigma_db=5.0)
    assert indoors.location_sigma_db == pytest.approx(np.hypot(sigma, 5.0))
    expected = losses[50.0].half_locations_db + 12.0 + norm.ppf(0.9) * np.hypot(sigma, 5.0)
    assert indoors.loss_db == pytest.approx(expected, abs=5e-3)


def test_the_spread_over_locations_under_within_and_above_the_clutter() -> None:
    full = (0.52 + 0.024 * 2.1) * 500.0**0.28
    for height, share in ((1.5, 1.0), (9.9, 1.0), (12.5, 0.75), (20.0, 0.0), (90.0, 0.0)):
        got = location_sigma_db(2100.0, rx_height_m=height, clutter_m=10.0, area_width_m=500.0)
        assert got == pytest.approx(full * share)


@settings(max_examples=200, deadline=None)
@given(st.floats(1e-6, 1.0 - 1e-6))
def test_the_inverse_normal_is_one(share: float) -> None:
    """Attachment 2 promises an error of at most 0.00054."""
    assert terms.inverse_normal(share) == pytest.approx(-norm.ppf(share), abs=5.4e-4)


def test_zones_by_hand() -> None:
    """Points at 0, 1, 3, 4, 8 km; each speaks for the way up to halfway to its neighbours."""
    d = np.array([0.0, 1.0, 3.0, 4.0, 8.0])
    zones = np.array([INLAND, COAST, SEA, COAST, INLAND])
    assert terms.sections(d, zones) == pytest.approx((4.5, 2.0, 1.5))
    assert terms.sections(d, np.full(5, SEA)) == (0.0, 0.0, 8.0)
    assert terms.sections(d, np.full(5, INLAND)) == (8.0, 8.0, 0.0)


def test_a_coast_couples_into_the_duct_and_is_found_from_the_zones() -> None:
    d = np.linspace(0.0, 120.0, 241)
    h = np.where((d > 0.9) & (d < 119.0), 0.0, 4.0)
    zones = np.where((d > 0.9) & (d < 119.0), SEA, COAST)
    common = COMMON | {"time_pct": 1.0, "tx_height_m": 20.0, "rx_height_m": 10.0}
    by_zones = p1812(d, h, zones=zones, **common)
    given_ = p1812(d, h, zones=zones, tx_coast_km=0.75, rx_coast_km=1.25, **common)
    inland = p1812(d, h, zones=zones, tx_coast_km=500.0, rx_coast_km=500.0, **common)
    assert by_zones.sea_share > 0.75
    assert by_zones.ducting_db == given_.ducting_db
    gain = sum(
        3.0 * np.exp(-0.25 * km**2) * (1.0 + np.tanh(0.07 * (50.0 - m))) for km, m in ((0.75, 24.0), (1.25, 14.0))
    )
    assert inland.ducting_db - by_zones.ducting_db == pytest.approx(gain, abs=1e-9)
    at_sea = p1812(d, np.zeros(241), zones=np.full(241, SEA), locations_pct=95.0, **common)
    assert at_sea.sea_share == 1.0
    assert at_sea.location_sigma_db == 0.0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (name, value)
        for name, ends in LIMITS.items()
        if name != "distance_km"
        for value in (ends[0] - 0.5, ends[1] + 0.5)
    ]
    + [("frequency_mhz", float("nan"))],
)
def test_beyond_its_validity_it_refuses(name: str, value: float) -> None:
    with pytest.raises(InputError) as caught:
        p1812(*hills(), **COMMON | {name: value})
    assert [fault.code for fault in caught.value.faults] == [f"propagation.limit.{name}"]
    assert f"{value:g}" in caught.value.say("vi")
    ends = LIMITS[name]
    for inside in ends:
        assert np.isfinite(p1812(*hills(), **COMMON | {name: inside}).loss_db)


def test_all_faults_are_told_together_and_paths_too_short_or_long_are_refused() -> None:
    d, h = hills()
    for path_km in (0.2, 3001.0):
        with pytest.raises(InputError, match="path length") as caught:
            p1812(d / d[-1] * path_km, h, **COMMON | {"time_pct": 60.0})
        assert {fault.code for fault in caught.value.faults} == {
            "propagation.limit.distance_km",
            "propagation.limit.time_pct",
        }
    with pytest.raises(InputError, match=r"frequency 6000\.001 MHz"):
        p1812(d, h, **COMMON | {"frequency_mhz": 6000.001})
    for zones in (np.full(len(d), 2), np.full(len(d), 3.5), np.full(len(d), np.nan), np.full(9, INLAND)):
        with pytest.raises(InputError, match="zone"):
            p1812(d, h, zones=zones, **COMMON)
    with pytest.raises(InputError, match="three or more points"):
        p1812(d[:2], h[:2], **COMMON)


@pytest.mark.parametrize(
    "name", ["sigma_db", "area_width_m", "entry_db", "entry_sigma_db", "tx_coast_km", "rx_coast_km"]
)
@pytest.mark.parametrize("value", [-1.0, float("nan")])
def test_what_cannot_be_negative_is_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match="from 0 up"):
        p1812(*hills(), **COMMON | {name: value})


def test_ground_along_the_ray_itself_has_its_horizons_in_order() -> None:
    """Every point touches the ray, so that rounding chooses the horizons; the receiver's never comes first."""
    rng = np.random.default_rng(0)
    for _ in range(3000):
        d = np.concatenate([[0.0], np.cumsum(rng.uniform(0.1, 1.0, rng.integers(2, 12)))])
        tx, rx = rng.uniform(10.0, 100.0, 2)
        ray = (tx * (d[-1] - d) + rx * d) / d[-1] - 0.5e3 / 8500.0 * d * (d[-1] - d)
        ray[[0, -1]] -= 10.0
        _, dlt, dlr, *_, roughness = terms.horizons(d, ray, tx, rx, 8500.0, 0.0, 0.0)
        assert dlt + dlr <= d[-1] + 1e-9
        assert np.isfinite(roughness)
