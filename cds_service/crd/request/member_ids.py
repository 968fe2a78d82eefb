"""Member ids: under which numbers a payer knows the very member that a Coverage is for."""

from cds_service.fhir.resource import JsonObject, first, follow, objects, text

_MEMBER_NUMBER = "MB"  # v2-0203, as US Core and HRex have it
_SELF = "self"  # subscriber-relationship


def member_ids(coverage: JsonObject) -> frozenset[str]:
    """The numbers of a Coverage that are this member's alone; none if it does not tell.

    Those are its identifiers of type MB. Without one, `subscriberId` is, but only where the member
    is the subscriber: a family shares it.
    """
    numbers: set[str] = set()
    for identifier in objects(coverage.get("identifier")):
        types = follow(identifier, ("type", "coding"))
        if any(text(coding.get("code")).upper() == _MEMBER_NUMBER for coding in types):
            numbers.add(text(identifier.get("value")))
    subscriber = text(coverage.get("subscriberId"))
    if not numbers and _is_subscriber(coverage):
        numbers.add(subscriber)
    return frozenset(filter(None, numbers))


def _is_subscriber(coverage: JsonObject) -> bool:
    codings = objects(first(coverage.get("relationship")).get("coding"))
    codes = {text(coding.get("code")).lower() for coding in codings}
    return codes == {_SELF} and not text(coverage.get("dependent"))
