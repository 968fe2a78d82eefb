"""A set made ready to leave: ordered, under its new base, with its manifest, in one of four forms.

The same set gives the same bytes, whatever order its files had their members in.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cds_service.crd.codes import CANONICAL_BASE
from cds_service.exchange.canonicals import checked_base, rebase_all
from cds_service.exchange.facts import SetFacts, read_facts
from cds_service.exchange.manifest import write_manifest
from cds_service.exchange.order import in_order_of_need
from cds_service.exchange.outgoing.bundles import collection, transaction
from cds_service.exchange.outgoing.ndjson import ndjson_files
from cds_service.exchange.outgoing.package import write_package
from cds_service.fhir.resource import JsonObject, encode

_FIRST = ("resourceType", "id")  # where people and streaming readers look for them


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedSet:
    """Resources as they leave, each after what it names, and what is said of all of them."""

    resources: tuple[JsonObject, ...]
    manifest: JsonObject
    facts: SetFacts


def make_set(
    resources: Sequence[JsonObject], *, digest: str, base: str = CANONICAL_BASE, view: str
) -> ExportedSet:
    """The set that leaves under a canonical base; nothing else of a resource is changed.

    `digest` is that of the library they come from, `view` is `library` or `portable`.

    Raises:
        ExchangeError: the base is none, or the set uses it already, or its manifest's id.
    """
    checked_base(base)
    settled = [_settled(resource) for resource in in_order_of_need(resources)]
    rebased = rebase_all(settled, CANONICAL_BASE, base)
    facts = read_facts(rebased, base=base, digest=digest, view=view)
    manifest = write_manifest(rebased, facts)
    return ExportedSet(resources=rebased, manifest=manifest, facts=facts)


def transaction_bytes(exported: ExportedSet) -> bytes:
    """One JSON line: a Bundle that a server stores, the manifest after all that it names."""
    return _line(transaction((*exported.resources, exported.manifest), exported.facts))


def collection_bytes(exported: ExportedSet) -> bytes:
    """One JSON line: a Bundle to read, the manifest first (CRMI)."""
    return _line(collection((exported.manifest, *exported.resources), exported.facts))


def package_bytes(exported: ExportedSet) -> bytes:
    """A FHIR package (.tgz).

    Raises:
        ExchangeError: a file or the package cannot be named as every reader takes it.
    """
    return write_package((exported.manifest, *exported.resources), exported.facts)


def ndjson_of(exported: ExportedSet) -> Mapping[str, bytes]:
    """Files by name, one for each type."""
    return ndjson_files((*exported.resources, exported.manifest))


SINGLE_FILES: Mapping[str, Callable[[ExportedSet], bytes]] = {
    "transaction": transaction_bytes,
    "collection": collection_bytes,
    "package": package_bytes,
}


def _line(bundle: JsonObject) -> bytes:
    return encode(bundle) + b"\n"


def _settled(value: Any) -> Any:
    """The same value with its members in an order that does not depend on who wrote it."""
    if isinstance(value, list):
        return [_settled(member) for member in value]
    if not isinstance(value, dict):
        return value
    names = [*(name for name in _FIRST if name in value), *sorted(value.keys() - set(_FIRST))]
    return {name: _settled(value[name]) for name in names}
