"""Extensions by URL, and resources with one more; the resource that came is never edited."""

from collections.abc import Sequence

from cds_service.fhir.resource import JsonObject, objects


def find_extensions(resource: JsonObject, url: str) -> tuple[JsonObject, ...]:
    """The extensions of `resource` with this URL, in their order."""
    return tuple(found for found in objects(resource.get("extension")) if found.get("url") == url)


def parts(extension: JsonObject) -> dict[str, list[JsonObject]]:
    """A complex extension's parts by name, each in its order."""
    named: dict[str, list[JsonObject]] = {}
    for part in objects(extension.get("extension")):
        named.setdefault(str(part.get("url")), []).append(part)
    return named


def value_of(extension: JsonObject) -> tuple[str, object]:
    """The name and content of `value[x]`; an empty name if there is none."""
    for name in extension:
        if name.startswith("value"):
            return name, extension[name]
    return "", None


def with_extensions(
    resource: JsonObject, new: Sequence[JsonObject], without: Sequence[JsonObject] = ()
) -> JsonObject:
    """A copy of `resource` with `new` extensions last and `without` left out.

    All else is the very same.
    """
    present = resource.get("extension")
    if not isinstance(present, list):  # one thing where a list is due
        present = [] if present is None else [present]
    left_out = set(map(id, without))
    kept = [item for item in present if id(item) not in left_out]
    return {**resource, "extension": [*kept, *new]}
