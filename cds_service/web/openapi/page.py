"""The document as a page shows it: by tag, each operation with its parameters and responses."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from cds_service.fhir.resource import Json, JsonObject, encode

_REF = "#/components/"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownParameter:
    """One parameter: its name, where it stands, what it is."""

    name: str
    place: str
    about: str
    is_needed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownAnswer:
    """One response: its status, what it means, its media types, and the schema of its body."""

    status: str
    about: str
    media_types: tuple[str, ...]
    schemas: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownOperation:
    """One operation; `token` is whose token it asks for, empty where anybody may call."""

    id: str
    method: str
    path: str
    summary: str
    about: str
    token: str
    parameters: tuple[ShownParameter, ...]
    body: tuple[str, ...]
    body_schema: str
    example: str
    answers: tuple[ShownAnswer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTag:
    """Operations that belong together."""

    name: str
    about: str
    operations: tuple[ShownOperation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenApiPage:
    """All of the page; `schemas` are the bodies by name, as JSON Schema."""

    title: str
    about: str
    base_url: str
    tags: tuple[ShownTag, ...]
    schemas: tuple[tuple[str, str], ...]


def read_page(document: JsonObject) -> OpenApiPage:
    """What the page shows of a document."""
    operations = list(_operations(document))
    return OpenApiPage(
        title=f"{document['info']['title']} {document['info']['version']}",
        about=document["info"]["description"],
        base_url=document["servers"][0]["url"],
        tags=tuple(_tag(tag, operations) for tag in document["tags"]),
        schemas=tuple(
            (name, _indented(schema)) for name, schema in document["components"]["schemas"].items()
        ),
    )


def _tag(tag: JsonObject, operations: Iterable[tuple[str, ShownOperation]]) -> ShownTag:
    shown = tuple(operation for name, operation in operations if name == tag["name"])
    return ShownTag(name=tag["name"], about=tag["description"], operations=shown)


def _operations(document: JsonObject) -> Iterator[tuple[str, ShownOperation]]:
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            yield described["tags"][0], _operation(document, path, method, described)


def _operation(
    document: JsonObject, path: str, method: str, described: JsonObject
) -> ShownOperation:
    body = described.get("requestBody", {}).get("content", {})
    media_types = list(body.values())
    example = media_types[0].get("example") if media_types else None
    return ShownOperation(
        id=described["operationId"],
        method=method.upper(),
        path=path,
        summary=described["summary"],
        about=described.get("description", ""),
        token=", ".join(name for asked in described["security"] for name in asked),
        parameters=tuple(map(_parameter, described.get("parameters", ()))),
        body=tuple(body),
        body_schema=_named(media_types[0]["schema"]) if media_types else "",
        example=_indented(example) if example else "",
        answers=tuple(
            _answer(document, status, answer)
            for status, answer in sorted(described["responses"].items())
        ),
    )


def _parameter(parameter: JsonObject) -> ShownParameter:
    return ShownParameter(
        name=parameter["name"],
        place=parameter["in"],
        about=parameter["description"],
        is_needed=bool(parameter.get("required")),
    )


def _answer(document: JsonObject, status: str, answer: JsonObject) -> ShownAnswer:
    name = answer.get("$ref", "").removeprefix(f"{_REF}responses/")
    whole = document["components"]["responses"][name] if name else answer
    body = whole.get("content", {})
    schemas = dict.fromkeys(_named(shown["schema"]) for shown in body.values())
    return ShownAnswer(
        status=status,
        about=whole["description"],
        media_types=tuple(body),
        schemas=tuple(name for name in schemas if name),
    )


def _named(schema: JsonObject) -> str:
    """The name of a schema among the components; empty for one that stands where it is used."""
    name: str = schema.get("$ref", "")
    return name.removeprefix(f"{_REF}schemas/")


def _indented(value: Json) -> str:
    return msgspec.json.format(encode(value), indent=2).decode()
