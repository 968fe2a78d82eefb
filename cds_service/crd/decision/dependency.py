"""Dependencies: other orders that an order depends on, as it or a policy refers to them."""

from dataclasses import dataclass

from cds_service.crd.request.membership import Identifier
from cds_service.crd.request.order_kinds import ORDER_KINDS
from cds_service.fhir.reference import parse_reference
from cds_service.fhir.resource import Json, JsonObject, first, text

_NO_ORDER = "Encounter"  # is asked about like one


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """Another order or appointment, by reference, by identifier or in words."""

    reference: str = ""
    identifier: Identifier | None = None
    display: str = ""

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a dependency has a reference, an identifier or a display")

    @property
    def name(self) -> str:
        """What a person reads of it."""
        return self.display or self.reference or (self.identifier.value if self.identifier else "")


def read_dependency(value: Json) -> Dependency | None:
    """The dependency in a Reference, or in a literal reference as text.

    None if it leads to what is no order, such as a CarePlan (CRD ext-coverage-information).

    Raises:
        ValueError: it refers to nothing.
    """
    stated: JsonObject = {"reference": value} if isinstance(value, str) else first(value)
    reference = text(stated.get("reference"))
    key = parse_reference(reference)
    kind = key.type if key else text(stated.get("type"))
    if kind and (kind not in ORDER_KINDS or kind == _NO_ORDER):
        return None
    named = first(stated.get("identifier"))
    number = text(named.get("value"))
    return Dependency(
        reference=reference,
        identifier=Identifier(text(named.get("system")), number) if number else None,
        display=text(stated.get("display")),
    )
