"""The guide's first policy at work: compiled as shown or changed, and its request answered."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from author_guide import (
    GUIDE,
    LIBRARY,
    POLICY,
    JsonObject,
    read_blocks,
    shown_files,
    snippets,
    write_files,
)
from fakes import fake_pipeline

from cds_service.fhir.resource import decode, encode
from cds_service.policy.library.artifacts import read_library
from cds_service.policy.library.compiler import compile_library
from cds_service.policy.run.index import PolicyIndex

BLOCKS = read_blocks(GUIDE.read_text())
FILES = shown_files(BLOCKS)
REQUEST = decode(FILES["request.json"].encode())
SESSIONS = snippets(BLOCKS, "input")[0].json  # the history that conditions in the guide read


def answer(index: PolicyIndex, hook: str = "order-sign", **elements: Any) -> tuple[Any, Any]:
    """The decisions on the guide's request, its order with other `elements`, and the response."""
    request = {**decode(encode(REQUEST)), "hook": hook}
    request["context"]["draftOrders"]["entry"][0]["resource"] |= elements
    if hook == "appointment-book":
        request["context"] = _booking()
    trail = fake_pipeline(index, hook=hook).evaluate(encode(request))
    return trail.decisions, decode(encode(trail.response.to_json()))


def _booking() -> JsonObject:
    """The context of a call about an appointment for what the guide's request orders."""
    (order,) = (entry["resource"] for entry in REQUEST["context"]["draftOrders"]["entry"])
    ulcer = {"resourceType": "Condition", "id": "ulcer", "code": order["reasonCode"][0]}
    appointment = {
        "resourceType": "Appointment",
        "id": "booked",
        "contained": [ulcer],
        "status": "proposed",
        "serviceType": [order["code"]],
        "reasonReference": [{"reference": "#ulcer"}],
        "start": "2026-12-01T09:00:00Z",
        "participant": [{"actor": {"reference": "Patient/member"}, "status": "tentative"}],
    }
    booked = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": appointment}]}
    return {"userId": "Practitioner/signer", "patientId": "member", "appointments": booked}


def changed(
    tmp_path: Path, change: Callable[[JsonObject], object], *, path: str = POLICY
) -> PolicyIndex:
    """The index over the guide's policy with something changed in one of its files."""
    resource = decode(FILES[path].encode())
    change(resource)
    files = {**shown_files(BLOCKS, LIBRARY), path: encode(resource).decode()}
    directory = write_files(tmp_path, files) / LIBRARY
    return compile_library(read_library([directory]), base_url="")


def compiled(tmp_path: Path, *expressions: str) -> PolicyIndex:
    """The index over the guide's policy with these conditions in its first rule."""

    def add(policy: JsonObject) -> None:
        outer = policy["action"][0]
        if any("%sessions" in expression for expression in expressions):
            outer["input"] = [SESSIONS]
        for expression in expressions:
            written = {"language": "text/fhirpath", "expression": expression}
            condition = {"kind": "applicability", "expression": written}
            outer["action"][0]["condition"].append(condition)

    return changed(tmp_path, add)


def conditions(index: PolicyIndex, **elements: Any) -> list[Any]:
    """What the conditions of the first rule came to, for the guide's request as in `answer`."""
    decisions, _ = answer(index, **elements)
    (traces,) = [
        trace.conditions
        for trace in decisions.answers[0].traces
        if trace.citation.rule_id == "listed-diagnosis"
    ]
    return list(traces)
