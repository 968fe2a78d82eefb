"""The tree is RFC 6962's: its known vectors, and the definition written out slowly."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.audit.merkle import (
    Edge,
    Growth,
    is_consistent,
    is_included,
    leaf_hash,
    node_hash,
    parse_edge,
)
from cds_service.errors import TamperError

# The entries and roots that Certificate Transparency logs have been tested with since 2013.
HEX_ENTRIES = "/00/10/2021/3031/40414243/5051525354555657/606162636465666768696a6b6c6d6e6f"
ENTRIES = tuple(map(bytes.fromhex, HEX_ENTRIES.split("/")))
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
LEAVES = tuple(map(leaf_hash, ENTRIES))
# Index and size, then the path.
INCLUSION = {
    (0, 1): (),
    (0, 8): (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    (5, 8): (
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
}
# The old size and the new, then the path.
CONSISTENCY = {
    (1, 1): (),
    (1, 8): (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    (6, 8): (
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 5): (
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ),
}
sizes = st.integers(min_value=0, max_value=200)


def leaves_of(size: int) -> list[bytes]:
    """So many leaves, no two alike."""
    return [leaf_hash(str(number).encode()) for number in range(size)]


def slow_root(leaves: list[bytes]) -> bytes:
    """MTH, word for word (RFC 6962, 2.1)."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    half = split_of(len(leaves))
    return node_hash(slow_root(leaves[:half]), slow_root(leaves[half:]))


def slow_path(index: int, leaves: list[bytes]) -> list[bytes]:
    """PATH, word for word (RFC 6962, 2.1.1)."""
    if len(leaves) == 1:
        return []
    half = split_of(len(leaves))
    if index < half:
        return [*slow_path(index, leaves[:half]), slow_root(leaves[half:])]
    return [*slow_path(index - half, leaves[half:]), slow_root(leaves[:half])]


def slow_subproof(old: int, leaves: list[bytes], is_whole: bool) -> list[bytes]:
    """SUBPROOF, word for word (RFC 6962, 2.1.2)."""
    if old == len(leaves):
        return [] if is_whole else [slow_root(leaves)]
    half = split_of(len(leaves))
    if old <= half:
        return [*slow_subproof(old, leaves[:half], is_whole), slow_root(leaves[half:])]
    return [*slow_subproof(old - half, leaves[half:], False), slow_root(leaves[:half])]


def split_of(size: int) -> int:
    """The largest power of two below the size."""
    half = 1
    while half * 2 < size:
        half *= 2
    return half


@pytest.mark.parametrize("size", range(9))
def test_the_roots_are_those_of_the_known_vectors(size: int) -> None:
    """Trees of no leaf to eight."""
    assert Edge().extended(LEAVES[:size]).root.hex() == ROOTS[size]


@pytest.mark.parametrize(("place", "path"), INCLUSION.items())
def test_inclusion_paths_are_those_of_the_known_vectors(
    place: tuple[int, int], path: tuple[str, ...]
) -> None:
    """They are made, and they prove."""
    index, size = place
    made = Growth(Edge(), LEAVES[:size]).inclusion_path(index)

    assert tuple(node.hex() for node in made) == path
    assert is_included(LEAVES[index], index, size, made, bytes.fromhex(ROOTS[size]))


@pytest.mark.parametrize(("place", "path"), CONSISTENCY.items())
def test_consistency_paths_are_those_of_the_known_vectors(
    place: tuple[int, int], path: tuple[str, ...]
) -> None:
    """They are made, and they prove."""
    old, size = place
    made = Growth(Edge().extended(LEAVES[:old]), LEAVES[old:size]).consistency_path()

    assert tuple(node.hex() for node in made) == path
    roots = [bytes.fromhex(ROOTS[number]) for number in place]
    assert is_consistent(old, roots[0], size, roots[1], made)


@given(size=sizes, cut=sizes)
def test_a_tree_grown_in_two_steps_has_the_root_of_the_definition(size: int, cut: int) -> None:
    """However it is cut, and with the edge stored between the steps."""
    leaves = leaves_of(size)
    first = Edge().extended(leaves[:cut])
    stored = parse_edge(first.size, first.to_bytes())

    assert stored.extended(leaves[cut:]).root == slow_root(leaves)


@given(size=st.integers(1, 200), index=sizes, cut=sizes)
def test_an_inclusion_path_is_that_of_the_definition(size: int, index: int, cut: int) -> None:
    """Made from an edge before the leaf, without the leaves before that."""
    leaves, index = leaves_of(size), index % size
    cut %= index + 1
    path = Growth(Edge().extended(leaves[:cut]), leaves[cut:]).inclusion_path(index)

    assert list(path) == slow_path(index, leaves)
    assert is_included(leaves[index], index, size, path, slow_root(leaves))


@given(size=st.integers(1, 200), old=sizes)
def test_a_consistency_path_is_that_of_the_definition(size: int, old: int) -> None:
    """Made from the old edge and the leaves since."""
    leaves, old = leaves_of(size), 1 + old % size
    path = Growth(Edge().extended(leaves[:old]), leaves[old:]).consistency_path()

    assert list(path) == slow_subproof(old, leaves, True)
    assert is_consistent(old, slow_root(leaves[:old]), size, slow_root(leaves), path)


@given(size=st.integers(1, 40), index=sizes, change=st.integers(0, 5), bit=st.integers(0, 255))
def test_a_changed_inclusion_proof_proves_nothing(
    size: int, index: int, change: int, bit: int
) -> None:
    """One bit of leaf, root or path; another index; a hash too many or too few."""
    leaves, index = leaves_of(size), index % size
    leaf, root = leaves[index], slow_root(leaves)
    path = list(Growth(Edge(), leaves).inclusion_path(index))
    changed = [
        (flipped(leaf, bit), index, path, root),
        (leaf, index, path, flipped(root, bit)),
        (leaf, index + 1, path, root),
        (leaf, index, [*path, root], root),
        (leaf, index, path[:-1] if path else [leaf], root),
        (leaf, index, [flipped(path[0], bit), *path[1:]] if path else [root], root),
    ][change]

    assert not is_included(changed[0], changed[1], size, *changed[2:])


@given(size=st.integers(2, 40), old=sizes, change=st.integers(0, 4), bit=st.integers(0, 255))
def test_a_changed_consistency_proof_proves_nothing(
    size: int, old: int, change: int, bit: int
) -> None:
    """One bit of a root or the path; a hash too many or too few."""
    leaves, old = leaves_of(size), 1 + old % (size - 1)
    old_root, root = slow_root(leaves[:old]), slow_root(leaves)
    path = list(Growth(Edge().extended(leaves[:old]), leaves[old:]).consistency_path())
    changed = [
        (flipped(old_root, bit), root, path),
        (old_root, flipped(root, bit), path),
        (old_root, root, [*path, root]),
        (old_root, root, path[:-1]),
        (old_root, root, [*path[:-1], flipped(path[-1], bit)]),
    ][change]

    assert not is_consistent(old, changed[0], size, changed[1], changed[2])


def flipped(octets: bytes, bit: int) -> bytes:
    """The bytes with one bit the other way."""
    place, mask = bit // 8, 1 << bit % 8
    return octets[:place] + bytes([octets[place] ^ mask]) + octets[place + 1 :]


def test_every_tree_begins_with_the_empty_one() -> None:
    """And its root alone is that of the empty tree."""
    empty, root = Edge().root, Edge().extended(LEAVES).root

    assert is_consistent(0, empty, 8, root, ())
    assert not is_consistent(0, root, 8, root, ())
    assert not is_consistent(9, root, 8, root, ())
    assert not is_consistent(5, root, 8, root, ())


def test_no_leaf_is_outside_the_tree() -> None:
    """Neither to be proved nor to be checked."""
    growth = Growth(Edge().extended(LEAVES[:4]), LEAVES[4:])

    with pytest.raises(IndexError, match="leaf 3 is not between 4 and 8"):
        growth.inclusion_path(3)
    assert not is_included(LEAVES[0], 8, 8, (), LEAVES[0])
    assert not is_included(LEAVES[0], -1, 8, (), LEAVES[0])


@pytest.mark.parametrize("stored", [b"", b"\x00" * 32, b"\x00" * 65])
def test_an_edge_of_the_wrong_length_is_damaged(stored: bytes) -> None:
    """A tree of three has two hashes there."""
    with pytest.raises(TamperError, match="size 3 is damaged"):
        parse_edge(3, stored)
