"""The story end to end: a hook call in, its answer out, on fake seams."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest
from coverage_information_rules import URL, order_violations, read_parts
from every_hook import appointment, call
from fakes import FakeLog, builtin_index, fake_pipeline
from hook_requests import (
    COMMERCIAL_HMO,
    COMMERCIAL_PPO,
    HOOK_INSTANCE,
    MEDICARE_HMO,
    bundle,
    coverage,
    order_sign,
    patient,
    service_request,
)
from response_types import card_problems, misfits, topic
from small_library import (
    COVERED_WITHOUT_AUTHORIZATION,
    NOT_COVERED,
    organization,
    policy,
    rule,
    small_index,
)

from cds_service.crd.codes import BILLING_OPTIONS
from cds_service.crd.request.order import PAYLOAD_CONTENT
from cds_service.errors import (
    DataUnavailable,
    HookError,
    InvalidRequest,
    NotRecorded,
    PayerNotHandled,
    TooLarge,
    UnsupportedVersion,
)
from cds_service.fhir.coding import CPT
from cds_service.fhir.outcome import outcome_of
from cds_service.fhir.resource import decode, encode
from cds_service.pipeline import Pipeline
from cds_service.policy.run.index import PolicyIndex

JsonObject = dict[str, Any]

VERSIONS = (None, "2.0", "2.1", "2.2")
TOKEN = "secret-token-of-nobody"  # noqa: S105
ABSENT: JsonObject = {"patient": patient()}
NULL: JsonObject = {"patient": patient(), "coverage": None}
EMPTY: JsonObject = {"patient": patient(), "coverage": bundle()}
OUTCOME: JsonObject = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "timeout"}],
}


@pytest.fixture(scope="module")
def index() -> PolicyIndex:
    return builtin_index()


def ask(index: PolicyIndex, request: JsonObject, log: FakeLog | None = None) -> JsonObject:
    """The answer to one call, as JSON."""
    answer: JsonObject = decode(fake_pipeline(index, log=log).respond(encode(request)))
    return answer


def holding(*coverages: JsonObject, of: JsonObject | None = None, **more: Any) -> JsonObject:
    """A prefetch with these Coverages."""
    return {"patient": of or patient(), "coverage": bundle(*coverages), **more}


def configured(request: JsonObject, **asked: Any) -> JsonObject:
    """The same request with settings."""
    extension = {**request.get("extension", {}), "davinci-crd.configuration": asked}
    return {**request, "extension": extension}


def updated(answer: JsonObject) -> list[JsonObject]:
    """The resources the answer updates."""
    return [action["resource"] for action in answer.get("systemActions", [])]


def stated(answer: JsonObject) -> list[JsonObject]:
    """What the coverage-information repetitions of all updated orders state, less the words."""
    repetitions = [
        extension
        for order in updated(answer)
        for extension in order["extension"]
        if extension.get("url") == URL
    ]
    return [summary(read_parts(repetition)) for repetition in repetitions]


def summary(parts: dict[str, list[Any]]) -> JsonObject:
    codings = [
        coding["code"] for reason in parts.get("reason", []) for coding in reason.get("coding", [])
    ]
    named: JsonObject = {
        name: parts[name] for name in ("covered", "pa-needed", "info-needed") if name in parts
    }
    return {**named, "reason": codings} if codings else named


def problems(answer: JsonObject, version: str) -> list[str]:
    """What is wrong with an answer for a client of this version."""
    return [
        *(problem for card in answer["cards"] for problem in card_problems(card, version)),
        *(problem for card in answer["cards"] for problem in misfits(card, version)),
        *(problem for order in updated(answer) for problem in order_violations(order, version)),
    ]


# 4.3: coverage and payer, version by version: an error, or what is stated and how many cards.


class Told:
    """An answer that states these things and shows cards or none."""

    def __init__(self, *stated: JsonObject, cards: int) -> None:
        self.stated, self.cards = list(stated), cards


REFUSED_2_2: JsonObject = {"covered": ["not-covered"], "reason": ["not-reasonable-necessary"]}
REFUSED_2_0: JsonObject = {
    "covered": ["not-covered"],
    "pa-needed": ["conditional"],
    "info-needed": ["OTH"],
    "reason": ["not-reasonable-necessary"],
}
INACTIVE_2_2: JsonObject = {"covered": ["not-covered"], "reason": ["no-active-coverage"]}
INACTIVE_2_1: JsonObject = {"covered": ["not-covered"]}
INACTIVE_2_0: JsonObject = {
    "covered": ["not-covered"],
    "pa-needed": ["conditional"],
    "info-needed": ["OTH"],
}
UNIDENTIFIED: JsonObject = {
    "covered": ["conditional"],
    "pa-needed": ["conditional"],
    "info-needed": ["OTH"],
    "reason": ["payer-not-identified"],
}
ANTHEM_2_0: JsonObject = {**REFUSED_2_0, "reason": ["investigational-nmn"]}

Expected = Told | type[HookError]
Row = tuple[str, JsonObject, Expected, Expected, Expected]
REFUSED_WITH: dict[type[HookError], int] = {PayerNotHandled: 400, DataUnavailable: 412}
OLD, BOTH = "2.0 or none", ("anthem", "icare")
COVERAGES: list[Row] = [
    # what came, then 2.0 and none, 2.1, 2.2
    ("absent", ABSENT, Told(cards=2), DataUnavailable, DataUnavailable),
    ("absent, no prefetch at all", {}, Told(cards=2), DataUnavailable, DataUnavailable),
    ("null", NULL, Told(cards=2), PayerNotHandled, PayerNotHandled),
    ("empty Bundle", EMPTY, Told(cards=2), PayerNotHandled, PayerNotHandled),
    (
        "one",
        holding(coverage()),
        Told(REFUSED_2_0, cards=1),
        Told(REFUSED_2_2, cards=1),
        Told(REFUSED_2_2, cards=1),
    ),
    (
        "several payers",
        holding(coverage(), coverage("anthem", COMMERCIAL_PPO, id="coverage-2")),
        Told(REFUSED_2_0, ANTHEM_2_0, cards=2),
        PayerNotHandled,
        PayerNotHandled,
    ),
    (
        "no payor",
        holding(coverage(payor=[])),
        Told(UNIDENTIFIED, cards=0),
        PayerNotHandled,
        PayerNotHandled,
    ),
    (
        "payor in words",
        holding(coverage(payor=[{"display": "iCare"}])),
        Told(UNIDENTIFIED, cards=0),
        PayerNotHandled,
        PayerNotHandled,
    ),
    (
        "unknown payer",
        holding(coverage("unheard-of")),
        Told(UNIDENTIFIED, cards=0),
        PayerNotHandled,
        PayerNotHandled,
    ),
    (
        "cancelled",
        holding(coverage(status="cancelled")),
        Told(INACTIVE_2_0, cards=1),
        Told(INACTIVE_2_1, cards=1),
        Told(INACTIVE_2_2, cards=1),
    ),
    (
        "cancelled, in capitals",
        holding(coverage(status="CANCELLED")),
        Told(INACTIVE_2_0, cards=1),
        Told(INACTIVE_2_1, cards=1),
        Told(INACTIVE_2_2, cards=1),
    ),
    (
        "active, in capitals and padded",
        holding(coverage(status=" ACTIVE ")),
        Told(REFUSED_2_0, cards=1),
        Told(REFUSED_2_2, cards=1),
        Told(REFUSED_2_2, cards=1),
    ),
    (
        "status unknown",
        holding(coverage(status="unknown-word")),
        Told(REFUSED_2_0, cards=1),
        Told(REFUSED_2_2, cards=1),
        Told(REFUSED_2_2, cards=1),
    ),
    (
        "status unknown beside a cancelled one",
        holding(coverage(id="old", status="cancelled"), coverage(status="unknown-word")),
        Told(REFUSED_2_0, cards=1),
        Told(REFUSED_2_2, cards=1),
        Told(REFUSED_2_2, cards=1),
    ),
    (
        "status unknown beside an active one",
        holding(coverage(), coverage("anthem", COMMERCIAL_PPO, id="second", status=5)),
        Told(REFUSED_2_0, ANTHEM_2_0, cards=2),
        PayerNotHandled,
        PayerNotHandled,
    ),
    (
        "period over",
        holding(coverage(period={"end": "2026-10-31"})),
        Told(INACTIVE_2_0, cards=1),
        Told(INACTIVE_2_1, cards=1),
        Told(INACTIVE_2_2, cards=1),
    ),
    (
        "period not begun",
        holding(coverage(period={"start": "2026-11-02"})),
        Told(INACTIVE_2_0, cards=1),
        Told(INACTIVE_2_1, cards=1),
        Told(INACTIVE_2_2, cards=1),
    ),
    (
        "period of that day alone",
        holding(coverage(period={"start": "2026-11-01", "end": "2026-11-01"})),
        Told(REFUSED_2_0, cards=1),
        Told(REFUSED_2_2, cards=1),
        Told(REFUSED_2_2, cards=1),
    ),
    (
        "one active, one cancelled",
        holding(coverage(id="old", status="cancelled"), coverage()),
        Told(REFUSED_2_0, cards=1),
        Told(REFUSED_2_2, cards=1),
        Told(REFUSED_2_2, cards=1),
    ),
    (
        "payer by reference",
        holding(
            coverage(payor=[{"reference": "Organization/o"}]),
            anyKey={**organization("icare"), "id": "o"},
        ),
        Told(REFUSED_2_0, cards=1),
        Told(REFUSED_2_2, cards=1),
        Told(REFUSED_2_2, cards=1),
    ),
    (
        "another patient's",
        holding(coverage(beneficiary={"reference": "Patient/another"})),
        Told(cards=2),
        PayerNotHandled,
        PayerNotHandled,
    ),
]
TABLE = [
    (name, version, prefetch, dict(zip(VERSIONS, (old, old, newer, newest), strict=True))[version])
    for name, prefetch, old, newer, newest in COVERAGES
    for version in VERSIONS
]


@pytest.mark.crd("hook-13", "found-32", "resp-45")
@pytest.mark.parametrize(
    ("version", "prefetch", "expected"),
    [row[1:] for row in TABLE],
    ids=[f"{row[0]}, {row[1]}" for row in TABLE],
)
def test_each_kind_of_coverage_is_answered_or_refused_as_the_version_wants(
    index: PolicyIndex, version: str | None, prefetch: JsonObject, expected: Expected
) -> None:
    """Design 4.3 as a table: 400 or 412 for 2.1 and 2.2, cards or `conditional` for older ones."""
    request = order_sign(version=version, prefetch=prefetch)
    if not isinstance(expected, Told):
        with pytest.raises(expected) as refusal:
            ask(index, request)
        assert refusal.value.status == REFUSED_WITH[expected]
        return
    answer = ask(index, request)

    assert stated(answer) == expected.stated
    assert len(answer["cards"]) == expected.cards
    assert problems(answer, version or "2.0") == []


UNDECIDED: JsonObject = {
    "covered": ["conditional"],
    "info-needed": ["OTH"],
    "reason": ["condition-unknown"],
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("status", ["unknown-word", 5, {"value": "active"}], ids=repr)
def test_a_coverage_whose_status_is_unknown_leaves_a_covered_order_undecided(
    tmp_path: Path, status: Any, version: str | None
) -> None:
    """Neither `covered` nor `no-active-coverage`, in no version (design 4.19)."""
    index = small_index(tmp_path, policy(rule(determination=COVERED_WITHOUT_AUTHORIZATION)))
    insured = holding(coverage("acme", None, status=status))
    answer = ask(index, order_sign(service_request("0001T"), version=version, prefetch=insured))
    is_new = version in ("2.1", "2.2")

    assert stated(answer) == [UNDECIDED if is_new else {**UNDECIDED, "pa-needed": ["conditional"]}]
    assert problems(answer, version or "2.0") == []


@pytest.mark.parametrize("version", ["2.1", "2.2"])
@pytest.mark.parametrize("other", ["devices", "medications", "payers"])
def test_a_coverage_nobody_looked_for_is_412_whatever_else_came_back_empty(
    index: PolicyIndex, version: str, other: str
) -> None:
    """That there is no Device says nothing of a Coverage that cannot be queried."""
    with pytest.raises(DataUnavailable):
        ask(index, order_sign(version=version, prefetch={"patient": patient(), other: None}))


@pytest.mark.parametrize("version", ["2.1", "2.2"])
@pytest.mark.parametrize("failed", [OUTCOME, bundle(OUTCOME)])
def test_a_coverage_the_client_could_not_get_is_412(
    index: PolicyIndex, version: str, failed: JsonObject
) -> None:
    """An OperationOutcome is neither data nor "looked for and not there"."""
    with pytest.raises(DataUnavailable):
        ask(index, order_sign(version=version, prefetch={"patient": patient(), "coverage": failed}))


@pytest.mark.parametrize(
    "prefetch",
    [{"coverage": coverage()}, {"insurance": [coverage()]}, {"all": bundle(patient(), coverage())}],
)
def test_a_coverage_is_found_under_any_key_and_in_any_form(
    index: PolicyIndex, prefetch: JsonObject
) -> None:
    """Clients name keys as they like."""
    assert stated(ask(index, order_sign(version="2.2", prefetch=prefetch))) == [REFUSED_2_2]


@pytest.mark.parametrize("asked", ["9.9", "1.0", "2.2-ballot", ""])
def test_a_version_we_do_not_speak_is_refused(index: PolicyIndex, asked: str) -> None:
    """422, naming what we speak; never answered in another version."""
    request = {**order_sign(), "extension": {"davinci-crd.requestedVersion": asked}}
    with pytest.raises(UnsupportedVersion, match=r"2\.0, 2\.1, 2\.2"):
        ask(index, request)


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[]", b'{"hook":"order-sign"}', b'"x"'])
def test_what_is_no_hook_request_is_refused(index: PolicyIndex, body: bytes) -> None:
    """400, and the refusal is recorded like any other (CRD found-37)."""
    log = FakeLog()
    with pytest.raises(InvalidRequest):
        fake_pipeline(index, log=log).respond(body)
    (record,) = log.records

    assert (record.hook, record.hook_instance, decode(record.decisions)) == ("order-sign", "", [])
    assert decode(record.response)["resourceType"] == "OperationOutcome"


# 4.8 and 4.9: what the two policies say.

FAX = ("818-234-2767", "818-234-3824", "1-800-365-0609")


def member(payer: str, plan_type: JsonObject | None, state: str = "WI") -> JsonObject:
    return holding(coverage(payer, plan_type), of=patient(state))


def words(answer: JsonObject) -> str:
    return str(updated(answer)) + str(answer["cards"])


@pytest.mark.crd("hook-16", "resp-14")
@pytest.mark.parametrize("code", ["0600T", "0601T", "0600T-53"])
def test_icare_refuses_ire_and_says_why(index: PolicyIndex, code: str) -> None:
    """Policy number, effective date and the policy's words; one warning, one reference card."""
    answer = ask(index, order_sign(service_request(code), version="2.2"))

    assert stated(answer) == [REFUSED_2_2]
    assert [card["indicator"] for card in answer["cards"]] == ["warning"]
    assert all(part in words(answer) for part in ("WI.PA-1266", "2024-10-08", "any indication"))


def test_icare_with_an_unknown_plan_is_not_refused(index: PolicyIndex) -> None:
    """Unknown is not "no": conditional with the reason (design 4.4)."""
    answer = ask(index, order_sign(version="2.2", prefetch=member("icare", None)))

    assert stated(answer) == [
        {"covered": ["conditional"], "info-needed": ["OTH"], "reason": ["plan-not-identified"]}
    ]
    assert {card["indicator"] for card in answer["cards"]} == {"info"}


def anthem_order(code: str, text: str = "") -> JsonObject:
    concept: JsonObject = {
        "coding": [{"system": CPT, "code": code}],
        **({"text": text} if text else {}),
    }
    return {**service_request(), "code": concept}


ANTHEM: list[tuple[str, JsonObject, JsonObject, JsonObject, tuple[str, ...]]] = [
    (
        "a listed code",
        anthem_order("0600T"),
        member("anthem", COMMERCIAL_PPO),
        {"covered": ["not-covered"], "reason": ["investigational-nmn"]},
        ("SURG.00126", "investigational and not medically necessary"),
    ),
    (
        "93799 as PFA",
        anthem_order("93799", "PFA of the veins"),
        member("anthem", COMMERCIAL_PPO),
        {"covered": ["not-covered"], "reason": ["investigational-nmn"]},
        ("relies on these words of the order: PFA",),
    ),
    (
        "93799 and no more",
        anthem_order("93799"),
        member("anthem", COMMERCIAL_PPO),
        {
            "covered": ["conditional"],
            "info-needed": ["detail-code"],
            "reason": ["code-needs-detail"],
        },
        ("say so plainly in the text of its code",),
    ),
    (
        "California HMO, listed code",
        anthem_order("0600T"),
        member("anthem", COMMERCIAL_HMO, "CA"),
        {
            "covered": ["conditional"],
            "info-needed": ["OTH"],
            "reason": ["medical-group-does-not-decide"],
        },
        FAX,
    ),
    (
        "California HMO, 93799",
        anthem_order("93799", "PFA"),
        member("anthem", COMMERCIAL_HMO, "CA"),
        {
            "covered": ["conditional"],
            "info-needed": ["OTH"],
            "reason": ["medical-group-does-not-decide"],
        },
        FAX,
    ),
    (
        "unknown plan",
        anthem_order("0600T"),
        member("anthem", None),
        {
            "covered": ["conditional"],
            "info-needed": ["OTH"],
            "reason": ["plan-decides-who-decides"],
        },
        ("could not be told here", *FAX),
    ),
    (
        "Medicare",
        anthem_order("0600T"),
        member("anthem", MEDICARE_HMO),
        {
            "covered": ["conditional"],
            "info-needed": ["OTH"],
            "reason": ["law-and-contract-first"],
        },
        ("federal and state law and the contract", "investigational and not medically necessary"),
    ),
]


@pytest.mark.parametrize(
    ("order", "prefetch", "expected", "said"),
    [row[1:] for row in ANTHEM],
    ids=[row[0] for row in ANTHEM],
)
def test_anthem_answers_by_its_rules(
    index: PolicyIndex,
    order: JsonObject,
    prefetch: JsonObject,
    expected: JsonObject,
    said: tuple[str, ...],
) -> None:
    """Design 4.9, each with the words a clinician needs."""
    answer = ask(index, order_sign(order, version="2.2", prefetch=prefetch))

    assert stated(answer) == [expected]
    assert [part for part in said if part not in words(answer)] == []
    assert problems(answer, "2.2") == []


@pytest.mark.crd("resp-11")
@pytest.mark.parametrize(
    "row", [row for row in ANTHEM if row[3]["covered"] == ["conditional"]], ids=lambda row: row[0]
)
def test_where_there_is_something_to_do_a_card_says_it(index: PolicyIndex, row: Any) -> None:
    """One Instructions card beside the reference, and what to do stands on it (design 4.11)."""
    _, order, prefetch, _, said = row
    cards = ask(index, order_sign(order, version="2.2", prefetch=prefetch))["cards"]
    (instructions,) = (card for card in cards if topic(card) == "claim")

    assert [topic(card) for card in cards].count("guideline") == 1
    assert [part for part in said if part not in instructions["detail"]] == []


# 4.10: orders no rule speaks of, and the six kinds.

CONCEPT: JsonObject = {"coding": [{"system": CPT, "code": "0999T"}], "text": "an invented service"}
SIX: list[JsonObject] = [
    {
        "resourceType": "ServiceRequest",
        "code": CONCEPT,
        "subject": {"reference": "Patient/member-1"},
    },
    {
        "resourceType": "DeviceRequest",
        "codeCodeableConcept": CONCEPT,
        "subject": {"reference": "Patient/member-1"},
    },
    {
        "resourceType": "MedicationRequest",
        "medicationCodeableConcept": CONCEPT,
        "subject": {"reference": "Patient/member-1"},
    },
    {
        "resourceType": "NutritionOrder",
        "oralDiet": {"type": [CONCEPT]},
        "patient": {"reference": "Patient/member-1"},
    },
    {
        "resourceType": "VisionPrescription",
        "lensSpecification": [{"product": CONCEPT}],
        "patient": {"reference": "Patient/member-1"},
    },
    {
        "resourceType": "CommunicationRequest",
        "payload": [{"extension": [{"url": PAYLOAD_CONTENT, "valueCodeableConcept": CONCEPT}]}],
        "subject": {"reference": "Patient/member-1"},
    },
]


@pytest.mark.crd("hook-4", "hook-16", "resp-29", "resp-52")
@pytest.mark.parametrize("version", ["2.0", "2.1", "2.2"])
def test_all_six_kinds_of_order_are_answered(index: PolicyIndex, version: str) -> None:
    """One update an order, under its own id, never `covered` and never `no-auth`; and no card."""
    orders = [{**order, "id": f"order-{number}"} for number, order in enumerate(SIX)]
    answer = ask(index, order_sign(*orders, version=version))
    said = stated(answer)
    updatable = [
        order
        for order in orders
        if (order["resourceType"], version) != ("VisionPrescription", "2.0")
    ]

    assert [(order["resourceType"], order["id"]) for order in updated(answer)] == [
        (order["resourceType"], order["id"]) for order in updatable
    ]
    assert {parts["covered"][0] for parts in said} == {
        "indeterminate" if version == "2.2" else "conditional"
    }
    assert not any("no-auth" in parts.get("pa-needed", []) for parts in said)
    assert (answer["cards"], problems(answer, version)) == ([], [])


@pytest.mark.crd("resp-52")
@pytest.mark.parametrize("version", VERSIONS)
def test_an_action_is_an_update_of_the_whole_order(index: PolicyIndex, version: str | None) -> None:
    """Type, description and resource; no `resourceId`."""
    (action,) = ask(index, order_sign(version=version))["systemActions"]

    assert set(action) == {"type", "description", "resource"}
    assert action["type"] == "update"


@pytest.mark.crd("resp-37")
def test_an_order_comes_back_as_it_went_but_for_our_extension(index: PolicyIndex) -> None:
    """Digits, key order, unknown elements, primitive extensions and contained resources."""
    sent = encode(
        order_sign(
            {
                "first": 1,
                **service_request(),
                "_status": {"id": "s"},
                "quantityQuantity": {"value": 0},
            }
        )
    )
    sent = sent.replace(
        b'"quantityQuantity":{"value":0}',
        b'"quantityQuantity":{"value":1.10},"extension":[{"url":"u","valueDecimal":2.50}]',
    )
    order = decode(sent)["context"]["draftOrders"]["entry"][0]["resource"]
    (back,) = updated(decode(fake_pipeline(index).respond(sent)))
    theirs = [extension for extension in back["extension"] if extension["url"] != URL]

    assert encode({**back, "extension": theirs}) == encode(order)


@pytest.mark.crd("hook-22", "conf-12")
def test_an_order_of_nothing_but_its_type_and_id_is_answered(index: PolicyIndex) -> None:
    """Nothing optional is needed."""
    for order in SIX:
        answer = ask(
            index, order_sign({"resourceType": order["resourceType"], "id": "bare"}, version="2.2")
        )
        assert [parts["covered"] for parts in stated(answer)] == [["indeterminate"]]


def test_an_order_that_forbids_its_service_gets_nothing(index: PolicyIndex) -> None:
    """No card, no action, and no decision in the record (design 4.10)."""
    log = FakeLog()
    answer = ask(index, order_sign(service_request(doNotPerform=True), version="2.2"), log)

    assert answer == {"cards": []}
    assert decode(log.records[0].decisions) == []


def test_an_order_with_a_modifier_we_do_not_know_is_conditional(index: PolicyIndex) -> None:
    """Not guessed at: a modifier can turn the meaning around."""
    modified = service_request(
        modifierExtension=[{"url": "https://e.example.invalid", "valueBoolean": True}]
    )
    answer = ask(index, order_sign(modified, version="2.2"))

    assert stated(answer) == [
        {"covered": ["conditional"], "info-needed": ["OTH"], "reason": ["order-not-understood"]}
    ]


@pytest.mark.parametrize(
    "prefetch", [{}, holding(coverage("anthem", COMMERCIAL_PPO))], ids=["advice", "hint"]
)
def test_an_order_with_a_modifier_we_do_not_know_gets_no_card_as_if_it_were_understood(
    index: PolicyIndex, prefetch: JsonObject
) -> None:
    """Neither advice nor hint."""
    modified = {
        **anthem_order("0600T", "NanoKnife"),
        "modifierExtension": [{"url": "https://e.invalid"}],
    }

    assert ask(index, order_sign(modified, prefetch=prefetch))["cards"] == []


def test_other_resources_among_the_orders_are_passed_over(index: PolicyIndex) -> None:
    """Tasks, Medications and what is no resource ask for nothing here."""
    others = [
        {"resourceType": "Medication", "id": "a"},
        {"resourceType": "Task", "id": "t"},
        {"id": "x"},
        {},
    ]

    assert [
        order["resourceType"]
        for order in updated(ask(index, order_sign(*others, service_request(), version="2.2")))
    ] == ["ServiceRequest"]


def test_an_order_without_an_id_gets_cards_but_no_action(index: PolicyIndex) -> None:
    """An update could not be addressed; what is known is said all the same."""
    nameless = {name: value for name, value in service_request().items() if name != "id"}
    answer = ask(index, order_sign(nameless, version="2.2"))

    assert "systemActions" not in answer
    assert ["extension" in card for card in answer["cards"]] == [False]


# 4.11: settings.


@pytest.mark.crd("dev-14")
@pytest.mark.parametrize("version", VERSIONS)
def test_coverage_information_can_be_switched_off(index: PolicyIndex, version: str | None) -> None:
    """No system action then, and everything else as before."""
    request = order_sign(version=version)
    usual, quiet = ask(index, request), ask(index, configured(request, **{"coverage-info": False}))

    assert quiet.get("systemActions", []) == []
    assert quiet["cards"] == usual["cards"]


@pytest.mark.crd("dev-5", "dev-14")
@pytest.mark.parametrize(("off", "kept"), [("guideline", "claim"), ("claim", "guideline")])
def test_each_kind_of_card_can_be_switched_off(index: PolicyIndex, off: str, kept: str) -> None:
    """The rest stays, the system action too."""
    request = order_sign(
        anthem_order("93799"), version="2.2", prefetch=member("anthem", COMMERCIAL_PPO)
    )
    answer = ask(index, configured(request, **{off: False}))

    assert list(map(topic, answer["cards"])) == [kept]
    assert len(updated(answer)) == 1


@pytest.mark.crd("dev-5", "dev-14")
@pytest.mark.parametrize("prefetch", [{}, holding(coverage("anthem", COMMERCIAL_PPO))])
def test_advice_and_hints_are_policy_cards_and_can_be_switched_off(
    index: PolicyIndex, prefetch: JsonObject
) -> None:
    """They have the topic, so they obey its switch."""
    order = {**service_request(), "code": {"text": "NanoKnife"}}

    assert (
        ask(index, configured(order_sign(order, prefetch=prefetch), guideline=False))["cards"] == []
    )
    assert len(ask(index, order_sign(order, prefetch=prefetch))["cards"]) > 0


@pytest.mark.crd("dev-14")
@pytest.mark.parametrize("limit", [0, 1, 2, 3, 10])
def test_at_most_so_many_cards_are_shown_the_most_urgent_first(
    index: PolicyIndex, limit: int
) -> None:
    """System actions do not count."""
    orders = (anthem_order("93799"), {**anthem_order("0600T"), "id": "order-2"})
    request = order_sign(*orders, version="2.2", prefetch=member("anthem", COMMERCIAL_PPO))
    answer = ask(index, configured(request, **{"max-cards": limit}))

    assert [card["indicator"] for card in answer["cards"]] == ["warning", "info", "info"][:limit]
    assert len(updated(answer)) == 2


@pytest.mark.crd("dev-6", "dev-17")
@pytest.mark.parametrize(
    "asked", [{"max-cards": -1}, {"cost": "no"}, {"coverage-info": "off"}, {"unheard-of": 7}]
)
def test_senseless_settings_change_nothing(index: PolicyIndex, asked: JsonObject) -> None:
    """Never an error, and the same answer."""
    assert ask(index, configured(order_sign(version="2.2"), **asked)) == ask(
        index, order_sign(version="2.2")
    )


@pytest.mark.crd("hook-23", "found-33")
def test_what_a_request_holds_beside_what_we_know_changes_nothing(index: PolicyIndex) -> None:
    """Unknown fields at the root, in the context, in the prefetch and among the extensions."""
    request = order_sign(version="2.2")
    extra = {
        **request,
        "unheardOf": 1,
        "context": {
            **request["context"],
            "encounterId": "e",
            "unheardOf": {"resourceType": "Unheard"},
        },
        "prefetch": {**request["prefetch"], "unheardOf": {"resourceType": "Unheard", "id": "1"}},
        "extension": {**request["extension"], "com.example.unheardOf": {"internal": True}},
    }

    assert ask(index, extra) == ask(index, request)


# 4.12: nothing new, say nothing.


def annotated(request: JsonObject, answer: JsonObject) -> JsonObject:
    """The request again, with the orders as the client has them after applying the answer."""
    return {**request, "context": {**request["context"], "draftOrders": bundle(*updated(answer))}}


@pytest.mark.crd("resp-35")
@pytest.mark.parametrize("version", VERSIONS)
def test_the_second_call_has_nothing_new_to_say(index: PolicyIndex, version: str | None) -> None:
    """No action and no card; a 2.0 client gets its empty list."""
    request = order_sign(version=version)
    again = ask(index, annotated(request, ask(index, request)))

    assert again == (
        {"cards": []} if version in ("2.1", "2.2") else {"cards": [], "systemActions": []}
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda order: {**order, "code": service_request("0999T")["code"]},
        lambda order: {**order, "occurrenceDateTime": "2024-01-01"},
        lambda order: {**order, "code": service_request("0601T")["code"]},
    ],
    ids=["another service", "another date", "another code"],
)
def test_a_changed_fact_is_said_once_in_place_of_the_old(
    index: PolicyIndex, change: Callable[[JsonObject], JsonObject]
) -> None:
    """One repetition for our coverage, with what holds now."""
    request = order_sign(version="2.2")
    (order,) = updated(ask(index, request))
    answer = ask(
        index, {**request, "context": {**request["context"], "draftOrders": bundle(change(order))}}
    )
    (changed,) = updated(answer)

    assert [extension["url"] for extension in changed["extension"]] == [URL]
    assert changed["extension"] != order["extension"]


@pytest.mark.crd("resp-37")
def test_another_payers_repetition_is_kept_and_answered_beside(index: PolicyIndex) -> None:
    """What stands for another Coverage stays byte for byte."""
    theirs = {
        "url": URL,
        "extension": [
            {"url": "coverage", "valueReference": {"reference": "Coverage/theirs"}},
            {"url": "covered", "valueCode": "covered"},
        ],
    }
    (order,) = updated(ask(index, order_sign(service_request(extension=[theirs]), version="2.2")))

    assert encode(order["extension"][0]) == encode(theirs)
    assert len(order["extension"]) == 2


@pytest.mark.crd("resp-32")
def test_two_coverages_of_an_older_client_are_answered_under_ids_of_their_own(
    index: PolicyIndex,
) -> None:
    """One action for the order, two repetitions."""
    both = holding(coverage(), coverage("anthem", COMMERCIAL_PPO, id="coverage-2"))
    answer = ask(index, order_sign(prefetch=both))
    (order,) = updated(answer)

    assert [
        read_parts(extension)["coverage"][0]["reference"] for extension in order["extension"]
    ] == [
        "Coverage/coverage-1",
        "Coverage/coverage-2",
    ]
    assert order_violations(order, "2.0") == []


@pytest.mark.parametrize("version", VERSIONS)
def test_what_the_chart_shows_new_is_told_by_card_even_where_it_cannot_be_written(
    index: PolicyIndex, version: str | None
) -> None:
    """With coverage information off nothing is ever on the order, so the cards come each time."""
    request = configured(order_sign(version=version), **{"coverage-info": False})

    assert len(ask(index, request)["cards"]) == len(ask(index, request)["cards"]) == 1


# 4.13: memory.


@pytest.mark.crd("found-37")
def test_an_answer_is_recorded_before_it_is_given(index: PolicyIndex) -> None:
    """Request, response, and what was decided by which rule of which policy version."""
    log = FakeLog()
    request = order_sign(version="2.2")
    answer = fake_pipeline(index, log=log).respond(encode(request))
    (record,) = log.records
    (decision,) = decode(record.decisions)

    assert (record.response, decode(record.request)) == (answer, request)
    assert (record.hook, record.hook_instance, record.version) == (
        "order-sign",
        HOOK_INSTANCE,
        "2.2",
    )
    assert (decision["order"], decision["coverage"], decision["payer"]) == (
        "ServiceRequest/order-1",
        "Coverage/coverage-1",
        "icare",
    )
    assert decision["determined"][0]["covered"] == "not-covered"
    assert decision["determined"][0]["rules"] == [
        "https://coverage-policies.invalid/fhir/PlanDefinition/icare-wi-pa-1266|2024.10.8#ire-any-indication"
    ]


@pytest.mark.crd("found-11")
def test_the_assertion_in_the_record_is_the_one_on_the_order(index: PolicyIndex) -> None:
    """A payer that is shown an assertion id finds the decision behind it."""
    log = FakeLog()
    (order,) = updated(ask(index, order_sign(version="2.2"), log))
    (decision,) = decode(log.records[0].decisions)

    assert read_parts(order["extension"][0])["coverage-assertion-id"] == [decision["assertion"]]


@pytest.mark.crd("sec-6")
def test_no_token_is_recorded(index: PolicyIndex) -> None:
    """Of `fhirAuthorization` everything but the token is kept, and unknown members are not."""
    log = FakeLog()
    authorization = {
        "access_token": TOKEN,
        "refresh_token": TOKEN,
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "patient/Coverage.rs",
        "subject": "crd-service",
    }
    request = order_sign(
        fhirServer="https://ehr.example.invalid/fhir", fhirAuthorization=authorization
    )
    answer = fake_pipeline(index, log=log).respond(encode(request))
    (record,) = log.records

    assert TOKEN.encode() not in b"".join(
        (record.request, record.response, record.decisions, answer)
    )
    assert TOKEN not in repr(record)
    assert decode(record.request)["fhirAuthorization"]["scope"] == "patient/Coverage.rs"


def told(index: PolicyIndex, request: JsonObject, log: FakeLog) -> str:
    """What a client is told, be it an answer or a refusal."""
    try:
        return str(ask(index, request, log))
    except InvalidRequest as error:
        return str(error)


@pytest.mark.crd("sec-1", "sec-6")
@pytest.mark.parametrize(
    "authorization",
    ["Bearer " + TOKEN, [TOKEN], {"access_token": {"value": TOKEN}}, {"Access_Token": TOKEN}],
)
def test_no_token_is_recorded_wherever_a_client_puts_it(
    index: PolicyIndex, authorization: Any
) -> None:
    """A malformed authorization is refused or recorded without what it holds."""
    log = FakeLog()
    request = order_sign(
        fhirServer="https://ehr.example.invalid/fhir", fhirAuthorization=authorization
    )

    assert TOKEN not in told(index, request, log) + repr(log.records)


@pytest.mark.crd("found-37")
def test_without_a_record_there_is_no_answer(index: PolicyIndex) -> None:
    """503, and no assertion is issued."""
    with pytest.raises(NotRecorded):
        ask(index, order_sign(), FakeLog(broken=True))


REFUSALS: list[tuple[JsonObject, type[HookError]]] = [
    ({**order_sign(), "hook": "patient-view"}, InvalidRequest),
    (order_sign(version="9.9"), UnsupportedVersion),
    (order_sign(service_request(), service_request("99213")), InvalidRequest),
    (order_sign(prefetch=holding(coverage(id="a b/c"))), InvalidRequest),
    (order_sign(version="2.2", prefetch=holding(coverage("unheard-of"))), PayerNotHandled),
    (order_sign(version="2.2", prefetch={}), DataUnavailable),
    (order_sign(*({**service_request(), "id": str(n)} for n in range(2_000))), TooLarge),
]


@pytest.mark.crd("found-37")
@pytest.mark.parametrize(
    ("asked", "refusal"), REFUSALS, ids=[refusal.__name__ for _, refusal in REFUSALS]
)
def test_every_refusal_is_recorded_as_it_is_given(
    index: PolicyIndex, asked: JsonObject, refusal: type[HookError]
) -> None:
    """One record, with the OperationOutcome that the caller gets and without a decision."""
    log = FakeLog()
    with pytest.raises(refusal) as caught:
        ask(index, asked, log)
    (record,) = log.records

    assert (record.hook, decode(record.decisions)) == ("order-sign", [])
    assert decode(record.response) == outcome_of(caught.value)


@pytest.mark.crd("found-37")
@pytest.mark.parametrize("body", [b"{", encode(order_sign(version="9.9"))])
def test_a_refusal_that_cannot_be_recorded_is_a_503(index: PolicyIndex, body: bytes) -> None:
    """A refusal is an answer too, and none is given without a record."""
    with pytest.raises(NotRecorded):
        fake_pipeline(index, log=FakeLog(broken=True)).respond(body)


# One clock (design 2): the day a call comes on is the day of everything in its answer.

LAST_MOMENT = datetime(2026, 11, 20, 23, 59, 59, 999_999, tzinfo=UTC)
NEXT_DAY = LAST_MOMENT + timedelta(days=1)


def at_midnight(index: PolicyIndex, log: FakeLog) -> Pipeline:
    """A pipeline whose clock is a day further from its second reading on."""
    readings = chain([LAST_MOMENT], repeat(NEXT_DAY))
    return replace(fake_pipeline(index, log=log), now=lambda: next(readings))


def undated() -> JsonObject:
    """A call about an order that says no date, for a member of the invented payer."""
    order = {**service_request("0001T"), "authoredOn": None}
    return order_sign(order, version="2.2", prefetch=member("acme", None))


@pytest.mark.parametrize(
    ("start", "covered"), [("2026-11-20", "not-covered"), ("2026-11-21", "indeterminate")]
)
def test_an_answer_at_midnight_is_decided_and_stamped_on_one_day(
    tmp_path: Path, start: str, covered: str
) -> None:
    """The policy in force, the date on the order and the time of the record are of one day."""
    log = FakeLog()
    index = small_index(tmp_path, policy(start=start))
    (order,) = updated(decode(at_midnight(index, log).respond(encode(undated()))))
    parts = read_parts(order["extension"][0])

    assert parts["covered"] == [covered]
    assert parts["date"] == ["2026-11-20"]
    assert [record.at for record in log.records] == [LAST_MOMENT]


def test_a_refusal_at_midnight_is_of_the_moment_the_call_came(index: PolicyIndex) -> None:
    """Refusals read the clock once as well."""
    log = FakeLog()
    with pytest.raises(InvalidRequest):
        at_midnight(index, log).respond(b"{")

    assert [record.at for record in log.records] == [LAST_MOMENT]


@pytest.mark.crd("found-37")
def test_a_record_follows_every_answer_that_says_nothing(index: PolicyIndex) -> None:
    """That nothing was said is worth knowing too."""
    log = FakeLog()
    ask(index, order_sign(service_request(doNotPerform=True)), log)

    assert len(log.records) == 1


def test_advice_is_in_the_record_as_shown(index: PolicyIndex) -> None:
    """Cards without a determination are still what we said."""
    log = FakeLog()
    answer = ask(index, order_sign(prefetch={}), log)

    assert decode(log.records[0].response) == answer


# Several orders.


@pytest.mark.crd("resp-29", "dev-24", "dev-25")
def test_two_orders_are_two_answers_and_each_card_names_its_order(index: PolicyIndex) -> None:
    """In words and by reference."""
    first = {**anthem_order("0600T", "Invented ablation one"), "id": "one"}
    second = {**anthem_order("0601T", "Invented ablation two"), "id": "two"}
    answer = ask(
        index, order_sign(first, second, version="2.2", prefetch=member("anthem", COMMERCIAL_PPO))
    )
    about = [
        (
            card["extension"]["davinci-crd.associated-resource"],
            "one" in card["detail"].split("“")[-1],
        )
        for card in answer["cards"]
    ]

    assert [order["id"] for order in updated(answer)] == ["one", "two"]
    assert about == [
        ([{"reference": "ServiceRequest/one"}], True),
        ([{"reference": "ServiceRequest/two"}], False),
    ]
    assert len({card["uuid"] for card in answer["cards"]}) == 2


REFUSED_BY_POLICY, ANOTHER_SERVICE = service_request("0600T"), service_request("99213")
SAME_ID: dict[str, Callable[[JsonObject, JsonObject], JsonObject]] = {
    "signed": lambda first, second: call("order-sign", first, second),
    "selected": lambda first, second: call("order-select", first, second),
    "dispatched": lambda first, second: call("order-dispatch", first, second),
    "behind an appointment": lambda first, second: call(
        "appointment-book",
        appointment("0999T", basedOn=[{"reference": "ServiceRequest/order-1"}]),
        sent=[first, second],
    ),
}


@pytest.mark.parametrize("way", SAME_ID)
@pytest.mark.parametrize("refused_first", [True, False], ids=["refused first", "refused last"])
def test_two_orders_with_one_id_are_refused(
    index: PolicyIndex, way: str, refused_first: bool
) -> None:
    """Only one of them could be updated, and the other's refusal must not be lost (design 4.19)."""
    pair = (REFUSED_BY_POLICY, ANOTHER_SERVICE)
    request = SAME_ID[way](*(pair if refused_first else reversed(pair)))
    with pytest.raises(InvalidRequest, match="two different orders") as caught:
        fake_pipeline(index, hook=request["hook"]).respond(encode(request))

    assert caught.value.status == 400


@pytest.mark.parametrize("way", SAME_ID)
def test_one_order_that_came_twice_is_answered_once(index: PolicyIndex, way: str) -> None:
    """The very same order twice is one order, and nothing is lost by saying so."""
    request = SAME_ID[way](REFUSED_BY_POLICY, dict(REFUSED_BY_POLICY))
    answer = decode(fake_pipeline(index, hook=request["hook"]).respond(encode(request)))

    assert stated(answer) == [REFUSED_2_2]
    assert len(answer["cards"]) == 1


def test_two_orders_without_an_id_are_both_answered(index: PolicyIndex) -> None:
    """Neither can be updated, so each is answered by a card of its own."""
    pair = ({**anthem_order(code), "id": None} for code in ("0600T", "0601T"))
    prefetch = member("anthem", COMMERCIAL_PPO)
    answer = ask(index, order_sign(*pair, version="2.2", prefetch=prefetch))

    assert [code in words(answer) for code in ("0600T", "0601T")] == [True, True]
    assert len(answer["cards"]) == 2


def test_what_is_wrong_with_one_order_does_not_touch_another(index: PolicyIndex) -> None:
    """Malformed, foreign and forbidden orders beside a sound one."""
    others = [
        {
            "resourceType": "ServiceRequest",
            "id": "broken",
            "code": [[]],
            "occurrenceDateTime": {},
            "subject": 7,
        },
        service_request(id="foreign", subject={"reference": "Patient/another"}),
        service_request(id="forbidden", doNotPerform=True),
    ]
    answer = ask(index, order_sign(*others, service_request(), version="2.2"))

    assert [order["id"] for order in updated(answer)] == ["broken", "order-1"]
    assert stated(answer)[1] == REFUSED_2_2


@pytest.mark.parametrize("extension", [5, True, "text", {"url": "one"}, None], ids=repr)
def test_an_order_with_an_odd_extension_element_is_answered(
    index: PolicyIndex, extension: Any
) -> None:
    """What an EHR puts there is no reason for a 500."""
    assert (
        len(updated(ask(index, order_sign(service_request(extension=extension), version="2.2"))))
        == 1
    )


@pytest.mark.crd("billopt-3", "covinfo-1", "impl-5")
@pytest.mark.parametrize("version", ["2.0", "2.1", "2.2"])
def test_billing_options_with_different_answers_are_scoped_by_code(
    tmp_path: Path, version: str
) -> None:
    """One repetition a group, under one assertion id, sound for every version."""
    index = small_index(
        tmp_path,
        policy(
            rule("refuses", codes=("0001T",), determination=NOT_COVERED),
            rule("covers", codes=("0002T",), determination=COVERED_WITHOUT_AUTHORIZATION),
        ),
    )
    answer = ask(
        index,
        order_sign(billed_as("0001T", "0002T"), version=version, prefetch=member("acme", None)),
    )
    (order,) = updated(answer)
    parts = [read_parts(extension) for extension in order["extension"]]

    assert [(scoped["billingCode"][0]["code"], scoped["covered"][0]) for scoped in parts] == [
        ("0001T", "not-covered"),
        ("0002T", "covered"),
    ]
    assert problems(answer, version) == []


@pytest.mark.crd("impl-5")
def test_a_card_for_one_of_several_billing_codes_names_it(tmp_path: Path) -> None:
    """A refusal that holds for one code only must not read as if it held for the order."""
    index = small_index(
        tmp_path,
        policy(
            rule("refuses", codes=("0001T",), determination=NOT_COVERED),
            rule("covers", codes=("0002T",), determination=COVERED_WITHOUT_AUTHORIZATION),
        ),
    )
    (card, *_) = ask(
        index, order_sign(billed_as("0001T", "0002T"), version="2.2", prefetch=member("acme", None))
    )["cards"]

    assert "0001T" in card["summary"] + card["detail"]


def billed_as(*codes: str) -> JsonObject:
    concepts = [{"coding": [{"system": CPT, "code": code}]} for code in codes]
    extension = [{"url": BILLING_OPTIONS, "valueCodeableConcept": concept} for concept in concepts]
    return {**service_request(), "code": {"text": "an invented service", "extension": extension}}


# Words alone, and advice without a Coverage.


@pytest.mark.parametrize(
    ("payer", "plan_type", "text"),
    [
        ("icare", MEDICARE_HMO, "NanoKnife"),
        ("icare", MEDICARE_HMO, "irreversible electroporation"),
        ("anthem", COMMERCIAL_PPO, "NanoKnife"),
        ("anthem", COMMERCIAL_PPO, "Ablation by NanoKnife, left lobe"),
    ],
)
def test_words_alone_earn_a_card_and_decide_nothing(
    index: PolicyIndex, payer: str, plan_type: JsonObject, text: str
) -> None:
    """The order stays undecided, and one card says which policy may be meant (design 4.7)."""
    answer = ask(
        index,
        order_sign(
            {**service_request(), "code": {"text": text}},
            version="2.2",
            prefetch=member(payer, plan_type),
        ),
    )

    assert [parts["covered"] for parts in stated(answer)] == [["indeterminate"]]
    assert [card["indicator"] for card in answer["cards"]] == ["info"]
    assert problems(answer, "2.2") == []


def test_there_is_no_hint_where_a_code_is_there(index: PolicyIndex) -> None:
    """A member without active coverage is not told that words decide nothing: a code would."""
    prefetch = holding(coverage("anthem", COMMERCIAL_PPO, status="cancelled"))
    answer = ask(
        index, order_sign(anthem_order("0600T", "NanoKnife"), version="2.2", prefetch=prefetch)
    )

    assert [card["summary"] for card in answer["cards"] if "by code" in card["summary"]] == []


@pytest.mark.parametrize("version", [None, "2.0"])
def test_without_a_coverage_each_payer_whose_policy_speaks_of_the_order_is_named(
    index: PolicyIndex, version: str | None
) -> None:
    """One card a payer, worded for members of its plan; nothing is written (design 4.3)."""
    answer = ask(index, order_sign(version=version, prefetch={}))

    assert answer["systemActions"] == []
    assert sorted(card["source"]["label"] for card in answer["cards"]) == ["Anthem", "iCare"]
    assert all("members of" in card["detail"] for card in answer["cards"])
    assert {card["indicator"] for card in answer["cards"]} == {"info"}
    assert problems(answer, "2.0") == []


def test_advice_says_what_there_is_to_do(index: PolicyIndex) -> None:
    """No Instructions card comes with it, so its own detail must."""
    (card,) = ask(index, order_sign(anthem_order("93799"), prefetch={}))["cards"]

    assert "say so plainly in the text of its code" in card["detail"]


def test_a_rule_that_could_not_be_applied_does_not_lend_its_title_to_a_card(tmp_path: Path) -> None:
    """The title says `covered`; the answer says that it could not be determined."""
    failing = rule(
        conditions=("%order.code.coding.code.lower() = 'x'",),
        determination=COVERED_WITHOUT_AUTHORIZATION,
        title="Covered without authorization",
    )
    order = {**service_request("0001T")}
    order["code"] = {"coding": [*order["code"]["coding"], {"system": CPT, "code": "0002T"}]}
    answer = ask(
        small_index(tmp_path, policy(failing)),
        order_sign(order, version="2.2", prefetch=member("acme", None)),
    )

    assert [parts["covered"] for parts in stated(answer)] == [["indeterminate"]]
    assert [card["summary"] for card in answer["cards"] if "Covered" in card["summary"]] == []


# The CDS Hooks Sandbox (clients.md 4.2): a browser client that speaks CDS Hooks and nothing of CRD.


def sandbox(order: JsonObject, *, hook: str = "order-sign", **prefetch: Any) -> JsonObject:
    """A body as the sandbox sends it: no extension, encounter, authorization or Bundle type."""
    return {
        "hookInstance": HOOK_INSTANCE,
        "hook": hook,
        "fhirServer": "https://launch.example.invalid/v/r4/fhir",
        "context": {
            "patientId": "member-1",
            "userId": "Practitioner/COREPRACTITIONER1",
            "selections": [f"{order['resourceType']}/{order.get('id', '')}"],
            "draftOrders": {"resourceType": "Bundle", "entry": [{"resource": order}]},
        },
        "prefetch": prefetch,
    }


SANDBOX: list[tuple[str, JsonObject, int]] = [
    (
        "first PAMA call",
        {
            "resourceType": "ServiceRequest",
            "id": "pama",
            "status": "draft",
            "code": {"coding": [{}]},
            "reasonCode": [],
        },
        0,
    ),
    (
        "medication without intent",
        {
            "resourceType": "MedicationRequest",
            "id": "rx",
            "status": "draft",
            "medicationCodeableConcept": CONCEPT,
        },
        0,
    ),
    ("no medication yet", {"resourceType": "MedicationRequest", "id": "rx", "status": "draft"}, 0),
    (
        "a listed procedure",
        {
            "resourceType": "ServiceRequest",
            "id": "pama",
            "status": "draft",
            "code": {"coding": [{"system": CPT, "code": "0600T"}]},
            "reasonCode": [],
        },
        2,
    ),
    (
        "no id",
        {"resourceType": "ServiceRequest", "code": {"coding": [{"system": CPT, "code": "0601T"}]}},
        2,
    ),
]


@pytest.mark.parametrize(
    ("order", "cards"), [row[1:] for row in SANDBOX], ids=[row[0] for row in SANDBOX]
)
@pytest.mark.parametrize(
    "prefetch",
    [{}, {"patient": patient()}, {"patient": patient(), "coverage": None}, {"coverage": bundle()}],
)
def test_the_sandbox_gets_advisory_cards_and_no_error(
    index: PolicyIndex, order: JsonObject, cards: int, prefetch: JsonObject
) -> None:
    """It sends no Coverage and asks for no version; each payer's policy for the order is shown."""
    answer = ask(index, sandbox(order, **prefetch))

    assert len(answer["cards"]) == cards
    assert answer["systemActions"] == []
    assert problems(answer, "2.0") == []


def test_the_sandbox_shows_the_whole_answer_in_words(index: PolicyIndex) -> None:
    """It renders no system action, so summary and detail say covered or not, why, and for whom."""
    details = [card["detail"] for card in ask(index, sandbox(SANDBOX[3][1]))["cards"]]

    assert ["not medically" in detail for detail in details] == [True, True]
    assert ["No coverage came with this call" in detail for detail in details] == [True, True]


def test_a_call_without_draft_orders_is_told_what_is_missing(index: PolicyIndex) -> None:
    """Pressing a selected tab of the sandbox does that: a readable 400, not a crash."""
    request = sandbox(SANDBOX[0][1])
    del request["context"]["draftOrders"]
    with pytest.raises(InvalidRequest, match="draftOrders") as caught:
        ask(index, request)

    assert caught.value.where == "$.context"


# The same answer, however and how often it is asked for.


def unnumbered(index: PolicyIndex) -> Pipeline:
    """A pipeline whose ids are all alike, so that answers can be compared."""

    def same() -> str:
        return "00000000-0000-4000-8000-000000000000"

    made = fake_pipeline(index)
    return replace(made, cards=replace(made.cards, new_id=same), new_id=same)


def test_one_by_one_and_from_32_threads_the_answers_are_the_same(index: PolicyIndex) -> None:
    """No call sees anything of another."""
    bodies = [
        encode(
            order_sign(
                anthem_order(code, text), version=version, prefetch=member(payer, plan_type, state)
            )
        )
        for code, text in (
            ("0600T", ""),
            ("93799", "PFA"),
            ("93799", "cryoablation"),
            ("0999T", ""),
        )
        for version in ("2.0", "2.1", "2.2")
        for payer, plan_type, state in (
            ("icare", MEDICARE_HMO, "WI"),
            ("anthem", COMMERCIAL_HMO, "CA"),
            ("anthem", None, "NV"),
        )
    ] * 8
    pipeline = unnumbered(index)
    one_by_one = [pipeline.respond(body) for body in bodies]
    with ThreadPoolExecutor(32) as pool:
        at_once = list(pool.map(pipeline.respond, bodies))

    assert at_once == one_by_one


def test_ids_differ_between_calls_and_facts_do_not(index: PolicyIndex) -> None:
    """The same call twice: other ids, the same answer."""
    pipeline = fake_pipeline(index)
    body = encode(order_sign(version="2.2"))
    first, second = decode(pipeline.respond(body)), decode(pipeline.respond(body))

    assert stated(first) == stated(second)
    assert first["cards"][0]["uuid"] != second["cards"][0]["uuid"]
    assert (
        read_parts(updated(first)[0]["extension"][0])["coverage-assertion-id"]
        != read_parts(updated(second)[0]["extension"][0])["coverage-assertion-id"]
    )


def no_empties(value: Any, where: str = "$") -> list[str]:
    """Where a response holds null, "", [] or {}; only `cards` and `systemActions` may be empty."""
    if isinstance(value, dict):
        inside = [
            found for name, inner in value.items() for found in no_empties(inner, f"{where}.{name}")
        ]
    elif isinstance(value, list):
        inside = [
            found
            for number, inner in enumerate(value)
            for found in no_empties(inner, f"{where}[{number}]")
        ]
    else:
        inside = []
    return [
        *inside,
        *(
            [where]
            if value in (None, "", [], {}) and where not in ("$.cards", "$.systemActions")
            else []
        ),
    ]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("row", ANTHEM, ids=lambda row: row[0])
def test_no_response_holds_anything_empty(
    index: PolicyIndex, row: Any, version: str | None
) -> None:
    """CDS Hooks: no null and no empty string, list or object."""
    answer = ask(index, order_sign(row[1], version=version, prefetch=row[2]))

    assert no_empties(answer) == []


@pytest.mark.parametrize("others", [[], [service_request("0999T", id="other")]])
def test_an_appointment_is_answered_on_itself_for_an_order_that_it_contains(
    index: PolicyIndex, others: list[JsonObject]
) -> None:
    """It is on no server: an update by its id could overwrite another order there."""
    contained = {**service_request(), "id": "c"}
    appointment = {
        "resourceType": "Appointment",
        "id": "appointment-1",
        "status": "proposed",
        "participant": [{"actor": {"reference": "Patient/member-1"}}],
        "basedOn": [
            {"reference": "#c"},
            *({"reference": f"ServiceRequest/{other['id']}"} for other in others),
        ],
        "contained": [contained],
    }
    request = order_sign(version="2.2")
    request["hook"] = "appointment-book"
    request["context"] = {**request["context"], "appointments": bundle(appointment)}
    request["prefetch"] = {**request["prefetch"], "serviceRequests": bundle(*others)}
    response = decode(fake_pipeline(index, hook="appointment-book").respond(encode(request)))

    assert [resource["id"] for resource in updated(response)] == [
        *(other["id"] for other in others),
        "appointment-1",
    ]
    assert stated(response)[-1] == REFUSED_2_2
