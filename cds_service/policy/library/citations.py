"""Citations: how an answer names the policy and the rule it rests on."""

from collections.abc import Iterable
from urllib.parse import quote

from cds_service.crd.decision.determination import Citation
from cds_service.crd.request.membership import Payer, Plan
from cds_service.fhir.resource import JsonObject, first, objects, text
from cds_service.policy.library.artifacts import Artifact


def cite_policy(
    artifact: Artifact, payer: Payer, lines: tuple[Plan, ...], *, base_url: str
) -> Citation:
    """How answers name the policy in this artifact.

    Raises:
        ArtifactError: it lacks what a citation needs.
    """
    resource = artifact.resource
    related = [
        one
        for one in objects(resource.get("relatedArtifact"))
        if one.get("type") == "documentation"
    ]
    return Citation(
        policy_id=text(resource["id"]),
        canonical=f"{artifact.needed('url')}|{artifact.needed('version')}",
        number=text(first(resource.get("identifier")).get("value")) or text(resource["id"]),
        policy_title=artifact.needed("title"),
        page_url=f"{base_url}/policies/{quote(text(resource['id']))}",
        related=tuple(
            f"{text(one['label'])} {text(one.get('display'))}"
            for one in related
            if text(one.get("label"))
        ),
        audience=" or ".join(line.name for line in lines) or payer.brand,
        document_url=next(iter(_document_urls(resource)), ""),
    )


def _document_urls(resource: JsonObject) -> Iterable[str]:
    """Where the payer publishes the document itself, when that is known."""
    sources = [
        one for one in objects(resource.get("relatedArtifact")) if one.get("type") == "derived-from"
    ]
    urls = (text(one.get("url")) or text(first(one.get("document")).get("url")) for one in sources)
    return (url for url in urls if url.startswith("https://"))
