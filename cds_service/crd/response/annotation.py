"""Annotation: writing what was determined onto the order, changing nothing else in it (CRD resp-26 to resp-37)."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from cds_service.cds_hooks.response import SystemAction
from cds_service.crd.codes import COVERAGE_DETAIL, DetailCategory
from cds_service.crd.decision.determination import Citation, Detail, Determination
from cds_service.crd.request.order import Order
from cds_service.crd.request.version import Version
from cds_service.crd.response.coverage_information import (
    Stamp,
    own_repetitions,
    repetition,
    says_the_same,
    write_parts,
)
from cds_service.crd.response.versions import WRITERS
from cds_service.fhir.coding import Coding
from cds_service.fhir.extension import with_extensions
from cds_service.fhir.resource import JsonObject

_POLICY_LINK = Coding(COVERAGE_DETAIL, "policy-link")


def with_policy_links(
    determination: Determination, url_of: Callable[[Citation], str]
) -> Determination:
    """The determination with a `detail` that links to each policy it rests on."""
    links = (_policy_link(url_of(citation)) for citation in determination.citations)
    return replace(determination, details=(*determination.details, *links))


def _policy_link(url: str) -> Detail:
    return Detail(
        category=DetailCategory.OTHER, code=_POLICY_LINK, value_type="valueUrl", value=url
    )


def annotate(
    order: JsonObject, determinations: Sequence[Determination], stamp: Stamp, version: Version
) -> JsonObject:
    """The order with one repetition a determination, or the very same order if it already says so (resp-35)."""
    new = [
        repetition(WRITERS[version.name].write_parts(write_parts(determination, stamp)))
        for determination in determinations
    ]
    old = own_repetitions(order, stamp.coverage)
    return order if says_the_same(new, old) else with_extensions(order, new, without=old)


def system_action(order: Order, annotated: JsonObject) -> SystemAction:
    """The update that carries an annotated order back."""
    return SystemAction(
        description=f"Record coverage information on {order.key}", resource=annotated
    )
