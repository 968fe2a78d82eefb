"""What the elements of each FHIR type may hold, read from the models of fhir.resources.

The models name every element and its type. What they do not enforce themselves is tabled here, for
`shape` to check: the JSON type of a value, and the codes of a required binding.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, NamedTuple, get_args, get_origin

from cds_service.fhir.models import find_model
from cds_service.fhir.resource import Json, JsonObject
from cds_service.policy.library.formats import IsCertain, certain_format
from cds_service.policy.library.invariants import INVARIANTS, Invariant

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

    `codes` is empty where no binding is required; `holds` is what `FhirTypes.held` takes;
    `is_certain` tells of a primitive value that its model takes it, where that is certain.
    """

    is_certain: IsCertain
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


class Choice(NamedTuple):
    """Elements of which there is one at most, such as `value[x]`, or exactly one if `is_due`."""

    names: frozenset[str]
    is_due: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirType:
    """A FHIR type, and its elements by their names in JSON; those in `due` are never left out.

    `holds_any_resource`: it stands for resources of every type, as that of `contained` does.
    """

    name: str
    is_resource: bool
    is_extension: bool
    holds_any_resource: bool
    invariants: tuple[Invariant, ...]
    elements: Mapping[str, Element]
    due: frozenset[str]
    choices: tuple[Choice, ...]

    def is_surely_whole(self, json: JsonObject) -> bool:
        """Whether it is certain that nothing due is absent and nothing chosen twice.

        An element that has extensions in place of its value is for the model to judge.
        """
        if self.due and not self.due <= json.keys():
            return False
        for choice in self.choices:
            if choice.names.isdisjoint(json):
                if choice.is_due:
                    return False
            elif len(choice.names & json.keys()) > 1:
                return False
        return True


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
                fhir_type = _read_type(find_model(name))
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


def _read_type(model: Any) -> FhirType:
    bases = [base.__name__ for base in model.__mro__]
    elements = dict(_read_elements(model, bases))
    is_resource = "Resource" in bases
    if is_resource:
        elements["resourceType"] = Element(json_types=(str,), is_certain=lambda _value: True)
    return FhirType(
        name=model.__name__,
        is_resource=is_resource,
        is_extension=model.__name__ == "Extension",
        holds_any_resource=model.__name__ == "Resource",
        invariants=INVARIANTS.get(model.__name__, ()),
        elements=elements,
        due=frozenset(_due(model)),
        choices=tuple(_choices(model)),
    )


def _due(model: Any) -> Iterator[str]:
    """The elements that the model demands."""
    for name, field in model.model_fields.items():
        if field.is_required() or _stated(field).get("element_required"):
            yield field.alias or name


def _choices(model: Any) -> Iterator[Choice]:
    names: dict[str, set[str]] = defaultdict(set)
    due: set[str] = set()
    for name, field in model.model_fields.items():
        if choice := _stated(field).get("one_of_many"):
            names[choice].add(field.alias or name)
            due.update((choice,) if _stated(field).get("one_of_many_required") else ())
    return (Choice(frozenset(among), choice in due) for choice, among in names.items())


def _stated(field: Any) -> Mapping[str, Any]:
    """What the model notes of an element beside its type."""
    stated = field.json_schema_extra
    return stated if isinstance(stated, dict) else {}


def _read_elements(model: Any, bases: list[str]) -> Iterator[tuple[str, Element]]:
    for field_name, field in model.model_fields.items():
        name = field.alias or field_name
        if name == _NOT_IN_JSON:
            continue
        held, is_list, notes = _unwrapped(field.annotation)
        certain = certain_format((*field.metadata, *notes), held)
        if hasattr(held, "get_model_klass"):  # what stands for another model in an annotation
            yield name, Element(is_list=is_list, holds=held, is_certain=certain)
        else:
            types = _JSON_TYPES.get(held, (str,))
            codes = _required_codes(field, name, bases)
            yield (
                name,
                Element(is_list=is_list, json_types=types, codes=codes, is_certain=certain),
            )


def _unwrapped(annotation: Any) -> tuple[Any, bool, list[object]]:
    """The type inside Optional, List and Annotated, whether there is a List, and what is noted."""
    is_list, notes = False, list[object]()
    while arguments := get_args(annotation):
        is_list = is_list or get_origin(annotation) is list
        if get_origin(annotation) is Annotated:
            notes += arguments[1:]
        annotation = arguments[0]
    return annotation, is_list, notes


def _required_codes(field: Any, name: str, bases: list[str]) -> tuple[str, ...]:
    for base in bases:  # a Duration is a Quantity
        if (base, name) in _BINDINGS:
            return _BINDINGS[base, name]
    listed = _stated(field).get("enum_values")
    codes = tuple(str(code) for code in listed) if isinstance(listed, list) else ()
    return () if _OPEN_ENDS.intersection(codes) else codes
