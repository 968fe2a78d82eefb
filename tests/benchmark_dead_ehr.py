"""What a dead EHR costs other callers: healthy calls alone, and beside calls that wait for it.

Run it by itself: `python tests/benchmark_dead_ehr.py`. The dead EHR accepts connections on
loopback and never answers; a quarter of all connections wait for it.
"""

import socket
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

# This checkout, not a copy that may be installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import click
from benchmarking.calls import call_bodies
from benchmarking.load import ONLY, Calls, Job, Load, generator
from benchmarking.servers import running
from benchmarking.services import Shape, service
from benchmarking.slices import percentile

from cds_service.fhir.resource import decode, encode

HEALTHY, HANGING = 6, 2  # connections


@contextmanager
def dead_ehr() -> Iterator[int]:
    """The port of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        held: list[socket.socket] = []
        threading.Thread(target=_hold, args=(listening, held), daemon=True).start()
        yield listening.getsockname()[1]
        for connection in held:
            connection.close()


def _hold(listening: socket.socket, held: list[socket.socket]) -> None:
    try:
        while True:
            held.append(listening.accept()[0])
    except OSError:  # closed: the run is over
        return


def hanging_bodies(bodies: Sequence[bytes], port: int) -> list[bytes]:
    """The same calls with no Organization for the payer, which only the dead EHR could give."""
    return [_without_payer(decode(body), port) for body in bodies]


def _without_payer(request: dict[str, object], port: int) -> bytes:
    prefetch = request["prefetch"]
    assert isinstance(prefetch, dict)
    kept = {
        name: value for name, value in prefetch.items() if name not in ("payers", "organizations")
    }
    return encode({**request, "prefetch": kept, "fhirServer": f"http://127.0.0.1:{port}/fhir"})


def measure(seconds: float) -> tuple[Load, Load, Load]:
    """Healthy calls alone; then healthy and hanging calls together."""
    bodies = call_bodies(64)
    with (
        tempfile.TemporaryDirectory() as directory,
        dead_ehr() as dead,
        generator({ONLY: Calls(bodies=bodies)}) as healthy,
        generator({ONLY: Calls(bodies=hanging_bodies(bodies, dead))}) as hanging,
        running(service(Path(directory), Shape())) as server,
    ):
        healthy(Job(port=server.port, connections=HEALTHY, seconds=2.0))
        alone = healthy(Job(port=server.port, connections=HEALTHY, seconds=seconds))
        waited: list[Load] = []
        job = Job(port=server.port, connections=HANGING, seconds=seconds)
        beside = threading.Thread(target=lambda: waited.append(hanging(job)))
        beside.start()
        together = healthy(Job(port=server.port, connections=HEALTHY, seconds=seconds))
        beside.join()
    return alone, together, waited[0]


@click.command()
@click.option("--seconds", type=click.FloatRange(1, 600), default=20.0, help="load, each time")
def main(seconds: float) -> None:
    """Print throughput and p99 of healthy calls with and without a dead EHR, and the ratios."""
    alone, together, waited = measure(seconds)
    print(f"{'':28}{'calls/s':>10}{'p50 ms':>10}{'p99 ms':>10}")
    for name, load in (
        ("healthy alone", alone),
        ("healthy beside a dead EHR", together),
        ("calls to it", waited),
    ):
        p50, p99 = (percentile(load.latencies, part) * 1000 for part in (0.5, 0.99))
        print(f"{name:28}{load.rate:10.0f}{p50:10.2f}{p99:10.2f}")
    p99s = [percentile(load.latencies, 0.99) for load in (together, alone)]
    print(f"\nthroughput ratio {together.rate / alone.rate:.2f}, p99 ratio {p99s[0] / p99s[1]:.2f}")


if __name__ == "__main__":
    main()
