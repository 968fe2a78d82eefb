"""Reading a source: a FHIR package, a Bundle, NDJSON, or a directory of resources.

Whoever made it may mean harm: names in it are shown and never opened, sizes are counted as they
are unpacked, and what cannot be read is a fault, so that no half of a set is taken in.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from cds_service.errors import ArtifactError, ExchangeError
from cds_service.exchange.incoming.delivery import LARGEST, MOST_BYTES, Delivery, Unpacking
from cds_service.exchange.incoming.package_reading import read_package
from cds_service.fhir.reference import ResourceKey, parse_reference
from cds_service.fhir.resource import Json, JsonObject, first, objects, resource_type, text
from cds_service.policy.library.files import CASES, library_files

_GZIP = b"\x1f\x8b"
_NDJSON = ".ndjson"
# What these hold are resources as they are; of others, such as history, they may be any version.
_KINDS = ("transaction", "batch", "collection", "searchset")
_OUTCOMES = ("outcome",)
_STORING = ("", "PUT", "POST")


def read_source(source: Path) -> Delivery:
    """What a file or a directory brings.

    Raises:
        ExchangeError: it is nothing that policies come in, or larger than is read.
    """
    try:
        return _read(source)
    except OSError as error:
        place = error.filename or source
        raise ExchangeError(f"{place}: {error.strerror or error}") from error
    except ArtifactError as error:
        raise ExchangeError(f"{error.path}: {error.problem}") from error


def read_bundle(bundle: JsonObject, place: str, unpacking: Unpacking) -> None:
    """Take the resources of a Bundle.

    Raises:
        ExchangeError: it is of a type whose entries are not resources as they are.
    """
    kind = text(bundle.get("type"))
    if kind not in _KINDS:
        raise ExchangeError(
            f"{place}: a Bundle of type `{kind}`; policies come in one of {', '.join(_KINDS)}"
        )
    for number, entry in enumerate(objects(bundle.get("entry"))):
        where = f"{place} entry[{number}]"
        method = text(first(entry.get("request")).get("method"))
        if first(entry.get("search")).get("mode") in _OUTCOMES:
            unpacking.pass_over(where, "what a server says of its search")
        elif method not in _STORING:
            unpacking.pass_over(where, f"asks for {method}; only resources are taken in")
        elif "resource" not in entry:
            unpacking.pass_over(where, "has no resource")
        else:
            unpacking.take(where, _identified(entry))


def _read(source: Path) -> Delivery:
    if source.is_dir():
        return _read_directory(source)
    _check_is_file(source)
    if source.suffix == _NDJSON:
        unpacking = Unpacking()
        _read_lines(source, source.name, unpacking)
        return unpacking.delivery()
    with source.open("rb") as file:
        if file.read(2) == _GZIP:
            file.seek(0)
            return read_package(file)
    return _read_file(source)


def _read_file(source: Path) -> Delivery:
    """A Bundle, or one resource by itself; a Bundle is as large as all that is in it."""
    unpacking = Unpacking()
    unpacking.count(source.stat().st_size)
    value = unpacking.read(source.name, source.read_bytes(), MOST_BYTES)
    if isinstance(value, dict) and resource_type(value) == "Bundle":
        read_bundle(value, source.name, unpacking)
    elif value is not None:
        unpacking.take(source.name, value)
    return unpacking.delivery()


def _read_directory(directory: Path) -> Delivery:
    """The NDJSON files of a directory; where it has none, the JSON files in it and below.

    Those of a library directory: what is hidden is nobody's policy.
    """
    unpacking = Unpacking()
    lined = sorted(directory.glob(f"*{_NDJSON}"))
    for file in lined:
        _read_lines(file, file.name, unpacking)
    single = [] if lined else library_files(directory)
    for file in single:
        place = str(file.relative_to(directory))
        if file.name == CASES:
            unpacking.pass_over(place, "the cases of a policy stay with their author")
            continue
        _check_is_file(file)
        unpacking.count(file.stat().st_size)
        value = unpacking.read(place, file.read_bytes())
        if value is not None:
            unpacking.take(place, value)
    if not (lined or single):
        raise ExchangeError(f"{directory}: holds no .ndjson and no .json file")
    return unpacking.delivery()


def _read_lines(file: Path, name: str, unpacking: Unpacking) -> None:
    _check_is_file(file)
    for number, line in enumerate(_lines(file), start=1):
        unpacking.count(len(line))
        place = f"{name}:{number}"
        if line.strip():
            value = unpacking.read(place, line.strip())
            if value is not None:
                unpacking.take(place, value)


def _check_is_file(file: Path) -> None:
    """Pass a whole file: a pipe never ends, and its size is nothing."""
    if file.exists() and not file.is_file():
        raise ExchangeError(f"{file}: neither a file nor a directory of files")


def _lines(file: Path) -> Iterator[bytes]:
    with file.open("rb") as lines:
        while line := lines.readline(LARGEST + 2):
            yield line


def _identified(entry: JsonObject) -> Json:
    """The resource of an entry, with the id that its request or its full address gives it."""
    resource: Json = entry["resource"]
    if not isinstance(resource, dict) or "id" in resource:
        return resource
    key = _stored_as(entry)
    if key is None or key.type != resource_type(resource):
        return resource
    return {"resourceType": key.type, "id": key.id, **resource}


def _stored_as(entry: Mapping[str, Json]) -> ResourceKey | None:
    stored = parse_reference(text(first(entry.get("request")).get("url")))
    return stored or parse_reference(text(entry.get("fullUrl")))
