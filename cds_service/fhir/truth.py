"""Three-valued truth (FHIRPath, Boolean logic): an empty result is unknown, not false."""

from enum import StrEnum


class Truth(StrEnum):
    """A condition whose data is missing is unknown, not false."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"
