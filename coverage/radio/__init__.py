"""Received power from transmitters over terrain: sites and a grid in, rasters out."""
