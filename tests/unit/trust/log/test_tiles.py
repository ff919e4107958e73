"""Tiles: the same roots and proofs as from all leaves, at the places that C2SP tlog-tiles names."""

from __future__ import annotations

import hashlib

import pytest

from bridle.core.errors import TrustError
from bridle.trust.log.merkle import leaf_hash, verify_consistency, verify_inclusion
from bridle.trust.log.tiles import TileTree, TileWriter, tile_path
from support.merkle_reference import consistency_proof, inclusion_proof, tree_root

LEAVES = [leaf_hash(str(number).encode()) for number in range(700)]
SIZES = (1, 2, 3, 255, 256, 257, 511, 512, 700)


def write(size: int, *, stops: tuple[int, ...] = ()) -> dict[str, bytes]:
    """The tiles of the first leaves, by a writer that is put down and taken up again at each stop."""
    files: dict[str, bytes] = {}
    writer = TileWriter()
    for at, leaf in enumerate(LEAVES[:size], start=1):
        files.update(writer.append(leaf))
        if at in stops:
            files.update(writer.partial())
            writer = TileWriter.resume(at, files.__getitem__)
    files.update(writer.partial())
    return files


@pytest.mark.parametrize(
    ("place", "path"),
    [
        ((0, 0, 256), "tile/0/000"),
        ((0, 1234067, 256), "tile/0/x001/x234/067"),
        ((3, 1000, 256), "tile/3/x001/000"),
        ((0, 2, 5), "tile/0/002.p/5"),
    ],
)
def test_a_tile_lies_where_the_specification_says(place: tuple[int, int, int], path: str) -> None:
    assert tile_path(*place) == path


@pytest.mark.parametrize("size", SIZES)
def test_roots_and_proofs_are_those_of_the_whole_tree(size: int) -> None:
    tree, leaves = TileTree(size, write(size).__getitem__), LEAVES[:size]
    assert tree.root() == tree_root(leaves)
    for index in {0, size // 3, size - 1}:
        proof = tree.inclusion(index)
        assert proof == inclusion_proof(leaves, index)
        verify_inclusion(leaves[index], index=index, size=size, proof=proof, root=tree.root())
    for old in {1, (size + 1) // 2, size}:
        steps = tree.consistency(old)
        assert steps == consistency_proof(leaves, old)
        verify_consistency(
            old_size=old, old_root=tree_root(leaves[:old]), size=size, root=tree.root(), proof=steps
        )


def test_a_writer_that_goes_on_later_writes_the_same_tiles() -> None:
    whole, parted = write(700), write(700, stops=(1, 255, 256, 300, 512, 699))
    assert whole.items() <= parted.items()


def test_a_tree_of_a_million_needs_a_few_tiles_for_a_proof() -> None:
    read: list[str] = []

    def full(path: str) -> bytes:
        read.append(path)
        width = int(path.partition(".p/")[2] or 256)
        return b"".join(hashlib.sha256(f"{path}{at}".encode()).digest() for at in range(width))

    TileTree(1_000_000, full).inclusion(123_456)
    assert len(read) <= 8


def test_a_tile_that_was_cut_or_changed_proves_nothing() -> None:
    files = write(700)
    root = TileTree(700, files.__getitem__).root()
    files["tile/0/001"] = files["tile/0/001"][:-32]
    with pytest.raises(TrustError, match="a tile of 256 hashes"):
        TileTree(700, files.__getitem__).inclusion(300)
    files["tile/0/001"] = write(700)["tile/0/001"][32:] + bytes(32)
    proof = TileTree(700, files.__getitem__).inclusion(300)
    with pytest.raises(TrustError):
        verify_inclusion(LEAVES[300], index=300, size=700, proof=proof, root=root)
