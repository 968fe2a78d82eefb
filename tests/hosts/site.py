"""Three hosts on one PostgreSQL, behind a proxy; one by a relay, one with a clock of its own."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from databases import fresh_database
from faults.site import Site
from hosts.client import Client
from hosts.host import Host, killed_in_the_end
from hosts.host_clock import HostClock
from hosts.proxy import free_port, proxying
from hosts.relay import Relay, relaying

from cds_service.access.token_key import open_token_key
from cds_service.database.migrations import migrate


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSite:
    """The hosts, what can be done to them, and two clients: one without a limit, one with."""

    store: Site
    proxy: int
    hosts: tuple[Host, Host, Host]
    relay: Relay
    clock: HostClock
    north: Client
    south: Client

    def journaled(self) -> int:
        """Bytes in the journals of all hosts."""
        found = [path for host in self.hosts for path in host.directory.glob("journal/*.journal")]
        return sum(path.stat().st_size for path in found if path.exists())


@contextmanager
def host_site(server: str, directory: Path, *, workers: int, rate: int) -> Iterator[HostSite]:
    """The site in a new database of a server, all hosts ready; all is gone after the block."""
    with fresh_database(server) as database, relaying(urlsplit(database).port or 5432) as relay:
        store = Site(directory=directory, database=database)
        _set_up(store)
        proxy, ports = free_port(), [free_port() for _ in range(3)]
        base = f"http://127.0.0.1:{proxy}"
        clients = Client(name="north", base=base), Client(name="south", base=base, rate=rate)
        clock = HostClock(directory)
        clock.make()
        hosts = _hosts(store, ports, _options(store, clients, base, workers), relay, clock)
        with killed_in_the_end(hosts):
            for host in hosts:
                host.launch()
            for host in hosts:
                host.await_ready()
            with proxying(directory, proxy, ports):
                yield HostSite(
                    store=store,
                    proxy=proxy,
                    hosts=hosts,
                    relay=relay,
                    clock=clock,
                    north=clients[0],
                    south=clients[1],
                )


def _set_up(store: Site) -> None:
    store.make_keys()
    open_token_key("", store.directory)
    with store.read() as engine:
        migrate(engine)


def _options(store: Site, clients: Sequence[Client], base: str, workers: int) -> Sequence[str]:
    file = store.directory / "clients.toml"
    file.write_text("\n".join(client.registration() for client in clients))
    file.chmod(0o600)
    keys = store.directory / "keys"
    return (
        *("--auth", "jwt", "--clients", str(file), "--base-url", base),
        *("--audit-key", str(keys / "audit.key"), "--checkpoint-key", str(keys / "checkpoint.key")),
        *("--token-key", str(store.directory / "token-key.pem")),
        *("--checkpoints", str(store.checkpoints), "--workers", str(workers)),
    )


def _hosts(
    store: Site, ports: Sequence[int], options: Sequence[str], relay: Relay, clock: HostClock
) -> tuple[Host, Host, Host]:
    direct = store.database
    relayed = direct.replace(f":{urlsplit(direct).port}/", f":{relay.port}/")
    first, second, third = (
        Host(
            name=f"host {number}",
            port=port,
            directory=store.directory / f"host-{number}",
            options=(*options, "--database", database),
            environment=clock.environment() if number == 3 else {},
        )
        for number, (port, database) in enumerate(
            zip(ports, (direct, relayed, direct), strict=True), start=1
        )
    )
    return first, second, third
