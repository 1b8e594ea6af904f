"""Files in: tables and geographic files as they stand, and a study's layers validated."""

from phusong.layers.readers.raw import RawTable
from phusong.layers.readers.study_layers import StudyLayers, check_study_layers, import_layer, read_any, read_layers

__all__ = ["RawTable", "StudyLayers", "check_study_layers", "import_layer", "read_any", "read_layers"]
