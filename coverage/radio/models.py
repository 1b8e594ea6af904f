"""Which propagation model the maps are computed with, and its losses along the rays of a mast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from functools import lru_cache
from math import log10, pi, sqrt
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from phusong.coverage.radio import path_kernels, ray_kernels
from phusong.coverage.radio.diffraction import EARTH_RADIUS_M, free_space_loss_db, wavelength_m
from phusong.coverage.radio.itm import Climate, Conditions, TimeLocationSituation
from phusong.coverage.radio.itm_rays import WARNED, itm_over_rays
from phusong.coverage.radio.p1812_rays import BETA_EARTH_RADIUS_M, p1812_over_rays
from phusong.coverage.radio.rays import NO_CHANGE, Loss, Rays
from phusong.coverage.radio.site_general import path_loss
from phusong.layers.errors import InputError

F32 = NDArray[np.float32]
Model = Literal[
    "delta-bullington", "p1812", "itm", "line-of-sight", "free-space", "okumura-hata", "cost231-hata", "rma", "uma"
]
MODELS: tuple[Model, ...] = get_args(Model)
HIDDEN_DB = 0.1 * ray_kernels.MOST_TENTH_DB
"""Loss behind an obstacle where only sight counts: more than any link has."""

DISTANCES = 4096
MOST_APART_DB: dict[Model, float] = {"itm": 6.0}
"""How far the losses of two rays may differ for a cell between them to be read from both: see ``rays.path_losses``."""

_NO_TABLE = np.empty((0, 0, 0), dtype=np.float32)
_NOT_TOLD = np.empty((0, 0), dtype=np.int16)


@dataclass(frozen=True)
class Propagation:
    """How the loss of a path is computed.

    ``model``: delta-bullington (ITU-R P.526-15 4.5.3 and free space), p1812, itm, line-of-sight (free space where the
    mast is seen), or a site-general one. ``terrain_k``: not None joins a site-general model with the terrain,
    max(model, free space + k diffraction). ``offset_db``: added to every loss. ``environment``: of the Hata models.
    ``spherical_earth``: with the spherical-Earth term of the diffraction. ``vertical``: polarisation. ``time_pct``,
    ``location_pct``, ``delta_n`` (N-units/km), ``n0`` (N-units) and ``latitude_deg``: of p1812 and itm. ``climate``: of
    itm.
    """

    model: Model = "delta-bullington"
    effective_earth_factor: float = 4.0 / 3.0
    terminal_height_m: float = 1.5
    spherical_earth: bool = True
    vertical: bool = True
    environment: str = "open"
    terrain_k: float | None = None
    offset_db: float = 0.0
    time_pct: float = 50.0
    location_pct: float = 50.0
    delta_n: float = 45.0
    n0: float = 360.0
    latitude_deg: float = 16.0
    climate: Climate = Climate.MARITIME_SUBTROPICAL

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            raise InputError("link.error.model", model=self.model, known=", ".join(MODELS))

    @property
    def earth_radius_m(self) -> float:
        """Effective Earth radius."""
        return self.effective_earth_factor * EARTH_RADIUS_M

    @property
    def warned(self) -> int:
        """How many counts of warnings its losses come with: see ``rays.Loss``."""
        return WARNED if self.model == "itm" else 0

    @property
    def key(self) -> str:
        """What a stored loss was computed with."""
        return repr(astuple(self))


def losses_at_mast_db(mast: Sequence[float], *, bands_mhz: Sequence[float], propagation: Propagation) -> list[float]:
    """Loss straight down from an antenna to a terminal at its foot, each band: free space, whatever the model."""
    slant_m = abs(mast[2] - mast[3] - propagation.terminal_height_m)
    return [free_space_loss_db(slant_m, wavelength_m=wavelength_m(mhz)) + propagation.offset_db for mhz in bands_mhz]


def losses_along(rays: Rays, *, bands_mhz: Sequence[float], propagation: Propagation) -> list[Loss]:
    """Basic transmission loss of each band at the samples of a quadrant."""
    by_model = {"delta-bullington": _delta_bullington, "p1812": _p1812, "itm": _itm, "line-of-sight": _in_sight}
    losses = by_model.get(propagation.model, _site_general)(rays, bands_mhz, propagation)
    for loss in losses if propagation.offset_db else []:
        np.add(loss.db, np.float32(propagation.offset_db), out=loss.db)
    return losses


def _delta_bullington(rays: Rays, bands_mhz: Sequence[float], propagation: Propagation, k: float = 1.0) -> list[Loss]:
    """Free space and ``k`` times the diffraction."""
    slant_db = _slant_db(rays, propagation=propagation)
    losses = diffraction_along(rays, bands_mhz=bands_mhz, propagation=propagation)
    for loss, mhz in zip(losses, bands_mhz, strict=True):
        if k != 1.0:
            np.multiply(loss.db, np.float32(k), out=loss.db)
            np.multiply(loss.per_metre, np.float32(k), out=loss.per_metre)
        np.add(loss.db, slant_db, out=loss.db)
        np.add(loss.db, _at_one_metre_db(mhz), out=loss.db)
    return losses


def _p1812(rays: Rays, bands_mhz: Sequence[float], propagation: Propagation) -> list[Loss]:
    """ITU-R P.1812-7; its horizons are those of the bare ground."""
    shape = rays.ground.shape
    tx_horizon, rx_horizon = np.empty(shape, dtype=np.int16), np.empty(shape, dtype=np.int16)
    whole = replace(propagation, spherical_earth=True)
    horizons = (tx_horizon, rx_horizon)
    median = diffraction_along(rays, bands_mhz=bands_mhz, propagation=whole, horizons=horizons)
    if rays.surface is not rays.ground:
        bare = replace(rays, surface=rays.ground)
        alone = replace(whole, spherical_earth=False)
        diffraction_along(bare, bands_mhz=bands_mhz[:1], propagation=alone, horizons=horizons)
    rare: Sequence[F32 | None] = [None] * len(bands_mhz)
    if propagation.time_pct < 50.0:
        anomalous = replace(whole, effective_earth_factor=BETA_EARTH_RADIUS_M / EARTH_RADIUS_M)
        rare = [loss.db for loss in diffraction_along(rays, bands_mhz=bands_mhz, propagation=anomalous)]
    losses = []
    for mhz, of_median, rare_db in zip(bands_mhz, median, rare, strict=True):
        loss_db = p1812_over_rays(
            rays.ground,
            rays.start,
            rays.count,
            rays.first_m,
            rays.step_m,
            tx_m=rays.tx_m,
            tx_ground_m=rays.tx_ground_m,
            terminal_m=propagation.terminal_height_m,
            diffraction_50_db=of_median.db,
            diffraction_beta_db=rare_db,
            tx_horizon=tx_horizon,
            rx_horizon=rx_horizon,
            frequency_mhz=mhz,
            latitude_deg=propagation.latitude_deg,
            delta_n=propagation.delta_n,
            n0=propagation.n0,
            time_pct=propagation.time_pct,
            locations_pct=propagation.location_pct,
        )
        losses.append(Loss(loss_db, of_median.per_metre))  # of diffraction, which rules where heights matter
    return losses


def _itm(rays: Rays, bands_mhz: Sequence[float], propagation: Propagation) -> list[Loss]:
    """Longley-Rice, point to point, half of the situations."""
    polarisation: Literal["vertical", "horizontal"] = "vertical" if propagation.vertical else "horizontal"
    found = itm_over_rays(
        rays.ground,
        rays.start,
        rays.count,
        rays.first_m,
        rays.step_m,
        surface_m=rays.surface,
        tx_m=rays.tx_m,
        tx_ground_m=rays.tx_ground_m,
        terminal_m=propagation.terminal_height_m,
        bands_mhz=bands_mhz,
        conditions=Conditions(bands_mhz[0], polarisation, propagation.climate, propagation.n0),
        quantiles=TimeLocationSituation(propagation.time_pct, propagation.location_pct),
    )
    return [Loss(loss_db, NO_CHANGE, warned) for loss_db, warned in zip(found.loss_db, found.warned, strict=True)]


def _site_general(rays: Rays, bands_mhz: Sequence[float], propagation: Propagation) -> list[Loss]:
    """A site-general model; the greater of it and free space with ``terrain_k`` times the diffraction if set."""
    if propagation.model == "free-space":
        slant_db = _slant_db(rays, propagation=propagation)
        by_distance = [slant_db + _at_one_metre_db(mhz) for mhz in bands_mhz]
    else:
        by_distance = [_by_distance_db(rays, band_mhz=mhz, propagation=propagation) for mhz in bands_mhz]
    if propagation.terrain_k is None:
        return [Loss(loss_db, NO_CHANGE) for loss_db in by_distance]
    losses = _delta_bullington(rays, bands_mhz, propagation, propagation.terrain_k)
    for loss, loss_db in zip(losses, by_distance, strict=True):
        loss.per_metre[loss_db > loss.db] = 0.0
        np.maximum(loss.db, loss_db, out=loss.db)
    return losses


def clearance_along(rays: Rays, *, propagation: Propagation) -> F32:
    """How much steeper the straight ray to each sample is than the mast's horizon before it; negative: hidden."""
    out = np.empty(rays.ground.shape, dtype=np.float32)
    ray_kernels.sight(
        rays.ground,
        rays.surface,
        rays.count,
        rays.first_m,
        rays.step_m,
        rays.tx_m,
        propagation.terminal_height_m,
        propagation.earth_radius_m,
        out,
    )
    return out


def diffraction_along(
    rays: Rays,
    *,
    bands_mhz: Sequence[float],
    propagation: Propagation,
    horizons: tuple[NDArray[np.int16], NDArray[np.int16]] = (_NOT_TOLD, _NOT_TOLD),
) -> list[Loss]:
    """Delta-Bullington diffraction loss of each band; what does not depend on the band is computed once.

    ``horizons``: where given, they take the sample numbers of the mast's and the receivers' horizon; see
    ``ray_kernels.horizons``.
    """
    shape, asked = rays.ground.shape, (rays.start, rays.count, rays.first_m, rays.step_m)
    earth_m, terminal_m = propagation.earth_radius_m, propagation.terminal_height_m
    waves_m = [wavelength_m(mhz) for mhz in bands_mhz]
    root_nu, per_metre = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
    ray_kernels.horizons(
        rays.ground, rays.surface, *asked, rays.tx_m, terminal_m, earth_m, max(waves_m), root_nu, per_metre, *horizons
    )
    above_tx = above_rx = root_nu
    if propagation.spherical_earth:
        above_tx, above_rx = np.empty(shape, dtype=np.float32), np.empty(shape, dtype=np.float32)
        ends = (rays.tx_m, rays.tx_ground_m, terminal_m)
        ray_kernels.above_smooth(rays.ground, *asked, *ends, earth_m, max(waves_m), above_tx, above_rx)
    losses = []
    for wave_m in waves_m:
        excess = excess_table(wave_m, earth_m, propagation.vertical) if propagation.spherical_earth else _NO_TABLE
        loss = Loss(np.zeros(shape, dtype=np.float32), per_metre if len(waves_m) == 1 else per_metre.copy())
        ray_kernels.diffraction(
            root_nu, above_tx, above_rx, *asked, sqrt(wave_m), terminal_m, earth_m, excess, loss.per_metre, loss.db
        )
        losses.append(loss)
    return losses


@lru_cache(maxsize=16)
def excess_table(wave_m: float, earth_radius_m: float, vertical: bool) -> F32:
    """What the spherical Earth adds to Bullington's loss, dB: (path, antenna, antenna) on the nodes of ``ray_kernels``.

    P.1812-7 eq. (39) with the antennas' heights above the smooth surface.
    """
    paths, heights = (
        _nodes(ray_kernels.LOWEST_PATH_M, ray_kernels.PATH_NODES),
        _nodes(ray_kernels.LOWEST_HEIGHT_M, ray_kernels.HEIGHT_NODES),
    )
    table = np.empty((len(paths), len(heights), len(heights)), dtype=np.float32)
    path_kernels.excess_on_sphere(paths, heights, earth_radius_m, sqrt(wave_m), vertical, table)
    table.flags.writeable = False
    return table


def _nodes(lowest: float, count: int) -> NDArray[np.float64]:
    """Nodes of a table: 2**NODES_LOG2 an octave, equally spaced within it."""
    octave, part = np.divmod(np.arange(count), 1 << ray_kernels.NODES_LOG2)
    return np.asarray(lowest * 2.0**octave * (1.0 + part / (1 << ray_kernels.NODES_LOG2)))


def _slant_db(rays: Rays, *, propagation: Propagation) -> F32:
    """Free-space loss over the slant distance to each sample at a wavelength of 4 pi m: the same for all bands."""
    out = np.zeros(rays.ground.shape, dtype=np.float32)
    ray_kernels.slant_db(
        rays.ground,
        rays.start,
        rays.count,
        rays.first_m,
        rays.step_m,
        rays.tx_m,
        propagation.terminal_height_m,
        out,
    )
    return out


def _in_sight(rays: Rays, bands_mhz: Sequence[float], propagation: Propagation) -> list[Loss]:
    """Free space where the mast is seen, ``HIDDEN_DB`` elsewhere."""
    slant_db = _slant_db(rays, propagation=propagation)
    slant_db[clearance_along(rays, propagation=propagation) < 0.0] = HIDDEN_DB
    return [Loss(slant_db + _at_one_metre_db(mhz), NO_CHANGE) for mhz in bands_mhz]


def _at_one_metre_db(band_mhz: float) -> np.float32:
    return np.float32(20.0 * log10(4.0 * pi / wavelength_m(band_mhz)))


def _by_distance_db(rays: Rays, *, band_mhz: float, propagation: Propagation) -> F32:
    """Loss of a site-general model at the samples, from ``DISTANCES`` distances (within 1e-4 dB).

    RMa and UMa take the terrain's line of sight; the base's height is that above the ground at the mast.
    """
    name = propagation.model.replace("-", "_")
    away = rays.first_m[:, None] + rays.step_m[:, None] * np.arange(rays.ground.shape[1])
    nodes = np.geomspace(1.0, max(float(away.max()), 2.0), DISTANCES)

    def at_samples(line_of_sight: bool) -> NDArray[np.float64]:
        modelled = path_loss(
            name,
            nodes,
            frequency_mhz=band_mhz,
            base_height_m=rays.tx_m - rays.tx_ground_m,
            terminal_height_m=propagation.terminal_height_m,
            environment=propagation.environment,
            line_of_sight=line_of_sight,
        )
        return np.asarray(np.interp(away, nodes, modelled.loss_db))

    loss_db = at_samples(line_of_sight=False)
    if name in ("rma", "uma"):
        seen = clearance_along(rays, propagation=propagation) >= 0.0
        loss_db = np.where(seen, at_samples(line_of_sight=True), loss_db)
    return loss_db.astype(np.float32)
