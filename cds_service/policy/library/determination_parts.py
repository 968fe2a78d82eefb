"""The parts of a `coverage-determination`: which there are, and which are not a policy's to state.

They are those of CRD coverage-information 2.2 that are known when a policy is written.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple, TypeVar

from cds_service.crd.codes import Covered, DocNeeded, DocPurpose, InfoNeeded, PaNeeded
from cds_service.fhir.extension import parts, value_of
from cds_service.fhir.resource import JsonObject, text

Code = TypeVar("Code", Covered, PaNeeded, DocNeeded, DocPurpose, InfoNeeded)

_EXPRESSION = "valueExpression"
# Each part with the types its value may have; a `detail` has parts of its own instead.
_VALUES: Mapping[str, tuple[str, ...]] = {
    "covered": ("valueCode",),
    "pa-needed": ("valueCode",),
    "doc-needed": ("valueCode",),
    "doc-purpose": ("valueCode",),
    "doc-with-authorization": ("valueBoolean",),
    "info-needed": ("valueCode",),
    "reason": ("valueCodeableConcept",),
    "detail": (),
    "dependency": ("valueReference", _EXPRESSION),
    "questionnaire": ("valueCanonical",),
    "contact": ("valueContactDetail",),
    "expiry-date": ("valueDate",),
}
_ON_FILE = "it comes from the authorizations on file (`--authorizations`)"
_THE_SERVICES: Mapping[str, str] = {
    "billingCode": "the service writes the rule's codes that the order has",
    "coverage": "the service writes the Coverage of the call",
    "date": "the service writes the day of its answer",
    "coverage-assertion-id": "the service gives each of its answers an id",
    "satisfied-pa-id": _ON_FILE,
}
# crd-ci-q4 as published with CRD 2.1 and 2.2 fails wherever a doc-purpose is `withpa`.
_WITH_PA = (
    "the crd-ci-q4 of CRD 2.1 and 2.2 rejects it; state `doc-purpose` = `OTH`, with a reason that "
    "says that the documents go with the authorization request, beside `doc-needed` and "
    "`pa-needed` = `auth-needed`; add `doc-with-authorization` = true to have `withpa` written "
    "for CRD 2.0 clients"
)
_NOT_STATED: Mapping[StrEnum, str] = {
    PaNeeded.SATISFIED: _ON_FILE,
    DocPurpose.WITH_PA: _WITH_PA,
}


class NamedParts(NamedTuple):
    """The parts of an extension by name, each as often as it is given."""

    by_name: Mapping[str, list[JsonObject]]

    def all(self, name: str) -> list[object]:
        """The values of a part."""
        return [value_of(part)[1] for part in self.by_name.get(name, ())]

    def code(self, name: str, codes: type[Code]) -> Code | None:
        """The code of a part that is given at most once.

        Raises:
            ValueError: it is given again, is none of these codes, or is not a policy's to state.
        """
        value = self.single(name)
        return None if value is None else _read_code(name, value, codes)

    def codes(self, name: str, codes: type[Code]) -> frozenset[Code]:
        """The codes of a part.

        Raises:
            ValueError: one is none of these codes, or is not a policy's to state.
        """
        return frozenset(_read_code(name, value, codes) for value in self.all(name))

    def single(self, name: str) -> object:
        """The value of a part that is given at most once; None if it is not.

        Raises:
            ValueError: it is given again.
        """
        values = self.all(name)
        if len(values) > 1:
            raise ValueError(f"`{name}` is given more than once")
        return values[0] if values else None


def read_parts(extension: JsonObject) -> NamedParts:
    """The parts of a `coverage-determination` extension.

    Raises:
        ValueError: one is unknown, has a value of another type, or is not a policy's to state.
    """
    named = parts(extension)
    for name, given in named.items():
        if name in _THE_SERVICES:
            raise ValueError(f"`{name}` is not a policy's to state: {_THE_SERVICES[name]}")
        if name not in _VALUES:
            raise ValueError(f"unknown part `{name}`, none of {', '.join(_VALUES)}")
        for part in given:
            _check_type(name, value_of(part)[0])
    return NamedParts(named)


def _check_type(name: str, value_type: str) -> None:
    allowed = _VALUES[name]
    if allowed and value_type not in allowed:
        raise ValueError(f"`{name}` has a {' or '.join(allowed)}, not {value_type or 'nothing'}")


def _read_code(name: str, value: object, codes: type[Code]) -> Code:
    stated = text(value)
    try:
        code = codes(stated)
    except ValueError as error:
        allowed = ", ".join(known for known in codes if known not in _NOT_STATED)
        raise ValueError(f"`{name}` is one of {allowed}, not `{stated}`") from error
    if code in _NOT_STATED:
        raise ValueError(f"`{name}` = `{stated}` is not a policy's to state: {_NOT_STATED[code]}")
    return code
