"""FHIR packages: a gzipped tar file whose resources are the JSON files in `package/`.

Nothing is unpacked to disk: entries are read one after another, as the file has them, and what
comes out of the compression is counted before anybody keeps it.
"""

import gzip
import tarfile
import zlib
from collections import Counter
from typing import IO

from cds_service.errors import ExchangeError
from cds_service.exchange.incoming.delivery import LARGEST, Delivery, Unpacking
from cds_service.fhir.resource import resource_type

_FOLDER = "package"
_ABOUT_ITSELF = ("package.json", ".index.json")
_MOST_ENTRIES = 200_000
_LONGEST_NAME = 255  # bytes, as file systems have it


def read_package(file: IO[bytes]) -> Delivery:
    """What a package brings.

    Raises:
        ExchangeError: it is no gzipped tar file, is cut short, unpacks to more than is read, or
            holds what no package holds: links, devices, names that lead out of it.
    """
    unpacking = Unpacking()
    try:
        with gzip.open(file) as unzipped:
            metered = _Metered(unzipped, unpacking)
            with tarfile.open(fileobj=metered, mode="r|") as package:  # type: ignore[call-overload]
                _read_entries(package, unpacking)
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError) as error:
        # ValueError: what `tarfile` makes of numbers in extended headers that are none.
        raise ExchangeError(f"no FHIR package, or cut short: {error}") from error
    return unpacking.delivery()


class _Metered:
    """What is read from a compressed file, counted as it comes out."""

    def __init__(self, file: gzip.GzipFile, unpacking: Unpacking) -> None:
        self._file, self._unpacking = file, unpacking

    def read(self, size: int = -1) -> bytes:
        """The next bytes.

        Raises:
            ExchangeError: those so far are too many.
        """
        piece = self._file.read(size)
        self._unpacking.count(len(piece))
        return piece


def _read_entries(package: tarfile.TarFile, unpacking: Unpacking) -> None:
    beside: Counter[str] = Counter()
    for number, entry in enumerate(package, start=1):
        if number > _MOST_ENTRIES:
            raise ExchangeError(f"the package holds more than {_MOST_ENTRIES:,} files")
        _check_entry(entry)
        folder, _, name = entry.name.removeprefix("./").rpartition("/")
        if entry.isdir() or name in _ABOUT_ITSELF:
            continue
        if folder == _FOLDER and name.endswith(".json"):
            _take(package, entry, unpacking)
        else:
            beside[folder or "."] += 1
    for folder, count in sorted(beside.items()):
        unpacking.pass_over(f"{folder}/ ({count})", "beside the resources of the package")


def _check_entry(entry: tarfile.TarInfo) -> None:
    """Pass an entry that a package may hold: a folder, or a whole file with a name inside it."""
    name = entry.name
    if not (entry.isdir() or entry.isreg()) or entry.issparse():
        raise ExchangeError(f"the package holds `{name!a}`, a link or device: such are not read")
    parts = name.split("/")
    if name.startswith("/") or "\\" in name or ".." in parts or not name.isprintable():
        raise ExchangeError(f"the package holds `{name!a}`, a name that leads out of it")
    if any(len(part.encode()) > _LONGEST_NAME for part in parts):
        raise ExchangeError(f"the package holds a name of more than {_LONGEST_NAME} bytes")


def _take(package: tarfile.TarFile, entry: tarfile.TarInfo, unpacking: Unpacking) -> None:
    if entry.size > LARGEST:
        unpacking.fault(entry.name, f"larger than {LARGEST >> 20} MB")
        return
    file = package.extractfile(entry)
    value = unpacking.read(entry.name, file.read() if file else b"")
    if value is None:
        return
    if isinstance(value, dict) and resource_type(value) == "Bundle":
        unpacking.pass_over(entry.name, "a Bundle inside a package")
        return
    unpacking.take(entry.name, value)
