"""Signatures of records, checked by other processes beside whoever reads on: a signature takes longer than all else of a record.

Rules
  1. The first of them are checked at once, here: a short journal starts no process.
  2. What was read on in between counts for nothing until all are checked. A wrong signature is told before any other fault,
     because it is of an earlier record.
  3. What another process finds wrong is checked here again, which says where. One that died has checked nothing.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from bridle.core.canonical import Json
from bridle.core.errors import TrustError, UnavailableError
from bridle.trust.bodies import broken
from bridle.trust.journal import Record
from bridle.trust.keys import Signature, Verifier

ALONE = 20_000  # signatures: about two seconds, and to start a process takes a part of one
BATCH = 512  # that are handed over at a time
AHEAD = 4  # batches that may wait for each process: reading on takes no more memory than that

CheckSignature = Callable[[Record, Verifier, Json, Signature], None]


def check_now(record: Record, key: Verifier, content: Json, signature: Signature) -> None:
    """Raise TrustError unless `signature` of a record is the key's over `content`."""
    key.verify_json(content, signature)


class Signatures:
    """Checks what is added, at the latest when its block is left: JournalError names the first record with a wrong one."""

    def __init__(self, *, alone: int = ALONE, batch: int = BATCH) -> None:
        self._alone, self._size = alone, batch
        self._batch: list[tuple[Record, Verifier, bytes, bytes]] = []
        self._under_way: deque[tuple[list[tuple[Record, Verifier, bytes, bytes]], Future[bool]]] = deque()
        self._pool: ProcessPoolExecutor | None = None

    def add(self, record: Record, key: Verifier, content: Json, signature: Signature) -> None:
        """As `check_now`; what is wrong may be told later."""
        data, raw = key.read_signed(content, signature)
        if self._alone > 0:
            self._alone -= 1
            key.verify(data, raw)
            return
        self._batch.append((record, key, data, raw))
        if len(self._batch) == self._size:
            self._hand_over()

    def __enter__(self) -> Signatures:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            while self._under_way:
                self._await_first()
            _check(self._batch)
        finally:
            if self._pool is not None:
                self._pool.shutdown(cancel_futures=True)

    def _hand_over(self) -> None:
        workers = os.cpu_count() or 1
        if self._pool is None:
            self._pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"))
        signed = [(key.raw, data, raw) for _, key, data, raw in self._batch]
        with _alive():
            self._under_way.append((self._batch, self._pool.submit(hold, signed)))
        self._batch = []
        if len(self._under_way) > AHEAD * workers:
            self._await_first()

    def _await_first(self) -> None:
        batch, found = self._under_way.popleft()
        with _alive():
            held = found.result()
        if not held:
            _check(batch)


def hold(signed: Sequence[tuple[bytes, bytes, bytes]]) -> bool:
    """True when each is a raw key, bytes, and that key's signature over them."""
    keys = {raw: Verifier.from_raw(raw) for raw in {raw for raw, _, _ in signed}}
    try:
        for raw, data, signature in signed:
            keys[raw].verify(data, signature)
    except TrustError:
        return False
    return True


def _check(batch: Sequence[tuple[Record, Verifier, bytes, bytes]]) -> None:
    for record, key, data, signature in batch:
        try:
            key.verify(data, signature)
        except TrustError as exc:
            raise broken(record, exc.what) from exc


@contextmanager
def _alive() -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool as error:
        hint = "verify it again; without memory enough a process is ended"
        raise UnavailableError("a process that checked signatures has died", hint=hint) from error
