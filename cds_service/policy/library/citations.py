"""Citations: how a determination names the policy and the rule it rests on."""

import re
from collections.abc import Iterator
from urllib.parse import quote

from cds_service.crd.decision.determination import Citation
from cds_service.crd.request.membership import Payer, Plan
from cds_service.fhir.resource import JsonObject, first, objects, text
from cds_service.policy.library.artifacts import Artifact

_PLAIN = re.compile(r"[A-Za-z0-9._-]*")


def cite_policy(
    artifact: Artifact, payer: Payer, lines: tuple[Plan, ...], *, base_url: str
) -> Citation:
    """How determinations name the policy in this artifact, of this payer.

    `lines` are the lines of business that it is limited to; without any it is for all members.
    `base_url` is where the policy pages are.

    Raises:
        ArtifactError: it lacks what a citation needs.
    """
    resource = artifact.resource
    return Citation(
        policy_id=text(resource["id"]),
        canonical=f"{artifact.needed('url')}|{artifact.needed('version')}",
        number=text(first(resource.get("identifier")).get("value")) or text(resource["id"]),
        policy_title=artifact.needed("title"),
        page_url=f"{base_url}/policies/{in_url(text(resource['id']))}",
        related=tuple(_related_documents(resource)),
        audience=" or ".join(plan.name for plan in lines) or payer.brand,
        document_url=next(_document_urls(resource), ""),
    )


def in_url(name: str) -> str:
    """A name as it stands in a URL; the ids of FHIR stand there as they are."""
    return name if _PLAIN.fullmatch(name) else quote(name, safe="")


def _related_documents(resource: JsonObject) -> Iterator[str]:
    """The labelled documents beside the policy, as `label display`."""
    for document in _related(resource, "documentation"):
        if label := text(document.get("label")):
            yield f"{label} {text(document.get('display'))}"


def _document_urls(resource: JsonObject) -> Iterator[str]:
    """Where the payer publishes the document itself, when that is known."""
    for source in _related(resource, "derived-from"):
        url = text(source.get("url")) or text(first(source.get("document")).get("url"))
        if url.startswith("https://"):
            yield url


def _related(resource: JsonObject, kind: str) -> list[JsonObject]:
    related = objects(resource.get("relatedArtifact"))
    return [artifact for artifact in related if artifact.get("type") == kind]
