"""The Merkle tree: RFC 6962 by its definition, by known answers, and by every proof of small trees."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.cases.custody import tree
from leaktrace.errors import CustodyError

LEAVES = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")] + [
    bytes(range(0x60, 0x70))
]
"""The leaves whose roots the reference implementation of Certificate Transparency is tested with."""
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def naive(leaves: list[bytes]) -> bytes:
    """MTH as RFC 6962, section 2.1, writes it down."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + naive(leaves[:k]) + naive(leaves[k:])).digest()


def nodes_of(leaves: list[bytes]) -> tree.Nodes:
    def node(level: int, index: int) -> bytes:
        part = leaves[index << level : (index + 1) << level]
        assert len(part) == 1 << level, "only full subtrees are stored"
        return naive(part)

    return node


def test_roots_are_those_of_the_reference_tests() -> None:
    for count, root in enumerate(ROOTS, start=1):
        assert tree.root_of([tree.leaf_hash(leaf) for leaf in LEAVES[:count]]).hex() == root
    assert tree.root_of([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_the_example_of_rfc_9162_section_2_1_5() -> None:
    d = [bytes([number]) for number in range(7)]
    node = nodes_of(d)
    a, b, c, d_, e, f, j = (node(0, index) for index in range(7))
    g, h, i, k = node(1, 0), node(1, 1), node(1, 2), node(2, 0)
    late = tree.node_hash(i, j)
    assert tree.inclusion_proof(node, 0, 7) == (b, h, late)
    assert tree.inclusion_proof(node, 3, 7) == (c, g, late)
    assert tree.inclusion_proof(node, 4, 7) == (f, j, k)
    assert tree.inclusion_proof(node, 6, 7) == (i, k)
    assert tree.consistency_proof(node, 3, 7) == (c, d_, g, late)
    assert tree.consistency_proof(node, 4, 7) == (late,)
    assert tree.consistency_proof(node, 6, 7) == (i, j, k)
    assert {a, e}  # named for the picture in the RFC


@given(st.lists(st.binary(max_size=8), max_size=70))
def test_the_frontier_grows_as_the_definition_says(leaves: list[bytes]) -> None:
    frontier = tree.Frontier()
    for leaf in leaves:
        frontier.append(tree.leaf_hash(leaf))
    assert frontier.root() == naive(leaves)
    assert len(frontier.peaks) == len(leaves).bit_count()
    assert tree.Frontier(frontier.size, frontier.peaks).root() == frontier.root()
    assert tree.root_at(nodes_of(leaves), len(leaves)) == frontier.root()


@given(st.integers(0, 40), st.integers(0, 5), st.integers(0, 31))
def test_full_subtrees_may_be_appended_whole(blocks: int, level: int, rest: int) -> None:
    count = (blocks << level) + rest
    leaves = [number.to_bytes(2, "big") for number in range(count)]
    frontier = tree.Frontier()
    for block in range(blocks):
        frontier.append(naive(leaves[block << level : (block + 1) << level]), level)
    frontier.extend(tree.leaf_hashes(leaves[blocks << level :]))
    assert frontier.root() == naive(leaves)


def test_every_inclusion_proof_of_small_trees_holds_and_no_other_place_or_leaf_does() -> None:
    leaves = [bytes([number]) for number in range(20)]
    node = nodes_of(leaves)
    for size in range(1, len(leaves) + 1):
        root = naive(leaves[:size])
        for index in range(size):
            proof = tree.inclusion_proof(node, index, size)
            tree.verify_inclusion(node(0, index), index, size, proof, root)
            for wrong in {(index + 1) % size, (index + size // 2) % size} - {index}:
                with pytest.raises(CustodyError):
                    tree.verify_inclusion(node(0, index), wrong, size, proof, root)
            with pytest.raises(CustodyError):
                tree.verify_inclusion(tree.leaf_hash(b"other"), index, size, proof, root)
            with pytest.raises(CustodyError):
                tree.verify_inclusion(node(0, index), index, size, (*proof, root), root)


def test_every_consistency_proof_of_small_trees_holds_and_no_other_root_does() -> None:
    leaves = [bytes([number]) for number in range(20)]
    node = nodes_of(leaves)
    for size in range(len(leaves) + 1):
        for old in range(size + 1):
            proof = tree.consistency_proof(node, old, size)
            roots = naive(leaves[:old]), naive(leaves[:size])
            tree.verify_consistency(old, roots[0], size, roots[1], proof)
            forged = naive([b"x", *leaves[1:old]]) if old else naive([b"x"])
            with pytest.raises(CustodyError):
                tree.verify_consistency(old, forged, size, roots[1], proof)
            if old not in {0, size}:
                with pytest.raises(CustodyError):
                    tree.verify_consistency(old, roots[0], size, forged, proof)
                with pytest.raises(CustodyError):
                    tree.verify_consistency(old, roots[0], size, roots[1], (*proof, roots[1]))
                with pytest.raises(CustodyError):
                    tree.verify_consistency(old, roots[0], size, roots[1], proof[:-1])


@given(st.integers(2, 300), st.data())
def test_a_changed_hash_breaks_a_proof(size: int, data: st.DataObject) -> None:
    leaves = [number.to_bytes(2, "big") for number in range(size)]
    node, root = nodes_of(leaves), naive(leaves)
    index = data.draw(st.integers(0, size - 1))
    proof = list(tree.inclusion_proof(node, index, size))
    where = data.draw(st.integers(0, len(proof) - 1))
    proof[where] = bytes([proof[where][0] ^ 1]) + proof[where][1:]
    with pytest.raises(CustodyError):
        tree.verify_inclusion(node(0, index), index, size, proof, root)


def test_a_node_cannot_be_passed_off_as_a_leaf() -> None:
    leaves = [b"a", b"b"]
    inside = tree.leaf_hash(b"a") + tree.leaf_hash(b"b")
    # Without the two prefixes a log of the one leaf `inside` would have the root of the log of two.
    assert sha256(inside).digest() == sha256(b"".join(tree.leaf_hashes(leaves))).digest()
    assert tree.root_of([tree.leaf_hash(inside)]) != naive(leaves)


@pytest.mark.parametrize("proof", [[b"short"], [bytes(33)], [bytes(32)] * 129])
def test_what_is_no_list_of_hashes_is_refused(proof: list[bytes]) -> None:
    with pytest.raises(CustodyError):
        tree.verify_inclusion(bytes(32), 0, 2, proof, bytes(32))


def test_a_frontier_that_does_not_fit_its_size_is_refused() -> None:
    with pytest.raises(CustodyError):
        tree.Frontier(3, [bytes(32)])
    with pytest.raises(ValueError, match="cannot begin"):
        tree.Frontier(1, [bytes(32)]).append(bytes(32), 1)
    with pytest.raises(CustodyError):
        tree.inclusion_proof(nodes_of([]), 0, 0)
    with pytest.raises(CustodyError):
        tree.consistency_proof(nodes_of([]), 2, 1)
