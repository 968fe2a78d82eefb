"""The hook request: a breach is reported by its JSON path, without repeating a patient's data."""

import json
from typing import Any

import pytest
from hook_requests import HOOK_INSTANCE, order_sign
from hypothesis import given, settings
from hypothesis import strategies as st
from json_values import json_objects, json_values, paths, replaced
from jsonschema import Draft202012Validator

from cds_service.cds_hooks.request import HookRequest, HookRequestParser, decode_json
from cds_service.cds_hooks.schema import Schema
from cds_service.crd.request.hooks import HOOKS
from cds_service.errors import InvalidRequest
from cds_service.fhir.resource import decode, encode

SERVER = "https://ehr.example.invalid/fhir"
TOKEN = "a-token-nobody-may-see"  # noqa: S105
CANARY = "Canary-Jane-Q-1957"
NUMBER = 19570402
GONE = object()

PARSER = HookRequestParser("order-sign")

# The path of the fault, the value there, the path it is reported at, and words of the message.
BREACHES: tuple[tuple[tuple[str, ...], Any, str, str], ...] = (
    (("hook",), GONE, "$", "'hook' is a required property"),
    (("hookInstance",), GONE, "$", "'hookInstance' is a required property"),
    (("context",), GONE, "$", "'context' is a required property"),
    (("hook",), 5, "$.hook", "order-sign"),
    (("hook",), "", "$.hook", "order-sign"),
    (("hook",), "order-select", "$.hook", "order-sign"),
    (("hookInstance",), 5, "$.hookInstance", "string"),
    (("hookInstance",), None, "$.hookInstance", "string"),
    (("hookInstance",), "", "$.hookInstance", "must be a UUID"),
    (("hookInstance",), "order-sign-1", "$.hookInstance", "must be a UUID"),
    (("hookInstance",), HOOK_INSTANCE[:-1], "$.hookInstance", "must be a UUID"),
    (("hookInstance",), f"{HOOK_INSTANCE}0", "$.hookInstance", "must be a UUID"),
    (("fhirServer",), 5, "$.fhirServer", "string"),
    (("fhirServer",), "ftp://ehr.example.invalid", "$.fhirServer", "must be an http or https URL"),
    (("fhirServer",), "https://", "$.fhirServer", "must be an http or https URL"),
    (
        ("fhirServer",),
        "https://ehr.example.invalid /fhir",
        "$.fhirServer",
        "must be an http or https URL",
    ),
    (("fhirServer",), GONE, "$", "'fhirServer'"),
    (("fhirAuthorization",), "Bearer", "$.fhirAuthorization", "object"),
    (("fhirAuthorization",), [], "$.fhirAuthorization", "object"),
    (
        ("fhirAuthorization", "token_type"),
        "MAC",
        "$.fhirAuthorization.token_type",
        "must be `Bearer`",
    ),
    (("prefetch",), [], "$.prefetch", "object"),
    (("prefetch",), "none", "$.prefetch", "object"),
    (("context",), None, "$.context", "object"),
    (("context",), [], "$.context", "object"),
    (("context", "userId"), GONE, "$.context", "'userId' is a required property"),
    (("context", "patientId"), GONE, "$.context", "'patientId' is a required property"),
    (("context", "draftOrders"), GONE, "$.context", "'draftOrders' is a required property"),
    (("context", "userId"), None, "$.context.userId", "string"),
    (("context", "userId"), "", "$.context.userId", "minLength"),
    (("context", "patientId"), 5, "$.context.patientId", "string"),
    (("context", "patientId"), "", "$.context.patientId", "minLength"),
    (("context", "encounterId"), 5, "$.context.encounterId", "string"),
    (("context", "draftOrders"), None, "$.context.draftOrders", "object"),
    (("context", "draftOrders"), "ServiceRequest/1", "$.context.draftOrders", "object"),
)


def full_request(**envelope: Any) -> dict[str, Any]:
    """A request with everything the envelope may hold."""
    authorization = {
        "access_token": TOKEN,
        "token_type": "Bearer",
        "expires_in": 30,
        "scope": "s",
        "subject": "us",
    }
    extension = {"davinci-crd.requestedVersion": "2.2"}
    return {
        **order_sign(fhirServer=SERVER, fhirAuthorization=authorization, extension=extension),
        **envelope,
    }


def with_fault(path: tuple[str, ...], value: Any) -> bytes:
    """A full request with another value at `path`, or with none."""
    *outer, last = path
    request = full_request()
    holder = request
    for name in outer:
        holder = holder[name]
    changed = {name: inner for name, inner in holder.items() if name != last}
    if value is not GONE:
        changed[last] = value
    return encode(replaced(request, tuple(outer), changed))


def refusal(body: bytes) -> InvalidRequest:
    """The error a body is refused with."""
    with pytest.raises(InvalidRequest) as caught:
        PARSER.parse(body)
    return caught.value


def reaction(parse: Any, body: bytes) -> str:
    """Message, path and representation of a refusal, or nothing if there is none."""
    try:
        parse(body)
    except InvalidRequest as error:
        return f"{error} {error.where} {error!r}"
    return ""


@pytest.mark.crd("hook-13")
@pytest.mark.parametrize(("path", "value", "where", "words"), BREACHES)
def test_a_breach_is_named_by_its_place(
    path: tuple[str, ...], value: Any, where: str, words: str
) -> None:
    """A request that is no hook request is a 400 that says where and what is wanted there."""
    error = refusal(with_fault(path, value))

    assert (error.status, error.where) == (400, where)
    assert f"`{where}`" in str(error)
    assert words in str(error)


@pytest.mark.parametrize("body", [b"[]", b"null", b"5", b'"order-sign"', b"true"])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    """A hook request is a JSON object."""
    error = refusal(body)

    assert error.where == "$"
    assert "object" in str(error)


@pytest.mark.crd("hook-13")
@pytest.mark.parametrize(
    "body", [b"", b"{", b"hook=order-sign", b"\xef\xbb\xbf{}", b"[" * 100_000, b'"\\udc00"']
)
def test_a_body_that_is_not_json_is_refused(body: bytes) -> None:
    """What is not JSON is a 400 at the root."""
    error = refusal(body)

    assert (error.status, error.where) == (400, "$")
    assert str(error).startswith("the body is not JSON")


@pytest.mark.parametrize("name", ["hookInstance", "fhirServer"])
def test_a_line_break_behind_a_value_is_part_of_it(name: str) -> None:
    """A UUID or URL with a line break behind it is refused: it would split a log line or query."""
    error = refusal(with_fault((name,), f"{full_request()[name]}\n"))

    assert error.where == f"$.{name}"


def test_every_missing_member_is_named_at_once() -> None:
    """A caller that left out three members learns of all three."""
    error = refusal(b"{}")

    assert all(f"'{name}'" in str(error) for name in ("hook", "hookInstance", "context"))


@settings(max_examples=200, deadline=None)
@given(
    path=st.sampled_from(list(paths(full_request()))),
    canary=st.sampled_from(
        [CANARY, [CANARY], {CANARY: CANARY}, {"id": CANARY, "x": [NUMBER]}, NUMBER, [NUMBER]]
    ),
)
def test_a_refusal_never_repeats_a_value(path: tuple[str | int, ...], canary: Any) -> None:
    """No message, path or representation of the error holds a value: it may be a patient's."""
    words = reaction(PARSER.parse, encode(replaced(full_request(), path, canary)))

    assert CANARY not in words
    assert str(NUMBER) not in words


@settings(max_examples=100, deadline=None)
@given(cut=st.integers(0, 500), junk=st.sampled_from([b"", b"\x00", b"\xff", b"}", b'"', b"1e5"]))
def test_a_refusal_of_broken_json_never_repeats_it(cut: int, junk: bytes) -> None:
    """Cut or damaged JSON is refused without quoting it."""
    body = encode(dict.fromkeys("abcdefghijkl", CANARY))

    words = reaction(decode_json, body[:cut] + junk)

    assert CANARY not in words
    assert CANARY[:6] not in words


@pytest.mark.crd("found-33", "hook-23")
@settings(max_examples=100, deadline=None)
@given(root=json_objects, context=json_objects, prefetch=json_objects)
def test_members_nobody_asked_for_change_nothing(root: Any, context: Any, prefetch: Any) -> None:
    """Unknown members of the envelope, the context and the prefetch are ignored."""
    plain = full_request()
    added = {
        **root,
        **plain,
        "context": {**context, **plain["context"]},
        "prefetch": {**prefetch, **plain["prefetch"]},
    }

    read = PARSER.parse(encode(added))

    assert plain["context"].items() <= read.context.items()
    assert plain["prefetch"].items() <= read.prefetch.items()
    assert (read.hook, read.hook_instance, read.fhir_server) == (
        "order-sign",
        HOOK_INSTANCE,
        SERVER,
    )


@settings(max_examples=100, deadline=None)
@given(value=json_values)
def test_any_json_is_read_or_refused(value: Any) -> None:
    """No JSON value leads to anything but a request or an InvalidRequest."""
    body = json.dumps(value).encode()

    assert reaction(PARSER.parse, body).startswith(("invalid hook request", "the body is not JSON"))


@pytest.mark.parametrize("extension", [None, [], 5, "text", {}])
def test_a_senseless_extension_asks_for_nothing(extension: Any) -> None:
    """An extension that is no object is as good as none."""
    read = PARSER.parse(encode(full_request(extension=extension)))

    assert read.extension == {}


def test_the_envelope_is_read() -> None:
    """What the members of a request hold stands under their names."""
    sent = full_request()

    read = PARSER.parse(encode(sent))

    assert read == HookRequest(
        hook="order-sign",
        hook_instance=HOOK_INSTANCE,
        context=sent["context"],
        prefetch=sent["prefetch"],
        extension={"davinci-crd.requestedVersion": "2.2"},
        fhir_server=SERVER,
        fhir_authorization=sent["fhirAuthorization"],
        body=sent,
    )


@pytest.mark.parametrize(
    "written", [HOOK_INSTANCE, HOOK_INSTANCE.upper(), f"urn:uuid:{HOOK_INSTANCE}"]
)
def test_a_hook_instance_is_a_uuid_with_or_without_prefix(written: str) -> None:
    """The wire form has no `urn:uuid:`, yet some send it; it is dropped."""
    read = PARSER.parse(encode(full_request(hookInstance=written)))

    assert read.hook_instance.lower() == HOOK_INSTANCE


@pytest.mark.parametrize("envelope", [{"prefetch": None}, {"prefetch": {}}])
def test_a_request_may_come_without_prefetch(envelope: Any) -> None:
    """Clients need not prefetch; `null` is none."""
    read = PARSER.parse(encode(full_request(**envelope)))

    assert read.prefetch == {}


@pytest.mark.parametrize("encounter", [{}, {"encounterId": None}, {"encounterId": "e-1"}])
def test_an_encounter_may_be_missing(encounter: Any) -> None:
    """encounterId is optional on order-sign; `null` is none."""
    context = {**full_request()["context"], **encounter}

    read = PARSER.parse(encode(full_request(context=context)))

    assert read.context == context


@pytest.mark.parametrize(
    ("server", "authorization", "can"),
    [
        (SERVER, {"access_token": TOKEN}, True),
        (SERVER, {"access_token": ""}, False),
        (SERVER, {"access_token": None}, False),
        (SERVER, {}, False),
    ],
)
def test_asking_needs_a_server_and_a_token(server: str, authorization: Any, can: bool) -> None:
    """An empty token is no means to ask: some clients send one."""
    read = PARSER.parse(encode(full_request(fhirServer=server, fhirAuthorization=authorization)))

    assert read.can_query is can


@pytest.mark.cds_hooks("authorization-6")
@pytest.mark.crd("sec-1")
def test_a_request_shown_for_debugging_holds_no_token() -> None:
    """The representation of a request leaves the token out."""
    read = PARSER.parse(encode(full_request()))

    assert TOKEN not in repr(read)


def test_decimals_of_a_request_keep_their_digits() -> None:
    """What is read from a request can be sent back digit for digit."""
    body = encode(full_request()).replace(b'"draft"', b'"draft","quantityQuantity":{"value":1.50}')

    assert b'{"value":1.50}' in encode(PARSER.parse(body).context)


SCHEMAS = {hook: Schema("hook-request", "hook request", context_of=hook) for hook in HOOKS}


def follows(schema: Schema, value: Any) -> bool:
    """What jsonschema alone says of a value."""
    return Draft202012Validator(schema.schema).is_valid(value)


def passes(schema: Schema, value: Any) -> bool:
    """What the two validators together say."""
    try:
        schema.check(value)
    except InvalidRequest:
        return False
    return True


@pytest.mark.parametrize("hook", SCHEMAS)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_the_fast_validator_judges_as_the_slow_one_does(hook: str, data: Any) -> None:
    """Wherever anything is put into a request, both find it sound or neither does."""
    request = decode(encode({**order_sign(), "hook": hook, "fhirServer": SERVER}))
    place = data.draw(st.sampled_from(sorted(paths(request), key=str)))
    changed = replaced(request, place, data.draw(json_values))

    assert passes(SCHEMAS[hook], changed) == follows(SCHEMAS[hook], changed)
