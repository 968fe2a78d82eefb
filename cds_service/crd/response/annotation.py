"""Annotation: determinations written onto the order, which changes nothing else in it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cds_service.cds_hooks.response import SystemAction
from cds_service.crd.decision.determination import Determination
from cds_service.crd.decision.order_answer import OrderAnswer
from cds_service.crd.request.call import Call
from cds_service.crd.request.order import Order
from cds_service.crd.request.version import Version
from cds_service.crd.response.coverage_information import (
    Assertion,
    own_repetitions,
    repetition,
    states_the_same,
)
from cds_service.crd.response.versions import WRITTEN_VERSIONS
from cds_service.fhir.extension import with_extensions
from cds_service.fhir.resource import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotated:
    """An order with what was determined.

    `is_new` if it did not state that already (CRD resp-35).
    """

    resource: JsonObject
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAnnotation:
    """One order with the determinations of all its answers.

    `unreported` are the answers it did not carry before.
    """

    order: Order
    annotated: Annotated
    unreported: tuple[OrderAnswer, ...]


def annotate_order(order: Order, answers: Iterable[OrderAnswer], call: Call) -> OrderAnnotation:
    """An order with its answers, one a membership, as far as they can be written onto it."""
    annotated = Annotated(resource=order.resource, is_new=False)
    unreported: list[OrderAnswer] = []
    for answer in answers:
        coverage = answer.membership.coverage_key
        if coverage is None or not is_writable(order, call.version):
            unreported.append(answer)  # nothing on the order will tell that it was reported
            continue
        assertion = Assertion(
            coverage=coverage,
            day=call.at.date(),
            id=answer.assertion_id,
            primary=call.hook.primary,
        )
        after = annotate(annotated.resource, answer.determinations, assertion, call.version)
        if after.is_new:
            unreported.append(answer)
            annotated = after
    return OrderAnnotation(order=order, annotated=annotated, unreported=tuple(unreported))


def is_writable(order: Order, version: Version) -> bool:
    """Whether an update can name the order (CRD found-36) and the extension has a place on it."""
    return order.key is not None and order.type not in version.unwritable


def annotate(
    resource: JsonObject,
    determinations: Sequence[Determination],
    assertion: Assertion,
    version: Version,
) -> Annotated:
    """The order with a repetition a determination, in place of those it had for that Coverage."""
    write = WRITTEN_VERSIONS[version.name].write_parts
    new = [repetition(write(determination, assertion)) for determination in determinations]
    old = own_repetitions(resource, assertion.coverage)
    if not new or states_the_same(new, old):
        return Annotated(resource=resource, is_new=False)
    return Annotated(resource=with_extensions(resource, new, without=old), is_new=True)


def system_action(annotation: OrderAnnotation) -> SystemAction:
    """The update that carries an annotated order back."""
    return SystemAction(
        description=f"Record coverage information on {annotation.order.key}",
        resource=annotation.annotated.resource,
    )
