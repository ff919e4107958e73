"""Merkle trees: known roots, proofs that hold for every place, and proofs that hold for nothing else."""

from __future__ import annotations

import hashlib

import pytest

from bridle.trust.log.merkle import Frontier, ProofError, leaf_hash, verify_consistency, verify_inclusion
from support.merkle_reference import consistency_proof, inclusion_proof, tree_root

# The eight leaves and the roots of the trees over their first 1 … 8 that certificate-transparency logs test with.
LEAVES = [
    leaf_hash(bytes.fromhex(data))
    for data in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
MANY = [leaf_hash(str(number).encode()) for number in range(33)]
SIZES = range(1, 34)


def plain_root(leaves: list[bytes]) -> bytes:
    """The recursive definition, written a second time in another way."""
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return hashlib.sha256(b"\x01" + plain_root(leaves[:half]) + plain_root(leaves[half:])).digest()


@pytest.mark.parametrize("size", ROOTS)
def test_the_roots_are_those_that_others_compute(size) -> None:
    assert tree_root(LEAVES[:size]).hex() == ROOTS[size]


def test_an_empty_tree_has_the_hash_of_nothing() -> None:
    assert Frontier().root() == hashlib.sha256(b"").digest()


def test_the_frontier_agrees_with_the_definition() -> None:
    for size in SIZES:
        assert tree_root(MANY[:size]) == plain_root(MANY[:size])


def test_a_stored_frontier_goes_on_where_it_stopped() -> None:
    frontier = Frontier()
    for size, leaf in enumerate(MANY):
        again = Frontier.from_json(frontier.to_json())
        again.append(LEAVES[0])
        assert (again.size, again.root()) == (size + 1, tree_root([*MANY[:size], LEAVES[0]]))
        frontier.append(leaf)


@pytest.mark.parametrize("data", [["00"], [None], ["zz"], [7], 5, ["00" * 32, None]])
def test_a_broken_frontier_is_refused(data) -> None:
    with pytest.raises(ProofError):
        Frontier.from_json(data)


def test_a_leaf_that_is_no_hash_is_refused() -> None:
    with pytest.raises(ProofError):
        Frontier().append(b"record")


def test_every_leaf_can_be_shown_to_be_in_the_tree() -> None:
    for size, index in ((count, index) for count in SIZES for index in range(count)):
        proof = inclusion_proof(MANY[:size], index)
        verify_inclusion(MANY[index], index=index, size=size, proof=proof, root=tree_root(MANY[:size]))


@pytest.mark.parametrize("size", range(2, 18))
def test_an_inclusion_proof_holds_for_its_leaf_and_place_only(size) -> None:
    root = tree_root(MANY[:size])
    for index in range(size):
        proof = inclusion_proof(MANY[:size], index)
        good = {"leaf": MANY[index], "index": index, "size": size, "proof": proof, "root": root}
        wrong = [
            {"leaf": MANY[index - 1]},
            {"index": index - 1},
            {"index": size},
            {"proof": proof[:-1]},
            {"proof": [*proof, root]},
            {"proof": [*proof[:-1], root]},
            {"proof": [*proof[:-1], proof[-1][:31]]},
            {"root": MANY[0]},
        ]
        for change in wrong:
            arguments = {**good, **change}
            with pytest.raises(ProofError):
                verify_inclusion(arguments.pop("leaf"), **arguments)


def test_every_beginning_can_be_shown_to_be_one() -> None:
    for size, old in ((count, old) for count in SIZES for old in range(1, count + 1)):
        verify_consistency(
            old_size=old,
            old_root=tree_root(MANY[:old]),
            size=size,
            root=tree_root(MANY[:size]),
            proof=consistency_proof(MANY[:size], old),
        )


@pytest.mark.parametrize("size", range(2, 18))
def test_a_consistency_proof_holds_for_its_two_trees_only(size) -> None:
    for old in range(1, size):
        proof = consistency_proof(MANY[:size], old)
        good = {
            "old_size": old,
            "old_root": tree_root(MANY[:old]),
            "size": size,
            "root": tree_root(MANY[:size]),
            "proof": proof,
        }
        wrong = [
            {"old_root": LEAVES[0]},
            {"root": LEAVES[0]},
            {"old_size": 0},
            {"old_size": size + 1},
            {"proof": proof[:-1]},
            {"proof": [*proof, LEAVES[0]]},
            {"proof": [LEAVES[0], *proof[1:]]},
        ]
        for change in wrong:
            with pytest.raises(ProofError):
                verify_consistency(**{**good, **change})


def test_two_trees_of_one_size_are_consistent_only_when_they_are_equal() -> None:
    with pytest.raises(ProofError):
        verify_consistency(
            old_size=3, old_root=tree_root(MANY[:3]), size=3, root=tree_root(LEAVES[:3]), proof=[]
        )


def test_there_is_no_proof_of_what_is_not_there() -> None:
    with pytest.raises(ProofError):
        inclusion_proof(MANY, len(MANY))
    with pytest.raises(ProofError):
        consistency_proof(MANY, len(MANY) + 1)
