"""FHIR operations on the library: expansions, codes and packages."""

from collections.abc import Iterator, Sequence

from cds_service.fhir.resource import JsonObject
from cds_service.web.openapi.examples import example_of, example_parameters
from cds_service.web.openapi.fhir_paths import FORMAT, ID, fhir, given
from cds_service.web.openapi.parts import (
    FHIR_JSON,
    answer,
    content,
    listing,
    operation,
    problems,
    query,
    ref,
    with_example,
    words,
)

TAG = "FHIR operations"
_CODES = (
    query("code", "The code.", words(minLength=1), required=True),
    query("display", "What it is called where it was found: compared if one is known here."),
)
_SYSTEM = (
    query("system", "The code system of `code`.", words(minLength=1), required=True),
    query("systemVersion", "The version of the code system."),
)
_PAGE = (
    query("filter", "Words, each of which begins a word of the code or of what is known of it."),
    query("count", "Codes on a page.", {"type": "integer", "minimum": 0, "maximum": 999_999_999}),
    query("offset", "Codes before it.", {"type": "integer", "minimum": 0, "maximum": 999_999_999}),
    query("includeDesignations", "Other names too.", {"type": "boolean"}),
    query("includeDefinition", "What the set is made of too.", {"type": "boolean"}),
)
_MEMBERSHIP = (
    "The code is valid exactly as it is spelt. Where a set takes all codes of a system, or those "
    "that a rule matches, and the codes of that system are not held here, the answer is an error: "
    "neither true nor false is known."
)


def operation_paths() -> Iterator[tuple[str, JsonObject]]:
    """Each path with its operations."""
    version = query("valueSetVersion", "The version of the ValueSet.")
    yield from _both(
        "ValueSet/$expand",
        "The codes of a ValueSet",
        "ExpandedValueSet",
        about="As of today. A set that takes codes by a rule cannot be listed here: 422.",
        naming=(_url("ValueSet"), version),
        parameters=_PAGE,
    )
    yield from _both(
        "ValueSet/$validate-code",
        "Whether a code is in a ValueSet",
        "Parameters",
        about=_MEMBERSHIP,
        naming=(_url("ValueSet"), version),
        parameters=(*_CODES, *_SYSTEM),
    )
    yield from _both(
        "CodeSystem/$validate-code",
        "Whether a code system of the library has a code",
        "Parameters",
        about="Other code systems are not held here.",
        naming=(_url("CodeSystem"),),
        parameters=(*_CODES, query("version", "The version of the code system.")),
    )
    yield "/fhir/CodeSystem/$lookup", _lookup()
    yield from _both(
        "PlanDefinition/$package",
        "A policy with all that it needs",
        "Bundle",
        about="A collection: the manifest first (CRMI), then what it depends on, in order.",
        naming=(_url("PlanDefinition"), query("version", "The version of the policy.")),
        parameters=(),
    )


def _url(kind: str) -> JsonObject:
    about = f"The canonical of a {kind}, with `|version` or without; the newest without."
    return query("url", about, words(minLength=1), required=True)


def _both(
    path: str,
    summary: str,
    schema: str,
    *,
    about: str,
    naming: Sequence[JsonObject],
    parameters: Sequence[JsonObject],
) -> Iterator[tuple[str, JsonObject]]:
    """An operation on the type, where `naming` parameters name the resource, and on one of them."""
    kind, name = path.split("/")
    called = f"{kind}-{name.lstrip('$')}"
    yield (
        f"/fhir/{path}",
        _ways(called, summary, schema, about=about, parameters=(*naming, *parameters)),
    )
    yield (
        f"/fhir/{kind}/{{identity}}/{name}",
        _ways(
            f"{called}-of-instance",
            f"{summary}, by its id",
            schema,
            about=about,
            parameters=parameters,
            path=(ID,),
        ),
    )


def _ways(
    name: str,
    summary: str,
    schema: str,
    *,
    about: str,
    parameters: Sequence[JsonObject],
    path: Sequence[JsonObject] = (),
) -> JsonObject:
    """The same by GET and by POST, with examples."""
    kind = name.split("-", maxsplit=1)[0]
    refused = problems(400, 404, 406, 422, 503)
    path = [with_example(part, example_of(kind, part["name"])) for part in path]
    asked = [with_example(part, example_of(kind, part["name"])) for part in parameters]
    example = example_parameters(kind, [part["name"] for part in parameters])
    return {
        "get": operation(
            name,
            TAG,
            summary,
            about=about,
            parameters=(*path, *asked, FORMAT),
            answers={**given("The answer.", schema), **refused},
        ),
        "post": operation(
            f"{name}-posted",
            TAG,
            f"{summary}, by POST",
            about=f"{about} The parameters are those of GET, and `coding` and `codeableConcept` "
            "where a code is asked about.",
            parameters=path,
            body=content(ref("Parameters"), FHIR_JSON, "application/json", example=example),
            may_be_empty=not _asks(parameters),
            answers={
                "200": answer("The answer.", fhir(schema)),
                **refused,
                **problems(413, 415),
            },
        ),
    }


def _asks(parameters: Sequence[JsonObject]) -> bool:
    """Whether something has to be asked; else the address may say all, and a body is not needed."""
    return any(part.get("required") for part in parameters)


def _lookup() -> JsonObject:
    return _ways(
        "CodeSystem-lookup",
        "What a code system of the library states of a code",
        "Parameters",
        about="Other code systems are not held here: 404.",
        parameters=(
            query("code", "The code.", words(minLength=1), required=True),
            query("system", "Its code system.", words(minLength=1), required=True),
            query("version", "The version of the code system; the newest without."),
            query("property", "What to tell of it; all without one.", listing("", words())),
        ),
    )
