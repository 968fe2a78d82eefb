"""One run: what is measured, in which order."""

import json
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil
from benchmarking import servers
from benchmarking.calls import call_bodies
from benchmarking.findings import FEW, MANY, Findings, Standing, every_slice
from benchmarking.language import measure_language
from benchmarking.load import Job, generator
from benchmarking.matching import Matching, measure_matching
from benchmarking.phases import measure_phases
from benchmarking.policies import BUILT_IN, GeneratedLibrary, write_library
from benchmarking.rounds import Measured, Run, measure, together
from benchmarking.servers import Command, Server, Start, running, starts
from benchmarking.sink import sink
from benchmarking.soak import Mark, soak

_CALLS = 64  # different bodies
_WARM_UP = Job(port=0, connections=MANY, seconds=10.0, requests=500)
_ALONE = 3.0  # seconds for the load generator by itself


class WrongAnswer(Exception):
    """The service does not answer the call as it should, so there is nothing to measure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much is measured; `seconds` is the load on one server at one number of connections."""

    seconds: float
    rounds: int
    starts: int
    libraries: tuple[int, ...]
    soak: int
    phases: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Beside:
    """What measuring by turns has found."""

    measured: Measured
    floor: Standing
    servers: Mapping[int, Standing]


def measure_everything(extent: Extent, directory: Path) -> Findings:
    """All findings of one run; everything it writes goes to `directory`."""
    bodies = call_bodies(_CALLS)
    tell("phases, in process")  # before there are gigabytes for the disk to write
    phases = measure_phases(directory / "phases", bodies, extent.phases)
    tell("the rule language, in process")
    language = measure_language(directory / "language", extent.phases)
    libraries = {number: _library(directory, number) for number in extent.libraries}
    commands = {number: _service(directory, library) for number, library in libraries.items()}
    with generator(bodies) as run:
        answer = first_answer(commands[extent.libraries[0]], bodies[0])
        alone = _alone(answer, run)
        beside = _measure_beside(extent, servers.floor(directory / "floor", answer), commands, run)
        marks = _soak(
            _service(directory / "soak", libraries[extent.libraries[0]]), run, extent.soak
        )
    slices = [slice_ for count in (FEW, MANY) for slice_ in every_slice(beside.measured, count)]
    return Findings(
        body=len(bodies[0]),
        answer=len(answer),
        kept_in=_file_system(directory),
        libraries=libraries,
        measured=beside.measured,
        floor=beside.floor,
        servers=beside.servers,
        generator_rate=alone,
        phases=phases,
        language=language,
        marks=marks,
        matching=_matching(libraries[extent.libraries[-1]]),
        faults=together(
            [*(slice_.load.faults for slice_ in slices), *(mark.faults for mark in marks)]
        ),
    )


def tell(words: str) -> None:
    """Progress, for whoever watches."""
    print(f"{time.strftime('%H:%M:%S')}  {words}", file=sys.stderr, flush=True)


def _library(directory: Path, policies: int) -> GeneratedLibrary:
    tell(f"writing a library of {policies:,} policies")
    return write_library(directory / f"library-{policies}", policies)


def _service(directory: Path, library: GeneratedLibrary) -> Command:
    more = library.directory if library.files else None
    return servers.service(directory / f"service-{library.policies}", more)


def first_answer(command: Command, body: bytes) -> bytes:
    """A real answer for the floor to return.

    Raises:
        WrongAnswer: no policy decided the call.
    """
    with running(command) as server:
        answer = server.post(body)
    if b"not-covered" not in answer or not json.loads(answer).get("systemActions"):
        raise WrongAnswer(answer[:500])
    return answer


def _alone(answer: bytes, run: Run) -> float:
    tell("the load generator against a server that does nothing")
    with sink(answer) as port:
        return run(Job(port=port, connections=MANY, seconds=_ALONE)).rate


def _measure_beside(
    extent: Extent, floor: Command, commands: Mapping[int, Command], run: Run
) -> _Beside:
    tell("starts")
    floor_starts = starts(floor, extent.starts)
    its_starts = {number: starts(command, extent.starts) for number, command in commands.items()}
    with ExitStack() as stack:
        base = stack.enter_context(running(floor))
        up = {number: stack.enter_context(running(command)) for number, command in commands.items()}
        ready = {server.port: server.memory() for server in (base, *up.values())}
        for server in (base, *up.values()):
            run(_WARM_UP.at(server.port))
        measured = measure(
            up,
            base,
            run,
            connections=(FEW, MANY),
            rounds=extent.rounds,
            seconds=extent.seconds,
            tell=tell,
        )
        return _Beside(
            measured=measured,
            floor=_standing(floor_starts, base, ready),
            servers={
                number: _standing(its_starts[number], server, ready)
                for number, server in up.items()
            },
        )


def _standing(starts: list[Start], server: Server, ready: Mapping[int, int]) -> Standing:
    return Standing(starts=starts, memory_ready=ready[server.port], memory_loaded=server.memory())


def _soak(command: Command, run: Run, requests: int) -> list[Mark]:
    if not requests:
        return []
    tell(f"memory over {requests:,} requests")
    with running(command) as server:
        return soak(server, run, command.directory, requests, tell=tell)


def _matching(library: GeneratedLibrary) -> Matching | None:
    if library.policies == BUILT_IN:
        return None
    tell(f"policy match among {library.policies:,}, in process")
    return measure_matching(library.directory, library.policies)


def _file_system(directory: Path) -> str:
    """What kind of disk holds the answers: a sync costs nothing on some."""
    partitions = psutil.disk_partitions(all=True)
    mounted = {
        Path(partition.mountpoint): partition.fstype
        for partition in partitions
        if directory.is_relative_to(partition.mountpoint)
    }
    if not mounted:
        return "an unknown file system"
    return mounted[max(mounted, key=lambda path: len(path.parts))]
