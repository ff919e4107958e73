"""The working store: raw values, encrypted with a key of their execution, gone when that key is destroyed.

A value is sealed with AES-256-GCM; the record's id and the value's name are bound to it, so that it cannot be moved. The
execution's key and salt are wrapped with the working secret from the configuration folder. The journal keeps an HMAC of the
raw value under the salt: whoever holds value and salt can prove it, whoever holds only the journal learns nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy.engine import Connection

from bridle.adapters.sql.prepared import Prepared
from bridle.adapters.sql.schema import working_keys, working_values
from bridle.core.errors import TrustError

NONCE_BYTES = 12
KEY_BYTES = 32
KEY = Prepared(sa.select(working_keys.c.wrapped).where(working_keys.c.execution == sa.bindparam("execution")))


@dataclass(frozen=True)
class ExecutionKey:
    """Key and salt of one execution."""

    key: bytes
    salt: bytes

    def commit_to(self, value: bytes) -> str:
        """Return the salted digest that the journal keeps."""
        return "hmac-sha256:" + hmac.new(self.salt, value, hashlib.sha256).hexdigest()


class WorkingStore:
    """Seals and opens raw values inside somebody else's transaction."""

    def __init__(self, secret: bytes) -> None:
        self._wrap = AESGCM(secret)

    def key_for(self, connection: Connection, execution: str) -> ExecutionKey:
        """Return the execution's key, making it when it has none yet."""
        key = self.find_key(connection, execution)
        if key is None:
            key = ExecutionKey(os.urandom(KEY_BYTES), os.urandom(KEY_BYTES))
            wrapped = _seal(self._wrap, key.key + key.salt, execution)
            connection.execute(working_keys.insert().values(execution=execution, wrapped=wrapped))
        return key

    def find_key(self, connection: Connection, execution: str) -> ExecutionKey | None:
        """Return the execution's key, or None when it has none or it was destroyed.

        It is read each time: what was remembered from a transaction that was taken back, or that another process has destroyed
        since, would seal values that nobody can open.
        """
        row = KEY.row(connection, {"execution": execution})
        if row is None:
            return None
        both = _open(self._wrap, row.wrapped, execution)
        return ExecutionKey(both[:KEY_BYTES], both[KEY_BYTES:])

    def put(
        self, connection: Connection, *, execution: str, record: str, raw: Mapping[str, bytes]
    ) -> dict[str, str]:
        """Seal the values of a record and return their salted digests by name."""
        if not raw:
            return {}
        key = self.key_for(connection, execution)
        rows = [
            {
                "record": record,
                "name": name,
                "execution": execution,
                "sealed": _seal(AESGCM(key.key), value, f"{record}/{name}"),
            }
            for name, value in raw.items()
        ]
        connection.execute(working_values.insert(), rows)
        return {name: key.commit_to(value) for name, value in raw.items()}

    def get(self, connection: Connection, *, execution: str, record: str, name: str, digest: str) -> bytes:
        """Open one value; raise TrustError when it or its key is gone, or it is not what the journal says."""
        where = f"record {record}, value {name}"
        key = self.find_key(connection, execution)
        query = working_values.select().where(
            working_values.c.record == record, working_values.c.name == name
        )
        row = connection.execute(query).one_or_none()
        if key is None or row is None:
            raise TrustError("the raw value has been destroyed", where=where, reason="value-destroyed")
        value = _open(AESGCM(key.key), row.sealed, f"{record}/{name}")
        if not hmac.compare_digest(key.commit_to(value), digest):
            raise TrustError("the raw value is not the one the journal speaks of", where=where)
        return value

    def open_all(self, connection: Connection) -> Iterator[tuple[str, bytes]]:
        """Yield every value that can be opened, with the execution that it is of; raise TrustError for one that was changed."""
        query = working_values.select().order_by(working_values.c.execution)
        for row in connection.execute(query).all():
            key = self.find_key(connection, row.execution)
            if key is not None:
                yield row.execution, _open(AESGCM(key.key), row.sealed, f"{row.record}/{row.name}")


def _seal(cipher: AESGCM, value: bytes, bound_to: str) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, value, bound_to.encode())


def _open(cipher: AESGCM, sealed: bytes, bound_to: str) -> bytes:
    try:
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to.encode())
    except InvalidTag as exc:
        raise TrustError("a sealed value was changed or moved", where=bound_to) from exc
