"""Properties of all requests: their notation decides nothing, and no request breaks the service."""

import copy
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from answering import Answered, Service, make_service, problems
from dirty_requests import BASES
from hypothesis import given, settings
from hypothesis import strategies as st
from json_values import json_objects, json_values, paths, replaced

from cds_service.cds_hooks.prefetch import read_resources
from cds_service.cds_hooks.request import HookRequest
from cds_service.crd.request.reply import Reply
from cds_service.ehr.gather import read_access
from cds_service.fhir.resource import encode
from cds_service.outbound.access import Access

Json = Any
JsonObject = dict[str, Any]
Notation = Callable[[Random, str, Json], Json]

BASE_NAMES = sorted(BASES)
# The reader's limit is near 1,000.
DEPTHS = [50, *range(100, 800, 100), *range(800, 1_010), 1_500, 20_000]
COVERAGE_INFORMATION = (
    "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-coverage-information"
)

numbers = st.from_regex(r"-?(0|[1-9][0-9]{0,17})\.[0-9]{1,8}([eE][+-]?[0-9]{1,2})?", fullmatch=True)
extras = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6).map("zz{}".format), json_values
)
randoms = st.randoms(use_true_random=True)
awkward = st.one_of(
    json_values,
    st.sampled_from(
        [
            None,
            "",
            " ",
            [],
            {},
            [[]],
            [{}],
            {"": ""},
            True,
            0,
            -1,
            10**400,
            "9" * 5000,
            "#",
            "/",
            "\u0000",
        ]
    ),
)


@pytest.fixture(scope="module")
def service() -> Service:
    return make_service()


# Ways to write the same request. Each takes the name of a value, and the value.


def with_unknown_fields(random: Random, _name: str, value: Json) -> Json:
    """Unknown fields in some objects (CRD hook-23, found-33)."""
    if not isinstance(value, dict) or random.random() < 0.5:
        return value
    unknown = random.choice(
        [None, "", [], {}, 7, "text", ["0600T"], {"code": "0600T"}, {"reference": "Coverage/x"}]
    )
    return {f"zz-{random.randrange(9)}": unknown, **value, "_zz": {"extension": []}}


def with_entries_and_codings_reordered(random: Random, name: str, value: Json) -> Json:
    """Lists whose order has no meaning, in another order."""
    return (
        random.sample(value, len(value))
        if name in ("entry", "coding", "contained", "address")
        else value
    )


def with_keys_reordered(random: Random, _name: str, value: Json) -> Json:
    """Keys of JSON objects in another order."""
    return (
        dict(random.sample(list(value.items()), len(value))) if isinstance(value, dict) else value
    )


def in_other_case(random: Random, _name: str, value: Json) -> Json:
    """Codes in lower or mixed case, systems in capitals."""
    if not _is_coding(value):
        return value
    code, system = value["code"], value["system"]
    recased = random.choice([code.lower(), code.upper(), code.swapcase()])
    return {**value, "code": recased, "system": random.choice([system, system.upper()])}


def padded(random: Random, _name: str, value: Json) -> Json:
    """Codes and systems between blanks of all kinds, codes before a dot."""
    if not _is_coding(value):
        return value
    before, after = (
        random.choice(["", " ", "\u00a0", "\t"]),
        random.choice(["", " ", ".", "\u00a0", "\r\n"]),
    )
    return {
        **value,
        "code": before + value["code"] + after,
        "system": f"{before}{value['system']}{after.strip('.')}",
    }


OTHER_NAMES: Mapping[str, tuple[str, ...]] = {
    "http://www.ama-assn.org/go/cpt": ("urn:oid:2.16.840.1.113883.6.12", "2.16.840.1.113883.6.12"),
    "http://www.cms.gov/Medicare/Coding/ICD10": (
        "urn:oid:2.16.840.1.113883.6.4",
        "http://www.icd10data.com/icd10pcs",
    ),
    "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets": ("urn:oid:2.16.840.1.113883.6.285",),
    "https://nahdo.org/sopt": ("urn:oid:2.16.840.1.113883.3.221.5",),
    "http://snomed.info/sct": ("urn:oid:2.16.840.1.113883.6.96",),
    "http://www.nlm.nih.gov/research/umls/rxnorm": ("2.16.840.1.113883.6.88",),
}


def in_other_systems(random: Random, _name: str, value: Json) -> Json:
    """Systems by OID, with another scheme, with a slash at the end."""
    if not _is_coding(value):
        return value
    system = random.choice([value["system"], *OTHER_NAMES.get(value["system"], ())])
    swapped = system.replace("http://", "https://") if random.random() < 0.5 else system
    return {
        **value,
        "system": f"{swapped}/"
        if swapped.startswith("http") and random.random() < 0.5
        else swapped,
    }


def by_other_references(random: Random, name: str, value: Json) -> Json:
    """References relative, absolute under two bases, and versioned."""
    if name in ("selections", "dispatchedOrders"):
        return [_other_reference(random, literal) for literal in value]
    return _other_reference(random, value) if name == "reference" else value


def _other_reference(random: Random, value: Json) -> Json:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Z][A-Za-z]+/[\w.-]+", value):
        return value
    base = random.choice(
        ["", "https://ehr.example.invalid/fhir/", "http://other.example.invalid/some/r4/"]
    )
    return base + value + random.choice(["", "/_history/2"])


def _is_coding(value: Json) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("system"), str)
        and isinstance(value.get("code"), str)
    )


NOTATIONS: tuple[Notation, ...] = (
    with_unknown_fields,
    with_entries_and_codings_reordered,
    with_keys_reordered,
    in_other_case,
    in_other_systems,
    by_other_references,
    padded,
)


def rewritten(random: Random, value: Json, notation: Notation, name: str = "") -> Json:
    """The value with every part of it written in another way."""
    written = notation(random, name, value)
    if isinstance(written, dict):
        return {key: rewritten(random, inner, notation, key) for key, inner in written.items()}
    if isinstance(written, list):
        return [rewritten(random, inner, notation) for inner in written]
    return written


def meaning(answered: Answered) -> tuple[int, list[bytes], list[str]]:
    """Status, facts and summaries of a response, sorted."""
    return (
        answered.status,
        answered.facts,
        sorted(card["summary"] for card in answered.response["cards"]),
    )


def ask(service: Service, request: JsonObject) -> Answered:
    return service.answer(request["hook"], encode(request))


@pytest.mark.crd("hook-23", "found-33")
@pytest.mark.parametrize("notation", NOTATIONS, ids=lambda notation: notation.__name__)
@pytest.mark.parametrize("base", BASE_NAMES)
@settings(max_examples=15, deadline=None)
@given(random=randoms)
def test_the_notation_of_a_request_never_changes_the_decision(
    service: Service, base: str, notation: Notation, random: Random
) -> None:
    """The notation of a request is no part of its meaning (reliability: F3)."""
    answered = ask(service, rewritten(random, BASES[base], notation))

    assert meaning(answered) == meaning(ask(service, BASES[base]))


@pytest.mark.parametrize("base", BASE_NAMES)
@settings(max_examples=15, deadline=None)
@given(random=randoms)
def test_all_other_notations_together_make_the_same_request(
    service: Service, base: str, random: Random
) -> None:
    """All the other notations together decide nothing either."""
    request = BASES[base]
    for notation in NOTATIONS:
        request = rewritten(random, request, notation)

    assert meaning(ask(service, request)) == meaning(ask(service, BASES[base]))


@pytest.mark.crd("resp-35")
@pytest.mark.parametrize("base", BASE_NAMES)
@settings(max_examples=10, deadline=None)
@given(random=randoms)
def test_an_order_that_carries_our_answer_gets_no_other(
    service: Service, base: str, random: Random
) -> None:
    """Nothing is sent that the order carries already, even if the EHR rewrote its references."""
    answers = {
        (order["resourceType"], order["id"]): order for order in ask(service, BASES[base]).orders
    }
    again = rewritten(random, _with_answers(BASES[base], answers), by_other_references)

    answered = ask(service, again)

    assert answers
    assert (answered.status, answered.orders, answered.response["cards"]) == (200, [], [])


def _with_answers(value: Json, answers: Mapping[tuple[str, str], JsonObject]) -> Json:
    if isinstance(value, dict):
        known = answers.get((str(value.get("resourceType")), str(value.get("id"))))
        return known or {name: _with_answers(inner, answers) for name, inner in value.items()}
    return [_with_answers(inner, answers) for inner in value] if isinstance(value, list) else value


@settings(max_examples=150, deadline=None)
@given(
    body=st.one_of(
        st.binary(max_size=60), st.text(max_size=30).map(str.encode), json_values.map(encode)
    )
)
def test_what_is_no_request_is_refused(service: Service, body: bytes) -> None:
    """Bytes, words and JSON of any shape get a 400 (CRD hook-13)."""
    answered = service.answer("order-sign", body)

    assert (answered.status, problems(answered, None)) == (400, [])


@settings(max_examples=100, deadline=None)
@given(context=json_values, prefetch=json_values, extension=json_values, others=json_objects)
def test_a_hook_call_of_any_content_is_answered_or_refused(
    service: Service, context: Json, prefetch: Json, extension: Json, others: JsonObject
) -> None:
    """An envelope with any content gets 200 or a 4xx."""
    envelope = {"hook": "order-dispatch", "hookInstance": BASES["order-dispatch"]["hookInstance"]}
    known = {"patientId": "member-1", "dispatchedOrders": ["ServiceRequest/order-1"]}
    inside = {**known, **context} if isinstance(context, dict) else {**known, "performer": context}
    request = {
        **others,
        **envelope,
        "context": inside,
        "prefetch": prefetch,
        "extension": extension,
    }

    answered = ask(service, request)

    assert problems(answered, request) == []


@st.composite
def planted(draw: st.DrawFn) -> JsonObject:
    """A sound request with awkward values in up to three places of it, the hook's name apart."""
    request: JsonObject = BASES[draw(st.sampled_from(BASE_NAMES))]
    for _ in range(draw(st.integers(1, 3))):
        places = [path for path in paths(request) if path and path[0] != "hook"]
        request = replaced(request, draw(st.sampled_from(places)), draw(awkward))
    return request


@settings(max_examples=200, deadline=None)
@given(request=planted())
def test_whatever_stands_wherever_the_answer_is_sound(
    service: Service, request: JsonObject
) -> None:
    """A sound response or a 4xx, never looser than the policies (reliability: F2)."""
    answered = ask(service, request)

    assert problems(answered, request) == []


@dataclass(frozen=True, slots=True)
class GenerousEhr:
    """An EHR that gives the same resources to whoever asks for anything."""

    resources: tuple[JsonObject, ...]

    def ask(self, access: Access, queries: Sequence[str], deadline: float) -> tuple[Reply, ...]:  # noqa: ARG002
        return tuple(Reply(query=query, resources=self.resources) for query in queries)


@settings(max_examples=150, deadline=None)
@given(request=planted(), authorization=json_objects, strange=json_objects)
def test_whatever_the_ehr_gives_the_answer_is_sound(
    service: Service, request: JsonObject, authorization: JsonObject, strange: JsonObject
) -> None:
    """What an EHR answers to a query is as untrusted as the call itself (OWASP API10)."""
    sent = request.get("prefetch")
    held = [
        found.resource
        for part in (sent.values() if isinstance(sent, dict) else ())
        for found in read_resources(part)
    ]
    asking = {
        **{name: value for name, value in request.items() if name != "prefetch"},
        "fhirServer": "https://ehr.example.invalid/fhir",
        "fhirAuthorization": {**authorization, "access_token": "invented"},
    }
    ehr = GenerousEhr((*held, {"resourceType": "Coverage", **strange}))
    pipeline = replace(service.pipelines[request["hook"]], ehr=ehr)

    answered = Service({request["hook"]: pipeline}).answer(request["hook"], encode(asking))

    assert problems(answered, asking, held) == []


@settings(max_examples=60, deadline=None)
@given(lifetime=awkward)
def test_a_token_of_any_lifetime_can_be_read(lifetime: Json) -> None:
    """A token has a time it ends, whatever lifetime the client gives (CRD found-22)."""
    authorization = {"access_token": "invented", "expires_in": lifetime}
    request = HookRequest(
        hook="order-sign",
        hook_instance=BASES["order-sign"]["hookInstance"],
        context={},
        prefetch={},
        extension={},
        fhir_server="https://ehr.example.invalid/fhir",
        fhir_authorization=authorization,
        body={},
    )

    assert read_access(request).expires > 0


@pytest.mark.crd("resp-37")
@settings(max_examples=100, deadline=None)
@given(members=extras, inside=extras, literals=st.lists(numbers, max_size=4))
def test_an_order_goes_back_digit_for_digit_and_member_for_member(
    service: Service, members: JsonObject, inside: JsonObject, literals: list[str]
) -> None:
    """Another JSON reader sees the order that came, our extension last (CRD resp-37)."""
    request = copy.deepcopy(BASES["order-sign"])
    order = request["context"]["draftOrders"]["entry"][0]["resource"]
    order.update(members, zzLast=["PLACE"])
    order["code"].update(inside)
    body = encode(request).replace(b'"PLACE"', ",".join(literals).encode())

    answered = service.answer("order-sign", body)

    came = _in_pairs(body, "context", "draftOrders", "entry", "resource")
    back = _in_pairs(answered.body, "systemActions", "resource")
    assert repr(back[-1][0]) == repr("extension")
    assert repr(back[:-1]) == repr(came)


def _in_pairs(body: bytes, *names: str) -> tuple[tuple[str, Json], ...]:
    """The object at the end of these names as pairs of name and value; of a list, its first."""
    value = json.loads(body, parse_float=Decimal, parse_int=Decimal, object_pairs_hook=tuple)
    for name in names:
        value = dict(value)[name]
        value = value[0] if isinstance(value, list) else value
    found: tuple[tuple[str, Json], ...] = value
    return found


PLACES = {
    "an element": '{"note":PLACE}',
    "an element beside a text that looks like the end of a name": '{"note":PLACE,"zz":": "}',
    "an extension": (
        '{"extension":[{"url":"https://extensions.example.invalid/one","valueString":PLACE}]}'
    ),
    "what it contains": '{"contained":[{"resourceType":"Device","id":"x","note":PLACE}]}',
    "its code": (
        '{"code":{"coding":[{"system":"http://www.ama-assn.org/go/cpt","code":"93799"}],'
        '"text":PLACE}}'
    ),
    "an earlier answer of ours": (
        f'{{"extension":[{{"url":"{COVERAGE_INFORMATION}","extension":['
        '{"url":"coverage","valueReference":{"reference":"Coverage/coverage-1"}},'
        '{"url":"detail","extension":PLACE}]}]}'
    ),
}


@pytest.mark.parametrize("place", PLACES)
def test_however_deep_an_order_nests_it_is_answered_or_refused(
    service: Service, place: str
) -> None:
    """An order too deep to read is refused; any other is answered and written (reliability: F6)."""
    request = copy.deepcopy(BASES["order-sign"])
    entry = request["context"]["draftOrders"]["entry"][0]
    entry["resource"] = {
        **entry["resource"],
        **json.loads(PLACES[place].replace("PLACE", '"PLACE"')),
    }
    body = encode(request)

    statuses = {
        service.answer(
            "order-sign", body.replace(b'"PLACE"', b'{"a":' * depth + b"1" + b"}" * depth)
        ).status
        for depth in DEPTHS
    }

    assert statuses == {200, 400, 413}
