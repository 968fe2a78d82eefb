"""Every artifact of the library can be read without a program (R4 dom-6)."""

import pytest

from cds_service.authoring.narrative.generator import generate_narrative
from cds_service.policy.library.artifacts import Artifact, builtin_library, read_library

ARTIFACTS = list(read_library([builtin_library()]).by_key.values())


@pytest.mark.parametrize("artifact", ARTIFACTS, ids=lambda artifact: artifact.path.name)
def test_the_narrative_is_the_one_generated(artifact: Artifact) -> None:
    """`crd narrate` puts it there, and again after every change."""
    assert artifact.resource.get("text") == generate_narrative(artifact.resource)


@pytest.mark.parametrize("artifact", ARTIFACTS, ids=lambda artifact: artifact.path.name)
def test_the_narrative_is_short(artifact: Artifact) -> None:
    """A reader, and a start of the service, should not have to go through much."""
    narrative = generate_narrative(artifact.resource)

    assert narrative
    assert len(narrative["div"]) < 10_000
