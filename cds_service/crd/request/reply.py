"""The reply of an EHR to one query."""

from dataclasses import dataclass

from cds_service.fhir.resource import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What one query brought: the resources of all its pages, or the cause of a failure.

    No failure and no resources: the EHR has looked and there is nothing. `seconds` is how long it
    took.
    """

    query: str
    resources: tuple[JsonObject, ...] = ()
    failure: str = ""
    seconds: float = 0.0
