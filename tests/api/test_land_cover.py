"""The land cover in a run: it arrives on the elevation's grid as classes, and what is doubtful is told by a check."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from phusong.api.pipeline import air_of, check_study, read_study
from phusong.layers.errors import InputError
from phusong.layers.grid import Grid, Raster
from phusong.layers.rasters import write_cog
from phusong.layers.study import Study, write_settings

Setting = Callable[..., Study]


def put_cover(root: Path, values: np.ndarray, *, cell_m: float = 250.0) -> None:
    """A land cover over the tiny study and its surroundings."""
    grid = Grid("EPSG:9212", 536_000.0, 1_860_000.0, cell_m, values.shape)
    write_cog(Raster(grid, values.astype(np.float32)), root / "rasters" / "land_cover.tif")


@pytest.fixture
def study_with(tiny_study: Path) -> Setting:
    """The tiny study with some of its radio settings changed."""

    def change(**radio: Any) -> Study:
        settings = Study(tiny_study).settings
        changed = settings.model_copy(update={"radio": settings.radio.model_copy(update=radio)})
        write_settings(changed, tiny_study / "study.toml", lang="en")
        return Study(tiny_study)

    return change


def codes(study: Study) -> list[str]:
    return [fault.code for fault in check_study(study).faults]


def test_without_a_land_cover_there_is_none(tiny_study: Path) -> None:
    inputs = read_study(Study(tiny_study))
    assert inputs.land_cover is None
    assert "land_cover" not in inputs.hashes


def test_a_land_cover_on_another_grid_arrives_on_the_study_s(tiny_study: Path) -> None:
    rng = np.random.default_rng(2)
    winners = rng.choice([10, 40, 50], (96, 96))
    fine = np.kron(winners, np.ones((2, 2)))
    fine[::2, ::2] = 80  # one of four
    put_cover(tiny_study, fine, cell_m=125.0)
    inputs = read_study(Study(tiny_study))
    assert inputs.land_cover is not None
    assert inputs.land_cover.grid == inputs.elevation.grid
    np.testing.assert_array_equal(inputs.land_cover.values, winners)
    before = inputs.hashes
    put_cover(tiny_study, np.where(fine == 10, 20, fine), cell_m=125.0)
    after = read_study(Study(tiny_study)).hashes
    assert [name for name in after if after[name] != before[name]] == ["land_cover"]


def test_what_is_doubtful_is_told(study_with: Setting, tiny_study: Path) -> None:
    assert codes(Study(tiny_study)) == []
    put_cover(tiny_study, np.full((96, 96), 11))
    assert codes(Study(tiny_study)) == ["note.unknown_classes"]
    assert codes(study_with(clutter_height_m={11: 4.0})) == []


def test_a_height_of_a_class_that_nobody_knows_stops_a_run(study_with: Setting, tiny_study: Path) -> None:
    study = study_with(clutter_height_m={11: 4.0})
    assert codes(study) == ["note.no_land_cover"]
    put_cover(tiny_study, np.full((96, 96), 10))
    with pytest.raises(InputError, match="class 11 is neither"):
        read_study(study)


def test_the_air_of_a_study(study_with: Setting) -> None:
    study = study_with(model="p1812")
    inputs = read_study(study)
    air = air_of(study.settings, inputs.elevation.grid)
    assert (air.region, air.delta_n, air.n0) == ("central", 50.0, 376.0)
    assert air.effective_earth_factor == 157 / 107
    assert air.latitude_deg == pytest.approx(16.73, abs=0.1)
