"""PlanDefinition/$package: a policy with everything it depends on, in one Bundle (CRMI)."""

from cds_service.errors import ExchangeError, UnsupportedKind
from cds_service.fhir.resource import JsonObject
from cds_service.policy.library.artifacts import Artifact
from cds_service.rest.operations.library import OperationsLibrary
from cds_service.rest.operations.parameters import Parameters

# These choose other content than the whole package, or another server's.
_REFUSED = (
    "bundleType",
    "capability",
    "include",
    "manifest",
    "packageOnly",
    "artifactVersion",
    "checkArtifactVersion",
    "forceArtifactVersion",
    "offset",
    "count",
)


def package(library: OperationsLibrary, policy: Artifact, parameters: Parameters) -> JsonObject:
    """The Bundle of one policy: its manifest first, then all that it depends on here.

    Raises:
        UnsupportedParameter: a part of the package is asked for.
        UnsupportedKind: the library cannot be packed.
    """
    parameters.refuse(_REFUSED, "the package is whole, as this library pins it")
    try:
        return library.packages().of(policy.resource)
    except ExchangeError as error:
        raise UnsupportedKind(str(error)) from error
