"""What follows from the layers: pure numbers and frames, no files (but rule packs), no HTTP, no map."""

if __name__ == "coverage":  # numba looks for coverage.py under this name and goes on without it
    raise ImportError("this is phusong.coverage, not coverage.py")
