"""The tree built again from the leaves, and compared with every signed root on the way."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

from cds_service.audit.merkle import HASH_BYTES, Edge
from cds_service.audit.record_check import ALTERED

MISSING = bytes(HASH_BYTES)  # stands for the hash of a leaf that is gone
_MOST_SWAPPED = 64  # leaves between two checkpoints, up to which every pair is tried


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is not as it was signed: where, and what; `number` is None where it has none.

    `key` is the id of the record, if it is known.
    """

    number: int | None = None
    key: str = ""
    fault: str

    def __str__(self) -> str:
        place = "" if self.number is None else f"number {self.number}"
        name = f"record {self.key}" if self.key else ""
        return f"{', '.join(filter(None, (place, name)))}: {self.fault}".removeprefix(": ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A leaf as stored and as computed from its record, None if there is none; and its finding."""

    number: int
    key: str
    stored: bytes
    computed: bytes | None = None
    fault: str = ""


@dataclass(slots=True, kw_only=True)
class TreeCheck:
    """Takes leaves in the order of their numbers, and at times the root that they must give.

    A finding waits for the next root, which tells whether the record or its leaf was altered.
    """

    edge: Edge = field(default_factory=Edge)
    is_sound: bool = True
    _leaves: list[Leaf] = field(default_factory=list)

    @property
    def size(self) -> int:
        """How many leaves there have been."""
        return self.edge.size + len(self._leaves)

    def add(self, leaf: Leaf) -> None:
        """The next leaf."""
        self._leaves.append(leaf)

    def check_root(self, root: bytes, edge: Edge | None) -> list[Finding]:
        """The findings since the last root; `edge` is stored with this one, to go on from.

        After a root that does not fit, and has no edge, nothing is compared up to one that has.
        """
        leaves, self._leaves = self._leaves, []
        before = self.edge
        self.edge = before.extended([leaf.stored for leaf in leaves])
        findings = [_finding(leaf) for leaf in leaves if leaf.fault]
        if self.is_sound and self.edge.root == root:
            return [_blame(finding, "its payload or salt was altered") for finding in findings]
        mended = before.extended([leaf.computed or leaf.stored for leaf in leaves])
        if self.is_sound and mended.root == root:
            self.edge = mended
            return [_blame(finding, "its leaf hash was altered") for finding in findings]
        if self.is_sound and all(leaf.stored != MISSING for leaf in leaves):
            findings += _explain(before, leaves, root)
        self.is_sound = edge is not None and edge.root == root
        self.edge = edge if edge is not None and self.is_sound else self.edge
        return findings


def _finding(leaf: Leaf) -> Finding:
    return Finding(number=leaf.number, key=leaf.key, fault=leaf.fault)


def _blame(finding: Finding, fault: str) -> Finding:
    return replace(finding, fault=fault) if finding.fault == ALTERED else finding


def _explain(edge: Edge, leaves: Sequence[Leaf], root: bytes) -> list[Finding]:
    """Which leaves since the last checkpoint hold the fault, if no record by itself does."""
    size = edge.size + len(leaves)
    swapped = _find_swapped(edge, leaves, root)
    if swapped:
        first, second = swapped
        fault = "its place in the log was changed with that of record"
        return [
            Finding(number=first.number, key=first.key, fault=f"{fault} {second.key}"),
            Finding(number=second.number, key=second.key, fault=f"{fault} {first.key}"),
        ]
    replaced = f"replaced together with its leaf hash: the signed root for size {size} is another"
    if len(leaves) == 1:
        return [Finding(number=edge.size, key=leaves[0].key, fault=f"it was {replaced}")]
    place = f"one of the records from number {edge.size} to {size - 1}"
    return [Finding(number=edge.size, fault=f"{place} was {replaced}")]


def _find_swapped(edge: Edge, leaves: Sequence[Leaf], root: bytes) -> tuple[Leaf, Leaf] | None:
    if len(leaves) > _MOST_SWAPPED:
        return None
    for first, second in combinations(range(len(leaves)), 2):
        hashes = [leaf.stored for leaf in leaves]
        hashes[first], hashes[second] = hashes[second], hashes[first]
        if edge.extended(hashes).root == root:
            return leaves[first], leaves[second]
    return None
