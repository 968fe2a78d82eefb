"""ValueSet/$validate-code: whether a code is in a ValueSet, exactly as it is spelt (R4).

Policies read codes more kindly: letter case, CPT modifiers and other spellings of a code system
are the same to them. FHIR's answer is about the code that came; the message says how the set spells
it. FHIR knows true and false; where neither is known the answer is an error.
"""

from cds_service.errors import CodesNotHeld
from cds_service.fhir.coding import Coding
from cds_service.fhir.resource import JsonObject, text
from cds_service.policy.language.code_sets import CodePart, CodeSet
from cds_service.policy.library.artifacts import Artifact
from cds_service.rest.operations.codings import AskedCode, read_asked
from cds_service.rest.operations.library import OperationsLibrary
from cds_service.rest.operations.members import CodedSet, Member
from cds_service.rest.operations.parameters import Parameters
from cds_service.rest.operations.verdicts import Verdict, judge_any, judge_display

_REFUSED = ("context", "valueSet", "date")
_WHY_REFUSED = "name a ValueSet of this library with `url`, and its version with `valueSetVersion`"


def validate_code(
    library: OperationsLibrary, value_set: Artifact, parameters: Parameters
) -> JsonObject:
    """Parameters that say whether the code, Coding or CodeableConcept that came is in the set.

    Raises:
        CodesNotHeld: the set takes codes by a rule, and whether this is one cannot be told here.
        HookError: a parameter is missing or cannot be used.
    """
    parameters.refuse(_REFUSED, _WHY_REFUSED)
    asked = read_asked(parameters, system="system", version="systemVersion")
    coded = library.coded_set(value_set)
    named = text(value_set.resource.get("url"))
    return judge_any(asked, lambda code: _judge(library, coded, named, code)).to_json()


def _judge(library: OperationsLibrary, coded: CodedSet, named: str, asked: AskedCode) -> Verdict:
    if not (asked.system and asked.code):
        return Verdict(is_valid=False, message="a coding without system or code is in no ValueSet")
    member = coded.find(asked.system, asked.code)
    if member is not None:
        return _judge_member(member, asked)
    key = Coding(asked.system, asked.code).key
    if not coded.codes.holds(key):
        return Verdict(is_valid=False, message=_not_in(coded.codes, named, asked))
    if coded.codes.is_listed:
        listed = next(coding for coding in coded.codes.codings if coding.key == key)
        return Verdict(is_valid=False, message=_spelt_otherwise(named, asked, listed))
    return _judge_by_rule(library, coded.codes, named, asked)


def _judge_member(member: Member, asked: AskedCode) -> Verdict:
    if asked.version and member.version and asked.version != member.version:
        problem = f"the ValueSet has `{asked.code}` of version {member.version} of {asked.system}"
        return Verdict(is_valid=False, message=f"{problem}, not of {asked.version}")
    return judge_display(asked, member.display, member.designations)


def _not_in(codes: CodeSet, named: str, asked: AskedCode) -> str:
    if not codes.covers_any([Coding(asked.system, asked.code).key]):
        return f"{named} has no codes of {asked.system}"
    return f"`{asked.code}` of {asked.system} is not in {named}"


def _spelt_otherwise(named: str, asked: AskedCode, listed: Coding) -> str:
    return (
        f"`{asked.code}` of {asked.system} is not in {named}, which has `{listed.code}` of "
        f"{listed.system}; policies take the two for one"
    )


def _judge_by_rule(
    library: OperationsLibrary, codes: CodeSet, named: str, asked: AskedCode
) -> Verdict:
    """The verdict on a code that a rule of the set takes in, if it is a code at all."""
    if _is_listed_somewhere(codes, Coding(asked.system, asked.code)):
        return judge_display(asked, "")
    concepts = library.concepts(asked.system, asked.version)
    if concepts is None or not concepts.is_complete:
        raise CodesNotHeld(
            f"{named} takes `{asked.code}` in if it is a code of {asked.system}; this service does "
            "not hold the codes of that system, so it can say neither true nor false"
        )
    concept = concepts.find(asked.code)
    if concept is None:
        return Verdict(is_valid=False, message=f"`{asked.code}` is no code of {asked.system}")
    return judge_display(asked, concept.display, concept.designations)


def _is_listed_somewhere(codes: CodeSet, coding: Coding) -> bool:
    """Whether an include of the set names this code itself, spelt so."""
    return any(_lists(parts, coding) for parts in codes.includes)


def _lists(parts: tuple[CodePart | CodeSet, ...], coding: Coding) -> bool:
    is_held = all(part.holds(coding.key) for part in parts)
    return is_held and any(coding in part.codings for part in parts)
