"""A seeded fuzzer: `python tests/mutation.py --count 100000 --seed 7` (reliability: F2).

A case is a sound base request with a few mutations, chosen by its number and the run's seed. Its
status must be 200 or 4xx and its response sound, and it may take five seconds of processor time.
A failing case is made as small as dropping mutations makes it, and printed with its seed.
"""

import argparse
import copy
import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, Protocol

if __name__ == "__main__":  # this checkout, not a copy that may be installed
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from answering import Answered, make_service, problems
from dirty_requests import BASES

from cds_service.fhir.resource import decode, encode

Json = Any
JsonObject = dict[str, Any]
Place = tuple[Any, Any]  # a container, and a key or index in it

MOST_MUTATIONS = 4
LONGEST_SECONDS = 5.0
_LARGE = 200_000  # bytes a part may grow to
_DEEP = 40  # lists one mutation may nest; how deep is too deep is asked in test_properties
_PROGRESS_EVERY = 2_000
_ODD = (
    "\u00a0",
    "\u0000",
    "\u202e",
    "\u200b",
    "e\u0301",
    "İ",
    "ß",
    "０",
    "🩺",
    "\ufeff",
    "\u2028",
    "<b>",
    "](x)",
    "\\",
)
_OTHER_TYPES: tuple[Json, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    10**30,
    "",
    "text",
    [],
    {},
    [[]],
    [None],
    {"": None},
)
_OTHER_NAMES = (
    "id",
    "reference",
    "coding",
    "extension",
    "resource",
    "contained",
    "modifierExtension",
    "status",
    "",
)


class Answers(Protocol):
    """What is fuzzed."""

    def answer(self, hook: str, body: bytes) -> Answered: ...


# Each edits the root in place.


def drop(random: Random, root: Json) -> None:
    """One part less."""
    container, key = _place(random, root)
    del container[key]


def duplicate(random: Random, root: Json) -> None:
    """A part twice: beside itself in a list, else as a list of two."""
    container, key = _place(random, root)
    twin = copy.deepcopy(container[key])
    if isinstance(container, list):
        container.insert(key, twin)
    else:
        container[key] = [container[key], twin]


def null(random: Random, root: Json) -> None:
    """Null instead of a part."""
    container, key = _place(random, root)
    container[key] = None


def retype(random: Random, root: Json) -> None:
    """A part as another type: as text, in a list, in an object, or something else altogether."""
    container, key = _place(random, root)
    value = container[key]
    container[key] = random.choice([str(value)[:100], [value], {"value": value}, *_OTHER_TYPES])


def move(random: Random, root: Json) -> None:
    """A part elsewhere, under its own name or another."""
    container, key = _place(random, root)
    value = container[key]
    del container[key]
    if places := list(_places(root)):
        other, at = random.choice(places)
        if isinstance(other, list):
            other.insert(at, value)
        else:
            other[random.choice([str(key), *_OTHER_NAMES])] = value


def swap(random: Random, root: Json) -> None:
    """Two parts, each in the place of the other."""
    (container, here), (other, there) = _place(random, root), _place(random, root)
    container[here], other[there] = copy.deepcopy(other[there]), copy.deepcopy(container[here])


def unicode(random: Random, root: Json) -> None:
    """Odd characters in a text, or in a name."""
    container, key = _place(random, root)
    if isinstance(container[key], str):
        container[key] = _oddly(random, container[key])
    elif isinstance(container, dict):
        container[_oddly(random, key)] = container.pop(key)


def enlarge(random: Random, root: Json) -> None:
    """Much more of a part."""
    container, key = _place(random, root)
    value = container[key]
    times = min(random.choice([2, 20, 1_000]), max(1, _LARGE // len(encode(value))))
    if isinstance(value, str | list):
        container[key] = value * times
    elif isinstance(value, dict):
        container[key] = {
            **value,
            **{f"{name}{number}": value[name] for name in value for number in range(times)},
        }
    else:
        container[key] = _nested(value, times)


MUTATIONS: Mapping[str, Callable[[Random, Json], None]] = {
    mutate.__name__: mutate
    for mutate in (drop, duplicate, null, retype, move, swap, unicode, enlarge)
}


def _places(value: Json) -> Iterator[Place]:
    """Every part of a value but its root, by what holds it."""
    items = (
        list(value.items())
        if isinstance(value, dict)
        else list(enumerate(value))
        if isinstance(value, list)
        else []
    )
    for key, inner in items:
        yield value, key
        yield from _places(inner)


def _place(random: Random, root: Json) -> Place:
    return random.choice(list(_places(root)) or [({"nothing": None}, "nothing")])


def _oddly(random: Random, text: str) -> str:
    at = random.randrange(len(text) + 1)
    return text[:at] + random.choice(_ODD) + text[at + random.randrange(2) :]


def _nested(value: Json, depth: int) -> Json:
    for _ in range(min(depth, _DEEP)):
        value = [value]
    return value


@dataclass(frozen=True, slots=True)
class Mutation:
    """One mutation, by name; the seed says where and how."""

    kind: str
    seed: int

    def __call__(self, request: Json) -> Json:
        mutated = decode(encode(request))  # a copy no part of which stands in two places
        MUTATIONS[self.kind](Random(self.seed), mutated)  # noqa: S311
        return mutated


@dataclass(frozen=True, slots=True)
class Case:
    """A base request and what is done to it."""

    base: str
    mutations: tuple[Mutation, ...]

    @property
    def hook(self) -> str:
        return str(BASES[self.base]["hook"])

    @property
    def request(self) -> Json:
        request: Json = BASES[self.base]
        for mutation in self.mutations:
            request = mutation(request)
        return request


def make_case(seed: int, number: int) -> Case:
    """The case of this number in the run with this seed, the same on every machine."""
    random = Random(f"{seed}/{number}")  # noqa: S311
    kinds = random.choices(sorted(MUTATIONS), k=random.randint(1, MOST_MUTATIONS))
    mutations = tuple(Mutation(kind, random.getrandbits(32)) for kind in kinds)
    return Case(random.choice(sorted(BASES)), mutations)


@dataclass(frozen=True, slots=True)
class Failure:
    """A case, and what was wrong; `what` is the same for failures of one cause."""

    case: Case
    what: str


def check(case: Case, service: Answers) -> Failure | None:
    """What is wrong with the answer to a case, if anything is."""
    request = case.request
    body = encode(request)
    started = time.thread_time()
    try:
        answered = service.answer(case.hook, body)
    except Exception as error:  # noqa: BLE001
        return Failure(case, f"{type(error).__name__} at {_origin(error)}")
    if time.thread_time() - started > LONGEST_SECONDS:
        return Failure(case, f"longer than {LONGEST_SECONDS} seconds")
    found = problems(answered, request)
    return Failure(case, found[0]) if found else None


def _origin(error: BaseException) -> str:
    """Where in the service an error arose, or at least last passed."""
    places, trace = ["nowhere"], error.__traceback__
    while trace:
        code = trace.tb_frame.f_code
        if "cds_service" in code.co_filename:
            places.append(f"{code.co_filename.rsplit('cds_service', 1)[1]}:{trace.tb_lineno}")
        trace = trace.tb_next
    return places[-1]


def smallest(failure: Failure, service: Answers) -> Failure:
    """The same failure with no mutation that it does not need."""
    for left_out in failure.case.mutations:
        kept = tuple(mutation for mutation in failure.case.mutations if mutation is not left_out)
        again = check(replace(failure.case, mutations=kept), service)
        if again and again.what == failure.what:
            return smallest(again, service)
    return failure


def run(cases: Iterable[Case], service: Answers) -> dict[str, Failure]:
    """The smallest failing case of each cause."""
    failures: dict[str, Failure] = {}
    for case in cases:
        failure = check(case, service)
        if failure and failure.what not in failures:
            failures[failure.what] = smallest(failure, service)
    return failures


def cases_of(seed: int, total: int) -> Iterator[Case]:
    """The first cases of a run."""
    return (make_case(seed, number) for number in range(total))


def _with_progress(cases: Iterable[Case]) -> Iterator[Case]:
    for number, case in zip(count(1), cases, strict=False):
        yield case
        if number % _PROGRESS_EVERY == 0:
            print(f"{number} cases", file=sys.stderr)


def report(failures: Iterable[Failure], seed: int, total: int) -> Iterator[str]:
    """What a run came to, in lines."""
    found = sorted(failures, key=lambda failure: len(encode(failure.case.request)))
    yield f"seed {seed}: {total} cases, {len(found)} ways to fail"
    for failure in found:
        yield f"- {failure.what}: {failure.case}"
    for failure in found[:1]:
        yield f"the smallest failing request, to {failure.case.hook}:"
        yield encode(failure.case.request).decode()


def main(arguments: list[str], service: Answers) -> int:
    """The command line; 1 if anything failed."""
    parser = argparse.ArgumentParser(description="Fuzz the service with mutated requests.")
    parser.add_argument("--count", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    logging.getLogger("cds_service").addHandler(logging.NullHandler())
    failures = run(_with_progress(cases_of(chosen.seed, chosen.count)), service)
    print("\n".join(report(failures.values(), chosen.seed, chosen.count)))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], make_service()))
