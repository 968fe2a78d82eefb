"""Invariants of R4 that artifacts must keep, each broken once."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest
from small_library import insurance_plan, organization, policy, rule

from cds_service.errors import ArtifactError
from cds_service.policy.library.artifacts import builtin_library, read_library
from cds_service.policy.library.invariants import INVARIANTS
from cds_service.policy.library.shape import ShapeChecker

JsonObject = dict[str, Any]

RULE = "$.action[0].action[0]"
SYSTEM = "https://codes.example.invalid"


class Broken(NamedTuple):
    """A resource that breaks one invariant, and where."""

    key: str
    resource: JsonObject
    where: str


def trigger(**elements: Any) -> JsonObject:
    return policy(action=[{"trigger": [elements]}])


def with_input(**elements: Any) -> JsonObject:
    return policy(rule(input=[{"type": "ServiceRequest", **elements}]))


def value_set(**elements: Any) -> JsonObject:
    return {"resourceType": "ValueSet", "id": "v", "status": "active", **elements}


def composed(**include: Any) -> JsonObject:
    return value_set(compose={"include": [include]})


def expanded(**contains: Any) -> JsonObject:
    return value_set(expansion={"timestamp": "2025-01-01", "contains": [contains]})


def without(resource: JsonObject, *names: str) -> JsonObject:
    return {name: value for name, value in resource.items() if name not in names}


DATA = [{"type": "Condition"}]
CONCEPTS = [{"code": "a"}]
FILTERS = [{"property": "concept", "op": "is-a", "value": "a"}]
CODE_SYSTEM = {
    "resourceType": "CodeSystem",
    "id": "c",
    "status": "active",
    "content": "complete",
    "concept": [{"code": "a", "concept": [{"code": "b"}]}, {"code": "b"}],
}
LIBRARY = {
    "resourceType": "Library",
    "id": "l",
    "status": "active",
    "type": {"text": "words"},
    "content": [{"data": "YQ=="}],
}
COMPOSE, EXPANSION = "$.compose.include[0]", "$.expansion.contains[0]"
TRIGGER = "$.action[0].trigger[0]"
BROKEN = [
    Broken("att-1", LIBRARY, "$.content[0]"),
    Broken("csd-1", CODE_SYSTEM, "$"),
    Broken("cpt-2", organization(telecom=[{"value": "1"}]), "$.telecom[0]"),
    Broken("drq-1", with_input(codeFilter=[{"code": CONCEPTS}]), f"{RULE}.input[0].codeFilter[0]"),
    Broken(
        "drq-1",
        with_input(codeFilter=[{"path": "code", "searchParam": "code"}]),
        f"{RULE}.input[0].codeFilter[0]",
    ),
    Broken(
        "drq-2",
        with_input(dateFilter=[{"valueDateTime": "2025-01-01"}]),
        f"{RULE}.input[0].dateFilter[0]",
    ),
    Broken(
        "exp-1",
        policy(rule(condition=[{"kind": "start", "expression": {"language": "text/fhirpath"}}])),
        f"{RULE}.condition[0].expression",
    ),
    Broken("ipn-1", without(insurance_plan("gold"), "name", "identifier"), "$"),
    Broken("org-1", without(organization(), "name", "identifier"), "$"),
    Broken(
        "qty-3",
        policy(extension=[{"url": SYSTEM, "valueQuantity": {"value": 1, "code": "d"}}]),
        "$.extension[0].valueQuantity",
    ),
    Broken("trd-1", trigger(type="periodic", timingDate="2025-01-01", data=DATA), TRIGGER),
    Broken(
        "trd-2",
        trigger(
            type="named-event",
            name="order-sign",
            condition={"language": "text/fhirpath", "expression": "true"},
        ),
        TRIGGER,
    ),
    Broken("trd-3", trigger(type="named-event"), TRIGGER),
    Broken("trd-3", trigger(type="periodic"), TRIGGER),
    Broken("trd-3", trigger(type="data-added", name="order-sign"), TRIGGER),
    Broken("vsd-1", composed(version="1"), COMPOSE),
    Broken("vsd-2", composed(valueSet=[SYSTEM], concept=CONCEPTS), COMPOSE),
    Broken("vsd-2", composed(valueSet=[SYSTEM], filter=FILTERS), COMPOSE),
    Broken("vsd-3", composed(system=SYSTEM, concept=CONCEPTS, filter=FILTERS), COMPOSE),
    Broken("vsd-6", expanded(system=SYSTEM, abstract=True), EXPANSION),
    Broken("vsd-9", expanded(system=SYSTEM, display="A"), EXPANSION),
    Broken("vsd-10", expanded(code="a"), EXPANSION),
]


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: f"{broken.key} {broken.where}")
def test_an_artifact_that_breaks_an_invariant_stops_the_start(broken: Broken) -> None:
    """The message has the place of the object, and R4's key."""
    with pytest.raises(ArtifactError, match=rf"\(R4 {broken.key}\)") as caught:
        ShapeChecker().check(Path("artifact.json"), broken.resource)

    assert caught.value.where == broken.where


def test_every_invariant_is_tried() -> None:
    """None is on the list that these cases do not break."""
    listed = {invariant.key for found in INVARIANTS.values() for invariant in found}

    assert listed == {broken.key for broken in BROKEN}


def test_the_built_in_library_keeps_them_all() -> None:
    """It is read, so it is checked; and it has objects of most of these types."""
    assert read_library([builtin_library()]).by_key
