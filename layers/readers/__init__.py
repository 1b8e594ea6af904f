"""Files in, one module a family of formats: tables and geographic files as they stand, no cell judged yet."""

from __future__ import annotations

from pathlib import Path

from pyproj.exceptions import CRSError as ProjError

from phusong.layers.errors import CrsError, MissingError
from phusong.layers.rasters import crs_text
from phusong.layers.readers.raw import RawTable
from phusong.layers.readers.table import TEXT_FILES, WORKBOOKS, read_table
from phusong.layers.readers.vector import read_vector

__all__ = ["RawTable", "read_any"]


def read_any(
    path: str | Path, *, layer: str | None = None, sheet: str | None = None, crs: str | None = None, wanted: str = ""
) -> RawTable:
    """Any file as read: CSV and workbooks by suffix, everything else by pyogrio; no cell is judged yet.

    ``layer`` or ``sheet`` picks one of several; without them the one named ``wanted`` or the only one is taken.
    ``crs`` is the user's word where the file has none. MissingError if there is no such file, InputError if it cannot
    be read, CrsError if ``crs`` is unknown or not what the file says.
    """
    path = Path(path)
    if crs is not None:
        try:
            crs = crs_text(crs)
        except ProjError as error:
            raise CrsError("read.unknown_crs", found=crs) from error
    if not path.exists():
        raise MissingError("read.file_missing", file=path.name)
    suffix = path.suffix.lower()
    if suffix in (*TEXT_FILES, *WORKBOOKS):
        return read_table(path, sheet=sheet, wanted=wanted, crs=crs)
    return read_vector(path, layer=layer, wanted=wanted, crs=crs)
