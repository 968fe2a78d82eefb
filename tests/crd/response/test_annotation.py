"""Annotation: nothing but our own extension changes in an order, and only if it is new."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from coverage_information_rules import URL, order_violations
from hypothesis import given, settings
from hypothesis import strategies as st
from made_determinations import citation, determinations

from cds_service.crd.codes import COVERAGE_DETAIL, Covered, DetailCategory
from cds_service.crd.decision.determination import Detail, Determination, Reason
from cds_service.crd.request.order import read_order
from cds_service.crd.request.version import VERSIONS
from cds_service.crd.response.annotation import OrderAnnotation, annotate, system_action
from cds_service.crd.response.coverage_information import Assertion, own_repetitions, write_parts
from cds_service.fhir.coding import Coding
from cds_service.fhir.reference import ResourceKey
from cds_service.fhir.resource import decode, encode

JsonObject = dict[str, Any]

OURS, THEIRS = ResourceKey("Coverage", "ours"), ResourceKey("Coverage", "theirs")
NOT_COVERED = Determination(covered=Covered.NOT_COVERED, reasons=(Reason(text="because"),))
COVERED = Determination(covered=Covered.COVERED)
V2_2 = VERSIONS["2.2"]
AS_IT_CAME = b"""{"zzz":"unknown","resourceType":"ServiceRequest","id":"1","extension":[{"url":"https://else.example.invalid",
"valueDecimal":1.10}],"modifierExtension":[{"url":"m","valueBoolean":false}],"quantityQuantity":{"value":1.50,"unit":"x"},
"_status":{"extension":[{"url":"u","valueCode":"c"}]},"status":"draft","contained":[{"resourceType":"Device","id":"d","lot":1e3}],
"code":{"text":"\\u00e9\\ud83e\\ude7a","coding":[{"code":"0600T"}]},"aaa":[1,0.30,-0.0,12345678901234567890],"meta":null}"""


def assertion(coverage: ResourceKey = OURS, *, day: int = 20, identity: str = "a-1") -> Assertion:
    return Assertion(coverage=coverage, day=date(2026, 11, day), id=identity)


def annotated(order: JsonObject, *given: Any) -> JsonObject:
    """The order with what was determined written onto it."""
    return annotate(order, *given).resource


def without_ours(order: JsonObject) -> bytes:
    """The order less its coverage information, and less `extension` if nothing else is in it."""
    kept = [extension for extension in order.get("extension", []) if extension.get("url") != URL]
    bare = {name: value for name, value in order.items() if name != "extension"}
    return encode({**order, "extension": kept} if kept else bare)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False, places=2)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1), inner, max_size=3)
    ),
    max_leaves=8,
)
orders = st.dictionaries(
    st.text(min_size=1).filter(lambda name: name != "extension"), json_values, max_size=5
)


@pytest.mark.crd("resp-37")
@settings(max_examples=100, deadline=None)
@given(order=orders, determination=determinations())
def test_nothing_but_our_extension_is_different(
    order: JsonObject, determination: Determination
) -> None:
    """What stands in an order comes back as and where it was; the order given is left alone."""
    before = encode(order)
    after = annotated(order, [determination], assertion(), V2_2)

    assert without_ours(after) == before == encode(order)
    assert list(after)[: len(order)] == list(order)


@pytest.mark.crd("resp-37")
def test_digits_key_order_and_unknown_fields_come_back_byte_for_byte() -> None:
    """`1.10` stays `1.10`, `_status` and unknown elements stay, and keys keep their places."""
    order = decode(AS_IT_CAME)
    after = annotated(order, [NOT_COVERED], assertion(), V2_2)
    (added,) = own_repetitions(after, OURS)

    assert encode(after).replace(b"," + encode(added), b"") == encode(order)
    assert b'"valueDecimal":1.10}' in encode(after)
    assert b'"value":1.50,' in encode(after)


def test_extensions_that_were_there_stay_in_front() -> None:
    """Ours come last, so that nothing else moves."""
    order: JsonObject = {
        "resourceType": "ServiceRequest",
        "extension": [{"url": "one"}, {"url": "two"}],
    }

    assert annotated(order, [COVERED], assertion(), V2_2)["extension"][:2] == order["extension"]


@pytest.mark.parametrize(
    "present",
    [None, [], {"url": "alone"}, "text", "", 5, 0, True, [None], ["text"], [[]]],
    ids=repr,
)
def test_an_extension_element_of_any_shape_does_not_stop_the_answer(present: Any) -> None:
    """EHRs send one object, null or worse where a list is due; it is annotated all the same."""
    order: JsonObject = {"resourceType": "ServiceRequest", "id": "1", "extension": present}
    after = annotated(order, [COVERED], assertion(), V2_2)

    assert len(own_repetitions(after, OURS)) == 1


def test_text_where_extensions_are_due_is_not_taken_apart() -> None:
    """A string is not a list of letters."""
    order: JsonObject = {"resourceType": "ServiceRequest", "id": "1", "extension": "abc"}

    assert "a" not in annotated(order, [COVERED], assertion(), V2_2)["extension"]


@pytest.mark.crd("resp-35")
@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
@settings(max_examples=50, deadline=None)
@given(determination=st.lists(determinations(), min_size=1, max_size=2))
def test_saying_it_again_says_nothing_new(version: Any, determination: list[Determination]) -> None:
    """The very same order comes back if it states that already, whenever and under any id."""
    order: JsonObject = {"resourceType": "ServiceRequest", "id": "1"}
    once = annotated(order, determination, assertion(), version)

    again = annotate(once, determination, assertion(day=21, identity="a-2"), version)

    assert (again.is_new, again.resource is once) == (False, True)


@pytest.mark.crd("resp-35")
def test_it_is_still_nothing_new_after_the_client_stored_it() -> None:
    """A client may write the Coverage's reference absolute and put the parts in another order."""
    once = annotated(
        {"resourceType": "ServiceRequest", "id": "1"}, [NOT_COVERED], assertion(), V2_2
    )
    stored = decode(
        encode(once).replace(
            b'"Coverage/ours"', b'"https://ehr.example.invalid/fhir/Coverage/ours"'
        )
    )
    stored["extension"][0]["extension"].reverse()

    again = annotate(stored, [NOT_COVERED], assertion(identity="a-2"), V2_2)

    assert (again.is_new, again.resource is stored) == (False, True)


@settings(max_examples=50, deadline=None)
@given(first=determinations(), then=determinations())
def test_a_changed_fact_replaces_our_own_repetition(
    first: Determination, then: Determination
) -> None:
    """There is one repetition afterwards, and it says what is true now."""
    bare: JsonObject = {"resourceType": "ServiceRequest", "id": "1"}
    changed = annotated(annotated(bare, [first], assertion(), V2_2), [then], assertion(), V2_2)

    assert encode(changed) == encode(annotated(bare, [then], assertion(), V2_2))


@pytest.mark.crd("resp-37")
@settings(max_examples=50, deadline=None)
@given(first=determinations(), then=determinations(), other=determinations())
def test_other_payers_repetitions_are_kept_byte_for_byte(
    first: Determination, then: Determination, other: Determination
) -> None:
    """What another payer wrote is not ours to change, whatever we say."""
    bare: JsonObject = {"resourceType": "ServiceRequest", "id": "1"}
    foreign = annotated(bare, [other], assertion(THEIRS, identity="their-1"), VERSIONS["2.0"])
    ours = annotated(foreign, [first], assertion(), V2_2)
    changed = annotated(ours, [then], assertion(), V2_2)

    assert encode(changed["extension"][0]) == encode(foreign["extension"][0])
    assert len(changed["extension"]) == 2


def test_our_own_repetition_said_twice_is_put_right() -> None:
    """Two equal repetitions for one coverage are one too many."""
    once = annotated({"resourceType": "ServiceRequest", "id": "1"}, [COVERED], assertion(), V2_2)
    doubled = {**once, "extension": [*once["extension"], *decode(encode(once["extension"]))]}

    assert len(annotated(doubled, [COVERED], assertion(), V2_2)["extension"]) == 1


def test_what_was_said_for_another_version_is_said_anew() -> None:
    """The shape is part of what a client can read."""
    older = annotated(
        {"resourceType": "ServiceRequest", "id": "1"}, [NOT_COVERED], assertion(), VERSIONS["2.0"]
    )
    newer = annotated(older, [NOT_COVERED], assertion(), V2_2)

    assert order_violations(newer, "2.2") == []


@pytest.mark.parametrize("version", VERSIONS)
def test_two_coverages_stand_side_by_side(version: str) -> None:
    """Each has its own repetition and its own assertion id."""
    writer = VERSIONS[version]
    annotated_once = annotated(
        {"resourceType": "ServiceRequest", "id": "1"}, [NOT_COVERED], assertion(), writer
    )
    both = annotated(annotated_once, [COVERED], assertion(THEIRS, identity="a-2"), writer)

    assert len(both["extension"]) == 2
    assert order_violations(both, version) == []


def test_the_action_carries_the_annotated_order_and_names_it() -> None:
    """The description says which order is updated."""
    resource = {"resourceType": "ServiceRequest", "id": "1"}
    action = system_action(
        OrderAnnotation(
            order=read_order(resource),
            annotated=annotate(resource, [COVERED], assertion(), V2_2),
            unreported=(),
        )
    )

    assert "ServiceRequest/1" in action.description
    assert own_repetitions(action.resource, OURS)


def test_each_policy_an_answer_rests_on_is_linked() -> None:
    """The link is a detail of type url beside what the policy itself says."""
    cited = replace(NOT_COVERED, citations=(citation("one"), citation("two")))
    details = [part for part in write_parts(cited, assertion()) if part["url"] == "detail"]
    read = [{part["url"]: part for part in detail["extension"]} for detail in details]

    assert [
        (part["code"]["valueCodeableConcept"]["coding"][0]["code"], part["value"]["valueUrl"])
        for part in read
    ] == [
        ("policy-link", cited.citations[0].page_url),
        ("policy-link", cited.citations[1].page_url),
    ]


def test_quantities_in_a_determination_keep_their_digits() -> None:
    """`1.50` in a policy is `1.50` on the order."""
    allowed = Detail(
        category=DetailCategory.LIMITATION,
        code=Coding(COVERAGE_DETAIL, "allowed-quantity"),
        value_type="valueQuantity",
        value={"value": Decimal("1.50")},
    )
    order = annotated(
        {"resourceType": "ServiceRequest"},
        [replace(COVERED, details=(allowed,))],
        assertion(),
        V2_2,
    )

    assert b'"valueQuantity":{"value":1.50}' in encode(order)
