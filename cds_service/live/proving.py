"""Proving a set of policies before it goes live: it holds something, and passes its own tests."""

from cds_service.errors import ArtifactError, ArtifactErrors, SetRefused
from cds_service.live.candidate import PolicySet
from cds_service.policy.run.index import PolicyIndex


def check_fit(policies: PolicySet, index: PolicyIndex, *, may_be_silent: bool = False) -> None:
    """Pass a set that compiles to `index` and may go live.

    A service without policies answers nobody: a set without any goes live only where it
    `may_be_silent`, as the one in service is.

    Raises:
        SetRefused: it has no policy that answers, and has to.
        ArtifactError: it does what `crd check` refuses, or fails its cases; each is named.
    """
    if not index.policies and not may_be_silent:
        raise SetRefused("no policy of the set is active; to serve none, stop the service")
    from cds_service.authoring.check import find_faults  # noqa: PLC0415  # no start needs it

    faults = [
        ArtifactError(finding.file, finding.where, finding.problem)
        for finding in find_faults(policies.library, index, policies.cases)
    ]
    if faults:
        raise faults[0] if len(faults) == 1 else ArtifactErrors(faults)
