"""How one set of policies differs from another, artifact by artifact, for people."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from cds_service.fhir.reference import ResourceKey, read_key
from cds_service.fhir.resource import JsonObject, canonical, text

_POLICY = "PlanDefinition"
_SHOWN = 12  # policies named in one line


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One artifact: `+` is new, `-` gone, `~` another than before; versions as they are stated."""

    sign: str
    key: ResourceKey
    version: str
    before: str = ""

    @property
    def is_policy(self) -> bool:
        """Whether it is a policy, not what one refers to."""
        return self.key.type == _POLICY

    def __str__(self) -> str:
        moved = f"{self.before} → " if self.before and self.before != self.version else ""
        name = self.key.id if self.is_policy else str(self.key)
        return f"{self.sign} {name} {moved}{self.version}".rstrip()


def set_changes(before: Iterable[JsonObject], after: Iterable[JsonObject]) -> tuple[Change, ...]:
    """Every artifact that is not the same in both, the policies first."""
    changes = _changes(_by_key(before), _by_key(after))
    return tuple(sorted(changes, key=lambda change: (not change.is_policy, change.key)))


def in_one_line(changes: Iterable[Change]) -> str:
    """Policies by id and version, and how many other artifacts; empty for no change."""
    found = list(changes)
    policies = [str(change) for change in found if change.is_policy]
    named = policies[:_SHOWN]
    if len(policies) > _SHOWN:
        named.append(f"and {len(policies) - _SHOWN} more policies")
    others = Counter(change.sign for change in found if not change.is_policy)
    if others:
        counts = ", ".join(f"{sign}{count}" for sign, count in sorted(others.items()))
        named.append(f"other artifacts {counts}")
    return ", ".join(named)


def _by_key(resources: Iterable[JsonObject]) -> dict[ResourceKey, JsonObject]:
    return {key: resource for resource in resources if (key := read_key(resource))}


def _changes(
    before: Mapping[ResourceKey, JsonObject], after: Mapping[ResourceKey, JsonObject]
) -> Iterator[Change]:
    for key in before.keys() | after.keys():
        old, new = before.get(key), after.get(key)
        if old is None or new is None:
            sign, held = ("-", old) if new is None else ("+", new)
            yield Change(sign=sign, key=key, version=_version(held or {}))
        elif canonical(old) != canonical(new):
            yield Change(sign="~", key=key, version=_version(new), before=_version(old))


def _version(resource: JsonObject) -> str:
    return text(resource.get("version"))
