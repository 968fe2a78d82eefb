"""A checker of coverage-information extensions, for each version of CRD.

Written from the tables of the standards (crd-server.md 3.1 to 3.4) and from nothing in
`cds_service`, so that the code and its checker cannot share a mistake. Where a published
invariant's text and expression differ, both must hold.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

JsonObject = dict[str, Any]
Parts = dict[str, list[Any]]

URL = "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-coverage-information"
TEMP = "http://hl7.org/fhir/us/davinci-crd/CodeSystem/temp"
DETAIL_SYSTEM = "http://terminology.hl7.org/CodeSystem/crd-coverage-detail"
VERSIONS = ("2.0", "2.1", "2.2")

MANY = 1_000
# 3.1: name -> least, most, value[x].
_PARTS_2_2: Mapping[str, tuple[int, int, str]] = {
    "coverage": (1, 1, "valueReference"),
    "covered": (1, 1, "valueCode"),
    "pa-needed": (0, 1, "valueCode"),
    "doc-needed": (0, MANY, "valueCode"),
    "doc-purpose": (0, MANY, "valueCode"),
    "info-needed": (0, MANY, "valueCode"),
    "billingCode": (0, MANY, "valueCoding"),
    "reason": (0, MANY, "valueCodeableConcept"),
    "detail": (0, MANY, "extension"),
    "dependency": (0, MANY, "valueReference"),
    "questionnaire": (0, MANY, "valueCanonical"),
    "date": (1, 1, "valueDate"),
    "coverage-assertion-id": (1, 1, "valueString"),
    "satisfied-pa-id": (0, 1, "valueString"),
    "contact": (0, MANY, "valueContactDetail"),
    "expiry-date": (0, 1, "valueDate"),
}
# 3.1: what a dependency may lead to.
_ORDERS = {
    "Appointment",
    "CommunicationRequest",
    "DeviceRequest",
    "MedicationRequest",
    "NutritionOrder",
    "ServiceRequest",
}
TARGETS: Mapping[str, set[str]] = {
    "2.0": _ORDERS,
    "2.1": _ORDERS,
    "2.2": {*_ORDERS, "VisionPrescription"},
}
_PARTS_2_1 = {**_PARTS_2_2, "contact": (0, MANY, "valueContactPoint")}
_PARTS_2_0 = {
    **{name: rule for name, rule in _PARTS_2_1.items() if name != "expiry-date"},
    "doc-needed": (0, 1, "valueCode"),
    "response": (0, MANY, "valueReference"),
}
PARTS = {"2.0": _PARTS_2_0, "2.1": _PARTS_2_1, "2.2": _PARTS_2_2}

_DETAIL_VALUES_2_0 = {"valueBoolean", "valueString", "valuePeriod", "valueQuantity"}
DETAIL_VALUES = {
    "2.0": _DETAIL_VALUES_2_0,
    "2.1": {*_DETAIL_VALUES_2_0, "valueUrl"},
    "2.2": {*_DETAIL_VALUES_2_0, "valueUrl"},
}

# 3.2
_COVERED = {"covered", "not-covered", "conditional"}
_PA = {"no-auth", "auth-needed", "satisfied", "performpa", "conditional"}
_PURPOSE = {"withpa", "withclaim", "withorder", "retain-doc", "OTH"}
_INFO = {"performer", "location", "timeframe", "contract-window", "OTH"}
CODES: Mapping[str, Mapping[str, set[str]]] = {
    "2.0": {
        "covered": _COVERED,
        "pa-needed": _PA,
        "doc-needed": {"clinical", "admin", "both", "conditional"},
        "doc-purpose": _PURPOSE,
        "info-needed": _INFO,
    },
    "2.1": {
        "covered": _COVERED,
        "pa-needed": _PA,
        "doc-needed": {"clinical", "admin", "patient", "conditional"},
        "doc-purpose": _PURPOSE,
        "info-needed": _INFO,
    },
    "2.2": {
        "covered": {*_COVERED, "indeterminate"},
        "pa-needed": {*_PA, "indeterminate"},
        "doc-needed": {"clinical", "admin", "patient", "conditional", "indeterminate"},
        "doc-purpose": _PURPOSE,
        "info-needed": {*_INFO, "detail-code"},
    },
}
REASONS = {
    "2.0": {"gold-card", "detail-code"},
    "2.1": {"gold-card", "detail-code"},
    "2.2": {
        "gold-card",
        "no-member-found",
        "no-active-coverage",
        "coverage-not-found",
        "auth-out-network",
        "technical",
    },
}
_DETAILS_2_0 = {
    "allowed-quantity",
    "allowed-period",
    "in-network-copay",
    "out-network-copay",
    "auth-out-network-only",
    "concurrent-review",
    "appropriate-use-needed",
}
_DETAILS_2_1 = {
    *_DETAILS_2_0,
    "policy-link",
    "instructions",
    "instructions-clinical",
    "instructions-admin",
}
DETAILS: Mapping[str, Mapping[str, set[str]]] = {
    "2.0": {TEMP: _DETAILS_2_0},
    "2.1": {TEMP: _DETAILS_2_1},
    "2.2": {TEMP: _DETAILS_2_1, DETAIL_SYSTEM: _DETAILS_2_1 - {"auth-out-network-only"}},
}
CATEGORIES = {"cat-limitation", "cat-decisional", "cat-other"}
EXPECTED_VALUES = {
    "allowed-quantity": "valueQuantity",
    "in-network-copay": "valueQuantity",
    "out-network-copay": "valueQuantity",
    "allowed-period": "valuePeriod",
    "concurrent-review": "valueBoolean",
    "appropriate-use-needed": "valueBoolean",
    "policy-link": "valueUrl",
    "instructions": "valueString",
}


def violations(repetition: JsonObject, version: str) -> list[str]:
    """Everything wrong with one repetition of the extension, for a client of this version."""
    if repetition.get("url") != URL or set(repetition) != {"url", "extension"}:
        return ["not a coverage-information extension"]
    found = [*_empties(repetition), *_shape(repetition["extension"], version)]
    if found:
        return found
    parts = read_parts(repetition)
    return [
        *_codes(parts, version),
        *_details(parts, version),
        *_concepts(parts, version),
        *_dependencies(parts, version),
        *(key for key, holds in INVARIANTS[version].items() if not holds(parts)),
    ]


def order_violations(order: JsonObject, version: str) -> list[str]:
    """Everything wrong with all repetitions on one order, and with how they stand together."""
    extensions = order.get("extension", [])
    repetitions = [extension for extension in extensions if extension.get("url") == URL]
    found = [problem for repetition in repetitions for problem in violations(repetition, version)]
    stated = [
        (_one(repetition, "coverage")["reference"], _one(repetition, "coverage-assertion-id"))
        for repetition in repetitions
    ]
    authorized = [
        (_one(repetition, "coverage")["reference"], number)
        for repetition in repetitions
        for number in read_parts(repetition).get("satisfied-pa-id", [])
    ]
    if _is_shared(stated):
        found.append("resp-32: two coverages share an assertion id")
    if _is_shared(authorized):
        found.append("resp-32: two coverages share an authorization")
    ids_of = {
        coverage: {identity for other, identity in stated if other == coverage}
        for coverage, _ in stated
    }
    if version in ("2.0", "2.1") and any(len(ids) > 1 for ids in ids_of.values()):
        found.append("3.4: one coverage has different assertion ids")
    return found


def _is_shared(pairs: list[tuple[str, str]]) -> bool:
    """Whether one identity stands for different coverages."""
    coverage_of = {identity: coverage for coverage, identity in pairs}
    return any(coverage_of[identity] != coverage for coverage, identity in pairs)


def read_parts(repetition: JsonObject) -> Parts:
    """The values of a repetition's parts by name; of a `detail` its own parts."""
    read: Parts = {}
    for part in repetition["extension"]:
        value = (
            read_parts(part)
            if "extension" in part
            else next(v for k, v in part.items() if k.startswith("value"))
        )
        read.setdefault(part["url"], []).append(value)
    return read


def _one(repetition: JsonObject, name: str) -> Any:
    return read_parts(repetition)[name][0]


def _empties(value: Any, where: str = "$") -> Iterator[str]:
    """CDS Hooks: no null, empty string, array or object anywhere."""
    if value is None or value in ("", [], {}):
        yield f"empty value at {where}"
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _empties(inner, f"{where}.{name}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _empties(inner, f"{where}[{number}]")


def _shape(inside: list[JsonObject], version: str) -> Iterator[str]:
    counted = Counter(part["url"] for part in inside)
    for name, number in counted.items():
        if name not in PARTS[version]:
            yield f"{name} is not defined in {version}"
        elif number > PARTS[version][name][1]:
            yield f"{name} is repeated {number} times"
    yield from (
        f"{name} is missing"
        for name, (least, _, _) in PARTS[version].items()
        if counted[name] < least
    )
    for part in inside:
        wanted = PARTS[version].get(part["url"], (0, 0, ""))[2]
        if wanted and set(part) != {"url", wanted}:
            yield f"{part['url']} has {sorted(part)}, not {wanted}"
        if part["url"] == "detail" and wanted in part:
            yield from _detail_shape(part["extension"], version)


def _detail_shape(inside: list[JsonObject], version: str) -> Iterator[str]:
    names = [part["url"] for part in inside]
    wanted = {"code": 1, "value": 1, "category": 1} if version == "2.2" else {"code": 1, "value": 1}
    allowed = {*wanted, "qualification"}
    yield from (f"detail/{name} is not defined in {version}" for name in set(names) - allowed)
    yield from (f"detail/{name} is not there once" for name in wanted if names.count(name) != 1)
    types = {part["url"]: next(iter(set(part) - {"url"}), "") for part in inside}
    if types.get("value") not in DETAIL_VALUES[version]:
        yield f"detail/value is a {types.get('value')}"
    expected = {
        "code": "valueCodeableConcept",
        "category": "valueCode",
        "qualification": "valueString",
    }
    yield from (
        f"detail/{name} is a {types[name]}"
        for name in set(types) & set(expected)
        if types[name] != expected[name]
    )


def _codes(parts: Parts, version: str) -> Iterator[str]:
    for name, allowed in CODES[version].items():
        yield from (f"{name} is {code}" for code in parts.get(name, []) if code not in allowed)


def _details(parts: Parts, version: str) -> Iterator[str]:
    for detail in parts.get("detail", []):
        if version == "2.2" and detail["category"][0] not in CATEGORIES:
            yield f"detail/category is {detail['category'][0]}"
        concept, value = detail["code"][0], detail["value"][0]
        if not concept.get("coding") and not concept.get("text"):
            yield "detail/code says nothing"
        for coding in concept.get("coding", []):
            yield from _detail_coding(coding, value, version)


def _detail_coding(coding: JsonObject, value: Any, version: str) -> Iterator[str]:
    known = DETAILS[version].get(coding["system"])
    if coding["system"] in (TEMP, DETAIL_SYSTEM) and (known is None or coding["code"] not in known):
        yield f"detail/code {coding['system']}#{coding['code']} is not defined in {version}"
    elif known and not isinstance(
        value, _PYTHON_TYPES[EXPECTED_VALUES.get(coding["code"], "valueString")]
    ):
        yield f"detail/code {coding['code']} has {value!r}"


_PYTHON_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "valueQuantity": dict,
    "valuePeriod": dict,
    "valueBoolean": bool,
    "valueUrl": str,
    "valueString": str,
}


def _dependencies(parts: Parts, version: str) -> Iterator[str]:
    for reference in parts.get("dependency", []):
        kind, _, identity = reference.get("reference", "").rpartition("/")
        if kind and identity and kind not in TARGETS[version]:
            yield f"dependency leads to a {kind}"


def _concepts(parts: Parts, version: str) -> Iterator[str]:
    for reason in parts.get("reason", []):
        for coding in reason.get("coding", []):
            if coding.get("system") == TEMP and coding.get("code") not in REASONS[version]:
                yield f"reason {coding.get('code')} is not defined in {version}"
    for contact in parts.get("contact", []):
        points = contact.get("telecom", []) if version == "2.2" else [contact]
        yield from (
            "contact without system and value"
            for point in points
            if not {"system", "value"} <= set(point)
        )


# 3.3: each invariant in both readings.
_ANSWERS = ("covered", "pa-needed", "doc-needed")


def _says(parts: Parts, name: str, *codes: str) -> bool:
    return any(code in codes for code in parts.get(name, []))


def _any_says(parts: Parts, code: str) -> bool:
    return any(_says(parts, name, code) for name in _ANSWERS)


def _implies(premise: bool, conclusion: bool) -> bool:
    return not premise or conclusion


def _q1(parts: Parts) -> bool:
    asked = "questionnaire" in parts or "response" in parts
    return _implies(asked, "doc-needed" in parts and not _says(parts, "doc-needed", "no-doc"))


def _q2(parts: Parts) -> bool:
    return _implies(_says(parts, "covered", "not-covered"), "pa-needed" not in parts)


def _q2_2_0(parts: Parts) -> bool:
    # The invariant's text and its published expression exclude each other for `not-covered`;
    # design 4.1 decides for `conditional`.
    refused = _says(parts, "covered", "not-covered")
    return "pa-needed" in parts and _implies(refused, _says(parts, "pa-needed", "conditional"))


def _q3(parts: Parts) -> bool:
    return _any_says(parts, "conditional") == ("info-needed" in parts)


def _q3_2_0(parts: Parts) -> bool:
    return _implies("info-needed" in parts, _any_says(parts, "conditional"))


def _q4(parts: Parts) -> bool:
    # The published expression is empty, and so fails, wherever a doc-purpose is `withpa`.
    return not _says(parts, "doc-purpose", "withpa")


def _q4_2_0(parts: Parts) -> bool:
    # 2.0.1 compares with `PA`, no code at all; its text means an authorization that is not needed.
    return _implies(
        _says(parts, "doc-purpose", "withpa"),
        not _says(parts, "pa-needed", "satisfied", "no-auth") and not _refuses(parts),
    )


def _refuses(parts: Parts) -> bool:
    return _says(parts, "covered", "not-covered")


def _q5(parts: Parts) -> bool:
    return _says(parts, "pa-needed", "satisfied") == ("satisfied-pa-id" in parts)


def _q6(parts: Parts) -> bool:
    return _implies(_says(parts, "info-needed", "OTH"), "reason" in parts)


def _q7(parts: Parts) -> bool:
    return all(reason.get("text") for reason in parts.get("reason", []))


def _q8(parts: Parts) -> bool:
    return _implies("doc-purpose" in parts, "reason" in parts)


def _q9(parts: Parts) -> bool:
    return _implies(_any_says(parts, "indeterminate"), "reason" in parts)


INVARIANTS: Mapping[str, Mapping[str, Callable[[Parts], bool]]] = {
    "2.0": {
        "crd-ci-q1": _q1,
        "crd-ci-q2": _q2_2_0,
        "crd-ci-q3": _q3_2_0,
        "crd-ci-q4": _q4_2_0,
        "crd-ci-q5": _q5,
    },
    "2.1": {
        "crd-ci-q1": _q1,
        "crd-ci-q2": _q2,
        "crd-ci-q3": _q3,
        "crd-ci-q4": _q4,
        "crd-ci-q5": _q5,
        "crd-ci-q6": _q6,
        "crd-ci-q7": _q7,
    },
    "2.2": {
        "crd-ci-q1": _q1,
        "crd-ci-q2": _q2,
        "crd-ci-q3": _q3,
        "crd-ci-q4": _q4,
        "crd-ci-q5": _q5,
        "crd-ci-q6": _q6,
        "crd-ci-q7": _q7,
        "crd-ci-q8": _q8,
        "crd-ci-q9": _q9,
    },
}
