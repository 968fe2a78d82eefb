"""Libraries of this project as tests export them."""

from pathlib import Path

from cds_service.crd.codes import CANONICAL_BASE
from cds_service.exchange.outgoing.exporting import ExportedSet, make_set
from cds_service.exchange.portable.view import portable_view
from cds_service.policy.library.artifacts import Library, builtin_library, read_library
from cds_service.policy.library.compiler import compile_library
from cds_service.policy.library.snapshot import digest

EXAMPLES = Path(__file__).parents[1] / "examples" / "policies"
BASE = "https://payer.example.org/fhir"


def builtin() -> Library:
    """The built-in library alone."""
    return read_library([builtin_library()])


def everything() -> Library:
    """The built-in library with the invented policies."""
    return read_library([builtin_library(), EXAMPLES])


def exported(library: Library, base: str = CANONICAL_BASE, view: str = "library") -> ExportedSet:
    """The set that leaves in one of the two views."""
    resources = [artifact.resource for artifact in library.by_key.values()]
    if view == "portable":
        seen = portable_view(library, compile_library(library, base_url=""))
        resources = list(seen.resources)
    return make_set(resources, digest=digest(library), base=base, view=view)
