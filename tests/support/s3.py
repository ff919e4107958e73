"""A real S3 server on loopback, for one test: rclone's, which checks the signature (version 4) of each request."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

KEY = {
    "AWS_ACCESS_KEY_ID": "AKIAUDIT",
    "AWS_SECRET_ACCESS_KEY": "of-this-test",
    "AWS_DEFAULT_REGION": "eu-west-1",
}


@contextmanager
def serve_s3(folder: Path) -> Iterator[str]:
    """Yield the address; the folders in `folder` are its buckets, and it takes requests that KEY signed alone."""
    line = [
        str(Path(sys.executable).with_name("rclone")),
        "serve",
        "s3",
        "--addr",
        "127.0.0.1:0",
        "--config",
        "",
    ]
    line += ["--auth-key", f"{KEY['AWS_ACCESS_KEY_ID']},{KEY['AWS_SECRET_ACCESS_KEY']}", str(folder)]
    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            said = server.stderr.readline()
            address = re.search(r"http://[0-9.:]+", said)
            assert address, said
            yield address[0]
        finally:
            server.terminate()
