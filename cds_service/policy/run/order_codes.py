"""The codes of an order: its own, those of what it refers to for its code, and those to bill by.

All of them are about the one thing ordered, so each answers for the others in the code systems that
it is of: a local code beside a CPT code leaves nothing open that CPT decides.
"""

from collections.abc import Sequence
from itertools import chain

from cds_service.crd.request.order import Order
from cds_service.fhir.coding import Coding, CodingKey
from cds_service.policy.language.collection import Collection, as_open, unknown
from cds_service.policy.language.concept_coding import ConceptCoding

Codings = tuple[ConceptCoding, ...]


class OrderCodes:
    """The codings of one order, made when they are first read."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._own: Codings | None = None
        self._by_group: tuple[Codings, ...] = ()

    def of(self, groups: Sequence[int] | None) -> Collection:
        """The order's own codings, and those of the groups to bill by: all, or these by number."""
        if self._own is None:
            self._own, *by_group = self._made()
            self._by_group = tuple(by_group)
        billed_as = self._by_group if groups is None else [self._by_group[at] for at in groups]
        codings = (*self._own, *chain.from_iterable(billed_as))
        if self._order.may_have_other_codes:
            return as_open(codings, unknown("what holds the order's code could not be read"))
        return codings

    def _made(self) -> list[Codings]:
        """The order's own codings, then those of each group."""
        order = self._order
        groups = (order.codings, *order.billing_options)
        # A key of each code system among them is enough to tell which systems answer.
        by_system = {coding.key.system: coding.key for coding in chain.from_iterable(groups)}
        keys = tuple(by_system.values())
        return [_of_one_concept(group, keys) for group in groups]


def _of_one_concept(codings: Sequence[Coding], concept: tuple[CodingKey, ...]) -> Codings:
    return tuple(
        [ConceptCoding(coding.to_json(), coding.key, concept, "code") for coding in codings]
    )
