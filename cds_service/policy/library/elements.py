"""What the elements of each FHIR type may hold, read from the models of fhir.resources.

The models name every element and its type. What they do not enforce themselves is tabled here, for
`shape` to check: the JSON type of a value, and the codes of a required binding.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, get_args, get_origin

from fhir.resources.R4B import get_fhir_model_class
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from cds_service.fhir.resource import Json

EMPTY = "an element is never empty (R4 ele-1)"

# The types that `decode` gives a JSON value, by the type the model has for it; else it is a string.
_JSON_TYPES: Mapping[object, tuple[type, ...]] = {
    bool: (bool,),
    int: (int,),
    Decimal: (int, Decimal),
}
_TYPE_WORDS: Mapping[tuple[type, ...], str] = {
    (bool,): "true or false",
    (int,): "a whole number",
    (int, Decimal): "a number",
    (str,): "a string",
}

# The models take their lists of codes from the short descriptions in the specification. Compared
# with the bindings of R4 4.0.1 they are the required ones, and whole, unless they end like this:
# then they name some codes only (and the binding of `Expression.language` is extensible).
_OPEN_ENDS = frozenset(("+", "etc."))

# Bindings that the models have wrong (`format` takes any mime type), or not at all, or not whole
# though a library's artifacts are likely to need them. No codes means that any code will do.
_BINDINGS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("CapabilityStatement", "format"): (),
    ("Quantity", "comparator"): ("<", "<=", ">=", ">"),
    ("QuestionnaireItem", "type"): tuple(
        "group display question boolean decimal integer date dateTime time string text url "
        "choice open-choice attachment reference quantity".split()
    ),
}

_NOT_IN_JSON = "fhir_comments"  # in every model, but no element since DSTU2
_ABSTRACT = ("Resource", "DomainResource")


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One element: a primitive of these JSON types and codes, or an object of the type it `holds`.

    `codes` is empty where no binding is required; `holds` is what `FhirTypes.held` takes.
    """

    is_list: bool = False
    json_types: tuple[type, ...] = ()
    codes: tuple[str, ...] = ()
    holds: Any = None

    def problem(self, value: Json) -> str:
        """What is wrong with a primitive value; empty if nothing is."""
        if value.__class__ not in self.json_types:
            return f"{_TYPE_WORDS[self.json_types]} is due"
        if self.codes and value not in self.codes:
            return f"`{value}` is none of the codes {', '.join(self.codes)}"
        return EMPTY if value == "" else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirType:
    """A FHIR type, and its elements by their names in JSON."""

    name: str
    is_resource: bool
    elements: Mapping[str, Element]

    @property
    def holds_any_resource(self) -> bool:
        """Whether it stands for resources of every type, as that of `contained` does."""
        return self.name == "Resource"


class FhirTypes:
    """The FHIR types met so far, each read from its model when it is first met.

    Reading one imports its model, which takes milliseconds, and an Extension may hold any of fifty:
    the types that no artifact uses are left alone.
    """

    def __init__(self) -> None:
        self._resources: dict[str, FhirType] = {}
        self._held: dict[object, FhirType] = {}

    def resource(self, name: str) -> FhirType | None:
        """The type of resource with this name; None if there is none."""
        if name not in self._resources:
            try:
                fhir_type = _read_type(get_fhir_model_class(name))
            except ValueError:
                return None
            if name in _ABSTRACT or not fhir_type.is_resource:
                return None
            self._resources[name] = fhir_type
        return self._resources[name]

    def held(self, holds: Any) -> FhirType:
        """The type of the objects that an element holds."""
        if holds not in self._held:
            self._held[holds] = _read_type(holds.get_model_klass())
        return self._held[holds]


def _read_type(model: type[BaseModel]) -> FhirType:
    bases = [base.__name__ for base in model.__mro__]
    elements = dict(_read_elements(model, bases))
    is_resource = "Resource" in bases
    if is_resource:
        elements["resourceType"] = Element(json_types=(str,))
    return FhirType(name=model.__name__, is_resource=is_resource, elements=elements)


def _read_elements(model: type[BaseModel], bases: list[str]) -> Iterator[tuple[str, Element]]:
    for field_name, field in model.model_fields.items():
        name = field.alias or field_name
        if name == _NOT_IN_JSON:
            continue
        held, is_list = _unwrapped(field.annotation)
        if hasattr(held, "get_model_klass"):  # what stands for another model in an annotation
            yield name, Element(is_list=is_list, holds=held)
        else:
            types = _JSON_TYPES.get(held, (str,))
            codes = _required_codes(field, name, bases)
            yield name, Element(is_list=is_list, json_types=types, codes=codes)


def _unwrapped(annotation: Any) -> tuple[Any, bool]:
    """The type inside Optional, List and Annotated, and whether there is a List."""
    is_list = False
    while arguments := get_args(annotation):
        is_list = is_list or get_origin(annotation) is list
        annotation = arguments[0]
    return annotation, is_list


def _required_codes(field: FieldInfo, name: str, bases: list[str]) -> tuple[str, ...]:
    for base in bases:  # a Duration is a Quantity
        if (base, name) in _BINDINGS:
            return _BINDINGS[base, name]
    stated = field.json_schema_extra
    listed = stated.get("enum_values") if isinstance(stated, dict) else None
    codes = tuple(str(code) for code in listed) if isinstance(listed, list) else ()
    return () if _OPEN_ENDS.intersection(codes) else codes
