"""The shape of an artifact: what R4 asks of it and the models of fhir.resources let pass.

- Only elements of R4, each of its JSON type and none empty (R4 json.html; ele-1). The models take
  `"true"` for a boolean, a number for a date and a string for an object, which the readers of a
  policy would pass over: the policy would lose its end, or a rule one of its conditions.
- Codes of required bindings, letter for letter (R4 datatypes.html#code: they are case-sensitive).
- Element ids unique in the whole resource, contained resources and all (R4 element.html#id).
- Contained resources of known types, each with an id of its own, none inside another (R4 dom-2).
- Extensions with a value or with extensions, not both (R4 ext-1).
- Invariants of the types that policies use (see `invariants`).

Not checked: required bindings whose codes the models do not list (types of resource, versions of
FHIR), references to contained resources (R4 ref-1, dom-3), and invariants of other types. The
compiler keeps those of them that a rule rests on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cds_service.errors import ArtifactError
from cds_service.fhir.resource import Json, JsonObject, objects
from cds_service.policy.library.elements import EMPTY, Element, FhirType, FhirTypes
from cds_service.policy.library.invariants import broken_invariant

# Deeper than anyone writes, and less deep than the models can follow (they recurse in Python).
DEEPEST = 64

_BESIDE_THE_VALUE = ("url", "id", "extension")

# What stands in these has ids of its own: a snapshot and a differential list the same elements
# under the same ids, and the resources of a Bundle have nothing to do with each other.
_OWN_IDS = frozenset(
    (
        "StructureDefinitionSnapshot",
        "StructureDefinitionDifferential",
        "BundleEntry",
        "ParametersParameter",
    )
)


class ShapeChecker:
    """Checks artifacts one after another; what a FHIR type may hold is read once for all."""

    def __init__(self) -> None:
        self._types = FhirTypes()

    def check(self, path: Path, resource: JsonObject) -> bool:
        """Pass if the resource read from `path` has the shape that R4 gives it.

        True where it is certain that the models take it too: then they need not be asked.

        Raises:
            ArtifactError: it has not; names the first fault with its JSON path.
        """
        walk = _Walk(path=path, types=self._types)
        walk.check_resource(resource, "$", 0)
        return not walk.doubts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Walk:
    """A walk through one resource; `ids` are the element ids met, with the JSON path of each.

    `doubts` are the JSON paths of what only its model can judge, as far as they are noted.
    """

    path: Path
    types: FhirTypes
    ids: dict[str, str] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)

    def check_resource(self, resource: JsonObject, where: str, depth: int) -> None:
        name = resource.get("resourceType")
        fhir_type = self.types.resource(name) if isinstance(name, str) else None
        if fhir_type is None:
            raise self._fault(f"{where}.resourceType", f"unknown type `{name}`")
        self._check_object(resource, fhir_type, where, depth)
        self._check_contained(objects(resource.get("contained")), f"{where}.contained")

    def _check_object(self, json: JsonObject, fhir_type: FhirType, where: str, depth: int) -> None:
        if not json:
            raise self._fault(where, EMPTY)
        elements = fhir_type.elements
        for name, value in json.items():
            element = elements.get(name)
            if element is None:
                raise self._fault(f"{where}.{name}", f"no element of {fhir_type.name}")
            if (type(value) is list) is not element.is_list:
                due = "a list" if element.is_list else "one value, not a list,"
                raise self._fault(f"{where}.{name}", f"{due} is due")
            if element.is_list:
                # Where values and their extensions are two lists, null fills the gaps of each.
                has_gaps = name.startswith("_") or f"_{name}" in json
                self._check_list(element, value, f"{where}.{name}", depth, has_gaps)
            elif element.holds or element.problem(value):  # else nobody needs its path
                self._check_value(element, value, f"{where}.{name}", depth)
            elif not element.is_certain(value):
                self.doubts.append(f"{where}.{name}")
        self._check_whole(json, fhir_type, where)

    def _check_whole(self, json: JsonObject, fhir_type: FhirType, where: str) -> None:
        """What no element shows by itself; each has its type by now."""
        if not fhir_type.is_surely_whole(json):
            self.doubts.append(where)
        if fhir_type.is_extension:
            self._check_extension(json, where)
        if "id" in json and not fhir_type.is_resource:
            self._check_id(json["id"], where)
        if fhir_type.invariants and (broken := broken_invariant(fhir_type.invariants, json)):
            raise self._fault(where, f"{broken.due} (R4 {broken.key})")

    def _check_list(
        self, element: Element, values: list[Json], where: str, depth: int, has_gaps: bool
    ) -> None:
        if not values:
            raise self._fault(where, EMPTY)
        for position, value in enumerate(values):
            if value is not None or not has_gaps:
                self._check_value(element, value, f"{where}[{position}]", depth)
            else:
                self.doubts.append(f"{where}[{position}]")

    def _check_value(self, element: Element, value: Json, where: str, depth: int) -> None:
        if element.holds is None:
            if problem := element.problem(value):
                raise self._fault(where, problem)
            if not element.is_certain(value):
                self.doubts.append(where)
        elif not isinstance(value, dict):
            raise self._fault(where, "an object is due")
        elif depth == DEEPEST:
            raise self._fault(where, "nested too deep")
        else:
            fhir_type = self.types.held(element.holds)
            walk = replace(self, ids={}) if fhir_type.name in _OWN_IDS else self
            if fhir_type.holds_any_resource:
                walk.check_resource(value, where, depth + 1)
            else:
                walk._check_object(value, fhir_type, where, depth + 1)

    def _check_contained(self, contained: Sequence[JsonObject], where: str) -> None:
        ids: set[str] = set()
        for position, resource in enumerate(contained):
            place = f"{where}[{position}]"
            if "contained" in resource:
                raise self._fault(f"{place}.contained", "contained twice over (R4 dom-2)")
            if "id" not in resource:
                raise self._fault(f"{place}.id", "a contained resource needs an id")
            if resource["id"] in ids:
                raise self._fault(f"{place}.id", f"another has the id `{resource['id']}`")
            ids.add(resource["id"])

    def _check_id(self, element_id: str, where: str) -> None:
        if element_id.split() != [element_id]:
            raise self._fault(f"{where}.id", f"`{element_id}` has white space (R4 element.id)")
        other = self.ids.setdefault(element_id, where)
        if other != where:
            raise self._fault(
                f"{where}.id", f"{other} has the id `{element_id}` too (R4 element.id)"
            )

    def _check_extension(self, extension: JsonObject, where: str) -> None:
        beside = [name for name in _BESIDE_THE_VALUE if name in extension]
        has_value = len(extension) > len(beside)
        if has_value is ("extension" in extension):
            raise self._fault(where, "an extension has either a value or extensions (R4 ext-1)")

    def _fault(self, where: str, problem: str) -> ArtifactError:
        return ArtifactError(self.path, where, problem)
