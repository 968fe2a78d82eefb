"""The guide's page on metrics: the data it asks to keep of each call, and the measures from it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from fakes import builtin_index
from hook_requests import bundle, coverage, order_sign, patient, service_request
from replaying import payload_of, record_call, with_token
from scripted_ehr import ScriptedEhr, always
from small_library import (
    AUTHORIZATION_NEEDED,
    COVERED_WITHOUT_AUTHORIZATION,
    NOT_COVERED,
    part,
    policy,
    reason,
    rule,
    small_index,
)

from cds_service.audit.measures import Group, measure
from cds_service.audit.metric_data import metric_data
from cds_service.crd.request.caller import Caller
from cds_service.fhir.resource import decode, encode
from cds_service.policy.run.index import PolicyIndex

JsonObject = dict[str, Any]

# CRDMetricData (CRD 2.2, informative): what must be there, and what may.
NEEDED = {
    "source",
    "hookInstance",
    "hookType",
    "providerId",
    "groupId",
    "payerId",
    "requestTime",
    "httpResponse",
    "tokenUse",
    "request",
}
POSSIBLE = NEEDED | {"responseTime", "issue", "resources"}
CODES = {
    "covered": {"covered", "not-covered", "conditional", "indeterminate"},
    "paNeeded": {
        "auth-needed",
        "no-auth",
        "satisfied",
        "performpa",
        "conditional",
        "indeterminate",
    },
}
NPI = "http://hl7.org/fhir/sid/us-npi"
EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/request.json"))


@pytest.fixture(scope="module")
def builtin() -> PolicyIndex:
    """The policies that come with the service."""
    return builtin_index()


def strings_in(value: Any) -> Iterator[str]:
    """Every string in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from strings_in([*value.values()])
    elif isinstance(value, list):
        for inner in value:
            yield from strings_in(inner)


@pytest.mark.crd("metric-1")
@pytest.mark.parametrize("name", NAMES)
def test_each_call_has_the_metric_data_of_the_logical_model(
    name: str, builtin: PolicyIndex
) -> None:
    """Every element that must be there is, or has a reason why not; and no other is."""
    request = decode((EXAMPLES / name / "request.json").read_bytes())
    data = metric_data(payload_of(record_call(builtin, request)), {})

    assert NEEDED <= set(data) <= POSSIBLE
    assert data["source"] == "payer-src"
    assert data["hookType"] == request["hook"]
    for identifier in (data["providerId"], data["groupId"], data["payerId"]):
        assert identifier["system"]
        assert bool(identifier.get("value")) != bool(identifier.get("_value"))
    for ordered in data["request"]:
        assert ordered["type"]
        assert ordered["orderDetail"].get("coding") or ordered["orderDetail"]["extension"]
        for response in ordered.get("response", ()):
            for information in response.get("coverageInfo", ()):
                assert information["assertionId"]
                assert all(information.get(key, "") in {*CODES[key], ""} for key in CODES)
    assert data["request"] or name == "order-sign-no-draft-orders"


@pytest.mark.crd("metric-1")
def test_metric_data_names_no_patient(builtin: PolicyIndex) -> None:
    """What is handed on for evaluation is about calls."""
    request = order_sign(
        version="2.2",
        prefetch={
            "patient": patient(name=[{"family": "Canary"}]),
            "coverage": bundle(coverage(subscriberId="M-CANARY")),
        },
    )
    data = metric_data(payload_of(record_call(builtin, request)), {})

    assert b"ANARY" not in encode(data).upper().replace(b"CANARY-ASSERTION", b"")
    assert "member-1" not in set(strings_in(data))


@pytest.mark.crd("metric-1")
def test_metric_data_counts_what_was_sent_and_read_and_how_the_token_was_used(
    builtin: PolicyIndex,
) -> None:
    """By prefetch or by query, with what the clinician did with the card."""
    sender = {
        "resourceType": "Practitioner",
        "id": "signer",
        "identifier": [{"system": NPI, "value": "1234567893"}],
    }
    request = with_token(
        order_sign(version="2.2", prefetch={"patient": patient(), "sender": sender})
    )
    record = payload_of(record_call(builtin, request, ehr=ScriptedEhr([coverage()])))
    data = metric_data(record, {record["cards"][0]: "overridden"})

    assert data["providerId"] == {"system": NPI, "value": "1234567893"}
    assert data["tokenUse"] == "used"
    assert data["resources"] == [
        {"type": "Patient", "count": 1, "prefetch": True},
        {"type": "Practitioner", "count": 1, "prefetch": True},
        {"type": "Coverage", "count": 1, "prefetch": False},
    ]
    (ordered,) = data["request"]
    assert ordered["response"] == [
        {
            "type": "coverage-info",
            "focus": ["ServiceRequest"],
            "coverageInfo": [
                {
                    "covered": "not-covered",
                    "assertionId": record["decisions"][0]["assertion"],
                    "businessLine": {"text": "icare-medicare-advantage"},
                }
            ],
        },
        {"type": "guideline", "focus": ["ServiceRequest"], "engagement": "override"},
    ]


def test_a_refused_token_is_rejected_and_none_is_not_used(builtin: PolicyIndex) -> None:
    """As the model tells them apart."""
    request = with_token(order_sign(version="2.2", prefetch={}))
    failed = payload_of(record_call(builtin, request, ehr=ScriptedEhr(fails=always)))
    unused = payload_of(record_call(builtin, order_sign(version="2.2")))
    half = {**failed, "queries": [{"result": "found"}, {"result": "failed", "cause": "status 401"}]}

    assert [metric_data(record, {})["tokenUse"] for record in (failed, unused, half)] == [
        "rejected",
        "not-used",
        "rejected",
    ]


def test_an_error_has_its_issues_and_the_orders_it_was_about(builtin: PolicyIndex) -> None:
    """No response to them."""
    data = metric_data(payload_of(record_call(builtin, order_sign(version="9.9"))), {})

    assert (data["httpResponse"], data["issue"]) == (422, [{"code": "not-supported"}])
    assert [set(ordered) for ordered in data["request"]] == [{"type", "orderDetail"}]


FORM = "https://forms.example.invalid/Questionnaire/form|1"


def documented(*codes: str) -> Sequence[JsonObject]:
    """Documents that are needed."""
    return [part("doc-needed", code) for code in codes]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> PolicyIndex:
    """A policy with a code for each kind of answer."""
    answers = {
        "NOT": NOT_COVERED,
        "YES": COVERED_WITHOUT_AUTHORIZATION,
        "AUTH": (*AUTHORIZATION_NEEDED, reason()),
    }
    rules = [
        rule(code.lower(), codes=[code], determination=determination)
        for code, determination in answers.items()
    ]
    return small_index(tmp_path_factory.mktemp("library"), policy(*rules))


class OnFile:
    """An authorization for all."""

    def find(self, _sought: object) -> str:
        """One number."""
        return "PA-1"


def call(index: PolicyIndex, *codes: str, **seams: Any) -> JsonObject:
    """The record of a call about one order for each code."""
    orders = [
        service_request(code, id=f"o{number}", occurrenceDateTime="2026-11-20")
        for number, code in enumerate(codes)
    ]
    insured = coverage("acme", None, subscriberId="M-1")
    request = order_sign(
        *orders, version="2.2", prefetch={"patient": patient(), "coverage": bundle(insured)}
    )
    return payload_of(record_call(index, request, **seams))


def shown(group: Group) -> dict[str, tuple[int | None, int | None, str]]:
    """The measures of a group: volume, of, percent; those of one number with their last word."""
    return {
        f"{found.number} {found.name.rpartition(' ')[2]}": (found.volume, found.of, found.percent)
        for found in group.measures
    }


@pytest.mark.crd("metric-1")
def test_the_measures_count_orders_and_calls_as_the_guide_does(index: PolicyIndex) -> None:
    """Volume, and share of the orders of calls that were answered with 200."""
    slow = {**call(index, "NOT"), "durations": {"fetch": 4.0, "match": 1.0}}
    refused = {**call(index, "NOT"), "status": 503, "response": {}}
    records = [
        call(index, "NOT", "YES", "AUTH"),
        call(index, "AUTH", authorizations=OnFile()),
        slow,
        refused,
    ]
    (group,) = measure(records)

    assert shown(group) == {
        "1 returned": (5, 5, "100.0"),
        "2 covered": (3, 5, "60.0"),
        "2 not-covered": (2, 5, "40.0"),
        "2 conditional": (0, 5, "0.0"),
        "2 indeterminate": (0, 5, "0.0"),
        "3 it": (0, 1, "0.0"),
        "4 it": (0, 0, ""),
        "5 satisfied": (1, 5, "20.0"),
        "6 seconds": (2, 3, "66.7"),
        "7 figures)": (None, None, ""),
    }


@pytest.mark.crd("metric-1")
def test_forms_are_counted_among_those_that_need_documents(index: PolicyIndex) -> None:
    """An authorization, or documents, with a form for it."""
    record = call(index, "AUTH", "NOT")
    for action, documents in zip(
        record["response"]["systemActions"], (("clinical", "admin"), ("patient",)), strict=True
    ):
        action["resource"]["extension"][0]["extension"] += [
            *documented(*documents),
            {"url": "questionnaire", "valueCanonical": FORM},
        ]
    (group,) = measure([record])
    first = metric_data(record, {})["request"][0]["response"][0]["coverageInfo"][0]

    assert shown(group)["3 it"] == (1, 1, "100.0")
    assert shown(group)["4 it"] == (1, 1, "100.0")
    assert (first["docNeeded"], first["questionnaire"][0]["reference"]) == ("both", FORM)


@pytest.mark.crd("metric-1")
def test_the_measures_are_segmented_by_hook_client_and_payer(
    index: PolicyIndex, builtin: PolicyIndex
) -> None:
    """A group a value; one payer's orders are not counted for another."""
    north = Caller(name="north", is_test=True)
    nobody = {"patient": patient(), "coverage": bundle()}
    records = [
        call(index, "NOT", caller=north),
        payload_of(record_call(builtin, order_sign(version="2.2"))),
        payload_of(record_call(builtin, order_sign(prefetch=nobody))),
    ]
    groups = measure(records, ("payer", "client"))

    assert [(group.values, shown(group)["1 returned"][:2]) for group in groups] == [
        (("acme", "north"), (1, 1)),
        (("icare", "none"), (1, 1)),
        (("none", "none"), (0, 1)),
    ]
    assert [group.values for group in measure(records, ("hook",))] == [("order-sign",)]


def test_no_call_gives_empty_measures() -> None:
    """And no group where they are segmented."""
    (group,) = measure([])

    assert shown(group)["1 returned"] == (0, 0, "")
    assert measure([], ("hook",)) == ()


def test_a_call_of_a_former_version_is_measured_by_what_it_holds(index: PolicyIndex) -> None:
    """It kept neither status nor durations."""
    record = call(index, "NOT")
    for name in ("status", "durations", "queries", "resources"):
        del record[name]
    (group,) = measure([record])

    assert shown(group)["1 returned"] == (1, 1, "100.0")
    assert shown(group)["6 seconds"] == (0, 0, "")
