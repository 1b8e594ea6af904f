"""An index that cannot be used is refused whole, every fault at its key; in study.toml with its line."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from phusong.api.index import check_index, index_of
from phusong.coverage.ranking import Index, choose_index
from phusong.layers.errors import SettingsError
from phusong.layers.index_settings import IndexComponent
from phusong.layers.messages import LANGS
from phusong.layers.study import Study, new_study


def refused(*components: IndexComponent, normalisation: str = "minmax") -> list[tuple[str, str]]:
    with pytest.raises(SettingsError) as error:
        choose_index(aggregation="arithmetic", normalisation=normalisation, components=components)  # type: ignore[arg-type]
    assert all(fault.say(lang) for fault in error.value.faults for lang in LANGS)
    return [(fault.code, fault.column) for fault in error.value.faults]


def test_without_components_the_rules_are_the_index() -> None:
    assert choose_index(aggregation="geometric", normalisation="rank") == Index("geometric", "rank")


def test_components_take_unit_and_direction_from_their_indicator() -> None:
    told = (
        IndexComponent(indicator="broadband_per_100", weight=2),
        IndexComponent(indicator="people_per_post_point", best=2000, worst=8000),
        IndexComponent(indicator="density_per_km2", better="less"),
    )
    found = choose_index(aggregation="arithmetic", normalisation="zscore", components=told).components
    assert [(one.unit, one.better, one.weight) for one in found] == [
        ("per_100", "more", 2.0),
        ("persons_per_point", "less", 1.0),
        ("per_km2", "less", 1.0),
    ]
    assert np.isnan(found[0].threshold)
    assert (found[1].threshold, found[1].full_at, found[1].span(2000.0)) == (2000.0, 8000.0, 6000.0)


def test_every_fault_is_told_at_its_key() -> None:
    codes = refused(
        IndexComponent(indicator="broadbnd_per_100"),
        IndexComponent(indicator="density_per_km2"),
        IndexComponent(indicator="broadband_per_100", best=30),
        IndexComponent(indicator="telephones_per_100", best=50, worst=0, better="less"),
        IndexComponent(indicator="telephones_per_100"),
    )
    assert codes == [
        ("index.unknown_indicator", "index.components.0.indicator"),
        ("index.no_direction", "index.components.1"),
        ("index.half", "index.components.2.best"),
        ("index.contrary", "index.components.3.better"),
        ("index.twice", "index.components.4.indicator"),
    ]


def test_a_shortfall_needs_best_and_worst_and_weights_something() -> None:
    one = IndexComponent(indicator="broadband_per_100")
    assert refused(one, normalisation="shortfall") == [("index.no_span", "index.components.0")]
    zero = IndexComponent(indicator="broadband_per_100", weight=0)
    assert refused(zero) == [("index.no_weight", "index.components")]


def test_the_nearest_indicator_is_named() -> None:
    with pytest.raises(SettingsError) as error:
        choose_index(
            aggregation="arithmetic",
            normalisation="minmax",
            components=(IndexComponent(indicator="broadbnd_per_100"),),
        )
    assert "broadband_per_100" in error.value.faults[0].say("vi")


def test_faults_of_a_study_name_file_and_line(tmp_path: Path) -> None:
    day = date(2012, 12, 31)
    study = new_study(tmp_path / "s", name="x", crs="EPSG:9212", units_valid_on=day, cell_m=90, lang="en")
    assert index_of(study.settings) == Index()
    assert check_index(study) == []
    path = study.root / "study.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text + '\n[[index.components]]\nindicator = "nothing"\nweight = 1\n', encoding="utf-8")
    (fault,) = check_index(Study(study.root))
    assert (fault.file, fault.row) == ("study.toml", text.count("\n") + 3)
