"""Proposals of one kind with the content of another cannot be constructed."""

import pytest
from made_determinations import citation

from cds_service.crd.codes import Topic
from cds_service.crd.decision.proposal import (
    App,
    Content,
    Creation,
    Form,
    Proposal,
    ProposalKind,
    Update,
    is_offered,
)
from cds_service.crd.request.hooks import HOOKS
from cds_service.fhir.reference import ResourceKey

ORDER = {"resourceType": "ServiceRequest"}
KEY = ResourceKey("ServiceRequest", "order-1")
CONTENTS: dict[str, Content] = {
    "update": Update(resource=ORDER),
    "coverage": Update(resource={"resourceType": "Coverage"}),
    "creation": Creation(resource=ORDER),
    "replacement": Creation(resource=ORDER, replaces=KEY),
    "form": Form(questionnaire="https://x.invalid/form|1", purpose={"text": "to know"}),
    "app": App(url="https://x.invalid"),
}
FITTING = {
    (ProposalKind.ALTERNATE, "update"),
    (ProposalKind.ALTERNATE, "replacement"),
    (ProposalKind.ADDITIONAL, "creation"),
    (ProposalKind.FORM, "form"),
    (ProposalKind.COVERAGE, "coverage"),
    (ProposalKind.APP, "app"),
}


def made(kind: ProposalKind, content: str, topic: Topic = Topic.COST) -> Proposal:
    """A proposal of a kind with some content."""
    return Proposal(
        kind=kind,
        id="p",
        topic=topic,
        title="Do it",
        description="Do it by hand",
        citation=citation(),
        content=CONTENTS[content],
    )


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("kind", ProposalKind)
def test_each_kind_has_its_own_content(kind: ProposalKind, content: str) -> None:
    """An alternate changes or replaces an order, an additional order replaces none, and so on."""
    if (kind, content) in FITTING:
        assert made(kind, content).name.endswith("/p")
    else:
        with pytest.raises(ValueError, match=r"with|replaces|updates"):
            made(kind, content)


@pytest.mark.crd("resp-25")
def test_no_proposal_is_about_coverage_information() -> None:
    """That response type is never a card."""
    with pytest.raises(ValueError, match="resp-25"):
        made(ProposalKind.APP, "app", Topic.COVERAGE_INFO)


@pytest.mark.crd("resp-70")
def test_a_corrected_coverage_is_for_administrative_hooks() -> None:
    """Whoever selects, signs or dispatches an order is a clinician."""
    shown = {
        name
        for name, hook in HOOKS.items()
        if is_offered(ProposalKind.COVERAGE, name, primary=hook.primary)
    }

    assert shown == {"appointment-book", "encounter-start", "encounter-discharge"}


@pytest.mark.crd("hook-19")
def test_a_form_is_asked_for_on_primary_hooks() -> None:
    """On the others documentation is asked for too early."""
    shown = {
        name
        for name, hook in HOOKS.items()
        if is_offered(ProposalKind.FORM, name, primary=hook.primary)
    }

    assert shown == {"order-sign", "order-dispatch", "appointment-book"}
