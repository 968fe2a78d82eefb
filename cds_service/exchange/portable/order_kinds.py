"""The orders that such servers can find by a code, and where those keep what conditions test.

They look for an `input` with the search parameter `code`, which not every type has. `{order}` is
the variable that the input is bound to.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PortableKind:
    """One resource type: its code as an expression of FHIRPath and of CQL alike.

    `modifiable` are its parts that may bear modifier extensions, `is_planned` whether it says when
    it takes place, `can_prohibit` whether it can order that something not be done.
    """

    concept: str
    modifiable: tuple[str, ...]
    is_planned: bool = True
    can_prohibit: bool = True


PORTABLE_KINDS: Mapping[str, PortableKind] = {
    "ServiceRequest": PortableKind(concept="{order}.code", modifiable=("{order}",)),
    "DeviceRequest": PortableKind(
        concept="({order}.code as FHIR.CodeableConcept)",
        modifiable=("{order}", "{order}.parameter"),
        can_prohibit=False,
    ),
    "MedicationRequest": PortableKind(
        concept="({order}.medication as FHIR.CodeableConcept)",
        modifiable=(
            "{order}",
            "{order}.dosageInstruction",
            "{order}.dosageInstruction.timing",
            "{order}.dispenseRequest",
            "{order}.dispenseRequest.initialFill",
            "{order}.substitution",
        ),
        is_planned=False,
    ),
}
