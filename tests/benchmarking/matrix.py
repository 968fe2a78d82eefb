"""The matrix: everybody under every load by turns, so that the machine's own moods cancel."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarking.contenders import TOKENS, Contender, Name
from benchmarking.load import Job
from benchmarking.slices import Run, Slice, take

_WARM_UP = 50  # calls of each kind
_WARM_UP_SECONDS = 5.0


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Cell:
    """Who is sent what by how many connections."""

    name: Name
    kind: str
    connections: int


# The slices of each cell, one a round.
Shares = Mapping[Cell, list[Slice]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """How the turns are taken: rounds of a slice of so many seconds for each cell."""

    connections: Sequence[int]
    rounds: int
    seconds: float


def measure(
    contenders: Sequence[Contender], run: Run, turns: Turns, tell: Callable[[str], None]
) -> Shares:
    """A slice of each cell in each round; every other round goes backwards."""
    for contender in contenders:
        tell(f"warm-up: {contender.name}")
        for kind in contender.kinds:
            run(_job(contender, kind, max(turns.connections), _WARM_UP_SECONDS, _WARM_UP))
    cells = [
        (contender, Cell(name=contender.name, kind=kind, connections=connections))
        for connections in turns.connections
        for contender in contenders
        for kind in contender.kinds
    ]
    shares: dict[Cell, list[Slice]] = {cell: [] for _, cell in cells}
    for number in range(turns.rounds):
        tell(f"round {number + 1} of {turns.rounds}: {len(cells)} slices of {turns.seconds:g} s")
        for contender, cell in cells if number % 2 == 0 else reversed(cells):
            job = _job(contender, cell.kind, cell.connections, turns.seconds)
            shares[cell].append(take(contender, run, job))
    return shares


def _job(
    contender: Contender, kind: str, connections: int, seconds: float, requests: int = 10**9
) -> Job:
    return Job(
        port=contender.server.port,
        connections=connections,
        seconds=seconds,
        calls=kind,
        requests=requests,
        path=contender.path,
        signed=contender.name.trust == TOKENS,
    )
