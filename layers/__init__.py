"""What we know: the only door for files, encodings, CRS and dates."""
