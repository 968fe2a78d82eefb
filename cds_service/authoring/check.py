"""A library checked: everything compiled, what cards would show read, every policy's cases run."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from cds_service.authoring.case_runs import differences, run_case
from cds_service.authoring.cases import Case, read_cases
from cds_service.authoring.finding import Finding
from cds_service.authoring.portability import Advice, find_advice
from cds_service.authoring.portals import find_portals
from cds_service.policy.library.artifacts import Library, Progress, no_progress, read_library
from cds_service.policy.library.compiler import compile_library
from cds_service.policy.library.inventory import Inventory, take_inventory
from cds_service.policy.library.proving import Prover
from cds_service.policy.run.index import PolicyIndex


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a check covered, and what it found; the rest are counts.

    `proved` has the SHA-256 of every artifact by its path, for a seal where nothing was found.
    """

    inventory: Inventory
    policies: int
    rules: int
    cases: int
    findings: tuple[Finding, ...]
    advice: tuple[Advice, ...]
    proved: Mapping[Path, str]


def check_library(
    directories: Sequence[Path], today: date, progress: Progress = no_progress
) -> Report:
    """What is found in the library that `directories` make, the later overlaying the earlier.

    Everything is proved, whatever is sealed. `today` is the day by which policies are in force.

    Raises:
        ArtifactError: a file is no artifact, or no cases file, so nothing can be run.
    """
    prover = Prover(thorough=True)
    library = read_library(directories, progress, prover=prover)
    index = compile_library(library, base_url="")
    cases = [case for directory in directories for case in read_cases(directory)]
    return Report(
        inventory=take_inventory(library, index, today),
        policies=len(index.policies),
        rules=len(index.rules),
        cases=len(cases),
        findings=tuple(find_faults(library, index, cases)),
        advice=tuple(find_advice(library)),
        proved=prover.proved,
    )


def find_faults(library: Library, index: PolicyIndex, cases: Iterable[Case]) -> Iterator[Finding]:
    """What a library that compiles to this index must not do, and where it fails its cases."""
    yield from find_portals(library)
    yield from _run(cases, index)


def _run(cases: Iterable[Case], index: PolicyIndex) -> Iterator[Finding]:
    for case in cases:
        for difference in differences(case, run_case(case, index)):
            yield Finding(file=case.file, where=case.name, problem=difference)
