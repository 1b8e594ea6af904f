"""Files out: tables for office suites, geographic files for GIS."""

from phusong.layers.writers.tables import neutral, write_csv, write_xlsx
from phusong.layers.writers.vectors import export, put_layer, write_geojson, write_geoparquet, write_gpkg

__all__ = [
    "export",
    "neutral",
    "put_layer",
    "write_csv",
    "write_geojson",
    "write_geoparquet",
    "write_gpkg",
    "write_xlsx",
]
