"""A policy that fills every part of coverage-information, and what each version's client reads.

Expected values are written from the tables of crd-server.md 3.1 to 3.4 and what the policy states.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from complete_resources import RULED_AS, coding_of, rule_for
from coverage_information_rules import DETAIL_SYSTEM, TEMP
from small_library import part

from cds_service.crd.codes import COVERAGE_DETERMINATION

JsonObject = dict[str, Any]

FORMS = [f"https://forms.example.invalid/Questionnaire/{number}|1" for number in (1, 2)]
LINK = "https://payer.example.invalid/policy"
DESK: JsonObject = {
    "name": "The desk",
    "telecom": [{"system": "fax", "value": "555-0100"}, {"system": "phone", "value": "555-0101"}],
}
NIGHT_DESK: JsonObject = {
    "name": "The night desk",
    "telecom": [{"system": "phone", "value": "555-0102"}],
}
OTHER_ORDER = {"reference": "ServiceRequest/other-1"}
BY_NUMBER = {
    "identifier": {"system": "https://ehr.example.invalid/orders", "value": "8"},
    "display": "The other order",
}
# What the complete order of each kind is for, in a second code system.
SECOND_CODING = {"system": "https://payer.example.invalid/codes", "code": "second"}
UNTIL = "2027-06-30"
GOLD_CARD = {"coding": [{"system": TEMP, "code": "gold-card"}], "text": "The prescriber is known"}
OUT_OF_NETWORK = {
    "coding": [{"system": TEMP, "code": "auth-out-network"}],
    "text": "Authorization is needed out of network",
}
# Code, category, value and its type of each detail that the guide knows.
DETAILS: tuple[tuple[str, str, str, Any], ...] = (
    ("allowed-quantity", "cat-limitation", "valueQuantity", {"value": 3, "unit": "visits"}),
    (
        "allowed-period",
        "cat-limitation",
        "valuePeriod",
        {"start": "2026-01-01", "end": "2026-12-31"},
    ),
    ("in-network-copay", "cat-decisional", "valueQuantity", {"value": 10, "unit": "%"}),
    ("out-network-copay", "cat-decisional", "valueQuantity", {"value": 30, "unit": "%"}),
    ("concurrent-review", "cat-decisional", "valueBoolean", True),
    ("appropriate-use-needed", "cat-decisional", "valueBoolean", False),
    ("policy-link", "cat-other", "valueUrl", LINK),
    ("instructions", "cat-other", "valueString", "Call the desk."),
)


def _detail(code: str, category: str, value_type: str, value: Any) -> JsonObject:
    inside = [
        part("category", category),
        {"url": "code", "valueCodeableConcept": _concept(DETAIL_SYSTEM, code)},
        {"url": "value", value_type: value},
        {"url": "qualification", "valueString": f"qualifies {code}"},
    ]
    return {"url": "detail", "extension": inside}


def _concept(system: str, code: str) -> JsonObject:
    return {"coding": [{"system": system, "code": code}]}


# What an early hook does not ask for.
ASKED_LATER = ("doc-needed", "doc-purpose", "questionnaire")
EVERY_PART: tuple[JsonObject, ...] = (
    part("covered", "covered"),
    part("pa-needed", "conditional"),
    part("doc-needed", "clinical"),
    part("doc-needed", "patient"),
    part("doc-purpose", "OTH"),
    part("doc-purpose", "withclaim"),
    {"url": "doc-with-authorization", "valueBoolean": True},
    part("info-needed", "performer"),
    part("info-needed", "location"),
    {"url": "reason", "valueCodeableConcept": GOLD_CARD},
    {"url": "reason", "valueCodeableConcept": OUT_OF_NETWORK},
    *(_detail(*detail) for detail in DETAILS),
    *({"url": "dependency", "valueReference": other} for other in (OTHER_ORDER, BY_NUMBER)),
    *({"url": "questionnaire", "valueCanonical": form} for form in FORMS),
    *({"url": "contact", "valueContactDetail": desk} for desk in (DESK, NIGHT_DESK)),
    {"url": "expiry-date", "valueDate": UNTIL},
)
DEMANDING: tuple[JsonObject, ...] = (
    part("covered", "covered"),
    part("pa-needed", "auth-needed"),
    {"url": "reason", "valueCodeableConcept": GOLD_CARD},
)


def rule_of(parts: Iterable[JsonObject], kind: str = "ServiceRequest") -> JsonObject:
    """A rule for the complete orders of a kind, by either of their codes, that determines this."""
    determined = [{"url": COVERAGE_DETERMINATION, "extension": list(parts)}]
    listed = [{"path": "code", "code": [coding_of(kind), SECOND_CODING]}]
    return rule_for(
        kind, extension=determined, input=[{"type": RULED_AS[kind], "codeFilter": listed}]
    )


def expected(
    version: str, kind: str = "ServiceRequest", *, primary: bool = True
) -> dict[str, list[Any]]:
    """What EVERY_PART comes to for a client of one version, less date, id and our own link.

    For an order of both codes. An early hook asks for no documentation but the patient's, which 2.0
    has no word for (CRD hook-19).
    """
    every: dict[str, list[Any]] = {
        "coverage": [{"reference": "Coverage/coverage-1"}],
        "covered": ["covered"],
        "pa-needed": ["conditional"],
        "info-needed": ["location", "performer"],
        "billingCode": [coding_of(kind), SECOND_CODING],
        "dependency": [OTHER_ORDER, BY_NUMBER],
        "questionnaire": FORMS,
        **_BY_VERSION[version],
    }
    if primary:
        return every
    early: dict[str, list[Any]] = {} if version == "2.0" else {"doc-needed": ["patient"]}
    return {name: every[name] for name in every if name not in ASKED_LATER} | early


def _details(version: str) -> list[JsonObject]:
    """The details as one version has them: 2.0 has no links, and no code for instructions."""
    details = []
    for code, category, _, value in DETAILS:
        written = _concept(DETAIL_SYSTEM if version == "2.2" else TEMP, code)
        if (version, code) == ("2.0", "instructions"):
            written = {"text": "Instructions"}
        detail = {"code": [written], "value": [value], "qualification": [f"qualifies {code}"]}
        if version == "2.2":
            detail["category"] = [category]
        if (version, code) != ("2.0", "policy-link"):
            details.append(detail)
    return details


_WITHOUT_NEW_CODE = {"text": OUT_OF_NETWORK["text"]}
_BY_VERSION: Mapping[str, Mapping[str, list[Any]]] = {
    "2.2": {
        "doc-needed": ["clinical", "patient"],
        "doc-purpose": ["OTH", "withclaim"],
        "reason": [GOLD_CARD, OUT_OF_NETWORK],
        "detail": _details("2.2"),
        "contact": [DESK, NIGHT_DESK],
        "expiry-date": [UNTIL],
    },
    "2.1": {
        "doc-needed": ["clinical", "patient"],
        "doc-purpose": ["OTH", "withclaim"],
        "reason": [GOLD_CARD, _WITHOUT_NEW_CODE],
        "detail": _details("2.1"),
        "contact": [*DESK["telecom"], *NIGHT_DESK["telecom"]],
        "expiry-date": [UNTIL],
    },
    "2.0": {
        "doc-needed": ["both"],
        "doc-purpose": ["withclaim", "withpa"],
        "reason": [
            GOLD_CARD,
            _WITHOUT_NEW_CODE,
            {"text": f"This holds for services until {UNTIL}."},
        ],
        "detail": _details("2.0"),
        "contact": [*DESK["telecom"], *NIGHT_DESK["telecom"]],
    },
}
