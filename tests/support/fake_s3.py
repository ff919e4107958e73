"""A fake of S3 on loopback: puts and gets objects by path, checks no signature. Enough for boto3 and small objects."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MISSING = b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code><Message>none</Message></Error>"


@contextmanager
def fake_s3() -> Iterator[tuple[str, dict[str, bytes]]]:
    """Yield the address, and the objects by `/bucket/key`."""
    objects: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "aws-chunked":
                body = b"".join(_chunks(body))
            objects[self.path] = body
            self._answer(200, b"")

        def do_GET(self) -> None:
            found = objects.get(self.path)
            self._answer(200 if found is not None else 404, MISSING if found is None else found)

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", objects
    finally:
        server.shutdown()
        server.server_close()


def _chunks(body: bytes) -> Iterator[bytes]:
    """The chunks of an aws-chunked body: a length in hexadecimal, a line end, that many bytes, a line end."""
    while body:
        head, _, body = body.partition(b"\r\n")
        size = int(head.partition(b";")[0], 16)
        if size == 0:
            return
        yield body[:size]
        body = body[size + 2 :]
