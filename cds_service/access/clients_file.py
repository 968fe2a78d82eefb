"""The clients file: TOML, a table a client and a table an operator, read whole and strictly.

[clients.north-hospital]
iss = "https://ehr.north.example"
jku = "https://ehr.north.example/jwks.json"
"""

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from itertools import combinations
from pathlib import Path
from stat import S_IWOTH
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from cds_service.access.addresses import address_fault, key_address_fault
from cds_service.access.approval_keys import approval_key_faults, parse_approval_key
from cds_service.access.clients import (
    DEFAULT_ALGORITHMS,
    DEFAULT_LIFETIME,
    DEFAULT_SKEW,
    LEAST_LIFETIME,
    MOST_LIFETIME,
    MOST_SKEW,
    Client,
    Clients,
    Operator,
    Quirk,
)
from cds_service.access.signing_keys import ALGORITHMS, KeySet, make_key_set
from cds_service.crd.request.version import VERSIONS
from cds_service.errors import SettingError

_SETTING = "clients"
_NAME = re.compile(r"[a-z\d][a-z\d_.-]{0,63}", re.ASCII)
_MOST_CALLS = 100_000

_Word = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,1024}$")]
_Text = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
_Calls = Annotated[int, Field(ge=0, le=_MOST_CALLS)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _ClientTable(_Strict):
    """A client as it is written; each name is the setting's."""

    iss: _Word
    jku: str = ""
    keys: list[Any] = []
    algorithms: Annotated[list[str], Field(min_length=1)] = list(DEFAULT_ALGORITHMS)
    audiences: list[_Word] = []
    skew: Annotated[int, Field(ge=0, le=MOST_SKEW)] = DEFAULT_SKEW
    lifetime: Annotated[int, Field(ge=LEAST_LIFETIME, le=MOST_LIFETIME)] = DEFAULT_LIFETIME
    payers: list[_Word] | None = None
    fhir_servers: list[str] | None = None
    default_version: str = ""
    test: bool = False
    private_network: bool = False
    quirks: list[str] = []
    scopes: list[_Word] = []
    rate: _Calls | None = None
    concurrent: _Calls | None = None
    tenants: Annotated[list[_Text], Field(min_length=1)] | None = None


class _OperatorTable(_Strict):
    token_sha256: Annotated[str, StringConstraints(pattern=r"^[\da-f]{64}$")]
    approval_key: str = ""


class _File(_Strict):
    clients: dict[str, _ClientTable] = {}
    operators: dict[str, _OperatorTable] = {}


# What pydantic calls a fault, and how we put it; anything else in pydantic's own words.
_WORDS: Mapping[str, str] = {
    "missing": "is missing",
    "extra_forbidden": "is no setting here; is it misspelt?",
    "string_type": "is not a text in quotes",
    "int_type": "is not a whole number",
    "bool_type": "is neither true nor false",
    "list_type": "is not a list in brackets",
    "dict_type": "is not a table",
    "model_type": "is not a table",
}


def read_clients(path: Path) -> Clients:
    """Everyone in the file.

    Raises:
        SettingError: it cannot be read, or something in it cannot be used; every fault is named
            with its place, a line each.
    """
    try:
        if path.stat().st_mode & S_IWOTH:
            raise SettingError(
                _SETTING, f"{path} is writable by anybody, who may add clients; chmod o-w it"
            )
        document = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingError(_SETTING, f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # no UTF-8, or no TOML, or nested without end
        raise SettingError(_SETTING, f"{path}: no TOML: {error}") from error
    try:
        return parse_clients(document)
    except ValueError as error:
        faults = str(error).splitlines()
        raise SettingError(_SETTING, "\n".join(f"{path}: {fault}" for fault in faults)) from error


def parse_clients(document: Mapping[str, Any]) -> Clients:
    """Everyone in a clients file as `tomllib` reads it.

    Raises:
        ValueError: something in it cannot be used; a line for every fault, with its place first.
    """
    try:
        file = _File.model_validate(document)
    except ValidationError as error:
        raise ValueError("\n".join(_structural_faults(error))) from error
    key_sets = {name: _keys(name, table) for name, table in file.clients.items()}
    faults = [*_faults(file, key_sets)]
    if faults:
        raise ValueError("\n".join(faults))
    return Clients(
        tuple(_client(name, table, key_sets[name]) for name, table in file.clients.items()),
        tuple(_operator(name, table) for name, table in file.operators.items()),
    )


def _keys(name: str, table: _ClientTable) -> KeySet:
    try:
        return make_key_set(table.keys)
    except ValueError as error:
        raise ValueError(f"clients.{name}.keys has {error}") from error


def _structural_faults(error: ValidationError) -> Iterator[str]:
    """What `_File` finds, without a value: one may be a secret that got into the wrong place."""
    for fault in error.errors(include_url=False, include_input=False, include_context=False):
        place = ".".join(map(str, fault["loc"]))
        words = _WORDS.get(fault["type"], fault["msg"][:1].lower() + fault["msg"][1:])
        yield f"{place} {words}"


def _faults(file: _File, key_sets: Mapping[str, KeySet]) -> Iterator[str]:
    for kind, names in (("clients", file.clients), ("operators", file.operators)):
        for name in names:
            if not _NAME.fullmatch(name):
                yield f"{kind}.{name}: a name has small letters, digits, `.`, `_` and `-`, up to 64"
    for name, table in file.clients.items():
        for setting, problem in _table_faults(table, key_sets[name]):
            yield f"clients.{name}.{setting} {problem}"
    yield from _shared_issuers(file.clients)
    approving = {name: table.approval_key for name, table in file.operators.items()}
    for name, problem in approval_key_faults(approving):
        yield f"operators.{name}.approval_key {problem}"


def _table_faults(table: _ClientTable, keys: KeySet) -> Iterator[tuple[str, str]]:
    if not table.jku and not table.keys:
        yield "jku", "is missing: write where the client's keys are, or the keys as `keys`"
    if table.jku and (fault := key_address_fault(table.jku, is_test=table.test)):
        yield "jku", fault
    for problem in keys.unusable:
        yield "keys", f"cannot all be used: {problem}"
    yield from _unknown("algorithms", table.algorithms, ALGORITHMS)
    yield from _unknown("quirks", table.quirks, {quirk.value for quirk in Quirk})
    if table.default_version:
        yield from _unknown("default_version", [table.default_version], VERSIONS)
    for server in table.fhir_servers or ():
        if fault := address_fault(server, is_test=table.test):
            yield "fhir_servers", f"has `{server}`, which {fault}"


def _unknown(setting: str, values: list[str], known: Collection[str]) -> Iterator[tuple[str, str]]:
    for value in values:
        if value not in known:
            yield setting, f"has `{value}`; known are {', '.join(sorted(known))}"


def _shared_issuers(clients: Mapping[str, _ClientTable]) -> Iterator[str]:
    """One `iss` leads to one client, or, where it names its tenant, to one client a tenant."""
    for (name, table), (other, another) in combinations(clients.items(), 2):
        if table.iss != another.iss:
            continue
        if table.tenants is None or another.tenants is None:
            yield f"clients.{other}.iss is also that of `{name}`: give each `tenants` of its own"
        for tenant in sorted(set(table.tenants or ()) & set(another.tenants or ())):
            yield f"clients.{other}.tenants has `{tenant}`, as `{name}` has, for the same `iss`"


def _operator(name: str, table: _OperatorTable) -> Operator:
    key = parse_approval_key(table.approval_key) if table.approval_key else b""
    return Operator(name=name, token_sha256=bytes.fromhex(table.token_sha256), approval_key=key)


def _client(name: str, table: _ClientTable, keys: KeySet) -> Client:
    return Client(
        name=name,
        issuer=table.iss,
        jku=table.jku,
        keys=keys.keys,
        algorithms=frozenset(table.algorithms),
        audiences=_without_slashes(table.audiences) or frozenset(),
        skew=table.skew,
        lifetime=table.lifetime,
        payers=_frozen(table.payers),
        fhir_servers=_without_slashes(table.fhir_servers),
        default_version=table.default_version,
        is_test=table.test,
        is_in_private_network=table.private_network,
        quirks=frozenset(map(Quirk, table.quirks)),
        scopes=frozenset(table.scopes),
        rate=table.rate,
        concurrent=table.concurrent,
        tenants=_frozen(table.tenants),
    )


def _without_slashes(addresses: list[str] | None) -> frozenset[str] | None:
    return None if addresses is None else frozenset(url.removesuffix("/") for url in addresses)


def _frozen(values: list[str] | None) -> frozenset[str] | None:
    return None if values is None else frozenset(values)
