"""Covered or not, and by how much: by hand, over operators that need different levels, and where one is not known."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from phusong.coverage.radio.margin import best_of_operators, margin_db, over_db
from phusong.layers.errors import MissingError

NAN, NO = float("nan"), -200.0


@dataclass(frozen=True)
class Network:
    """Two operators: sector 0 of A must bring -80 dBm, sector 1 of B -95."""

    maps: dict[tuple[str, str, float | None], SimpleNamespace]
    sectors: pd.DataFrame


def network(a: list[float], b: list[float]) -> Network:
    maps = {}
    for number, (operator, levels) in enumerate({"A": a, "B": b}.items()):
        level = np.array([levels], dtype=np.float32)
        server = np.where(level > NO, number, -1).astype(np.int32)  # NaN > NO is no
        maps["2G", operator, None] = SimpleNamespace(level_dbm=level, server=server)
    return Network(maps, pd.DataFrame({"required_dbm": [-80.0, -95.0]}))


def test_each_operator_by_its_own_server() -> None:
    radio = network([-80.0, -80.1, NO, NAN], [-95.0, -90.0, -96.0, NO])
    np.testing.assert_allclose(margin_db(radio, "2G", "A"), [[0.0, -0.1, -np.inf, NAN]], atol=1e-5)
    np.testing.assert_allclose(margin_db(radio, "2G", "B"), [[0.0, 5.0, -1.0, -np.inf]], atol=1e-5)


def test_any_operator_is_the_one_with_most_to_spare() -> None:
    """Equal margins, the weaker that covers, both short, none in range, one unknown beside yes and beside no."""
    radio = network([-80.0, -84.0, -82.0, NO, NAN, NAN], [-95.0, -94.0, -96.0, NO, -95.0, -96.0])
    margin = margin_db(radio, "2G")
    np.testing.assert_allclose(margin, [[0.0, 1.0, -1.0, -np.inf, 0.0, NAN]], atol=1e-5)
    level, server = best_of_operators(radio, "2G")
    np.testing.assert_array_equal(level, np.array([[-80.0, -94.0, -96.0, NO, -95.0, NAN]], dtype=np.float32))
    assert server.tolist() == [[0, 1, 1, -1, 1, -1]]
    assert (level.dtype, server.dtype, margin.dtype) == (np.float32, np.int32, np.float32)


def test_a_level_that_is_just_the_required_one_covers() -> None:
    """In single precision on both sides, though -95.3 is neither."""
    levels = np.arange(-1400, -300, dtype=np.float64) / 10.0
    assert (over_db(levels.astype(np.float32), levels) >= 0.0).all()
    assert (over_db(np.nextafter(levels.astype(np.float32), np.float32(-np.inf)), levels) < 0.0).all()


def test_what_is_not_on_air_is_refused() -> None:
    radio = network([-80.0], [-95.0])
    for operator in ("C", None):
        with pytest.raises(MissingError):
            margin_db(radio, "3G", operator)
    with pytest.raises(MissingError):
        margin_db(radio, "2G", "A", band_mhz=900.0)
    with pytest.raises(MissingError):
        best_of_operators(radio, "4G")
