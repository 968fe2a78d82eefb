"""The oracle: `python tests/policy/language/oracle.py --count 100000 --seed 1`.

Where everything is known, our closures and fhirpathpy answer alike, over generated expressions and
charts. Where fhirpathpy is at fault, or we are stricter on purpose, is in FAULTS, each by its name
with the reason; a difference of any other kind is a failure, and the command exits with 1.
"""

import argparse
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import count, groupby
from pathlib import Path
from random import Random
from typing import Any

if __name__ == "__main__":  # this checkout, not a copy that may be installed
    ROOT = Path(__file__).resolve().parents[3]
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import fhirpathpy
from fhirpathpy.engine import nodes
from fhirpathpy.models import models
from policy.language.charts_made import A_SYSTEM, B_SYSTEM, Chart, make_chart
from policy.language.expressions_made import MANY, PHRASES, Maker

from cds_service.errors import ExpressionError
from cds_service.fhir.coding import Coding
from cds_service.policy.language.calendar import Moment
from cds_service.policy.language.code_sets import CodePart, CodeSet
from cds_service.policy.language.expressions import ExpressionCompiler

CHARTS_EACH = 10  # to parse an expression takes longer than to evaluate it
_PLAIN = 0.9
REFUSED = "refused"
MEMBERS = frozenset({"a1", "93799", "0600T"})
_PROGRESS_EVERY = 10_000

Answer = tuple[Any, ...] | str
Asked = Callable[[Chart], Answer]

SAMPLE = Chart(
    {
        "order": (
            {
                "resourceType": "ServiceRequest",
                "status": "draft",
                "note": [{"text": "a"}, {"text": "b"}],
            },
        ),
        "codes": ({"system": B_SYSTEM},),
        "words": ("a",),
        "coverage": ({"resourceType": "Coverage", "order": 1},),
        "patient": ({"resourceType": "Patient", "active": False, "birthDate": "1974"},),
        "dos": ("1974-12-25",),
    }
)


@dataclass(frozen=True, slots=True)
class Case:
    """An expression, and the chart it is asked over; a plain one is not excused by any fault."""

    source: str
    chart: Chart
    is_plain: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """A case that is answered in two ways."""

    case: Case
    ours: Answer
    theirs: Answer


@dataclass(frozen=True, slots=True)
class Fault:
    """A known difference: its name, why it is none of ours, and the expressions it may befall.

    `example` shows it over the chart SAMPLE. `refuses` are faults that make fhirpathpy refuse what
    has an answer.
    """

    name: str
    reason: str
    example: str
    pattern: str
    refuses: bool = False

    def befalls(self, difference: Difference) -> bool:
        """Whether it may be what makes the difference."""
        if difference.case.is_plain or (self.refuses and difference.theirs != REFUSED):
            return False
        return bool(re.search(self.pattern, difference.case.source.replace(PHRASES, "")))


FAULTS = (
    Fault(
        "sign of an element",
        "fhirpathpy takes a sign before a literal only, neither before an element nor before {}",
        "(-%coverage.order) = 0 - %coverage.order",
        r"\(-",
        refuses=True,
    ),
    Fault(
        "contains nothing",
        "`contains({})` is empty (FHIRPath N1, 5.6.6); fhirpathpy raises a TypeError",
        "'a'.contains({}).empty()",
        r"\.contains\(",
        refuses=True,
    ),
    Fault(
        "starts with nothing",
        "every text starts and ends with '' (FHIRPath N1, 5.6.4); fhirpathpy denies it of ''",
        "''.startsWith('')",
        r"(starts|ends)With\(",
    ),
    Fault(
        "division",
        "a quotient is a decimal (FHIRPath N1, 6.6.2); fhirpathpy divides integers in binary",
        "1 / 3",
        r" / ",
    ),
    Fault(
        "element as a criterion",
        "fhirpathpy takes an element for true as a criterion, though it holds false",
        "%words.where(%patient.active).empty()",
        r"(where|exists)\(.*(doNotPerform|active)",
    ),
    Fault(
        "duplicates",
        "`|` and distinct() drop duplicates (FHIRPath N1, 6.5.1, 5.1.12); fhirpathpy keeps those "
        "of which only some come from elements",
        "(%order.status | 'draft').count()",
        r" \| |distinct\(\)",
    ),
    Fault(
        "lists by their first",
        "`=` compares pair by pair (FHIRPath N1, 6.1.1); fhirpathpy looks at the first pair only",
        "%order.note.text =/* many */ ('a' | 'c')",
        re.escape(MANY),
    ),
    Fault(
        "time zones",
        "fhirpathpy takes a time without a zone, and a day, for the machine's own zone; it counts "
        "Z as a part of the precision, and drops the zone of what it adds to",
        "@2024-03-01T00:30:00+01:00 + 1 year",
        r"T\d\d:|authoredOn|occurrence",
    ),
    Fault(
        "dates of elements",
        "fhirpathpy compares the dates of two elements as texts",
        "%patient.birthDate = %dos",
        r"(birthDate|%dos).*[=<>].*(birthDate|%dos)",
    ),
    Fault(
        "less exact dates",
        "FHIRPath cuts what is added to a year or a month down to whole years or months; "
        "that answers what is not sure, and we say unknown",
        "@2024-02 + 30 days",
        r"[+-] (5 months|2 weeks|30 days|12 months)",
    ),
    Fault(
        "no code",
        "whether a Coding without a code is in a ValueSet is unknown to us (design: 4.16), and "
        "false to the oracle's memberOf",
        "%codes.exists(memberOf('https://sets.invalid/some|1'))",
        r"memberOf",
    ),
)


def code_set(*systems: str) -> CodeSet:
    """A ValueSet that covers these systems."""
    keys = frozenset(Coding(system, code).key for system in systems for code in MEMBERS)
    return CodeSet(includes=((CodePart(keys=keys),),), covered=frozenset(map(_system_of, keys)))


def _system_of(key: Any) -> str:
    return str(key.system)


def _member_of(codings: list[Any], _value_set: str) -> list[bool]:
    """memberOf for fhirpathpy, of a ValueSet that covers both systems of the charts."""
    coded = [coding for coding in codings if "system" in coding and coding.get("code")]
    return [coding["code"] in MEMBERS for coding in coded]


def _mentions(texts: list[Any], phrases: list[Any]) -> list[str]:
    """mentions for fhirpathpy, of the few words that charts hold."""
    known = "|".join(rf"\b{phrase.lower()}\b" for phrase in (*phrases, "a"))
    if any(re.sub(known, "", text.lower()).strip(" ,") for text in texts):
        return []
    return [phrase for phrase in phrases if any(phrase.lower() in text.lower() for text in texts)]


class Both:
    """Ours and theirs, asked the same."""

    def __init__(self) -> None:
        self._compiler = ExpressionCompiler(lambda _canonical: code_set(A_SYSTEM, B_SYSTEM))

    def ours(self, source: str) -> Asked:
        """Our answer, by chart."""
        try:
            expression = self._compiler.compile(source)
        except ExpressionError:
            return lambda _chart: REFUSED

        def answer(chart: Chart) -> Answer:
            try:
                return tuple(map(_plain, expression.evaluate(chart)))
            except ExpressionError:
                return REFUSED

        return answer

    def theirs(self, source: str) -> Asked:
        """The answer of fhirpathpy, by chart."""
        referred: dict[str, Any] = {}
        table = {
            "memberOf": {"fn": _member_of, "arity": {1: ["String"]}, "nullable_input": True},
            "mentions": {"fn": _mentions, "arity": {1: ["Any"]}},
            "resolve": {
                "fn": lambda found: [
                    resource
                    for reference in found
                    for resource in referred.get(reference["reference"], ())
                ]
            },
        }
        evaluate = fhirpathpy.compile(source, models["r4"], {"userInvocationTable": table})

        def answer(chart: Chart) -> Answer:
            referred.clear()
            referred.update(chart.referred)
            bound = {name: _unwrapped(values) for name, values in chart.variables.items()}
            try:
                return tuple(map(_plain, evaluate({}, bound)))
            except Exception:  # noqa: BLE001  # it raises no other
                return REFUSED

        return answer


def _unwrapped(values: tuple[Any, ...]) -> Any:
    return values[0] if len(values) == 1 else list(values)


def _plain(value: Any) -> Any:
    """A value as both would write it."""
    if isinstance(value, Moment):
        return str(value)
    if isinstance(value, nodes.FP_Type):
        return value.asStr  # type: ignore[attr-defined]
    if isinstance(value, bool):  # to Python, True is 1
        return f"{value}".lower(), "a truth value"
    return Decimal(value) if isinstance(value, int | float) else value


def make_cases(seed: int, total: int) -> Iterator[Case]:
    """The first cases of a run, the same on every machine; most leave out what has known faults."""
    for number in range(-(-total // CHARTS_EACH)):
        random = Random(f"{seed}/{number}")  # noqa: S311
        is_plain = random.random() < _PLAIN
        source = Maker(random, is_plain=is_plain).make()
        for _ in range(min(CHARTS_EACH, total - number * CHARTS_EACH)):
            yield Case(source, make_chart(random, is_plain=is_plain), is_plain)


def excuse(difference: Difference) -> str:
    """The name of the first known fault that a difference may come from; empty if there is none."""
    return next((fault.name for fault in FAULTS if fault.befalls(difference)), "")


@dataclass(frozen=True, slots=True)
class Run:
    """What a run came to: cases by how they went, excluded ones by fault, and what else differs."""

    cases: Counter[str]
    excluded: Counter[str]
    differences: list[Difference]


def run(cases: Iterable[Case], both: Both) -> Run:
    """Ask both about every case."""
    done = Run(Counter(), Counter(), [])
    for source, group in groupby(cases, key=lambda case: case.source):
        ours, theirs = both.ours(source), both.theirs(source)
        for case in group:
            difference = Difference(case, ours(case.chart), theirs(case.chart))
            _note(done, difference)
    return done


def _note(done: Run, difference: Difference) -> None:
    done.cases["all"] += 1
    if difference.ours != difference.theirs:
        if fault := excuse(difference):
            done.excluded[fault] += 1
        else:
            done.differences.append(difference)
        return
    done.cases["agreed"] += 1
    done.cases["unknown"] += difference.ours == ()
    done.cases["refused"] += difference.ours == REFUSED


def with_progress(cases: Iterable[Case]) -> Iterator[Case]:
    """The cases, with a line for every so many."""
    for number, case in zip(count(1), cases, strict=False):
        yield case
        if number % _PROGRESS_EVERY == 0:
            print(f"{number} cases", file=sys.stderr)


def report(done: Run, seed: int) -> Iterator[str]:
    """What a run came to, in lines."""
    cases, excluded = done.cases, done.excluded
    yield (
        f"seed {seed}: {cases['all']} cases, {cases['agreed']} agreed "
        f"({cases['unknown']} unknown to both, {cases['refused']} refused by both), "
        f"{excluded.total()} excluded, {len(done.differences)} differ"
    )
    yield from (f"- excluded for {name}: {number}" for name, number in excluded.most_common())
    for difference in sorted(done.differences, key=lambda found: len(found.case.source))[:10]:
        yield f"- {difference.case.source}: ours {difference.ours}, theirs {difference.theirs}"


def main(arguments: list[str], both: Both) -> int:
    """The command line; 1 if anything differs."""
    parser = argparse.ArgumentParser(description="Compare our rule language with fhirpathpy.")
    parser.add_argument("--count", type=int, default=3_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    done = run(with_progress(make_cases(chosen.seed, chosen.count)), both)
    print("\n".join(report(done, chosen.seed)))
    return 1 if done.differences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Both()))
