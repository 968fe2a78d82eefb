"""Parts that descriptions are put together from (OpenAPI 3.1)."""

from collections.abc import Iterable, Mapping

from cds_service.fhir.resource import Json, JsonObject

JSON, FHIR_JSON, HTML = "application/json", "application/fhir+json", "text/html"
FORM = "application/x-www-form-urlencoded"
ID_PATTERN = "^[A-Za-z0-9.-]{1,64}$"  # FHIR R4, id

# Who may call. What each comes to hangs on how a service is set up: see `Access`.
FREE, CLIENT, OPERATOR, METRICS = "free", "client", "operator", "metrics"

PROBLEMS: Mapping[int, tuple[str, str]] = {
    400: ("Invalid", "The request cannot be read as what it has to be; the body says where."),
    401: ("NoToken", "No valid token came. Whatever is wrong with it, the body is the same."),
    403: ("Forbidden", "This client may not have that."),
    404: ("NotFound", "There is nothing there, or it is not held here."),
    406: ("NotAcceptable", "The format asked for is not written here."),
    409: ("Refused", "The set of policies was refused; the body names every fault."),
    410: ("Gone", "This page is of a set of policies that is no longer in service: search again."),
    412: ("DataUnavailable", "Needed data was neither sent nor can be queried."),
    413: ("TooLarge", "The body is larger than what is read."),
    415: ("UnreadableBody", "The body is of a media type that is not read there."),
    422: ("NotAnswerable", "Sound, but not to be answered; the body says why and what to change."),
    429: ("TooMany", "More calls than this client may make just now; wait as Retry-After has it."),
    500: ("OurFault", "A fault of this service; the id of the body leads an operator to it."),
    503: ("NotNow", "Not recorded, so not given; or what is shown is just being made. Try again."),
}

# What is given with an ETag can be asked for again by it.
UNCHANGED: Mapping[str, JsonObject] = {
    "304": {"description": "It is still as it was when it got this ETag."}
}


def ref(name: str, kind: str = "schemas") -> JsonObject:
    """A reference to a component."""
    return {"$ref": f"#/components/{kind}/{name}"}


def content(schema: Json, *media_types: str, example: Json = None) -> JsonObject:
    """A body of this schema, in one or several media types."""
    shown = {"schema": schema} if example is None else {"schema": schema, "example": example}
    return dict.fromkeys(media_types or (JSON,), shown)


def answer(about: str, body: JsonObject | None = None, *headers: str) -> JsonObject:
    """A response; `headers` are described among the components."""
    described: JsonObject = {"description": about}
    if headers:
        described["headers"] = {header: ref(header, "headers") for header in headers}
    return described if body is None else {**described, "content": body}


def problems(*statuses: int) -> JsonObject:
    """Responses that are an OperationOutcome, by status."""
    return {str(status): ref(PROBLEMS[status][0], "responses") for status in statuses}


def query(name: str, about: str, schema: JsonObject | None = None, **more: Json) -> JsonObject:
    """A parameter in the query, which may be left out."""
    return {
        "name": name,
        "in": "query",
        "description": about,
        "schema": schema or words(),
        **more,
    }


def choice(*values: str) -> JsonObject:
    """The schema of a parameter with these values; an empty one counts as none."""
    return {"type": "string", "enum": [*values, ""]}


def in_path(
    name: str, about: str, schema: JsonObject | None = None, *, example: str = ""
) -> JsonObject:
    """A parameter in the path."""
    shown = schema or {"type": "string", "pattern": ID_PATTERN}
    described = {"name": name, "in": "path", "required": True, "description": about}
    return with_example({**described, "schema": shown}, example)


def with_example(parameter: JsonObject, example: str) -> JsonObject:
    """A parameter with an example, if there is one."""
    return {**parameter, "example": example} if example else parameter


def operation(
    name: str,
    tag: str,
    summary: str,
    *,
    answers: JsonObject,
    about: str = "",
    who: str = FREE,
    parameters: Iterable[JsonObject] = (),
    body: JsonObject | None = None,
    may_be_empty: bool = False,
) -> JsonObject:
    """One operation; who may call it stands in `x-who` until the document is put together."""
    described: JsonObject = {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        "description": about,
        "x-who": who,
        "parameters": list(parameters),
        "requestBody": {"required": not may_be_empty, "content": body} if body else None,
        "responses": answers,
    }
    return {key: part for key, part in described.items() if part not in ("", [], None)}


def listing(about: str, of: Json, **more: Json) -> JsonObject:
    """The schema of a list."""
    return {"type": "array", "description": about, "items": of, **more}


def record(
    properties: JsonObject, *, required: Iterable[str] = (), about: str = "", **more: Json
) -> JsonObject:
    """The schema of an object, which may have other members too."""
    described: JsonObject = {"type": "object", "properties": properties, **more}
    if about:
        described["description"] = about
    if needed := list(required):
        described["required"] = needed
    return described


def words(about: str = "", **more: Json) -> JsonObject:
    """The schema of a text."""
    return {"type": "string", **({"description": about} if about else {}), **more}
