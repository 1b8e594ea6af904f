"""Signal as a chance: against closed forms, against drawing it plainly, and the common part of a mast as designed."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal, norm

from phusong.coverage.ranking import Chances, signal_chances, varied_shares
from phusong.layers.grid import Grid

GRID = Grid.covering((0.0, 0.0, 10_000.0, 10_000.0), crs="EPSG:9212", cell_m=100.0)
SIGMA_DB = 8.0
LOG = 10.0 * 3.5 / np.log(10.0)


@dataclass(frozen=True)
class FakeMap:
    """Level and server of every cell."""

    level_dbm: np.ndarray
    server: np.ndarray


@dataclass(frozen=True)
class FakeRadio:
    """Levels that are known at every cell, of masts that are known."""

    maps: dict
    sectors: pd.DataFrame
    grid: Grid = GRID

    @property
    def levels(self) -> dict:
        return {key[:2]: of.level_dbm for key, of in self.maps.items()}


def radio(level_dbm: dict[tuple[str, str], float], masts: list[tuple[float, float]], server: dict) -> FakeRadio:
    """One level over the whole grid and one server for each technology and operator."""
    sectors = pd.DataFrame(masts, columns=["x_m", "y_m"]).assign(required_dbm=-100.0)
    maps = {
        (*key, None): FakeMap(np.full(GRID.shape, level, np.float32), np.full(GRID.shape, server[key], np.int32))
        for key, level in level_dbm.items()
    }
    return FakeRadio(maps, sectors)


def at(x: list[float], y: list[float], one: FakeRadio, kinds: list[list[tuple[str, str]]], **more: float) -> Chances:
    return signal_chances(np.array(x), np.array(y), one, kinds=kinds, sigma_db=SIGMA_DB, **more)


A, B = ("2G", "A"), ("2G", "B")


# closed forms


@pytest.mark.parametrize("margin", [-12.0, -3.0, 0.0, 5.0, 20.0])
def test_one_mast_is_the_normal_distribution(margin: float) -> None:
    one = radio({A: -100.0 + margin}, [(5000.0, 5000.0)], {A: 0})
    found = at([5000.0], [8000.0], one, [[A]], position_error_m=0.0)
    assert found.probability()[0, 0] == pytest.approx(norm.cdf(margin / SIGMA_DB), abs=1e-9)
    assert found.covered[0, 0] == float(margin >= 0)
    moved = at([5000.0], [8000.0], one, [[A]], position_error_m=200.0)
    sigma = np.hypot(SIGMA_DB, LOG * 200.0 / 3000.0)
    assert moved.probability()[0, 0] == pytest.approx(norm.cdf(margin / sigma), abs=1e-6)


def test_a_stated_margin_for_fading_counts() -> None:
    one = radio({A: -102.0}, [(5000.0, 5000.0)], {A: 0})
    found = at([5000.0], [8000.0], one, [[A]], fading_db=10.0, position_error_m=0.0)
    assert found.probability()[0, 0] == pytest.approx(norm.cdf(8.0 / SIGMA_DB), abs=1e-9)
    assert found.covered[0, 0] == 0.0


def test_two_masts_are_the_bivariate_normal() -> None:
    """The place's own part is common to both: their correlation is its share of the variance."""
    one = radio({A: -103.0, B: -98.0}, [(5000.0, 5000.0), (2000.0, 8000.0)], {A: 0, B: 1})
    for share in (0.2, 0.5, 1.0):
        found = at([5000.0], [8000.0], one, [[A, B]], site_share=share, position_error_m=0.0)
        own = 1.0 - share
        none = multivariate_normal([0, 0], [[1, own], [own, 1]]).cdf([3.0 / SIGMA_DB, -2.0 / SIGMA_DB])
        assert found.probability()[0, 0] == pytest.approx(1.0 - none, abs=2e-3)


def test_operators_of_one_mast_are_one_chance_and_kinds_are_told_apart() -> None:
    one = radio({A: -103.0, B: -98.0}, [(5000.0, 5000.0), (5000.0, 5000.0)], {A: 0, B: 1})
    found = at([5000.0], [8000.0], one, [[A, B], [A]], position_error_m=0.0)
    assert found.masts == 1
    np.testing.assert_allclose(found.probability()[0], norm.cdf(np.array([2.0, -3.0]) / SIGMA_DB), atol=1e-6)


def test_no_data_is_no_chance_and_no_mast_in_range_is_none() -> None:
    one = radio({A: -98.0}, [(5000.0, 5000.0)], {A: 0})
    assert np.isnan(at([50_000.0], [8000.0], one, [[A]]).probability()).all()
    of = one.maps[*A, None]
    void = replace(one, maps={(*A, None): FakeMap(np.full(GRID.shape, np.nan, np.float32), of.server)})
    assert np.isnan(at([5000.0], [8000.0], void, [[A]]).probability()).all()
    alone = radio({A: -200.0}, [(5000.0, 5000.0)], {A: -1})
    assert at([5000.0], [8000.0], alone, [[A]]).probability()[0, 0] == 0.0


# the position of a mast


def test_a_mast_that_stands_nearer_brings_more_by_the_slope_of_the_loss() -> None:
    one = radio({A: -100.0}, [(5000.0, 5000.0)], {A: 0})
    found = at([5000.0, 9000.0, 5000.0], [8000.0, 5000.0, 3000.0], one, [[A]], position_error_m=100.0)
    np.testing.assert_allclose(found.north, [LOG * 100 / 3000, 0.0, -LOG * 100 / 2000], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.east, [0.0, LOG * 100 / 4000, 0.0], rtol=1e-5, atol=1e-6)
    exact = 35.0 * np.log10(3000.0 / 2999.0)
    assert found.north[0] / 100.0 == pytest.approx(exact, rel=1e-3)


def test_a_village_below_the_mast_is_not_torn_by_its_error() -> None:
    one = radio({A: -100.0}, [(5000.0, 5000.0)], {A: 0})
    found = at([5000.0, 5001.0], [5000.0, 5000.0], one, [[A]], position_error_m=300.0)
    assert np.isfinite(found.sigma_db).all()
    assert found.sigma_db.max() <= np.hypot(SIGMA_DB, LOG) + 1e-6


# what is drawn


def plain(chances: Chances, draws: int) -> np.ndarray:
    """Signal of each place in each draw, drawn as the definition says, (draws, n, g)."""
    rng = np.random.default_rng(99)
    site = rng.standard_normal((draws, chances.masts)) * chances.site_db
    east, north = rng.standard_normal((2, draws, chances.masts))
    own = rng.standard_normal((draws, len(chances.covered))) * chances.own_db
    shift = site[:, chances.mast] + own[:, chances.place]
    shift += chances.east * east[:, chances.mast] + chances.north * north[:, chances.mast]
    over = chances.margin_db[None] + shift[..., None] >= 0
    found = np.zeros((draws, *chances.covered.shape), dtype=bool)
    for k, place in enumerate(chances.place):
        found[:, place] |= over[:, k]
    return found


def some(n: int = 40, masts: int = 6, *, seed: int = 4, site_share: float = 0.5) -> Chances:
    rng = np.random.default_rng(seed)
    place = np.repeat(np.arange(n), 3)
    mast = np.concatenate([rng.choice(masts, 3, replace=False) for _ in range(n)])
    margin = rng.normal(0, 12, (3 * n, 2)).astype(np.float32)
    east, north = rng.normal(0, 2, (2, 3 * n)).astype(np.float32)
    best = np.maximum.reduceat(margin, np.arange(0, 3 * n, 3), axis=0)
    return Chances(
        place,
        mast,
        margin,
        east,
        north,
        SIGMA_DB * np.sqrt(site_share),
        SIGMA_DB * np.sqrt(1 - site_share),
        (best >= 0).astype(float),
        masts,
    )


def test_probabilities_are_those_of_plain_drawing() -> None:
    chances = some()
    np.testing.assert_allclose(chances.probability(), plain(chances, 20_000).mean(axis=0), atol=0.015)


def test_shares_drawn_have_the_mean_and_the_spread_of_plain_drawing() -> None:
    chances = some()
    people = np.random.default_rng(2).gamma(2.0, 100.0, 40)
    area = np.arange(40) // 10
    found = varied_shares(chances, area=area, people=people, areas=4, draws=4000, seed=7).astype(float)
    drawn = plain(chances, 4000)
    for k in range(4):
        mine = area == k
        weight = people[mine] / people[mine].sum()
        wanted = 100 * np.einsum("dpg,p->dg", drawn[:, mine] - chances.covered[mine], weight)
        np.testing.assert_allclose(found[:, k].mean(axis=0), wanted.mean(axis=0), atol=1.5)
        np.testing.assert_allclose(found[:, k].std(axis=0), wanted.std(axis=0), rtol=0.08)
        assert found[:, k].min() >= -100
        assert found[:, k].max() <= 100


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_two_villages_of_a_mast_are_as_correlated_as_designed(share: float) -> None:
    """Both at the median edge: they agree with probability 1/2 + asin(r) / pi (Sheppard), r the site's share."""
    one = radio({A: -100.0}, [(5000.0, 5000.0)], {A: 0})
    found = at([3000.0, 7000.0], [8000.0, 8000.0], one, [[A]], site_share=share, position_error_m=0.0)
    draws = varied_shares(found, area=np.array([0, 1]), people=np.ones(2), areas=2, draws=8000, seed=1)[..., 0]
    agree = (draws[:, 0] == draws[:, 1]).mean()
    assert agree == pytest.approx(0.5 + np.arcsin(share) / np.pi, abs=0.02)


def test_opposite_sides_of_a_wrongly_placed_mast_disagree() -> None:
    one = radio({A: -100.0}, [(5000.0, 5000.0)], {A: 0})
    found = signal_chances(
        np.array([4000.0, 6000.0]),
        np.array([5000.0, 5000.0]),
        one,
        kinds=[[A]],
        sigma_db=0.01,
        site_share=0.0,
        position_error_m=200.0,
    )
    draws = varied_shares(found, area=np.array([0, 1]), people=np.ones(2), areas=2, draws=1000, seed=1)[..., 0]
    assert (draws[:, 0] != draws[:, 1]).mean() > 0.98


def test_without_a_spread_nothing_changes_and_areas_without_places_are_not_known() -> None:
    chances = replace(some(), site_db=0.0, own_db=1e-6, east=np.zeros(120, np.float32), north=np.zeros(120, np.float32))
    people = np.full(40, 10.0)
    found = varied_shares(chances, area=np.arange(40) // 20, people=people, areas=3, draws=50, seed=1)
    assert (found[:, :2] == 0).all()
    assert np.isnan(found[:, 2]).all()


def test_people_and_signal_that_are_not_known_count_for_nothing() -> None:
    chances = some()
    people = np.full(40, 10.0)
    area = np.zeros(40, dtype=np.int64)
    area[5:] = -1
    people[4] = np.nan
    rest = Chances(
        chances.place[:12],
        chances.mast[:12],
        chances.margin_db[:12],
        chances.east[:12],
        chances.north[:12],
        chances.site_db,
        chances.own_db,
        chances.covered[:4],
        chances.masts,
    )
    whole = varied_shares(chances, area=area, people=people, areas=1, draws=64, seed=3)
    alone = varied_shares(rest, area=area[:4], people=people[:4], areas=1, draws=64, seed=3)
    np.testing.assert_array_equal(whole, alone)
    unknown = replace(rest, covered=np.full((4, 2), np.nan))
    assert np.isnan(varied_shares(unknown, area=area[:4], people=people[:4], areas=1, draws=8, seed=3)).all()


def test_the_same_seed_gives_the_same_draws_however_many() -> None:
    chances, people, area = some(), np.full(40, 10.0), np.arange(40) // 10
    many = varied_shares(chances, area=area, people=people, areas=4, draws=100, seed=3)
    few = varied_shares(chances, area=area, people=people, areas=4, draws=40, seed=3)
    np.testing.assert_array_equal(many[:40], few)
