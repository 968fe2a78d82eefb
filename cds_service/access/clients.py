"""The clients that may call and the operators, as they are registered; where, is `clients_file`."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from cds_service.access.signing_keys import SigningKey

DEFAULT_ALGORITHMS = ("ES384", "RS384")  # those that CDS Hooks recommends
DEFAULT_SKEW, MOST_SKEW = 60, 300  # seconds that a client's clock may differ from ours
# The best practice of CDS Hooks takes an hour for granted, and every client known to us but one
# stays below; a day is for that one, a test client, to ask for. It bounds how long a stolen token
# is of use, and how long uses are to be remembered.
DEFAULT_LIFETIME, LEAST_LIFETIME, MOST_LIFETIME = 3600, 30, 86_400  # seconds from `iat` to `exp`


class Quirk(StrEnum):
    """Something that a client does against the rules and that is put up with."""

    NO_TYP = "no-typ"  # its tokens lack the header `typ`


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A client as the operator registered it; `None` and the empty stand for no limit.

    `jku` is the only address where its keys are fetched; where `keys` stand here none are, and
    `jku` is only what its tokens may name. `audiences`, without a final slash, take the place of
    the address that is called. `skew` and `lifetime` are in seconds, `rate` in calls a second,
    `concurrent` in calls at a time (None: as set for everybody). `payers` are ids of Organizations,
    `fhir_servers` base addresses without a final slash. `scopes` are for SMART Backend Services.
    """

    name: str
    issuer: str
    jku: str = ""
    keys: Mapping[str, SigningKey] = field(default_factory=dict, repr=False)
    algorithms: frozenset[str] = frozenset(DEFAULT_ALGORITHMS)
    audiences: frozenset[str] = frozenset()
    skew: int = DEFAULT_SKEW
    lifetime: int = DEFAULT_LIFETIME
    payers: frozenset[str] | None = None
    fhir_servers: frozenset[str] | None = None
    default_version: str = ""
    is_test: bool = False
    is_in_private_network: bool = False
    quirks: frozenset[Quirk] = frozenset()
    scopes: frozenset[str] = frozenset()
    rate: int | None = None
    concurrent: int | None = None
    tenants: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Someone who may look inside, by the SHA-256 of a token that only they have.

    `approval_key` is the public Ed25519 key they approve sets of policies with; empty: none.
    """

    name: str
    token_sha256: bytes = field(repr=False)
    approval_key: bytes = b""


@dataclass(frozen=True, slots=True)
class Clients:
    """Everyone registered: the clients by name and by `iss`, and the operators.

    Several clients may share an `iss` if each has `tenants` of its own.
    """

    all: tuple[Client, ...] = ()
    operators: tuple[Operator, ...] = ()
    _by_issuer: Mapping[str, tuple[Client, ...]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        by_issuer = defaultdict[str, tuple[Client, ...]](tuple)
        for client in self.all:
            by_issuer[client.issuer] += (client,)
        object.__setattr__(self, "_by_issuer", MappingProxyType(dict(by_issuer)))

    @property
    def algorithms(self) -> frozenset[str]:
        """Those that any client may sign with."""
        return frozenset[str]().union(*(client.algorithms for client in self.all))

    def named(self, name: str) -> Client | None:
        """The client under this name in the file, if there is one."""
        return next((client for client in self.all if client.name == name), None)

    def of_issuer(self, issuer: str) -> tuple[Client, ...]:
        """The clients with this very `iss`, compared character by character."""
        return self._by_issuer.get(issuer, ())


def for_tenant(clients: Iterable[Client], tenant: str) -> Client | None:
    """Which of the clients of one `iss` this tenant belongs to, if to any."""
    return next(
        (client for client in clients if client.tenants is None or tenant in client.tenants), None
    )
