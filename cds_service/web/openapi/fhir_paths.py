"""The library as a FHIR API: read and search."""

from collections.abc import Iterator, Sequence

from cds_service.fhir.resource import JsonObject
from cds_service.web.openapi.examples import POLICY, POLICY_VERSION
from cds_service.web.openapi.parts import (
    FHIR_JSON,
    FORM,
    UNCHANGED,
    answer,
    choice,
    content,
    in_path,
    operation,
    problems,
    query,
    ref,
    words,
)

TAG = "FHIR"
_KIND = in_path(
    "kind",
    "A resource type, such as PlanDefinition.",
    {"type": "string", "pattern": "^[A-Z][A-Za-z]{1,40}$"},
    example="PlanDefinition",
)
ID = in_path("identity", "The id of the resource.", example=POLICY)
_NUMBER: JsonObject = {"type": "integer", "minimum": 0}
FORMAT = query(
    "_format",
    "The only format; a media type of it may be named too.",
    choice("json", FHIR_JSON, "application/json", "application/json+fhir", "text/json"),
)
_SHOWN = (
    FORMAT,
    query("_pretty", "true for JSON that people read.", choice("true", "false")),
    query("_summary", "How much of it.", choice("true", "text", "data", "count", "false")),
    query("_elements", "The elements to give, with commas between."),
)
# What most types are searched by; /fhir/metadata has all, type by type.
SEARCHED = {
    "_id": "Ids.",
    "url": "The canonical URL.",
    "version": "The business version.",
    "identifier": "As system|value.",
    "name": "Begins so; :exact and :contains are understood.",
    "title": "Begins so; :exact and :contains are understood.",
    "status": "Such as active.",
    "date": "Such as ge2024-01-01.",
    "effective": "The period in which it is in force.",
    "context-type-value": "A kind of context and its value: program$icare.",
    "depends-on": "What it needs.",
    "composed-of": "What it is made of.",
}
_CONTROLS = {
    "_sort": "What to sort by; `-` before it turns the order round.",
    "_include": "What else to give with what is found.",
    "_revinclude": "What else refers to what is found.",
}
_READ_PROBLEMS = (400, 404, 406, 503)
_SEARCH_PROBLEMS = (400, 404, 406, 410, 503)


def fhir_paths() -> Iterator[tuple[str, JsonObject]]:
    """Each path with its operations."""
    yield "/fhir/metadata", {"get": _metadata()}
    yield "/fhir", {"get": _search("search-all", "Search several types")}
    yield "/fhir/_search", {"post": _posted("search-all-posted", "Search several types")}
    yield "/fhir/{kind}", {"get": _search("search", "Search a type", _KIND)}
    yield "/fhir/{kind}/_search", {"post": _posted("search-posted", "Search a type", _KIND)}
    yield "/fhir/{kind}/{identity}", {"get": _read("read", "Read a resource", _KIND, ID)}
    yield "/fhir/{kind}/{identity}/_history", {"get": _history()}
    version_id = in_path(
        "version_id", "The business version.", words(minLength=1), example=POLICY_VERSION
    )
    yield (
        "/fhir/{kind}/{identity}/_history/{version_id}",
        {"get": _read("vread", "Read a version of a resource", _KIND, ID, version_id)},
    )


def fhir(name: str) -> JsonObject:
    """A body that is a resource."""
    return content(ref(name), FHIR_JSON)


def given(about: str, name: str) -> JsonObject:
    """The responses of what is given with an ETag, by which it may be asked for again."""
    return {"200": answer(about, fhir(name), "ETag"), **UNCHANGED}


def _metadata() -> JsonObject:
    return operation(
        "metadata",
        TAG,
        "What the FHIR API can do",
        parameters=(FORMAT, _SHOWN[1]),
        answers={**given("The statement.", "CapabilityStatement"), **problems(400, 406, 503)},
    )


def _read(name: str, summary: str, *parameters: JsonObject) -> JsonObject:
    return operation(
        name,
        TAG,
        summary,
        parameters=(*parameters, *_SHOWN),
        answers={**given("The resource.", "Resource"), **problems(*_READ_PROBLEMS)},
    )


def _history() -> JsonObject:
    return operation(
        "history",
        TAG,
        "The versions of a resource: the one that is in service",
        parameters=(_KIND, ID, *_SHOWN[:2]),
        answers={**given("Its versions.", "Bundle"), **problems(*_READ_PROBLEMS)},
    )


def _search(name: str, summary: str, *parameters: JsonObject) -> JsonObject:
    return operation(
        name,
        TAG,
        summary,
        about="A type is searched by what /fhir/metadata lists for it. Parameters that are not "
        "known are ignored and named in the answer, or refused with `Prefer: handling=strict`.",
        parameters=(*parameters, *_SHOWN, *_searched()),
        answers={**given("A page.", "Bundle"), **problems(*_SEARCH_PROBLEMS)},
    )


def _searched() -> Sequence[JsonObject]:
    return [
        *(query(name, about) for name, about in {**SEARCHED, **_CONTROLS}.items()),
        query("_count", "How many on a page.", _NUMBER),
        query("_total", "Whether to count them all.", choice("accurate", "estimate", "none")),
    ]


def _posted(name: str, summary: str, *parameters: JsonObject) -> JsonObject:
    schema = {"type": "object", "additionalProperties": {"type": "string"}}
    return operation(
        name,
        TAG,
        f"{summary}, by POST",
        about="The parameters of the search as a form.",
        parameters=parameters,
        body=content(schema, FORM, example={"_count": "10"}),
        may_be_empty=True,
        answers={
            "200": answer("A page.", fhir("Bundle"), "ETag"),
            **problems(*_SEARCH_PROBLEMS, 413, 415),
        },
    )
