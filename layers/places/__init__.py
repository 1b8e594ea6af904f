"""Where rows lie: the reading of their coordinates that fits, and the one way between VN-2000 and WGS 84."""
