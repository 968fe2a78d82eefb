"""The examples run as tests: each request gets exactly the response beside it."""

from pathlib import Path

import pytest
from fakes import builtin_index, fake_pipeline

from cds_service.crd.request.hooks import HOOKS
from cds_service.errors import HookError
from cds_service.fhir.outcome import operation_outcome
from cds_service.fhir.resource import JsonObject, decode, encode
from cds_service.policy.run.index import PolicyIndex

EXAMPLES = Path(__file__).parents[1] / "examples"
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/request.json"))


@pytest.fixture(scope="module")
def index() -> PolicyIndex:
    return builtin_index()


def answer(request: bytes, index: PolicyIndex) -> bytes:
    """The response to a request, with a clock that stands still and ids that count."""
    try:
        return fake_pipeline(index, hook=decode(request)["hook"]).respond(request)
    except HookError as error:
        return encode(
            operation_outcome(code=error.issue_code, diagnostics=str(error), where=error.where)
        )


@pytest.mark.parametrize("name", NAMES)
def test_each_request_gets_the_response_beside_it(name: str, index: PolicyIndex) -> None:
    """An example is a request and its response, with the same digits and order of keys."""
    folder = EXAMPLES / name
    expected = encode(decode((folder / "response.json").read_bytes()))

    assert answer((folder / "request.json").read_bytes(), index) == expected


def test_there_are_at_least_twelve_examples_named_after_their_hook() -> None:
    """`<hook>-<what it shows>`, at least a dozen, and every hook has one."""
    requests = {name: (EXAMPLES / name / "request.json").read_bytes() for name in NAMES}
    hooks = {name: decode(request)["hook"] for name, request in requests.items()}

    assert len(NAMES) >= 12
    assert set(hooks.values()) == set(HOOKS)
    assert [name for name, hook in hooks.items() if not name.startswith(f"{hook}-")] == []


@pytest.mark.crd("resp-37")
def test_orders_come_back_with_nothing_but_our_extension_added(index: PolicyIndex) -> None:
    """An order of each kind is updated as it was drafted; `-2.00` stays `-2.00`."""
    request = (EXAMPLES / "order-sign-every-kind-of-order" / "request.json").read_bytes()

    response = answer(request, index)

    drafted = [entry["resource"] for entry in decode(request)["context"]["draftOrders"]["entry"]]
    updated = [action["resource"] for action in decode(response)["systemActions"]]
    assert [list(order)[-1] for order in updated] == ["extension"] * 6
    assert [encode(without_extension(order)) for order in updated] == list(map(encode, drafted))
    assert b'"sphere":-2.00' in response


def without_extension(order: JsonObject) -> JsonObject:
    return {name: value for name, value in order.items() if name != "extension"}
