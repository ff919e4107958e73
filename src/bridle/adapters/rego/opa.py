"""An OPA server as the engine: the same policies, exported by Bridle, asked over REST; every doubt is no answer.

Rules
  1. `bridle policy export` writes what the server has to load: every module, and one of Bridle's own that joins them and says the
     digest. A server that answers with another digest, or none, decides with other policies: PolicyError.
  2. One question is one POST to /v1/data/bridle/external/reply. Anything but 200 with exactly that reply is no answer: an
     undefined rule (OPA says 200 with {}), a redirect, a time-out, an answer that is too long or no JSON.
  3. Modules are checked by Bridle's own lint before (`bound`), since OPA does not know it.

OPA's defaults let anybody who reaches it replace the policies: `is_open` asks for just that with a module that no server takes.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from bridle.adapters.rego.answer import read_answer
from bridle.adapters.rego.engine import to_json
from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.trust.policy import PolicyAnswer, PolicyError

PATH = "/v1/data/bridle/external/reply"
LARGEST_ANSWER_BYTES = 1 << 20
EXTERNAL_NAME = "external-reply.rego"
EXTERNAL = """package bridle.external

import rego.v1

reply := {{"digest": {digest}, "answer": data.bridle.gate.answer}}
"""


def export_module(digest: str) -> str:
    """Return the module that an OPA server needs beside the policies of this digest."""
    return EXTERNAL.format(digest=json.dumps(digest))


class OpaServer:
    """A PolicyEngine. `url` is `http://host:port`, or `unix:///path` for a socket."""

    def __init__(self, url: str, *, digest: str, token: str = "", timeout_s: float = 5.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "unix") or (parts.scheme == "http" and not parts.hostname):
            hint = "write http://127.0.0.1:8181, or unix:///run/opa.sock"
            raise InputError(f"{url!r} is no address of an OPA server", hint=hint, reason="bad-opa-address")
        self._parts = parts
        self._digest = digest
        self._token = token
        self._timeout_s = timeout_s

    @property
    def digest(self) -> str:
        return self._digest

    async def evaluate(self, document: Json) -> PolicyAnswer:
        """Ask about one document; raise PolicyError when there is no answer."""
        body = b'{"input":' + to_json(document) + b"}"
        waiting = asyncio.to_thread(self._ask, body)
        try:  # the limit of a socket is for each piece of an answer; this one is for the whole
            return await asyncio.wait_for(waiting, self._timeout_s)
        except TimeoutError as exc:
            what = f"the OPA server did not answer within {self._timeout_s:g} s"
            raise PolicyError(what, reason="policy-timeout") from exc

    async def close(self) -> None:
        """Nothing is kept open."""

    async def is_open(self) -> bool:
        """True when a stranger may replace its policies: it complains of what a module says, and not of who sends it."""
        status, _ = await asyncio.to_thread(
            self._send, "PUT", "/v1/policies/bridle-doctor", b"this is no module", token=""
        )
        return status not in (401, 403)

    def _ask(self, body: bytes) -> PolicyAnswer:
        try:
            status, data = self._send("POST", PATH, body, token=self._token)
        except (OSError, http.client.HTTPException) as exc:
            raise PolicyError(f"the OPA server does not answer: {exc}") from exc
        if status != 200:
            raise PolicyError(f"the OPA server answered with status {status}")
        if len(data) > LARGEST_ANSWER_BYTES:
            raise PolicyError(f"the OPA server's answer is longer than {LARGEST_ANSWER_BYTES} bytes")
        reply = _read_reply(data)
        if reply["digest"] != self._digest:
            raise PolicyError(
                "the OPA server decides with other policies",
                hint="export them anew: bridle policy export DIR",
            )
        return read_answer(json.dumps({"value": reply["answer"]}).encode(), digest=self._digest)

    def _send(self, method: str, path: str, body: bytes, *, token: str) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json"} | (
            {"Authorization": f"Bearer {token}"} if token else {}
        )
        connection = self._connect()
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read(LARGEST_ANSWER_BYTES + 1)
        finally:
            connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        if self._parts.scheme == "http":
            port = self._parts.port or 8181
            return http.client.HTTPConnection(self._parts.hostname or "", port, timeout=self._timeout_s)
        connection = http.client.HTTPConnection("localhost", timeout=self._timeout_s)
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.sock.settimeout(self._timeout_s)
        connection.sock.connect(self._parts.path)
        return connection


def _read_reply(data: bytes) -> Mapping[str, Any]:
    try:
        message = json.loads(data)
    except ValueError as exc:
        raise PolicyError("the OPA server's answer is not JSON") from exc
    reply = message.get("result") if isinstance(message, dict) else None
    if not isinstance(reply, dict) or set(reply) != {"digest", "answer"}:
        hint = "load what bridle policy export writes"
        raise PolicyError("the OPA server has no such rule, or it is undefined", hint=hint)
    return reply
