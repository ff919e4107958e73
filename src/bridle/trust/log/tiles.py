"""The tree over the journal as tiles: files of hashes that never change once they are full, and proofs read from them.

Rules (C2SP tlog-tiles, https://c2sp.org/tlog-tiles; Go's sumdb/tlog reads the same)
  1. A tile of level L holds up to 256 hashes, each the root of 256**L leaves. Tile N of a level lies at `tile/L/N`, N in groups
     of three digits, all but the last marked with x: 1234067 is `x001/x234/067`.
  2. A tile that is not full lies at `tile/L/N.p/W`, W being how many hashes it has. It is replaced by the next wider one.
  3. A proof takes a few tiles of each level, however long the journal is.

Entry bundles (`tile/entries`) are not written: an entry there has at most 64 KiB, and a record may be longer. The records lie
beside the tiles (trust.log.publication).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from bridle.trust.log.merkle import EMPTY_ROOT, HASH_BYTES, ProofError, node_hash

HEIGHT = 8
WIDTH = 1 << HEIGHT

Read = Callable[[str], bytes]
"""Returns a file of the tiles by its name; raises BridleError when it is not there."""


def tile_path(level: int, index: int, width: int = WIDTH) -> str:
    """Return where a tile lies."""
    parts = [f"{index % 1000:03d}"]
    while index >= 1000:
        index //= 1000
        parts.append(f"x{index % 1000:03d}")
    partial = f".p/{width}" if width < WIDTH else ""
    return f"tile/{level}/{'/'.join(reversed(parts))}{partial}"


class TileWriter:
    """Adds leaves to tiles. `edge` are the hashes of the tile that is not full yet, by level."""

    def __init__(self, size: int = 0, edge: list[list[bytes]] | None = None) -> None:
        self.size = size
        self._edge = edge or []

    @classmethod
    def resume(cls, size: int, read: Read) -> TileWriter:
        """Go on after `size` leaves, whose tiles can be read."""
        edge = []
        level = 0
        while size >> (HEIGHT * level):
            index, width = divmod(size >> (HEIGHT * level), WIDTH)
            data = read(tile_path(level, index, width)) if width else b""
            edge.append(_split(data, width))
            level += 1
        return cls(size, edge)

    def append(self, leaf: bytes) -> Iterator[tuple[str, bytes]]:
        """Add a leaf's hash; yield the tiles that are full by it, by their paths."""
        level, self.size = 0, self.size + 1
        while True:
            if level == len(self._edge):
                self._edge.append([])
            row = self._edge[level]
            row.append(leaf)
            if len(row) < WIDTH:
                return
            count = self.size >> (HEIGHT * (level + 1))
            yield tile_path(level, count - 1), b"".join(row)
            leaf, self._edge[level] = _root(row), []
            level += 1

    def partial(self) -> Iterator[tuple[str, bytes]]:
        """Yield the tiles that are not full, by their paths."""
        for level, row in enumerate(self._edge):
            if row:
                index = (self.size >> (HEIGHT * level)) // WIDTH
                yield tile_path(level, index, len(row)), b"".join(row)


class TileTree:
    """The tree of `size` leaves, read from its tiles. Nothing is believed of them: a proof is verified against a signed root."""

    def __init__(self, size: int, read: Read) -> None:
        self.size = size
        self._read = read
        self._tiles: dict[tuple[int, int], list[bytes]] = {}

    def root(self) -> bytes:
        return self._subtree(0, self.size) if self.size else EMPTY_ROOT

    def inclusion(self, index: int) -> list[bytes]:
        """Return the proof that leaf `index` lies in the tree, from the leaf upwards."""
        if not 0 <= index < self.size:
            raise ProofError(f"leaf {index} is not in a tree of {self.size}")
        low, high, proof = 0, self.size, []
        while high - low > 1:
            middle = low + _largest_power_below(high - low)
            if index < middle:
                proof.append(self._subtree(middle, high))
                high = middle
            else:
                proof.append(self._subtree(low, middle))
                low = middle
        return proof[::-1]

    def consistency(self, old_size: int) -> list[bytes]:
        """Return the proof that the first `old_size` leaves are the beginning of the tree."""
        if not 0 < old_size <= self.size:
            raise ProofError(f"a tree of {old_size} is not the beginning of one of {self.size}")
        return self._subproof(old_size, 0, self.size, whole=True)

    def leaf(self, index: int) -> bytes:
        """Return the hash of a leaf."""
        return self._hash(0, index)

    def _subproof(self, old: int, low: int, high: int, *, whole: bool) -> list[bytes]:
        if old == high:
            return [] if whole else [self._subtree(low, high)]
        middle = low + _largest_power_below(high - low)
        if old <= middle:
            return [*self._subproof(old, low, middle, whole=whole), self._subtree(middle, high)]
        return [*self._subproof(old, middle, high, whole=False), self._subtree(low, middle)]

    def _subtree(self, low: int, high: int) -> bytes:
        """Return the root over the leaves from `low` to before `high`; a full one is found in the tiles."""
        count = high - low
        if count & (count - 1) == 0:
            return self._hash(count.bit_length() - 1, low // count)
        middle = low + _largest_power_below(count)
        return node_hash(self._subtree(low, middle), self._subtree(middle, high))

    def _hash(self, height: int, index: int) -> bytes:
        """Return the root of the full subtree `index` of 2**height leaves: of up to 128 neighbours in one tile."""
        level, above = divmod(height, HEIGHT)
        first = index << above
        row = self._tile(level, first // WIDTH)
        return _root(row[first % WIDTH : first % WIDTH + (1 << above)])

    def _tile(self, level: int, index: int) -> list[bytes]:
        if (level, index) not in self._tiles:
            width = min(WIDTH, (self.size >> (HEIGHT * level)) - index * WIDTH)
            self._tiles[level, index] = _split(self._read(tile_path(level, index, width)), width)
        return self._tiles[level, index]


def tree_over(leaves: Iterable[bytes]) -> TileTree:
    """Return the tree of these leaf hashes, in memory: many proofs cost little more than one."""
    files: dict[str, bytes] = {}
    writer = TileWriter()
    for leaf in leaves:
        files.update(writer.append(leaf))
    files.update(writer.partial())
    return TileTree(writer.size, files.__getitem__)


def _largest_power_below(count: int) -> int:
    """Return the largest power of two that is less than `count`."""
    return 1 << ((count - 1).bit_length() - 1)


def _root(row: list[bytes]) -> bytes:
    """Return the root over hashes whose number is a power of two."""
    while len(row) > 1:
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]


def _split(data: bytes, width: int) -> list[bytes]:
    if len(data) != width * HASH_BYTES:
        raise ProofError(f"a tile of {width} hashes has {len(data)} bytes")
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]
