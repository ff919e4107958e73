"""How long an exported journal takes to verify, and a proof to make and to check.

    python bench/verify.py [RECORDS] [ROUNDS]

Two journals: one of steps, which have no signatures, and one of actions as the gate writes them, of whose records two in three
are signed. They are made first and written to a folder as `bridle audit export --out` writes them; that is not measured. Times
are CPU seconds of this process and, of a long journal, those that check signatures beside it; then those that passed. It
asserts nothing.

    hashes          the records' bytes are hashed into the tree: what the disk and SHA-256 take, nothing is looked at
    verify          `bridle audit verify --from`: bytes, order, trail, signatures, tree, tiles, checkpoint
    proof           the tiles are read for one inclusion proof, and it is checked, in milliseconds
"""

from __future__ import annotations

import hashlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # the story that the tests tell

from bridle.adapters.shelves.folder import FolderShelf
from bridle.dispatch.protocol import Request
from bridle.trust.journal import Entry, Kind, Record
from bridle.trust.log.checkpoint import sign_checkpoint
from bridle.trust.log.merkle import Frontier, leaf_hash, verify_inclusion
from bridle.trust.log.publication import publish, read_lines, verify_published
from bridle.trust.log.tiles import TileTree
from unit.trust.story import CONTROL_PLANE, ORIGIN, Story

PROOFS = 200


class Told:
    """A story as the journal that is published."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self.tree = Frontier()
        for record in story.records:
            self.tree.append(leaf_hash(record.data))

    async def append(self, entries: Sequence[Entry]) -> list[Record]:
        raise AssertionError("a refused publication: nothing was measured")

    async def checkpoint(self) -> str:
        return sign_checkpoint(CONTROL_PLANE, ORIGIN, self.tree.size, self.tree.root())

    async def read(self, *, after: int = -1, limit: int = 1_000_000) -> list[Record]:
        records: list[Record] = self._story.records
        return records[after + 1 : after + 1 + limit]


def tell_steps(count: int) -> Story:
    story = Story()
    for number in range(count):
        story.write(Kind.STEP_STARTED, f"build/step{number}", {"principal": "user:ana"}, execution="exe_1")
    return story


def tell_actions(count: int) -> Story:
    story = Story()
    story.register()
    for number in range(count // 3):
        asked = Request(f"exe_1/build#{number}.0", "file.read", {"path": "a"}, "agent:a", "repair")
        story.do(asked, {"text": "some text"})
    return story


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    for name, tell in (("steps", tell_steps), ("actions", tell_actions)):
        with tempfile.TemporaryDirectory() as folder:
            shelf = FolderShelf(Path(folder))
            _publish(shelf, tell(count))
            _measure(name, shelf, count, rounds)


def _publish(shelf: FolderShelf, story: Story) -> None:
    import asyncio

    asyncio.run(publish(Told(story), shelf))


def _measure(name: str, shelf: FolderShelf, count: int, rounds: int) -> None:
    def verify() -> None:
        verify_published(shelf, control_plane=CONTROL_PLANE.verifier)

    def hashes() -> None:
        tree = Frontier()
        for line in read_lines(shelf, limit=count):
            hashlib.sha256(line)
            tree.append(leaf_hash(line))

    taken: dict[str, list[tuple[float, float]]] = {"hashes": [], "verify": []}
    for _ in range(rounds):
        for case, work in (("hashes", hashes), ("verify", verify)):
            begun, cpu = time.perf_counter(), sum(os.times()[:4])  # the processes that have ended are in it
            work()
            taken[case].append((sum(os.times()[:4]) - cpu, time.perf_counter() - begun))
    bare = statistics.median(cpu for cpu, _ in taken["hashes"])
    for case, times in taken.items():
        middle, wall = (statistics.median(column) for column in zip(*times, strict=True))
        each = f"{middle / count * 1e6:7.1f} µs a record  {middle / bare:5.1f} ×"
        print(f"{name:<8} {case:<8} {middle:8.2f} s  {each}  {wall:8.2f} s passed")
    made = [_time(work) * 1000 for work in _proofs(shelf, count)]
    print(
        f"{name:<8} proof    p50 {statistics.median(made):.2f} ms  p99 {sorted(made)[int(len(made) * 0.99)]:.2f} ms"
    )


def _proofs(shelf: FolderShelf, count: int) -> Iterator[Callable[[], None]]:
    random = Random(1)  # noqa: S311 - which proofs are made

    def read(name: str) -> bytes:
        data = shelf.read(name)
        assert data is not None  # it was published a moment ago
        return data

    size = int(read("checkpoint").split(b"\n")[1])
    root = TileTree(size, read).root()
    for _ in range(PROOFS):
        index = random.randrange(size)

        def prove(index: int = index) -> None:
            tree = TileTree(size, read)
            leaf, proof = tree.leaf(index), tree.inclusion(index)
            verify_inclusion(leaf, index=index, size=size, proof=proof, root=root)

        yield prove


def _time(work: Callable[[], None]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


if __name__ == "__main__":
    main()
