"""The library directories that the settings name."""

from pathlib import Path

from cds_service.errors import SettingError
from cds_service.policy.library.artifacts import builtin_library
from cds_service.settings import Settings


def library_directories(settings: Settings) -> tuple[Path, ...]:
    """The built-in library, then the operator's own.

    Raises:
        SettingError: one of the operator's is not there.
    """
    for directory in settings.library:
        if not directory.is_dir():
            raise SettingError("library", f"no such directory: {directory}")
    builtin = (builtin_library(),) if settings.builtin_library else ()
    return (*builtin, *settings.library)
