"""The seventeen risks of the CDS Hooks security review (Argonaut 2018), each tried on the service.

The numbers are the review's, as `reliability.md` 1.3 has them; each test names its own.
"""

import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from access.issuing import Signer
from every_hook import (
    HOOK_NAMES,
    MEMBERS,
    NOT_IN_A_POLICY,
    ORDER_HOOKS,
    UNLISTED,
    VERSIONS,
    appointment,
    asked_about,
    call,
    minimal_orders,
    reference,
)
from fake_ehr import FakeEhr, bundle, resource, respond, status
from gfm import show
from hook_requests import coverage, patient, service_request
from hypothesis import given, settings
from hypothesis import strategies as st
from security.reviewed import (
    BASE_URL,
    JKU,
    JsonObject,
    Reviewed,
    claims_for,
    guarded,
    reviewing,
)

from cds_service.crd.codes import PAYER_ID
from cds_service.crd.request.hooks import HOOKS
from cds_service.errors import SettingError
from cds_service.fhir.resource import decode, encode

TOKEN = "canary-bearer-9f2"  # noqa: S105
TAG = re.compile(r"<[A-Za-z/!?]")
CARD_MEMBERS = {  # CDS Hooks, Card Attributes
    "uuid",
    "summary",
    "indicator",
    "detail",
    "source",
    "suggestions",
    "selectionBehavior",
    "overrideReasons",
    "links",
    "extension",
}
PLAIN_TAGS = {"p", "ul", "ol", "li", "strong", "code"}  # of what GitHub's parser makes of a detail
PROTECTED = ("iss", "aud", "exp", "iat", "jti")
# Where links on cards may lead: our own pages; the library names no address of a document.
LINKED_HOSTS = {"crd.example.invalid"}
DANGEROUS = (
    "https://evil.invalid/a",
    "www.evil.invalid",
    "[a form](javascript:alert(1))",
    "![seen](//evil.invalid/pixel)",
    "<https://evil.invalid>",
    "a@evil.invalid",
)
SUBJECT = "NanoKnife"  # a word that a policy knows: it earns a card, whatever the code
SEARCH = "Coverage?patient=member-1&status=active"


@pytest.fixture(scope="module")
def service() -> Iterator[Reviewed]:
    """The service for anyone who calls it from this machine."""
    with reviewing() as reviewed:
        yield reviewed


@pytest.fixture(scope="module")
def signer() -> Signer:
    """The keys of the one registered client."""
    return Signer()


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory, signer: Signer) -> Iterator[Reviewed]:
    """The service for that client alone."""
    directory = tmp_path_factory.mktemp("clients")
    with reviewing(guarded(directory, signer)) as reviewed:
        yield reviewed


def asking(ehr: FakeEhr, hook: str = "order-sign", **sent: Any) -> JsonObject:
    """A call that has the service ask this EHR, with the token."""
    return {
        **call(hook),
        "prefetch": sent,
        "fhirServer": ehr.base,
        "fhirAuthorization": {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 30},
    }


def cards(answer: Any) -> list[JsonObject]:
    """The cards of a response that is one."""
    assert answer.status_code == 200
    found: list[JsonObject] = answer.get_json(force=True)["cards"]
    return found


def texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts(inner)


def texts_shown(answer: Any) -> list[str]:
    """Every text that a clinician may be shown: all of the cards, and what the actions are."""
    actions = answer.get_json(force=True).get("systemActions", [])
    return [*texts(cards(answer)), *(action["description"] for action in actions)]


def test_r1_no_tag_of_a_request_survives_into_a_card(service: Reviewed) -> None:
    """R1, HTML in markdown: what an order is called is shown as text and never as markup."""

    @given(words=st.text(max_size=20), code=st.sampled_from([UNLISTED, NOT_IN_A_POLICY]))
    @settings(max_examples=50, deadline=None)
    def holds(words: str, code: str) -> None:
        name = f"<img x>{words}<script>{words}</script> {SUBJECT}"
        order = asked_about("order-sign", code, name)
        answer = service.call(call("order-sign", order, member=MEMBERS["commercial"]))
        details = [card["detail"] for card in cards(answer)]

        assert [text for text in texts_shown(answer) if TAG.search(text)] == []
        assert details
        for detail in details:
            assert show(detail).tags <= PLAIN_TAGS

    holds()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_r2_cards_link_to_our_pages_alone_whatever_a_request_says(
    service: Reviewed, hook: str, version: str
) -> None:
    """R2, dangerous links: none leads where a request says, and none is anything but https.

    Neither a card's own links do, nor any that markdown makes of what it says.
    """
    led_to: set[tuple[str, str | None]] = set()
    made_by_markdown: list[str] = []
    members = (MEMBERS["commercial"], MEMBERS["cancelled"])
    for words, member, code in product(DANGEROUS, members, (UNLISTED, NOT_IN_A_POLICY)):
        about = asked_about(hook, code, f"{words} {SUBJECT}")
        answer = service.call(call(hook, about, version=version, member=member))
        links = [link for card in cards(answer) for link in card.get("links", ())]
        parts = [urlsplit(link["url"]) for link in links]
        led_to.update((part.scheme, part.hostname) for part in parts)
        assert {link["type"] for link in links} <= {"absolute"}
        for card in cards(answer):
            made_by_markdown.extend(show(card["detail"]).links)

    assert led_to == {("https", host) for host in LINKED_HOSTS}
    assert made_by_markdown == []


def test_r3_what_was_fetched_for_one_call_is_never_used_for_another(service: Reviewed) -> None:
    """R3, stale data: the EHR is asked again, and its newer answer counts."""
    with FakeEhr(status(404)) as ehr:
        ehr.on("Patient/member-1", resource("Patient", id="member-1"))
        ehr.on(SEARCH, bundle(coverage()))
        first = service.call(asking(ehr))
        ehr.on(SEARCH, bundle(coverage(status="cancelled")))
        second = service.call(asking(ehr))

        assert ehr.queries.count(SEARCH) == 2
    assert "no-active-coverage" not in first.text
    assert "no-active-coverage" in second.text


@pytest.mark.parametrize("address", ["http://ehr.example.invalid/fhir", "http://10.1.2.3/fhir"])
def test_r4_no_server_elsewhere_is_asked_without_tls(address: str) -> None:
    """R4, the EHR's side of TLS: even where an operator lists it, and the error says why."""
    with reviewing(allowed=(address,)) as reviewed:
        request = {**asking(reviewed.ehr), "fhirServer": address}
        answer = reviewed.call(request)

    assert answer.status_code == 412
    assert "without TLS" in answer.text


def test_r4_a_client_in_production_names_no_server_without_tls(
    closed: Reviewed, signer: Signer
) -> None:
    """R4: not even one on this machine."""
    token = signer.token(claims=claims_for("order-sign"))
    answer = closed.call(asking(closed.ehr), token=token)

    assert answer.status_code == 412
    assert closed.ehr.calls == []


def leaks(reviewed: Reviewed, answer: Any, logged: str) -> list[str]:
    """Where the token is that must be nowhere."""
    places = {
        "the response": answer.text + str(answer.headers),
        "the log": logged,
        "the record": "".join(str(kept.record) for kept in reviewed.log.records),
        "the metrics": reviewed.web.get("/metrics").text,
    }
    return [place for place, text in places.items() if TOKEN in text]


@pytest.mark.parametrize("ehr_behaviour", ["answers", "refuses", "echoes"])
def test_r5_the_ehrs_token_is_in_no_answer_log_or_record(
    caplog: pytest.LogCaptureFixture, ehr_behaviour: str
) -> None:
    """R5, bearer leakage: whether the EHR takes it, refuses it, or sends it back."""
    caplog.set_level(logging.DEBUG)
    behaviour = {
        "answers": bundle(coverage()),
        "refuses": status(401),
        "echoes": respond(f"<html>{TOKEN}</html>".encode()),
    }[ehr_behaviour]
    with reviewing() as reviewed, FakeEhr(behaviour) as ehr:
        answer = reviewed.call(asking(ehr))

        assert ehr.calls
        assert reviewed.log.records
        assert leaks(reviewed, answer, caplog.text) == []


SOUND = encode(call("order-sign"))
AMBIGUOUS: dict[str, bytes] = {
    "a member twice": SOUND.replace(b"{", b'{"hookInstance":"another",', 1),
    "a member twice, once with an escape": SOUND.replace(b"{", b'{"ho\\u006fk":"order-select",', 1),
    "an order's member twice": SOUND.replace(b'"status":', b'"status":"completed","status":', 1),
    "a number for a text": SOUND.replace(b'"hookInstance":"', b'"hookInstance":1,"was":"', 1),
    "a list of calls": b"[" + SOUND + b"]",
    "two calls": SOUND + SOUND,
    "a call and more": SOUND + b" 1",
    "half a character": SOUND.replace(b"{", b'{"more":"\\ud800",', 1),
    "no UTF-8": SOUND.replace(b"{", b'{"more":"\xff",', 1),
    "another encoding": SOUND.decode().encode("utf-16"),
    "no number": SOUND.replace(b"{", b'{"more":NaN,', 1),
    "a comment": SOUND.replace(b"{", b"{/* */", 1),
    "a comma too many": SOUND[:-1] + b",}",
}


@pytest.mark.parametrize("body", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_r6_what_two_readers_could_read_in_two_ways_is_refused(
    service: Reviewed, body: bytes
) -> None:
    """R6, ambiguity of requests: one meaning, or a 400."""
    answer = service.web.post("/cds-services/order-sign-crd", data=body)

    assert answer.status_code == 400
    assert answer.get_json(force=True)["resourceType"] == "OperationOutcome"


def test_r6_the_call_that_all_these_differ_from_is_answered(service: Reviewed) -> None:
    """Or the check above could not fail."""
    assert service.web.post("/cds-services/order-sign-crd", data=SOUND).status_code == 200


@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_r7_the_service_asks_with_the_token_of_the_call_alone(service: Reviewed, hook: str) -> None:
    """R7, an impersonated service: it has no credential of its own, and asks none without one."""
    with FakeEhr(bundle()) as ehr:
        service.call(asking(ehr, hook))
        sent = {asked.headers.get("authorization") for asked in ehr.calls}
        asked_with_token = len(ehr.calls)
        without = asking(ehr, hook)
        del without["fhirAuthorization"]
        service.call(without)

        assert len(ehr.calls) == asked_with_token
    assert sent == {f"Bearer {TOKEN}"}


def test_r8_a_key_url_without_tls_stops_the_start(tmp_path: Path, signer: Signer) -> None:
    """R8, the client's side of TLS: nobody's keys are fetched in the clear in production."""
    insecure = guarded(tmp_path, signer, jku="http://north.example.invalid/keys.json")
    with pytest.raises(SettingError, match="jku"), reviewing(insecure):
        pass


def refused_alike(answers: list[Any]) -> bool:
    """Whether all are a 401 with the same body, so that nobody learns what was wrong."""
    return {answer.status_code for answer in answers} == {401} and len(
        {answer.data for answer in answers}
    ) == 1


@pytest.mark.cds_hooks("security-3", "security-4")
@pytest.mark.crd("sec-1")
def test_r9_a_token_without_what_identifies_its_sender_is_refused(
    closed: Reviewed, signer: Signer
) -> None:
    """R9: each of `iss`, `aud`, `exp`, `iat`, `jti` and `kid`; and every refusal reads alike."""
    without_claims = [
        signer.token(claims=claims_for("order-sign", **{claim: None})) for claim in PROTECTED
    ]
    header = {name: value for name, value in signer.header().items() if name != "kid"}
    without_kid = signer.token(header=header, claims=claims_for("order-sign"))
    tokens = ["", "x.y.z", *without_claims, without_kid]

    assert refused_alike([closed.call(call("order-sign"), token=token) for token in tokens])


def test_r9_the_token_that_all_these_differ_from_is_accepted(
    closed: Reviewed, signer: Signer
) -> None:
    """Or the check above could not fail."""
    token = signer.token(claims=claims_for("order-sign", jti="accepted"))

    assert closed.call(call("order-sign"), token=token).status_code == 200


@pytest.mark.crd("sec-1")
def test_r10_nobody_passes_for_a_client_that_is_registered(
    closed: Reviewed, signer: Signer
) -> None:
    """R10, an impersonated client: unknown `iss`, `jku` or `kid`, and a key of somebody else."""
    claims = claims_for("order-sign")
    tokens = [
        signer.token(claims={**claims, "iss": "https://south.example.invalid"}),
        signer.token(claims=claims, header=signer.header(jku=JKU)),
        signer.token(claims=claims, header=signer.header(kid="key-2")),
        Signer().token(claims=claims),
    ]

    assert refused_alike([closed.call(call("order-sign"), token=token) for token in tokens])


@pytest.mark.cds_hooks("security-3")
@pytest.mark.crd("sec-1")
@pytest.mark.parametrize("path", ["", "/order-sign-crd/feedback"])
def test_r10_discovery_and_feedback_are_the_clients_too(closed: Reviewed, path: str) -> None:
    """R10: what the service is, and what became of cards, is not for strangers."""
    url = f"/cds-services{path}"
    answer = closed.web.post(url, data=b"{}") if path else closed.web.get(url)

    assert answer.status_code == 401


def test_r11_the_clients_token_is_in_no_answer_log_or_record(
    closed: Reviewed, signer: Signer, caplog: pytest.LogCaptureFixture
) -> None:
    """R11, leakage of the other bearer token: the JWT of the call, accepted or refused."""
    caplog.set_level(logging.DEBUG)
    accepted = signer.token(claims=claims_for("order-sign", jti="for-the-log"))
    refused = Signer().token(claims=claims_for("order-sign", jti="for-the-log"))
    for token, expected in ((accepted, 200), (refused, 401)):
        answer = closed.call(call("order-sign"), token=token)
        assert answer.status_code == expected
        kept = "".join(str(record.record) for record in closed.log.records)
        for part in token.split("."):
            assert part not in answer.text + str(answer.headers) + caplog.text + kept


@pytest.mark.parametrize("method", ["OPTIONS", "GET", "POST"])
def test_r12_no_page_of_another_origin_calls_with_a_browsers_credentials(
    service: Reviewed, method: str
) -> None:
    """R12, CORS: any origin may call, so none may with cookies or the like."""
    path = "/cds-services" if method == "GET" else "/cds-services/order-sign-crd"
    headers = service.web.open(
        path, method=method, data=b"{}", headers={"Origin": "https://evil.example.invalid"}
    ).headers

    assert headers["Access-Control-Allow-Origin"] in ("*", BASE_URL)
    assert "Access-Control-Allow-Credentials" not in headers
    assert "Set-Cookie" not in headers


def declared(service: Reviewed, hook: str) -> list[str]:
    """The queries that discovery asks for on a hook."""
    offered = service.web.get("/cds-services").get_json()["services"]
    (prefetch,) = [entry["prefetch"] for entry in offered if entry["hook"] == hook]
    return list(prefetch.values())


def kinds(queries: list[str]) -> set[str]:
    """The types of resource that these queries are for."""
    return {query.partition("?")[0].partition("/")[0] for query in queries}


def asked_without_prefetch(service: Reviewed, hook: str) -> list[str]:
    """What is queried where nothing is sent, and all that may matter is referred to."""
    about = [asked_about(hook)] if hook not in ORDER_HOOKS else list(orders_by_reference())
    if hook == "appointment-book":
        about = [appointment(basedOn=[{"reference": "ServiceRequest/order-1"}])]
    with FakeEhr(status(404)) as ehr:
        ehr.on(SEARCH, bundle(coverage(payor=[{"reference": "Organization/payer"}])))
        named = [{"system": PAYER_ID, "value": "icare"}]
        ehr.on("Organization/payer", resource("Organization", id="payer", identifier=named))
        ehr.on("Patient/member-1", respond(encode(patient())))
        for held in about:
            ehr.on(reference(held), respond(encode(held)))
        request = {**call(hook, *about), **asking(ehr, hook), "prefetch": {}}
        request["context"] = call(hook, *about)["context"]
        # A call whose payer is known gets as far as what its policies need.
        assert service.call(request).status_code == 200
        return list(ehr.queries)


def orders_by_reference() -> Iterator[JsonObject]:
    """An order of each kind; drug and device are named by reference."""
    for kind, order in minimal_orders().items():
        by_reference = {
            "MedicationRequest": {"medicationReference": {"reference": "Medication/1"}},
            "DeviceRequest": {"codeReference": {"reference": "Device/1"}},
        }
        coded = ("medicationCodeableConcept", "codeCodeableConcept")
        kept = {name: value for name, value in order.items() if name not in coded}
        yield {**kept, **by_reference[kind]} if kind in by_reference else order


@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_r13_discovery_asks_for_what_is_used_and_for_nothing_else(
    service: Reviewed, hook: str
) -> None:
    """R13, over-broad prefetch: what is declared is what would be queried if it did not come.

    What an appointment's order is for is declared for every kind of order; one stands for all.
    """
    asked = kinds(asked_without_prefetch(service, hook))
    offered = kinds(declared(service, hook))

    assert asked <= offered
    if hook != "appointment-book":
        orders_sent = set(minimal_orders()) if hook in ("order-sign", "order-select") else set()
        assert offered - orders_sent == asked


@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_r13_every_query_is_for_the_patient_or_for_what_the_call_names(
    service: Reviewed, hook: str
) -> None:
    """R13: one resource by its id, or those of this patient; never what others have too."""
    for template in declared(service, hook):
        assert re.fullmatch(r"\w+(/|\?_id=|\?patient=)\{\{.*\}\}(&status=active)?", template)
    for query in asked_without_prefetch(service, hook):
        assert re.fullmatch(r"\w+/[\w-]+|\w+\?patient=member-1(&status=active)?", query)


def test_r13_a_key_that_nobody_asked_for_changes_nothing(service: Reviewed) -> None:
    """R13: what is sent besides is neither used nor recorded as read."""
    plain = call("order-sign")
    more = {**plain, "prefetch": {**plain["prefetch"], "labs": resource_of("Observation")}}

    without, with_more = (
        [card["summary"] for card in cards(service.call(request))] for request in (plain, more)
    )

    assert without == with_more != []


def resource_of(kind: str) -> JsonObject:
    """A resource of the patient's that no policy reads."""
    return {"resourceType": kind, "id": "1", "subject": {"reference": "Patient/member-1"}}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_r14_every_answer_has_one_shape_and_says_of_which_order_it_is(
    service: Reviewed, hook: str, version: str
) -> None:
    """R14, ambiguity of responses: known members only, and each card names its order."""
    about = asked_about(hook)
    answer = service.call(call(hook, about, version=version))
    body = decode(answer.data)
    named = reference(about)

    assert answer.mimetype == "application/json"
    assert set(body) <= {"cards", "systemActions"}
    assert body["cards"]
    for card in body["cards"]:
        assert set(card) <= CARD_MEMBERS
        assert card["extension"] == {
            "davinci-crd.associated-resource": [named if version == "2.0" else {"reference": named}]
        }
        assert card["source"]["label"]
    for action in body.get("systemActions", ()):
        assert set(action) == {"type", "description", "resource"}
        assert reference(action["resource"]) == named


def test_r15_no_hook_call_begins_an_oauth_flow(service: Reviewed) -> None:
    """R15, a flow of the service's own: the EHR is only read, and no link launches an app."""
    with FakeEhr(bundle(coverage())) as ehr:
        answer = service.call(asking(ehr))
        asked = list(ehr.queries)

    types = {link["type"] for card in cards(answer) for link in card.get("links", ())}

    assert asked
    assert [
        query for query in asked if not re.match(r"(Patient|Coverage|Organization)\b", query)
    ] == []
    assert types == {"absolute"}


HOUR = 3600
SENSELESS: dict[str, JsonObject] = {
    "an empty issuer": {"iss": ""},
    "a number for an issuer": {"iss": 7},
    "another service": {"aud": f"{BASE_URL}/cds-services/order-select-crd"},
    "another host": {"aud": ["https://else.example.invalid/cds-services/order-sign-crd"]},
    "an empty nonce": {"jti": ""},
    "a number for a nonce": {"jti": 7},
}
SENSELESS_TIMES = {  # in seconds from now
    "expired": {"iat": -HOUR, "exp": -HOUR + 300},
    "issued in the future": {"iat": HOUR, "exp": HOUR + 300},
    "not to be used yet": {"iat": 0, "nbf": 200, "exp": 300},
    "good for ten days": {"iat": 0, "exp": 240 * HOUR},
    "expired before it was issued": {"iat": 50, "exp": 20},
}


@pytest.mark.parametrize("claim", SENSELESS.values(), ids=SENSELESS)
def test_r16_a_token_whose_identity_is_senseless_is_refused(
    closed: Reviewed, signer: Signer, claim: JsonObject
) -> None:
    """R16: what is there must also mean something, and be about this very endpoint."""
    token = signer.token(claims=claims_for("order-sign", **claim))

    assert closed.call(call("order-sign"), token=token).status_code == 401


@pytest.mark.parametrize("times", SENSELESS_TIMES.values(), ids=SENSELESS_TIMES)
def test_r16_a_token_is_good_for_a_short_time_that_is_now(
    closed: Reviewed, signer: Signer, times: dict[str, int]
) -> None:
    """R16: whoever finds an old one, or one made for later, has found nothing."""
    now = int(datetime.now(UTC).timestamp())
    claims = {name: now + seconds for name, seconds in times.items()}
    token = signer.token(claims=claims_for("order-sign", **claims))

    assert closed.call(call("order-sign"), token=token).status_code == 401


@pytest.mark.crd("sec-1")
def test_r16_a_token_is_good_for_one_call_of_one_body(closed: Reviewed, signer: Signer) -> None:
    """R16: whoever has overheard it cannot send the call again."""
    token = signer.token(claims=claims_for("order-sign", jti="once"))
    request, another = call("order-sign"), call("order-sign", service_request(id="order-2"))
    statuses = [closed.call(sent, token=token).status_code for sent in (request, request, another)]

    assert statuses == [200, 401, 200]  # a client may reuse it for another body


@pytest.mark.parametrize("status_code", [301, 302, 303, 307, 308])
def test_r17_a_redirect_is_not_followed_and_the_token_goes_nowhere_else(
    service: Reviewed, status_code: int
) -> None:
    """R17: the token is sent to the origin that the call declares."""
    with FakeEhr(bundle(coverage())) as thief, FakeEhr(status(404)) as ehr:
        elsewhere = f"{thief.base}/{SEARCH}"
        ehr.on(SEARCH, respond(b"", code=status_code, Location=elsewhere))
        service.call(asking(ehr, patient=patient()))

        assert ehr.calls
        assert thief.calls == []


def test_r17_a_next_page_elsewhere_is_not_read(service: Reviewed) -> None:
    """R17: nor does a link in a Bundle lead the token away."""
    with FakeEhr(bundle(coverage())) as thief, FakeEhr(status(404)) as ehr:
        ehr.on(SEARCH, bundle(coverage(), next_page=f"{thief.base}/{SEARCH}"))
        service.call(asking(ehr, patient=patient()))

        assert ehr.calls
        assert thief.calls == []


def test_every_risk_is_tried_and_every_hook_is_known() -> None:
    """The seventeen, by the names of the tests above."""
    risks = {int(name.split("_")[1][1:]) for name in globals() if re.match(r"test_r\d+_", name)}

    assert risks == set(range(1, 18))
    assert set(HOOKS) == set(HOOK_NAMES)
