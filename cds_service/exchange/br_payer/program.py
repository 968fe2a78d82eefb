"""Whose policy a foreign one is: the payers that its `program` contexts list by identifier."""

from collections.abc import Iterator, Sequence

from cds_service.crd.request.membership import Identifier, read_identifiers
from cds_service.exchange.br_payer.understanding import Understanding
from cds_service.fhir.resource import JsonObject, first, objects, resource_type, text

_USAGE = "http://terminology.hl7.org/CodeSystem/usage-context-type"


def contexts_of(plan: JsonObject, code: str) -> list[JsonObject]:
    """The `useContext`s of one kind."""
    contexts = objects(plan.get("useContext"))
    return [context for context in contexts if first(context.get("code")).get("code") == code]


def context_of(code: str, codings: Sequence[JsonObject]) -> JsonObject:
    """A `useContext` that lists codings."""
    return {
        "code": {"system": _USAGE, "code": code},
        "valueCodeableConcept": {"coding": list(codings)},
    }


def read_programs(
    plan: JsonObject, artifacts: Sequence[JsonObject], payer: str | None, read: Understanding
) -> list[JsonObject]:
    """The `program` contexts that the policy is to have; notes what of them is not understood.

    `payer` is the id of the Organization whose policy it is where no identifier tells.
    """
    organizations = [found for found in artifacts if resource_type(found) == "Organization"]
    written = list(contexts_of(plan, "program"))
    concepts = [context for context in written if "valueReference" not in context]
    unknown = [context for context in concepts if not _is_understood(context, organizations, read)]
    if not unknown and concepts:
        return written
    if payer is None:
        for context in unknown:
            named = _named(context) or "nothing"
            read.miss(
                f"its `program` {named} is no payer of the library; give the payer's Organization "
                "that identifier, or name the payer with --payer"
            )
        if not concepts:
            read.miss("no `program` context names its payer; name it with --payer")
        return written
    known = [context for context in written if context not in unknown]
    return [*known, context_of("program", list(_identifiers(payer, organizations, read)))]


def _is_understood(
    context: JsonObject, organizations: Sequence[JsonObject], read: Understanding
) -> bool:
    """Whether a context names a payer; words beside that might narrow it to a line of business."""
    concept = first(context.get("valueCodeableConcept"))
    codings = objects(concept.get("coding"))
    sought = {
        Identifier(text(coding.get("system")).rstrip("/"), text(coding.get("code")))
        for coding in codings
    }
    payers = [
        found for found in organizations if sought & set(read_identifiers(found.get("identifier")))
    ]
    words = text(concept.get("text"))
    if payers and words and words.casefold() not in set(_names(payers, codings)):
        read.miss(
            f"its `program` is called `{words}`, which might be a line of business of the payer; "
            "only identifiers of a payer, and InsurancePlans, are understood there"
        )
    return bool(payers)


def _names(payers: Sequence[JsonObject], codings: Sequence[JsonObject]) -> Iterator[str]:
    for payer in payers:
        yield text(payer.get("name")).casefold()
        yield from (text(alias).casefold() for alias in payer.get("alias", ()))
    for coding in codings:
        yield text(coding.get("display")).casefold()


def _named(context: JsonObject) -> str:
    concept = first(context.get("valueCodeableConcept"))
    codings = objects(concept.get("coding"))
    listed = ", ".join(
        f"`{text(coding.get('system'))}|{text(coding.get('code'))}`" for coding in codings
    )
    return listed or f"`{text(concept.get('text'))}`"


def _identifiers(
    payer: str, organizations: Sequence[JsonObject], read: Understanding
) -> Iterator[JsonObject]:
    owners = [found for found in organizations if found.get("id") == payer]
    identifiers = read_identifiers(owners[0].get("identifier")) if owners else ()
    if not identifiers:
        read.miss(f"--payer {payer} is no Organization with an identifier, here or beside it")
    for identifier in identifiers[:1]:
        yield {"system": identifier.system, "code": identifier.value}
