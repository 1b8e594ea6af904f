"""Templates and the page on layers follow from the schemas: filled with their own examples they pass the door."""

from pathlib import Path

import openpyxl
import pytest

from phusong.layers.messages import LANGS, Lang, catalogue
from phusong.layers.readers import read_any
from phusong.layers.schema import LAYERS, RASTERS, Layer
from phusong.layers.templates import column_about, layers_markdown, write_templates
from phusong.layers.validate import validate


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("templates")
    write_templates(directory, "vi")
    return directory


TABLES = [layer for layer in LAYERS.values() if layer.geometry != "polygon"]


@pytest.mark.parametrize("layer", TABLES, ids=lambda layer: layer.name)
def test_a_template_filled_with_its_examples_is_accepted(templates: Path, tmp_path: Path, layer: Layer) -> None:
    book = openpyxl.load_workbook(templates / f"{layer.name}.xlsx")
    data, about = book[layer.name], book["mo_ta"]
    headings = [cell.value for cell in data[1]]
    examples = {row[0].value: row[6].value for row in about.iter_rows(min_row=2)}
    assert list(examples) == headings
    data.append([examples[name] for name in headings])
    path = tmp_path / "filled.xlsx"
    book.save(path)
    checked = validate(read_any(path, wanted=layer.name), layer, crs="EPSG:9212")
    assert checked.faults == ()
    assert len(checked.frame) == 1
    assert checked.frame.columns.tolist()[: len(layer.columns)] == [c.name for c in layer.columns]


def test_an_empty_template_is_an_empty_layer(templates: Path) -> None:
    for name in ("villages.xlsx", "units.gpkg"):
        layer = LAYERS[name.split(".")[0]]
        codes = [f.code for f in validate(read_any(templates / name, wanted=layer.name), layer, crs="EPSG:9212").faults]
        assert codes == ["fault.empty_layer"]


@pytest.mark.parametrize("lang", LANGS)
def test_the_page_speaks_of_every_layer_and_column(lang: Lang) -> None:
    page = layers_markdown(lang)
    for layer in LAYERS.values():
        section = page.split(f"\n## {layer.name}: ")[1].split("\n## ")[0]
        for column in layer.all_columns:
            assert f"\n| {column.name} | {column_about(layer.name, column.name, lang)} |" in section
            assert all(word in section for word in column.words)
    assert all(f"`{name}.tif`" in page for name in RASTERS)


def test_no_text_is_left_over() -> None:
    """Each text of a layer, column or word belongs to something declared."""
    declared = {f"column.common.{name}" for name in ("as_of", "source", "synthetic")}
    for layer in LAYERS.values():
        declared |= {f"column.{layer.name}.{c.name}" for c in layer.columns}
        declared |= {f"word.{layer.name}.{c.name}.{word}" for c in layer.columns for word in c.words}
    for name in (*LAYERS, *RASTERS):
        declared |= {f"layer.{name}.title", f"layer.{name}.about"}
    texts = {code for code in catalogue() if code.split(".")[0] in ("layer", "column", "word")}
    assert texts == declared
    assert all(entry["en"] and entry["vi"] for code, entry in catalogue().items() if code in declared)
