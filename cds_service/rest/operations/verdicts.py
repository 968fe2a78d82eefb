"""Verdicts: whether a code is valid, as `$validate-code` answers (R4, ValueSet-validate-code)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cds_service.errors import CodesNotHeld
from cds_service.fhir.resource import JsonObject, text
from cds_service.rest.operations.codings import AskedCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a code is valid; `message` says why not, or what has not been looked at."""

    is_valid: bool
    message: str = ""
    display: str = ""

    def to_json(self) -> JsonObject:
        """The Parameters that the operation answers."""
        stated: list[JsonObject] = [{"name": "result", "valueBoolean": self.is_valid}]
        if self.message:
            stated.append({"name": "message", "valueString": self.message})
        if self.display:
            stated.append({"name": "display", "valueString": self.display})
        return {"resourceType": "Parameters", "parameter": stated}


def judge_any(asked: Iterable[AskedCode], judge: Callable[[AskedCode], Verdict]) -> Verdict:
    """The verdict on one thing that is coded in one or several ways: one valid code is enough.

    Raises:
        CodesNotHeld: of none it is known that it is valid, and of some it cannot be told.
    """
    refused: list[Verdict] = []
    untold: list[CodesNotHeld] = []
    for code in asked:
        try:
            verdict = judge(code)
        except CodesNotHeld as error:
            untold.append(error)
            continue
        if verdict.is_valid:
            return verdict
        refused.append(verdict)
    if untold:
        raise untold[0]
    if len(refused) == 1:
        return refused[0]
    problems = "; ".join(verdict.message for verdict in refused)
    return Verdict(is_valid=False, message=problems or "nothing is coded")


def judge_display(
    asked: AskedCode, display: str, designations: Iterable[JsonObject] = ()
) -> Verdict:
    """The verdict on a code that is there: its display has to be one that is known, if one came."""
    if not asked.display:
        return Verdict(is_valid=True, display=display)
    known = [display, *(text(designation.get("value")) for designation in designations)]
    if not any(known):
        unseen = f"no display of `{asked.code}` is held here, so yours was not compared"
        return Verdict(is_valid=True, message=unseen)
    if any(_are_alike(asked.display, words) for words in known):
        return Verdict(is_valid=True, display=display)
    problem = f"the display of `{asked.code}` is another: {display}"
    return Verdict(is_valid=False, message=problem, display=display)


def _are_alike(left: str, right: str) -> bool:
    """Whether two displays differ in letter case and blanks at most."""
    return left.casefold().split() == right.casefold().split()
