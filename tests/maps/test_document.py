"""The model of a document refuses what no format could write."""

import pytest

from phusong.maps.report.document import Column, Heading, Picture, Table


def test_a_row_has_a_cell_a_column() -> None:
    columns = (Column("a"), Column("b", unit="km", align="right", width=2.0))
    assert Table(columns, (("1", "2"),)).totals == ()
    with pytest.raises(ValueError, match=r"row 1 .* 1 cells for 2 columns"):
        Table(columns, (("1", "2"), ("1",)))
    with pytest.raises(ValueError, match="has a column"):
        Table((), ())


def test_totals_are_rows_of_the_table() -> None:
    with pytest.raises(ValueError, match="totals"):
        Table((Column("a"),), (("1",),), totals=(1,))
    with pytest.raises(ValueError, match="totals"):
        Table((Column("a"),), (("1",),), totals=(-1,))


@pytest.mark.parametrize("width", [0.0, -1.0, float("nan")])
def test_widths_are_positive(width: float) -> None:
    with pytest.raises(ValueError, match="wide"):
        Column("a", width=width)
    with pytest.raises(ValueError, match="wide"):
        Picture(b"\x89PNG\r\n\x1a\n", "", "", width=width)


def test_a_picture_is_a_png_no_wider_than_the_text() -> None:
    with pytest.raises(ValueError, match="PNG"):
        Picture(b"GIF89a", "", "")
    with pytest.raises(ValueError, match="wide"):
        Picture(b"\x89PNG\r\n\x1a\n", "", "", width=1.01)


@pytest.mark.parametrize("level", [0, 4])
def test_headings_have_three_levels(level: int) -> None:
    with pytest.raises(ValueError, match="level"):
        Heading("x", level)
