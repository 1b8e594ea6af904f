"""Files out: tables with safe cells, vectors, rasters."""
