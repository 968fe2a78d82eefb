"""The examples are documentation that runs: each request gets exactly the response beside it."""

from pathlib import Path

import pytest
from fakes import builtin_index, fake_pipeline

from cds_service.crd.request.hooks import HOOKS
from cds_service.errors import HookError
from cds_service.fhir.outcome import operation_outcome
from cds_service.fhir.resource import decode, encode
from cds_service.policy.run.index import PolicyIndex

EXAMPLES = Path(__file__).parents[1] / "examples"
NAMES = sorted(path.name for path in EXAMPLES.iterdir())


@pytest.fixture(scope="module")
def index() -> PolicyIndex:
    return builtin_index()


def answer(request: bytes, index: PolicyIndex) -> bytes:
    """What the service sends back, on a clock that stands still and ids that count."""
    try:
        return fake_pipeline(index, hook=decode(request)["hook"]).respond(request)
    except HookError as error:
        return encode(
            operation_outcome(code=error.issue_code, diagnostics=str(error), where=error.where)
        )


@pytest.mark.parametrize("name", NAMES)
def test_each_request_gets_the_response_beside_it(name: str, index: PolicyIndex) -> None:
    """An example is a request and the answer it really gets, digits and key order included."""
    folder = EXAMPLES / name
    expected = encode(decode((folder / "response.json").read_bytes()))

    assert answer((folder / "request.json").read_bytes(), index) == expected


def test_there_are_at_least_twelve_examples_named_after_their_hook() -> None:
    """`<hook>-<what it shows>`, at least a dozen, and every hook has one."""
    assert len(NAMES) >= 12
    assert {hook for hook in HOOKS for name in NAMES if name.startswith(f"{hook}-")} == set(HOOKS)


@pytest.mark.crd("resp-37")
def test_an_order_comes_back_with_nothing_but_our_extension_added() -> None:
    """`-2.00` stays `-2.00`, and so does everything else an EHR wrote."""
    response = (EXAMPLES / "order-sign-every-kind-of-order" / "response.json").read_text()

    assert '"sphere": -2.00' in response
