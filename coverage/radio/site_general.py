"""Site-general path loss: free space, Okumura-Hata, COST-231 Hata, 3GPP TR 38.901 RMa and UMa; vectorised.

These models know distance and heights, not the terrain between: ``over_terrain`` joins them with diffraction. Each
holds within limits only. Beyond them a loss is still computed, but every such value carries flags (``Outside``) that
say which limit is broken; nothing is extended in silence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntFlag
from functools import partial
from math import log10
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from phusong.coverage.radio.diffraction import wavelength_m
from phusong.layers.errors import InputError

F64 = NDArray[np.float64]
Model = Literal["free_space", "okumura_hata", "cost231_hata", "rma", "uma"]
MODELS: tuple[Model, ...] = get_args(Model)
Environment = Literal["large_city", "urban", "suburban", "quasi_open", "open"]
ENVIRONMENTS: dict[str, tuple[Environment, ...]] = {
    "okumura_hata": get_args(Environment),
    "cost231_hata": ("large_city", "urban", "quasi_open", "open"),
}
"""Environments each Hata model knows; the other models have none."""

SPEED_OF_LIGHT_38901_M_PER_S = 3.0e8  # c of the break points, TR 38.901 table 7.4.1-1 notes 1 and 5


class Outside(IntFlag):
    """What lies outside a model's validity; 0: nothing."""

    FREQUENCY = 1
    DISTANCE = 2
    BASE_HEIGHT = 4
    TERMINAL_HEIGHT = 8
    SURROUNDINGS = 16  # street width or building height (RMa)

    @property
    def limits(self) -> tuple[str, ...]:
        """The limits broken, in small letters, such as distance."""
        return tuple(str(flag.name).lower() for flag in self)


@dataclass(frozen=True)
class Validity:
    """Closed intervals within which a model holds; distances along the ground, heights above ground."""

    frequency_mhz: tuple[float, float]
    distance_m: tuple[float, float]
    base_height_m: tuple[float, float]
    terminal_height_m: tuple[float, float]


ANY = (0.0, float("inf"))
VALIDITY: dict[str, Validity] = {
    "free_space": Validity(ANY, ANY, ANY, ANY),  # the metre it needs is one along the ray: ``free_space`` flags it
    # Hata (1980), section III
    "okumura_hata": Validity((150.0, 1500.0), (1e3, 20e3), (30.0, 200.0), (1.0, 10.0)),
    # COST 231 final report, section 4.4.1
    "cost231_hata": Validity((1500.0, 2000.0), (1e3, 20e3), (30.0, 200.0), (1.0, 10.0)),
    # TR 38.901 table 7.4.1-1 and its note 2
    "rma_los": Validity((500.0, 30e3), (10.0, 10e3), (10.0, 150.0), (1.0, 10.0)),
    "rma_nlos": Validity((500.0, 30e3), (10.0, 5e3), (10.0, 150.0), (1.0, 10.0)),
    # the same; above 13 m the effective environment height is random (note 1), which is not modelled
    "uma_los": Validity((500.0, 100e3), (10.0, 5e3), (25.0, 25.0), (1.5, 13.0)),
    "uma_nlos": Validity((500.0, 100e3), (10.0, 5e3), (25.0, 25.0), (1.5, 13.0)),
}
HATA_CITY_GAP_MHZ = (200.0, 400.0)  # Hata gives the large city's a(hm) up to the first and from the second
HATA_CITY_SPLIT_MHZ = 300.0


@dataclass(frozen=True)
class SiteGeneralLoss:
    """Median path loss between isotropic antennas, its flags, and the shadow fading the model states.

    ``loss_db`` float64; ``outside`` uint8, bits of ``Outside``; ``sigma_db`` float64, NaN where the model states none.
    All of one shape, that of the arguments broadcast.
    """

    loss_db: F64
    outside: NDArray[np.uint8]
    sigma_db: F64

    @property
    def valid_db(self) -> F64:
        """The loss where the model holds, NaN elsewhere."""
        return np.where(self.outside == 0, self.loss_db, np.nan)

    def outside_counts(self) -> dict[Outside, int]:
        """How many values break each limit; limits that none breaks are left out."""
        counts = {flag: int(np.count_nonzero(self.outside & flag.value)) for flag in Outside}
        return {flag: count for flag, count in counts.items() if count}


def path_loss(
    model: str,
    distance_m: ArrayLike,
    *,
    frequency_mhz: ArrayLike,
    base_height_m: ArrayLike,
    terminal_height_m: ArrayLike = 1.5,
    environment: str = "open",
    line_of_sight: ArrayLike = False,
) -> SiteGeneralLoss:
    """Loss by the model of that name (``MODELS``); ``distance_m`` along the ground, heights above it; all broadcast.

    ``environment`` is read by the Hata models, ``line_of_sight`` by RMa and UMa. InputError if model or environment is
    not known.
    """
    by_name: dict[str, Callable[..., SiteGeneralLoss]] = {
        "free_space": free_space,
        "okumura_hata": partial(okumura_hata, environment=environment),
        "cost231_hata": partial(cost231_hata, environment=environment),
        "rma": partial(rma, line_of_sight=line_of_sight),
        "uma": partial(uma, line_of_sight=line_of_sight),
    }
    if model in by_name:
        return by_name[model](
            distance_m, frequency_mhz=frequency_mhz, base_height_m=base_height_m, terminal_height_m=terminal_height_m
        )
    raise InputError("link.error.model", model=model, known=", ".join(MODELS))


def over_terrain(
    model_db: ArrayLike,
    *,
    free_space_db: ArrayLike,
    diffraction_db: ArrayLike,
    k: float = 1.0,
    offset_db: float = 0.0,
) -> F64:
    """max(model, free space + k x diffraction) + offset, dB: the terrain where it matters, else the surroundings.

    ``k`` and ``offset_db`` can be fitted to measurements (``phusong.coverage.radio.fit``).
    """
    over = np.asarray(free_space_db, dtype=np.float64) + k * np.asarray(diffraction_db, dtype=np.float64)
    return np.maximum(np.asarray(model_db, dtype=np.float64), over) + offset_db


def free_space(
    distance_m: ArrayLike,
    *,
    frequency_mhz: ArrayLike,
    base_height_m: ArrayLike = 0.0,
    terminal_height_m: ArrayLike = 0.0,
) -> SiteGeneralLoss:
    """20 log10(4 pi r / wavelength), ITU-R P.525-4 eq. (4); r over both ground distance and heights, at least 1 m.

    Flagged below that metre, and where there is no frequency (the loss is then NaN).
    """
    d, f, base, terminal = np.broadcast_arrays(
        *(np.asarray(v, dtype=np.float64) for v in (distance_m, frequency_mhz, base_height_m, terminal_height_m))
    )
    r = np.hypot(d, base - terminal)
    known = f > 0.0
    loss = 20.0 * np.log10(4.0 * np.pi * np.maximum(r, 1.0) * np.where(known, f, np.nan) / wavelength_m(1.0))
    outside = np.where(r >= 1.0, 0, Outside.DISTANCE.value) | np.where(known, 0, Outside.FREQUENCY.value)
    return SiteGeneralLoss(loss, outside.astype(np.uint8), np.full(d.shape, np.nan))


def okumura_hata(
    distance_m: ArrayLike,
    *,
    frequency_mhz: ArrayLike,
    base_height_m: ArrayLike,
    terminal_height_m: ArrayLike = 1.5,
    environment: str = "open",
) -> SiteGeneralLoss:
    """Okumura-Hata: M. Hata, IEEE Trans. Veh. Technol. VT-29 (1980) 317-325, eqs. (10) to (16).

    Urban L = 69.55 + 26.16 log f - 13.82 log hb - a(hm) + (44.9 - 6.55 log hb) log d, in MHz, m, km. ``urban`` takes
    a(hm) of medium and small cities, ``large_city`` that of large ones (not given between 200 and 400 MHz: the two
    formulas meet at 300 MHz and the values are flagged). ``suburban`` and ``open`` are Hata's corrections,
    ``quasi_open`` is the one of GSM 03.30 annex B (5 dB above open).
    """
    _known(environment, "okumura_hata")
    d, f, base, terminal = _broadcast(distance_m, frequency_mhz, base_height_m, terminal_height_m)
    outside = _outside(VALIDITY["okumura_hata"], d, f, base, terminal)
    log_f = np.log10(f)
    if environment == "large_city":
        low = 8.29 * np.log10(1.54 * terminal) ** 2 - 1.1
        high = 3.2 * np.log10(11.75 * terminal) ** 2 - 4.97
        gain = np.where(f < HATA_CITY_SPLIT_MHZ, low, high)
        gap = (f > HATA_CITY_GAP_MHZ[0]) & (f < HATA_CITY_GAP_MHZ[1])
        outside |= np.where(gap, Outside.FREQUENCY.value, 0).astype(np.uint8)
    else:
        gain = _small_city_gain_db(log_f, terminal)
    loss = 69.55 + 26.16 * log_f - 13.82 * np.log10(base) - gain + _hata_slope_db(d, base)
    if environment == "suburban":
        loss -= 2.0 * np.log10(f / 28.0) ** 2 + 5.4
    return SiteGeneralLoss(loss - _rural_db(environment, log_f), outside, np.full(d.shape, np.nan))


def cost231_hata(
    distance_m: ArrayLike,
    *,
    frequency_mhz: ArrayLike,
    base_height_m: ArrayLike,
    terminal_height_m: ArrayLike = 1.5,
    environment: str = "open",
) -> SiteGeneralLoss:
    """COST-231 Hata: COST 231 final report (1999) section 4.4.1, eqs. (4.4.1) to (4.4.3).

    L = 46.3 + 33.9 log f - 13.82 log hb - a(hm) + (44.9 - 6.55 log hb) log d + Cm, in MHz, m, km. Cm = 0 dB in medium
    cities and suburban centres (``urban``), 3 dB in metropolitan centres (``large_city``). The report has no open
    country: ``quasi_open`` and ``open`` take Hata's corrections up to 2,000 MHz as GSM 03.30 annex B allows.
    """
    _known(environment, "cost231_hata")
    d, f, base, terminal = _broadcast(distance_m, frequency_mhz, base_height_m, terminal_height_m)
    log_f = np.log10(f)
    loss = 46.3 + 33.9 * log_f - 13.82 * np.log10(base) - _small_city_gain_db(log_f, terminal) + _hata_slope_db(d, base)
    if environment == "large_city":
        loss += 3.0
    outside = _outside(VALIDITY["cost231_hata"], d, f, base, terminal)
    return SiteGeneralLoss(loss - _rural_db(environment, log_f), outside, np.full(d.shape, np.nan))


def rma(
    distance_m: ArrayLike,
    *,
    frequency_mhz: ArrayLike,
    base_height_m: ArrayLike = 35.0,
    terminal_height_m: ArrayLike = 1.5,
    line_of_sight: ArrayLike = False,
    building_height_m: float = 5.0,
    street_width_m: float = 20.0,
) -> SiteGeneralLoss:
    """Rural macro cell, 3GPP TR 38.901 table 7.4.1-1 (PL_RMa-LOS, PL_RMa-NLOS).

    Sigma: 4 dB, beyond the break point 6 dB, NLOS 8 dB. ``line_of_sight`` broadcasts with the rest. Average
    building height and street width: the table's, 5 to 50 m. The table's PL2 sets the break point's ground distance in
    for one along the ray; here both are along the ray, so that there is no step at it (within 0.04 dB).
    """
    d, f, base, terminal, seen = _broadcast(
        distance_m, frequency_mhz, base_height_m, terminal_height_m, np.asarray(line_of_sight, dtype=np.bool_)
    )
    sight = seen > 0.0
    f_ghz, r = f / 1e3, np.hypot(d, base - terminal)
    break_m = 2.0 * np.pi * base * terminal * f * 1e6 / SPEED_OF_LIGHT_38901_M_PER_S
    break_r = np.hypot(break_m, base - terminal)
    grown = building_height_m**1.72

    def near(distance: F64) -> F64:
        by_log: F64 = 20.0 * np.log10(40.0 * np.pi * distance * f_ghz / 3.0) + min(0.03 * grown, 10.0) * np.log10(
            distance
        )
        by_path: F64 = 0.002 * log10(building_height_m) * distance - min(0.044 * grown, 14.77)
        return by_log + by_path

    beyond = d > break_m
    los: F64 = np.where(beyond, near(break_r) + 40.0 * np.log10(r / break_r), near(r))
    log_base = np.log10(base)
    nlos = (
        161.04
        - 7.1 * np.log10(street_width_m)
        + 7.5 * np.log10(building_height_m)
        - (24.37 - 3.7 * (building_height_m / base) ** 2) * log_base
        + (43.42 - 3.1 * log_base) * (np.log10(r) - 3.0)
        + 20.0 * np.log10(f_ghz)
        - (3.2 * np.log10(11.75 * terminal) ** 2 - 4.97)
    )
    outside = np.where(
        sight,
        _outside(VALIDITY["rma_los"], d, f, base, terminal),
        _outside(VALIDITY["rma_nlos"], d, f, base, terminal),
    )
    if not (5.0 <= building_height_m <= 50.0 and 5.0 <= street_width_m <= 50.0):
        outside |= np.uint8(Outside.SURROUNDINGS.value)
    sigma = np.where(sight, np.where(beyond, 6.0, 4.0), 8.0)
    return SiteGeneralLoss(np.where(sight, los, np.maximum(los, nlos)), outside, sigma)


def uma(
    distance_m: ArrayLike,
    *,
    frequency_mhz: ArrayLike,
    base_height_m: ArrayLike = 25.0,
    terminal_height_m: ArrayLike = 1.5,
    line_of_sight: ArrayLike = False,
) -> SiteGeneralLoss:
    """Urban macro cell, 3GPP TR 38.901 table 7.4.1-1 (PL_UMa-LOS, PL_UMa-NLOS); sigma 4 dB, NLOS 6 dB.

    The effective environment height of note 1 is 1 m, which is exact for terminals up to 13 m; an antenna not above it
    has none left, and the break point lies at the mast.
    """
    d, f, base, terminal, seen = _broadcast(
        distance_m, frequency_mhz, base_height_m, terminal_height_m, np.asarray(line_of_sight, dtype=np.bool_)
    )
    sight = seen > 0.0
    log_f, log_r = np.log10(f / 1e3), np.log10(np.hypot(d, base - terminal))
    base_left, terminal_left = np.maximum(base - 1.0, 0.0), np.maximum(terminal - 1.0, 0.0)
    break_m = 4.0 * base_left * terminal_left * f * 1e6 / SPEED_OF_LIGHT_38901_M_PER_S
    near = 28.0 + 22.0 * log_r + 20.0 * log_f
    far = 28.0 + 40.0 * log_r + 20.0 * log_f - 9.0 * np.log10(np.maximum(break_m**2 + (base - terminal) ** 2, 1.0))
    los = np.where(d > break_m, far, near)
    nlos = 13.54 + 39.08 * log_r + 20.0 * log_f - 0.6 * (terminal - 1.5)
    outside = np.where(
        sight,
        _outside(VALIDITY["uma_los"], d, f, base, terminal),
        _outside(VALIDITY["uma_nlos"], d, f, base, terminal),
    )
    return SiteGeneralLoss(np.where(sight, los, np.maximum(los, nlos)), outside, np.where(sight, 4.0, 6.0))


def _broadcast(distance_m: ArrayLike, *values: ArrayLike) -> tuple[F64, ...]:
    """Distance, frequency, heights (and more) in one shape, what has no logarithm NaN; the distance at least 1 mm."""
    d, *rest = np.broadcast_arrays(*(np.asarray(value, dtype=np.float64) for value in (distance_m, *values)))
    frequency_and_heights = (np.where(value > 0.0, value, np.nan) for value in rest[:3])
    return (np.maximum(d, 1e-3), *frequency_and_heights, *rest[3:])


def _outside(validity: Validity, d: F64, f: F64, base: F64, terminal: F64) -> NDArray[np.uint8]:
    flags = np.zeros(d.shape, dtype=np.uint8)
    for flag, values, (low, high) in (
        (Outside.FREQUENCY, f, validity.frequency_mhz),
        (Outside.DISTANCE, d, validity.distance_m),
        (Outside.BASE_HEIGHT, base, validity.base_height_m),
        (Outside.TERMINAL_HEIGHT, terminal, validity.terminal_height_m),
    ):
        flags |= np.where((values >= low) & (values <= high), 0, flag.value).astype(np.uint8)
    return flags


def _known(environment: str, model: str) -> None:
    if environment not in ENVIRONMENTS[model]:
        known = ", ".join(ENVIRONMENTS[model])
        raise InputError("link.error.environment", environment=environment, model=model, known=known)


def _small_city_gain_db(log_f: F64, terminal: F64) -> F64:
    """a(hm) of medium and small cities, Hata eq. (11)."""
    return (1.1 * log_f - 0.7) * terminal - (1.56 * log_f - 0.8)


def _hata_slope_db(d: F64, base: F64) -> F64:
    return (44.9 - 6.55 * np.log10(base)) * np.log10(d / 1e3)


def _rural_db(environment: str, log_f: F64) -> F64:
    """By how much open country loses less than the city, Hata eq. (16); quasi-open: GSM 03.30 annex B 1.3."""
    if environment not in ("quasi_open", "open"):
        return np.zeros_like(log_f)
    return 4.78 * log_f**2 - 18.33 * log_f + (40.94 if environment == "open" else 35.94)
