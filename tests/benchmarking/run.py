"""One run: what is measured, in which order."""

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from benchmarking.contenders import Field, everything, healthchain_version
from benchmarking.counting import count_functions
from benchmarking.ehr import ehr
from benchmarking.findings import Findings, Sizes
from benchmarking.kinds import CALLS, ICARE, every_call
from benchmarking.load import Job, generator
from benchmarking.matrix import Shares, Turns, measure
from benchmarking.servers import Server, running
from benchmarking.services import BASE_URL, Shape, service
from benchmarking.signing import make_client
from benchmarking.sink import sink
from benchmarking.slices import Run
from benchmarking.soak import soak
from benchmarking.starting import measure_starts
from benchmarking.wire import CALL_PATH

from cds_service.database.engine import open_engine, reading

_TOKENS = 2_000  # used by turns, each with another call
_ALONE = 2.0  # seconds for the load generator by itself
_RECORD_BYTES = (
    "SELECT length(payload) + length(salt) + length(id) + "
    "(SELECT coalesce(sum(length(record_id) + length(name) + length(value)), 0) FROM mention) + "
    "(SELECT sum(length(record_id) + length(hash)) FROM leaf) FROM record"
)


class WrongAnswer(Exception):
    """The service does not answer the call as it should, so there is nothing to measure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is measured, and how much; a part that is empty is left out."""

    turns: Turns | None
    counts: bool
    policies: Sequence[int]
    soak: int
    workers: Sequence[int]
    trusts: Sequence[str]
    kinds: Sequence[str]
    postgresql: str = ""
    healthchain: Path | None = None


def measure_everything(plan: Plan, directory: Path) -> Findings:
    """All findings of one run; everything it writes goes to `directory`."""
    version = healthchain_version(plan.healthchain) if plan.healthchain else ""
    tell("making calls and tokens")
    client = make_client(directory / "client", f"{BASE_URL}{CALL_PATH}", _TOKENS)
    with ehr(CALLS) as base:
        calls = every_call(base)
        answer, sizes = first_answer(directory / "first", calls[ICARE].bodies[0])
        entered = Field(
            directory=directory,
            client=client,
            answer=answer,
            record=sizes.kept,
            workers=plan.workers,
            trusts=plan.trusts,
            kinds=plan.kinds,
            postgresql=plan.postgresql,
            healthchain=plan.healthchain,
        )
        with generator(calls, client.tokens) as run:
            return Findings(
                sizes=sizes,
                healthchain=version,
                generator_rate=_alone(answer, run),
                counts=count_functions(entered, run, tell) if plan.counts else {},
                shares=_matrix(plan.turns, entered, run),
                starts=measure_starts(directory / "starts", plan.policies, run, tell),
                marks=soak(directory / "soak", run, plan.soak, tell) if plan.soak else (),
            )


def tell(words: str) -> None:
    """Progress, for whoever watches."""
    print(f"{time.strftime('%H:%M:%S')}  {words}", file=sys.stderr, flush=True)


def first_answer(directory: Path, body: bytes) -> tuple[bytes, Sizes]:
    """A real answer for the floors to return, and how much is kept of it.

    Raises:
        WrongAnswer: no policy decided the call.
    """
    with running(service(directory, Shape())) as server:
        answer = _decided(server, body)
    engine = open_engine(f"sqlite:///{directory / 'crd.sqlite3'}")
    try:
        with reading(engine) as connection:
            kept = int(connection.exec_driver_sql(_RECORD_BYTES).scalar_one())
    finally:
        engine.dispose()
    sizes = Sizes(
        asked=len(body), answered=len(answer), kept=kept, file_system=_file_system(directory)
    )
    return answer, sizes


def _decided(server: Server, body: bytes) -> bytes:
    answer = server.post(body)
    if b"not-covered" not in answer or not json.loads(answer).get("systemActions"):
        raise WrongAnswer(answer[:500])
    return answer


def _matrix(turns: Turns | None, entered: Field, run: Run) -> Shares:
    if turns is None:
        return {}
    with everything(entered, tell) as contenders:
        return measure(contenders, run, turns, tell)


def _alone(answer: bytes, run: Run) -> float:
    tell("the load generator against a server that does nothing")
    with sink(answer) as port:
        return run(Job(port=port, connections=8, seconds=_ALONE, calls=ICARE)).rate


def _file_system(directory: Path) -> str:
    """What kind of disk holds the records: a sync costs nothing on some."""
    partitions = psutil.disk_partitions(all=True)
    mounted = {
        Path(partition.mountpoint): partition.fstype
        for partition in partitions
        if directory.is_relative_to(partition.mountpoint)
    }
    if not mounted:
        return "an unknown file system"
    return mounted[max(mounted, key=lambda path: len(path.parts))]
