"""CDS Hooks: discovery, a service for each hook, feedback."""

from collections.abc import Iterator

from cds_service.crd.request.hooks import HOOKS, Hook
from cds_service.fhir.resource import JsonObject
from cds_service.web.openapi.examples import FEEDBACK, ORDER_SIGN
from cds_service.web.openapi.hook_schemas import request_name
from cds_service.web.openapi.parts import CLIENT, answer, content, operation, problems, ref

TAG = "CDS Hooks"
_CALL = (
    "Which resources a call brings, and in which keys, is in discovery. `requestedVersion` in the "
    "extension asks for CRD 2.0, 2.1 or 2.2; without one the answer is in the shape of 2.0. "
    "Data that is absent but was looked for never leads to an error, and what cannot be told is "
    "answered as `indeterminate`, never as covered."
)


def cds_paths() -> Iterator[tuple[str, JsonObject]]:
    """Each path with its operations."""
    yield (
        "/cds-services",
        {
            "get": operation(
                "discover",
                TAG,
                "What services there are",
                who=CLIENT,
                answers={
                    "200": answer("The services.", content(ref("Discovery"))),
                    **problems(401, 429),
                },
            )
        },
    )
    for hook in HOOKS.values():
        yield f"/cds-services/{hook.service_id}", {"post": _call(hook)}
        yield f"/cds-services/{hook.service_id}/feedback", {"post": _feedback(hook)}


def _call(hook: Hook) -> JsonObject:
    example = ORDER_SIGN if hook.name == "order-sign" else None
    return operation(
        hook.service_id,
        TAG,
        hook.title,
        about=f"{hook.about} {_CALL}",
        who=CLIENT,
        body=content(ref(request_name(hook.name)), example=example),
        answers={
            "200": answer("Cards and coverage information.", content(ref("HookResponse"))),
            **problems(400, 401, 403, 412, 413, 422, 429, 503),
        },
    )


def _feedback(hook: Hook) -> JsonObject:
    return operation(
        f"{hook.service_id}-feedback",
        TAG,
        f"What became of cards: {hook.name}",
        about="Sent twice, it is kept once.",
        who=CLIENT,
        body=content(ref("Feedback"), example=FEEDBACK),
        answers={
            "200": answer("It is kept.", content({"type": "object", "maxProperties": 0})),
            **problems(400, 401, 403, 413, 429, 503),
        },
    )
