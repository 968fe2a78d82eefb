"""CRD pages Conformance and Response Types: each part of coverage-information with its value."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from complete_resources import (
    REQUESTS,
    RULED_AS,
    WRITTEN,
    complete_member,
    complete_orders,
    concept_of,
    index_of,
)
from coverage_information_rules import PARTS, URL, order_violations
from every_answer import every_answer
from every_hook import (
    HOOK_NAMES,
    PRIMARY,
    VERSIONS,
    JsonObject,
    annotations,
    ask,
    asked_about,
    call,
    reference,
    updates,
)
from every_part import (
    ASKED_LATER,
    DEMANDING,
    EVERY_PART,
    SECOND_CODING,
    UNTIL,
    expected,
    rule_of,
)
from small_library import part, policy, reason, small_index

from cds_service.fhir.resource import canonical, encode
from cds_service.members.authorizations import open_authorizations
from cds_service.policy.run.index import PolicyIndex

OUR_LINK = "https://crd.example.invalid/policies/acme-1#rule-for-"
RUN_TIME = ("date", "coverage-assertion-id")
OF_A_CARD = set(
    "uuid summary detail indicator source suggestions selectionBehavior overrideReasons links "
    "extension".split()
)
# What each version's extension has and no policy states: it comes of a grant, or not at all.
NOT_OF_A_POLICY = {"satisfied-pa-id", "response"}


@pytest.fixture(scope="module")
def index() -> PolicyIndex:
    """A rule for each kind of order that states every part."""
    return index_of(rule_of(EVERY_PART, kind) for kind in REQUESTS)


def written(index: PolicyIndex, hook: str, kind: str, version: str) -> JsonObject:
    """The one resource that is updated for a complete order of a kind, coded twice."""
    member = complete_member().values()
    order = complete_orders()[kind]
    concept_of(order)["coding"].append(SECOND_CODING)
    request = call(hook, order, version=version, member=member)
    (resource,) = updates(ask(request, index=index))
    return resource


def parts_of(resource: JsonObject) -> dict[str, list[Any]]:
    """The parts of the one coverage-information on a resource."""
    (parts,) = annotations({"systemActions": [{"resource": resource}]})
    return parts


@pytest.mark.crd("conf-5", "conf-13", "resp-30")
@pytest.mark.parametrize(("hook", "kind", "version"), WRITTEN)
def test_each_part_that_has_a_value_is_written_with_it(
    index: PolicyIndex, hook: str, kind: str, version: str
) -> None:
    """In the element that the client's version has for it, and nothing else is added."""
    resource = written(index, hook, kind, version)
    parts = parts_of(resource)
    links = [detail for detail in parts["detail"] if detail["value"][0] not in _values(version)]
    stated = {name: list(values) for name, values in parts.items() if name not in RUN_TIME}
    stated["detail"] = [detail for detail in stated["detail"] if detail not in links]

    primary = hook in PRIMARY
    later = set() if primary else set(ASKED_LATER) - set(stated)
    assert stated == expected(version, RULED_AS[kind], primary=primary)
    assert set(parts) == set(PARTS[version]) - NOT_OF_A_POLICY - later
    assert parts["date"] == ["2026-11-20"]
    assert [detail["value"][0].startswith(OUR_LINK) for detail in links] == (
        [] if version == "2.0" else [True]
    )
    assert order_violations(resource, version) == []


@pytest.mark.crd("conf-5", "resp-30")
@pytest.mark.parametrize("version", VERSIONS)
def test_no_part_is_lost_where_two_rules_state_them(version: str) -> None:
    """One rule states some of the parts, another the rest."""
    of_second = ("detail", "dependency", "contact", "billingCode", "expiry-date")
    first, second = (
        [stated for stated in EVERY_PART if (stated["url"] in of_second) is is_second]
        for is_second in (False, True)
    )
    decided = [part("covered", "covered"), part("pa-needed", "conditional")]
    second = [*decided, part("info-needed", "location"), *second]
    rules = [rule_of(first), {**rule_of(second), "id": "second"}]
    parts = parts_of(written(index_of(rules), "order-sign", "ServiceRequest", version))

    for name, values in expected(version).items():
        assert set(map(canonical, values)) <= set(map(canonical, parts[name])), name


@pytest.mark.crd("resp-30")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("days", "end"),
    [
        (("2027-03-31", "2027-06-30"), "2027-12-31"),
        (("2027-06-30", "2027-03-31"), "2027-12-31"),
        (("2027-06-30", "2027-06-30"), "2027-03-31"),
        ((), "2027-03-31"),
    ],
    ids=["of the first rule", "of the second", "of the policy", "of the policy alone"],
)
def test_the_first_of_several_last_days_is_told(
    tmp_path: Path, days: Sequence[str], end: str, version: str
) -> None:
    """Those that rules state, and the last day on which the policy is in force."""
    covering = [part("covered", "covered"), part("pa-needed", "no-auth"), reason()]
    stated = [[{"url": "expiry-date", "valueDate": day}] for day in days] or [[]]
    rules = [
        {**rule_of([*covering, *last]), "id": f"rule-{number}"}
        for number, last in enumerate(stated)
    ]
    in_force = {"start": "2020-01-01", "end": end}
    index = small_index(tmp_path / "library", policy(*rules, effectivePeriod=in_force))
    parts = parts_of(written(index, "order-sign", "ServiceRequest", version))

    assert parts.get("expiry-date", ["2027-03-31"]) == ["2027-03-31"]
    assert (version == "2.0") is ("2027-03-31" in str(parts["reason"]))


def _values(version: str) -> list[Any]:
    return [detail["value"][0] for detail in expected(version)["detail"]]


@pytest.mark.crd("conf-5", "conf-13")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_the_number_of_an_authorization_is_written(tmp_path: Path, hook: str, version: str) -> None:
    """Where one is on file: `satisfied` with its number."""
    index = index_of([rule_of(DEMANDING)])
    grant = {
        "payer": "acme",
        "member": "M-1",
        "code": {"system": "http://www.ama-assn.org/go/cpt", "code": "0001T"},
        "period": {"start": "2026-01-01", "end": "2026-12-31"},
        "number": "PA-1",
    }
    file = tmp_path / "authorizations.json"
    file.write_bytes(encode([grant]))
    about = asked_about(hook, "0001T")
    request = call(hook, about, version=version, member=complete_member().values())
    authorizations = open_authorizations(str(file), ["acme"])
    (parts,) = annotations(ask(request, index=index, authorizations=authorizations))

    assert (parts["pa-needed"], parts["satisfied-pa-id"]) == (["satisfied"], ["PA-1"])


@pytest.mark.crd("resp-30")
@pytest.mark.parametrize(("hook", "kind", "version"), WRITTEN)
def test_until_when_it_holds_is_told_in_every_version(
    index: PolicyIndex, hook: str, kind: str, version: str
) -> None:
    """In words where the version has no element for it."""
    parts = parts_of(written(index, hook, kind, version))

    assert UNTIL in str([parts.get("expiry-date"), parts["reason"]])


def extension_urls(value: Any) -> Iterator[str]:
    """The URL of every extension in a JSON value, parts of extensions apart."""
    if isinstance(value, dict):
        yield from (
            extension["url"]
            for extension in value.get("extension", ())
            if isinstance(extension, dict) and ":" in extension["url"]
        )
    for inner in (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    ):
        yield from extension_urls(inner)


def resources_in(value: Any) -> Iterator[JsonObject]:
    """Every resource in a JSON value that has an id, with those that it contains after it."""
    if isinstance(value, dict) and "resourceType" in value and "id" in value:
        yield value
    inside = value.values() if isinstance(value, dict) else value
    for inner in inside if isinstance(value, dict | list) else ():
        yield from resources_in(inner)


@pytest.mark.crd("conf-13")
def test_everything_said_stands_in_elements_of_the_guide() -> None:
    """A response adds no extensions but those of the guide."""
    for answered in every_answer():
        added = set(extension_urls(answered.response)) - set(extension_urls(answered.request))
        on_cards = {name for card in answered.cards for name in card.get("extension", {})}
        written = {name for card in answered.cards for name in card}
        came = {reference(found): found for found in resources_in(answered.request)}

        assert set(answered.response) <= {"cards", "systemActions"}
        assert written <= OF_A_CARD
        for resource in updates(answered.response):
            assert set(resource) <= {*came[reference(resource)], "extension"}
        assert added <= {URL}
        assert on_cards <= {"davinci-crd.associated-resource"}
