"""The Merkle tree over the records, as in RFC 6962 section 2: roots, proofs, and their check.

A proof takes no whole tree: the right edge of the tree at one size and the leaves since then are
enough for whatever happened since then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from cds_service.errors import TamperError

HASH_BYTES = 32


def leaf_hash(entry: bytes) -> bytes:
    """The 32 bytes of one entry's leaf (RFC 6962, 2.1)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The 32 bytes of an inner node over its two children (RFC 6962, 2.1)."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """The right edge of a tree: the roots of its perfect subtrees, the largest first.

    There are as many as the size has binary ones, so a tree of any size grows in O(log n).
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.hashes) != self.size.bit_count():
            raise ValueError(f"{len(self.hashes)} hashes are no edge of a tree of {self.size}")

    @property
    def root(self) -> bytes:
        """The root of the whole tree; of an empty one the hash of nothing (RFC 6962, 2.1)."""
        if not self.hashes:
            return sha256().digest()
        *others, root = self.hashes
        for left in reversed(others):
            root = node_hash(left, root)
        return root

    def extended(self, leaves: Sequence[bytes]) -> "Edge":
        """The edge once these leaf hashes are appended."""
        hashes, size = list(self.hashes), self.size
        for leaf in leaves:
            # Each trailing one of the size is a subtree that the new leaf completes.
            subtree = leaf
            for _ in range((~size & (size + 1)).bit_length() - 1):
                subtree = node_hash(hashes.pop(), subtree)
            hashes.append(subtree)
            size += 1
        return Edge(size=size, hashes=tuple(hashes))

    def to_bytes(self) -> bytes:
        """The hashes one after the other, 32 bytes each."""
        return b"".join(self.hashes)


def parse_edge(size: int, stored: bytes) -> Edge:
    """The edge of a tree of `size` from its hashes, 32 bytes each.

    Raises:
        TamperError: there are more or fewer hashes than such a tree has.
    """
    hashes = (stored[start : start + HASH_BYTES] for start in range(0, len(stored), HASH_BYTES))
    try:
        return Edge(size=size, hashes=tuple(hashes))
    except ValueError as error:
        raise TamperError(f"the right edge stored for size {size} is damaged") from error


class Growth:
    """A tree that has grown from an edge by some leaves; proves what happened in that growth."""

    def __init__(self, edge: Edge, leaves: Sequence[bytes]) -> None:
        self._since, self._leaves = edge.size, leaves
        self.size = edge.size + len(leaves)
        self._known: dict[tuple[int, int], bytes] = {}
        start = 0
        for root in edge.hashes:
            width = 1 << ((edge.size - start).bit_length() - 1)
            self._known[start, start + width] = root
            start += width

    def inclusion_path(self, index: int) -> tuple[bytes, ...]:
        """The siblings from the leaf at `index` up to the root's child (RFC 6962, 2.1.1).

        Raises:
            IndexError: that leaf is none of those which the tree has grown by.
        """
        if not self._since <= index < self.size:
            raise IndexError(f"leaf {index} is not between {self._since} and {self.size}")
        path, start, end = [], 0, self.size
        while end - start > 1:
            middle = start + _largest_power_below(end - start)
            if index < middle:
                path.append(self._subtree(middle, end))
                end = middle
            else:
                path.append(self._subtree(start, middle))
                start = middle
        return tuple(reversed(path))

    def consistency_path(self) -> tuple[bytes, ...]:
        """The proof that the tree still begins with what it has grown from (RFC 6962, 2.1.2)."""
        if self._since in (0, self.size):
            return ()
        path, start, end, is_whole = [], 0, self.size, True
        while end != self._since:
            middle = start + _largest_power_below(end - start)
            if self._since <= middle:
                path.append(self._subtree(middle, end))
                end = middle
            else:
                path.append(self._subtree(start, middle))
                start, is_whole = middle, False
        if not is_whole:
            path.append(self._subtree(start, end))
        return tuple(reversed(path))

    def _subtree(self, start: int, end: int) -> bytes:
        if (start, end) in self._known:
            return self._known[start, end]
        if end - start == 1:
            return self._leaves[start - self._since]
        middle = start + _largest_power_below(end - start)
        return node_hash(self._subtree(start, middle), self._subtree(middle, end))


def _largest_power_below(count: int) -> int:
    return 1 << ((count - 1).bit_length() - 1)


def is_included(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether the path proves this leaf at this index of the tree (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    climbed = _climb(index, size - 1, leaf, leaf, path)
    return climbed is not None and climbed[1] == root


def is_consistent(
    old_size: int, old_root: bytes, size: int, root: bytes, path: Sequence[bytes]
) -> bool:
    """Whether the path proves that the tree begins with the old one (RFC 9162, 2.1.4.2)."""
    if not 0 <= old_size <= size:
        return False
    if old_size in (0, size):
        return not path and old_root == (root if old_size else Edge().root)
    # Of a perfect old tree the path leaves out the root: whoever checks it has it.
    hashes = [old_root, *path] if old_size.bit_count() == 1 else list(path)
    if not hashes:
        return False
    height = (~(old_size - 1) & old_size).bit_length() - 1  # trailing ones of old_size - 1
    position, last = (old_size - 1) >> height, (size - 1) >> height
    return _climb(position, last, hashes[0], hashes[0], hashes[1:]) == (old_root, root)


def _climb(
    position: int, last: int, old: bytes, new: bytes, path: Sequence[bytes]
) -> tuple[bytes, bytes] | None:
    """The roots of the old and the new tree over a node; None if the path has another length.

    `position` and `last` are places on the node's level: its own, and that of the new tree's last.
    """
    for sibling in path:
        if last == 0:
            return None
        if position & 1 or position == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        position, last = position >> 1, last >> 1
    return (old, new) if last == 0 else None
