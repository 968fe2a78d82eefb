"""One run over all services by turns, so that what else the machine does falls on each alike."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarking.load import Job
from benchmarking.rounds import Run, Slice, percentile, pooled, take_all, together
from benchmarking.trusted import FLOOR, OPEN_SQLITE, WORKERS, Compared

_WARM_UP = 200  # requests
_WARM_UP_SECONDS = 20.0


@dataclass(frozen=True, slots=True, order=True)
class Way:
    """How load is put on a service: by so many connections, on so many of its workers."""

    connections: int
    workers: int


ALONE, ONE, TWO = Way(1, 1), Way(8, 1), Way(8, WORKERS)
WAYS = (ALONE, ONE, TWO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A slice of load on a service, and the seconds its database server spent on each request."""

    slice: Slice
    database: float


# The shares of each service under each way, one a round.
Shares = Mapping[tuple[str, Way], list[Share]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The figures of a service under 8 connections; times in seconds.

    Ratios are medians over the rounds: `to_floor` of the rate to the floor's with as many workers,
    `to_open` to the open service on SQLite with as many, `to_one` to its own with one worker;
    `cpu_to_floor` and `cpu_to_open` those of `cpu`, the processor time of a call.
    """

    name: str
    workers: int
    rate: float
    p50_alone: float | None
    p50: float
    p99: float
    cpu: float
    database: float
    to_floor: float
    to_open: float
    to_one: float
    cpu_to_floor: float
    cpu_to_open: float


def measure_by_turns(
    services: Sequence[Compared],
    run: Run,
    *,
    rounds: int,
    seconds: float,
    tell: Callable[[str], None],
) -> Shares:
    """A slice of so many seconds of each service under each way in each round; the order turns."""
    shares: dict[tuple[str, Way], list[Share]] = {
        (service.name, way): [] for service in services for way in WAYS
    }
    for service in services:
        tell(f"warm-up: {service.name}")
        run(_job(service, TWO, _WARM_UP_SECONDS, requests=_WARM_UP))
    for number in range(rounds):
        tell(f"round {number + 1} of {rounds}: {len(shares) * seconds:.0f} s")
        turns = [(service, way) for way in WAYS for service in services]
        for service, way in turns if number % 2 == 0 else reversed(turns):
            shares[service.name, way].append(_share(service, way, run, seconds))
    return shares


def _share(service: Compared, way: Way, run: Run, seconds: float) -> Share:
    before = service.database_cpu()
    taken = take_all(service.workers, run, _job(service, way, seconds))
    spent = service.database_cpu() - before
    return Share(slice=taken, database=spent / len(taken.load.latencies))


def _job(service: Compared, way: Way, seconds: float, **limits: int) -> Job:
    first, *others = (worker.port for worker in service.workers[: way.workers])
    return Job(
        port=first,
        others=tuple(others),
        connections=way.connections,
        seconds=seconds,
        token=service.token,
        **limits,
    )


def rows(shares: Shares) -> list[Row]:
    """The rows of all services, in their order: with one worker, then with two."""
    names = list(dict.fromkeys(name for name, _ in shares))
    return [_row(shares, name, way) for name in names for way in (ONE, TWO)]


def _row(shares: Shares, name: str, way: Way) -> Row:
    taken = [share.slice for share in shares[name, way]]
    latencies = pooled(taken)
    alone = pooled(share.slice for share in shares[name, ALONE])
    return Row(
        name=name,
        workers=way.workers,
        rate=median(slice_.rate for slice_ in taken),
        p50_alone=percentile(alone, 0.50) if way is ONE else None,
        p50=percentile(latencies, 0.50),
        p99=percentile(latencies, 0.99),
        cpu=median(slice_.cpu for slice_ in taken),
        database=median(share.database for share in shares[name, way]),
        to_floor=_ratio(shares, (name, way), (FLOOR, way), _rate),
        to_open=_ratio(shares, (name, way), (OPEN_SQLITE, way), _rate),
        to_one=_ratio(shares, (name, way), (name, ONE), _rate),
        cpu_to_floor=_ratio(shares, (name, way), (FLOOR, way), _cpu),
        cpu_to_open=_ratio(shares, (name, way), (OPEN_SQLITE, way), _cpu),
    )


def _rate(slice_: Slice) -> float:
    return slice_.rate


def _cpu(slice_: Slice) -> float:
    return slice_.cpu


def _ratio(
    shares: Shares, ours: tuple[str, Way], theirs: tuple[str, Way], of: Callable[[Slice], float]
) -> float:
    """The median of the rounds' ratios; a slice so short that it took no time has none."""
    pairs = zip(shares[ours], shares[theirs], strict=True)
    found = [of(our.slice) / of(their.slice) for our, their in pairs if of(their.slice)]
    return median(found) if found else float("nan")


def faults(shares: Shares) -> dict[str, int]:
    """What went wrong, by kind, in all of the run."""
    return together(share.slice.load.faults for share in _every(shares))


def machine_load(shares: Shares) -> tuple[float, float]:
    """The cores that the load generator used at most, and all other processes on the average."""
    taken = [share.slice for share in _every(shares)]
    others = sum(slice_.others for slice_ in taken) / len(taken)
    return max(slice_.generator for slice_ in taken), others


def _every(shares: Shares) -> Iterator[Share]:
    for taken in shares.values():
        yield from taken
