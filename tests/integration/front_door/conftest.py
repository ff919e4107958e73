"""A package index on loopback, and archives as good and as bad as a test wants them."""

import gzip
import hashlib
import io
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

SDIST, WHEEL = "pkg-1.0.tar.gz", "pkg-1.0-py3-none-any.whl"


class LoopbackIndex:
    """Serves one project, `pkg` 1.0, in the HTML form; `listed` is the hash its page gives (empty: none).

    `wheel`, when there is one, is listed beside the source archive.
    """

    def __init__(self) -> None:
        self.content = b""
        self.listed = ""
        self.wheel = b""
        self.requests: list[str] = []
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                index.requests.append(self.path)
                body, kind = index.answer(self.path)
                self.send_response(200 if body else 404)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def environ(self) -> dict[str, str]:
        host, port = self._server.server_address[:2]
        return {"PIP_INDEX_URL": f"http://{host!s}:{port}/simple"}

    def answer(self, path: str) -> tuple[bytes, str]:
        fragment = f"#sha256={self.listed}" if self.listed else ""
        links = f'<a href="/files/{SDIST}{fragment}">{SDIST}</a>'
        if self.wheel:
            links += f'<a href="/files/{WHEEL}#sha256={sha256(self.wheel)}">{WHEEL}</a>'
        answers = {
            "/simple/pkg/": (f"<html><body>{links}</body></html>".encode(), "text/html"),
            f"/files/{SDIST}": (self.content, "application/gzip"),
            f"/files/{WHEEL}": (self.wheel, "application/zip"),
        }
        return answers.get(path, (b"", "text/plain"))

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def index() -> Iterator[LoopbackIndex]:
    loopback = LoopbackIndex()
    loopback.content = pack({"pkg-1.0/setup.py": b"raise SystemExit('set-up code ran')\n"})
    loopback.listed = sha256(loopback.content)
    yield loopback
    loopback.close()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def pack(files: dict[str, bytes], *, mode: int = 0o644) -> bytes:
    """Return a .tar.gz of plain files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), mode
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def pack_zeros(size_bytes: int) -> bytes:
    """Return a small .tar.gz that unpacks to `size_bytes` zeros."""
    buffer = io.BytesIO()
    with gzip.open(buffer, "wb", compresslevel=1) as stream:
        info = tarfile.TarInfo("pkg-1.0/zeros")
        info.size = size_bytes
        stream.write(info.tobuf())
        for _ in range(size_bytes >> 20):
            stream.write(bytes(1 << 20))
        stream.write(bytes(1024))
    return buffer.getvalue()


@pytest.fixture
def make_archive() -> Callable[..., bytes]:
    return pack


@pytest.fixture
def make_zeros() -> Callable[[int], bytes]:
    return pack_zeros


@pytest.fixture
def wheel() -> bytes:
    """A wheel with one module, `pkg`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("pkg.py", "HERE = True\n")
        archive.writestr("pkg-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: pkg\nVersion: 1.0\n")
        archive.writestr(
            "pkg-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("pkg-1.0.dist-info/RECORD", "pkg.py,,\n")
    return buffer.getvalue()
