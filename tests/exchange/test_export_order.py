"""The order of an export: whatever is named comes before what names it."""

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from cds_service.exchange.dependencies import Catalog
from cds_service.exchange.order import in_order_of_need
from cds_service.fhir.reference import ResourceKey, read_key
from cds_service.policy.library.artifacts import builtin_library, read_library

EXAMPLES = Path(__file__).parents[2] / "examples" / "policies"
EVERYTHING = [
    artifact.resource for artifact in read_library([builtin_library(), EXAMPLES]).by_key.values()
]


def artifact(kind: str, name: str, **elements: Any) -> dict[str, Any]:
    """An artifact with a url."""
    return {
        "resourceType": kind,
        "id": name,
        "url": f"https://x.invalid/{kind}/{name}",
        "version": "1",
        **elements,
    }


def ids(*resources: dict[str, Any]) -> list[str]:
    """The ids in the order of need."""
    return [resource["id"] for resource in in_order_of_need(resources)]


def test_every_artifact_of_ours_comes_after_all_that_it_names() -> None:
    """Whatever order they are read in."""
    ordered = in_order_of_need(EVERYTHING)
    catalog = Catalog(EVERYTHING)
    seen: set[ResourceKey | None] = set()
    for resource in ordered:
        assert catalog.needs(resource) <= seen
        seen.add(read_key(resource))

    assert len(ordered) == len(EVERYTHING)
    assert in_order_of_need(reversed(EVERYTHING)) == ordered


@pytest.mark.parametrize(
    "elements",
    [
        {"compose": {"include": [{"valueSet": ["https://x.invalid/ValueSet/b|1"]}]}},
        {"extension": [{"url": "https://x.invalid/ValueSet/b", "valueBoolean": True}]},
        {"useContext": [{"valueReference": {"reference": "ValueSet/b"}}]},
        {"purpose": "%codes.where(memberOf('https://x.invalid/ValueSet/b|1')).exists()"},
    ],
)
def test_what_is_named_in_any_way_comes_first(elements: dict[str, Any]) -> None:
    """As a canonical, an extension's url, a reference, or inside an expression."""
    assert ids(artifact("ValueSet", "a", **elements), artifact("ValueSet", "b")) == ["b", "a"]


def test_a_narrative_or_a_longer_address_names_nothing() -> None:
    """`…/b-2` is not `…/b`, and a narrative only repeats what the data say."""
    first = artifact(
        "ValueSet",
        "a",
        purpose="https://x.invalid/ValueSet/b-2",
        text={"div": "https://x.invalid/ValueSet/b"},
    )
    assert ids(artifact("ValueSet", "b"), first) == ["a", "b"]


def test_a_circle_ends_in_the_same_order_from_everywhere() -> None:
    """Nothing is lost in it, and what hangs on it comes after it."""
    circle = [
        artifact("PlanDefinition", "a", description="https://x.invalid/PlanDefinition/b"),
        artifact("PlanDefinition", "b", description="https://x.invalid/PlanDefinition/a"),
        artifact("Library", "c", description="https://x.invalid/PlanDefinition/b"),
    ]
    orders = {tuple(ids(*shuffled)) for shuffled in permutations(circle)}

    assert orders == {("a", "b", "c")}
