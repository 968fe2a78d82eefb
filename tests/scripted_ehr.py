"""An EHR that holds resources, gives them to whoever asks, and remembers what it was asked."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from cds_service.crd.request.reply import Reply
from cds_service.outbound.access import Access

JsonObject = dict[str, Any]


def never(_query: str) -> bool:
    """No query fails."""
    return False


def always(_query: str) -> bool:
    """Every query fails."""
    return True


@dataclass(slots=True)
class ScriptedEhr:
    """Replies to a read by type and id, to a search by type; what `fails` gets a failure."""

    resources: Sequence[JsonObject] = ()
    fails: Callable[[str], bool] = never
    queries: list[str] = field(default_factory=list)
    accesses: list[Access] = field(default_factory=list)
    deadlines: list[float] = field(default_factory=list)

    def ask(self, access: Access, queries: Sequence[str], deadline: float) -> tuple[Reply, ...]:
        """One reply a query."""
        self.queries.extend(queries)
        self.accesses.append(access)
        self.deadlines.append(deadline)
        return tuple(self._reply(query) for query in queries)

    def _reply(self, query: str) -> Reply:
        if self.fails(query):
            return Reply(query=query, failure="the script says so")
        return Reply(query=query, resources=tuple(self._matching(query)))

    def _matching(self, query: str) -> Iterator[JsonObject]:
        kind, _, searched = query.partition("?")
        for resource in self.resources:
            is_read = kind == f"{resource['resourceType']}/{resource['id']}"
            if is_read or (searched and kind == resource["resourceType"]):
                yield resource
