"""References such as `ServiceRequest/123`, compared by their tail.

EHRs write one target relative, absolute under several bases, and versioned; type and id are what
they share.
"""

import re
from typing import NamedTuple

from cds_service.fhir.resource import JsonObject, resource_type, text

# Relative, or absolute under a base; not a search, a fragment or a URN that merely ends like one.
_LITERAL = re.compile(
    r"(?:https?://[^?#\s]+/|[^?#\s:]*/)?([A-Z][A-Za-z]+)/([^/?#|]+)(?:/_history/[^/]+)?"
)
_ENDS_AN_ID = re.compile(r"[/?#|\\]")


class ResourceKey(NamedTuple):
    """The type and id of a resource on the EHR's server."""

    type: str
    id: str

    def __str__(self) -> str:
        return f"{self.type}/{self.id}"


def parse_reference(reference: str) -> ResourceKey | None:
    """The type and id a literal reference ends in.

    None for `#fragments`, URNs and anything else.
    """
    tail = _LITERAL.fullmatch(reference)
    return ResourceKey(tail.group(1), tail.group(2)) if tail else None


def read_key(resource: JsonObject) -> ResourceKey | None:
    """Type and id of a resource, or None if it cannot be addressed."""
    kind, identity = resource_type(resource), text(resource.get("id"))
    return ResourceKey(kind, identity) if kind and identity else None


def fits_reference(identity: str) -> bool:
    """Whether a reference can carry an id to its end; FHIR allows less (R4, id), EHRs send more."""
    return _ENDS_AN_ID.search(identity) is None
