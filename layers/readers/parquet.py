"""GeoParquet in, and plain Parquet as a table without shapes."""

from __future__ import annotations

import warnings
from pathlib import Path

import geopandas
import pandas as pd
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet
import shapely
from pyproj.exceptions import CRSError as ProjError

from phusong.layers.errors import InputError
from phusong.layers.readers.frames import limits, raw_of, refuse_rounded
from phusong.layers.readers.guard import MOST_CELLS, MOST_UNPACKED_BYTES
from phusong.layers.readers.raw import RawTable

_BROKEN = (pa.ArrowException, ProjError, shapely.errors.GEOSException, OSError)
_ODD_METADATA = (AttributeError, LookupError, OverflowError, TypeError, ValueError)  # of geopandas


def read_parquet(path: Path, *, file: str) -> RawTable:
    """The rows of a file as they stand, an index with a name as columns; InputError if it is broken or too large."""
    try:
        _bounded(path, file=file)
        schema = pa.parquet.ParquetFile(path).schema_arrow
        located = b"geo" in (schema.metadata or {})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # remarks on shapes, judged later
            frame = geopandas.read_parquet(path) if located else pd.read_parquet(path)
    except InputError:
        raise
    except (*_BROKEN, *_ODD_METADATA) as error:
        raise InputError("read.unreadable", file=file) from error
    refuse_rounded(frame, [one.name for one in schema if pa.types.is_integer(one.type)], file=file)
    named = [name for name in frame.index.names if name is not None]
    if named:
        frame = frame.reset_index(level=named, allow_duplicates=True)
    table = frame.drop(columns=frame.geometry.name) if isinstance(frame, geopandas.GeoDataFrame) else frame
    return raw_of(frame, pd.DataFrame(table), file=file)


def _bounded(path: Path, *, file: str) -> None:
    """InputError for a file whose cells would fill the memory: few bytes may say one long text a million times."""
    content = pa.parquet.ParquetFile(path)
    about = content.metadata
    limits(about.num_rows, about.num_columns, file=file)
    groups = [about.row_group(i) for i in range(about.num_row_groups)]
    chunks = [group.column(i) for group in groups for i in range(group.num_columns)]
    values, size = sum(one.num_values for one in chunks), sum(group.total_byte_size for group in groups)
    if values > MOST_CELLS:
        raise InputError("read.too_many_cells", file=file, found=values, most=MOST_CELLS)
    if sum(one.total_uncompressed_size * one.num_values for one in chunks) > MOST_UNPACKED_BYTES >= size:
        texts = {one.path_in_schema for one in chunks if one.physical_type == "BYTE_ARRAY"}
        content = pa.parquet.ParquetFile(path, read_dictionary=sorted(texts))
        size = 0
        for i in range(len(groups)):
            size += sum(_bytes(part) for column in content.read_row_group(i).columns for part in column.chunks)
    if size > MOST_UNPACKED_BYTES:
        most_mb = MOST_UNPACKED_BYTES // 10**6
        raise InputError("guard.unpacked", file=file, found_mb=size // 10**6, most_mb=most_mb)


def _bytes(cells: pa.Array) -> int:
    """The size of cells with each text written out as often as it is used."""
    if pa.types.is_dictionary(cells.type):
        sizes = pa.compute.binary_length(cells.dictionary).take(cells.indices)
        return int(pa.compute.sum(sizes).as_py() or 0)
    if pa.types.is_struct(cells.type):
        return sum(_bytes(part) for part in cells.flatten())
    if pa.types.is_list(cells.type) or pa.types.is_large_list(cells.type):
        return _bytes(cells.flatten())
    return int(cells.nbytes)
