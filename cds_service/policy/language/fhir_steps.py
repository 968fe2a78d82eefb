"""What the functions do that FHIR adds to FHIRPath: types, references and ValueSets."""

from collections.abc import Iterable
from typing import Any

from cds_service.errors import ExpressionError
from cds_service.fhir.coding import Coding, CodingKey, read_codings, system_name
from cds_service.fhir.resource import resource_type, text
from cds_service.fhir.truth import Truth
from cds_service.policy.language.calls import FunctionCall
from cds_service.policy.language.code_sets import CodeSet
from cds_service.policy.language.collection import (
    FALSE,
    TRUE,
    Collection,
    as_open,
    single,
    undecided,
    unknown,
)
from cds_service.policy.language.concept_coding import ConceptCoding
from cds_service.policy.language.elements import ANYTHING, Place, choice_suffix
from cds_service.policy.language.parser import identifier
from cds_service.policy.language.steps import Compiled, Member, Scope, follow_members


def compile_of_type(call: FunctionCall) -> Compiled:
    """A choice element in one of its types, or those of several resources that are of one type."""
    wanted = identifier(call.arguments[0])
    receiver = call.receiver
    if receiver.root and receiver.members and receiver.members[-1].choices:
        chosen = f"{receiver.members[-1].name}{choice_suffix(wanted)}"
        if chosen not in receiver.members[-1].choices:
            raise ExpressionError(f"`{receiver.members[-1].name}` is never a {wanted}")
        members = (*receiver.members[:-1], Member(name=chosen))
        return call.walk.path(receiver.root, members, (Place(wanted),))
    if not call.walk.model.is_resource(wanted):
        raise ExpressionError(f"`{wanted}` is no resource, and what it is asked of no choice")
    receive = receiver.step

    def step(scope: Scope, focus: Collection) -> Collection:
        found = receive(scope, focus)
        return as_open([value for value in found if _type_of(value) == wanted], found)

    return Compiled(step=step, places=(Place(wanted),))


def _type_of(value: Any) -> str:
    return resource_type(value) if isinstance(value, dict) else ""


def compile_resolve(call: FunctionCall) -> Compiled:
    """The resources that References lead to; unknown where one is not at hand."""
    receiver = call.receiver
    holders, members = (receiver.root or receiver).step, receiver.members

    def step(scope: Scope, focus: Collection) -> Collection:
        resolved: list[Collection] = []
        found = holders(scope, focus)
        for holder in found:
            references = follow_members((holder,), members)
            within = holder if members else {}
            resolved.extend(scope.resolve(reference, within) for reference in references)
        return as_open([value for values in resolved for value in values], found, *resolved)

    return Compiled(step=step, places=(Place(ANYTHING),))


def compile_member_of(call: FunctionCall) -> Compiled:
    """Whether a code is in a ValueSet of the library: true, false, or unknown (design: 4.16)."""
    code_set = call.walk.code_set(call.literal(0, "a ValueSet's canonical"))
    receive = call.receiver.step

    def step(scope: Scope, focus: Collection) -> Collection:
        found = receive(scope, focus)
        coded = single(found)
        return undecided(found) if coded is None else _membership(coded, code_set)

    return Compiled(step=step)


def _membership(coded: Any, code_set: CodeSet) -> Collection:
    keys, alike = _keys(coded)
    answer = code_set.membership(keys)
    if answer is Truth.UNKNOWN and code_set.covers_any(alike):
        answer = Truth.FALSE
    if answer is not Truth.UNKNOWN:
        return TRUE if answer is Truth.TRUE else FALSE
    return unknown(_why_unknown(keys, code_set))


def _keys(coded: Any) -> tuple[list[CodingKey], tuple[CodingKey, ...]]:
    """The keys of a Coding or of a CodeableConcept's; and those of the concept a Coding is from."""
    if isinstance(coded, ConceptCoding):
        return [coded.key], coded.concept
    if isinstance(coded, dict) and "coding" not in coded:
        code, system = text(coded.get("code")), text(coded.get("system"))
        return ([Coding(system, code).key] if code and system else []), ()
    return [coding.key for coding in read_codings(coded)], ()


def _why_unknown(keys: list[CodingKey], code_set: CodeSet) -> str:
    if not keys:
        return "something is not coded"
    stated, asked = _names(key.system for key in keys), _names(code_set.covered)
    return f"a code is of {stated}, and not of {asked}"


def _names(systems: Iterable[str]) -> str:
    return " or ".join(dict.fromkeys(map(system_name, sorted(systems))))
