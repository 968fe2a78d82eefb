"""CDS Hooks, the contexts of the hooks: all that a context names is answered, and nothing else."""

import pytest
from every_hook import JsonObject, asked_about, call, covered, encounter, reference, updates
from hook_requests import bundle
from wire import Wire, open_wire

OF_ORDERS = ["order-sign", "order-select", "order-dispatch", "appointment-book"]
# Where a context holds the resources themselves.
FIELDS = {
    "order-sign": "draftOrders",
    "order-select": "draftOrders",
    "appointment-book": "appointments",
}


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Wire:
    """The service over HTTP."""
    return open_wire(tmp_path_factory.mktemp("wire") / "library")


@pytest.mark.cds_hooks("context-1", "context-2", "context-3", "context-4")
@pytest.mark.parametrize("hook", OF_ORDERS)
def test_everything_that_a_context_names_is_answered(wire: Wire, hook: str) -> None:
    """Each of several orders or appointments, in their order."""
    asked = [asked_about(hook, id=f"asked-{number}") for number in (1, 2, 3)]

    assert list(map(reference, updates(wire.answer(call(hook, *asked))))) == [
        reference(resource) for resource in asked
    ]


@pytest.mark.cds_hooks("context-1", "context-2", "context-4")
@pytest.mark.parametrize("hook", FIELDS)
def test_orders_are_read_without_a_bundle_too(wire: Wire, hook: str) -> None:
    """As one resource, or as a list of them or of Bundles."""
    about = asked_about(hook)
    request = call(hook, about)
    unwrapped: list[JsonObject | list[JsonObject]] = [about, [about], [bundle(about)]]

    for value in unwrapped:
        context = {**request["context"], FIELDS[hook]: value}
        assert covered(wire.answer({**request, "context": context})) == ["not-covered"]


@pytest.mark.cds_hooks("context-5", "context-6")
@pytest.mark.parametrize("hook", ["encounter-start", "encounter-discharge"])
def test_the_encounter_that_a_context_names_is_answered(wire: Wire, hook: str) -> None:
    """Alone, also where more of the patient's came."""
    named, another = encounter(id="encounter-2"), encounter()
    request = call(hook, named)
    came = {**request["prefetch"], "encounter": bundle(another, named)}
    answer = wire.answer({**request, "prefetch": came})

    assert list(map(reference, updates(answer))) == ["Encounter/encounter-2"]
