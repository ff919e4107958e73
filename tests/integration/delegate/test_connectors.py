"""Clones and pushes through a connector: by its name everywhere, with credentials that git alone is given."""

from __future__ import annotations

import base64
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridle.delegate.connectors import Connectors
from bridle.delegate.git_program import GitProgram
from bridle.delegate.workspace import Workspaces
from integration.delegate.bench import FILES, REPAIR, Bench, FakeSandbox, Origin, build_bench

NAMED = "connector:shelf/origin.git"


@pytest.fixture
def named(reachable: Path, origin: Origin, fake_sandbox: FakeSandbox) -> Bench:
    text = f"connectors: {{shelf: {{url: {reachable}}}}}"
    known = Connectors(lambda: text, resolve=lambda reference: "")
    return build_bench(Workspaces(reachable / "work", connectors=known), fake_sandbox)


async def test_a_clone_and_a_push_name_the_connector_and_not_the_address(
    named: Bench, origin: Origin, reachable: Path
) -> None:
    report = await named.do("git.clone", {"repository": NAMED, "branch": "main"})
    assert (report.status, (named.folder / "README").read_text()) == ("succeeded", FILES["README"])
    named.boundary = REPAIR
    (named.folder / "src/calc.py").write_text("def add(a, b):\n    return a + b\n")
    tree = await named.worker.snapshot("w")
    wanted = {"branch": "bridle/fix", "message": "Add"}
    made = await named.do("git.commit", wanted, expect={"tree": tree})
    assert isinstance(made.value, dict)
    arguments = {"commit": made.value["commit"], "branch": "bridle/fix"}
    pushed = await named.do("git.push", arguments, expect={"repository": NAMED})
    assert isinstance(pushed.value, dict)
    assert pushed.value["repository"] == NAMED
    assert str(reachable) not in str((report.value, made.value, pushed.value))
    assert origin.git("rev-parse", "bridle/fix") == made.value["commit"]


async def test_a_workspace_goes_on_where_its_origin_is_reached_by_the_same_name(
    named: Bench, reachable: Path
) -> None:
    await named.do("git.clone", {"repository": NAMED, "branch": "main"})
    spaces = Workspaces(
        reachable / "elsewhere", store=named.workspaces.store, connectors=named.workspaces.connectors
    )
    other = build_bench(spaces, FakeSandbox())
    await other.worker.snapshot("w")
    assert (other.folder / "README").read_text() == FILES["README"]


async def test_without_connectors_a_name_reaches_nothing(bench: Bench) -> None:
    report = await bench.do("git.clone", {"repository": NAMED, "branch": "main"})
    assert report.status == "failed"


class Asked(http.server.BaseHTTPRequestHandler):
    """Notes who asks, and leads everybody on to another path."""

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Authorization")))  # type: ignore[attr-defined]
        self.send_response(302)
        self.send_header("Location", "/elsewhere/info/refs")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def server() -> Iterator[http.server.HTTPServer]:
    with http.server.HTTPServer(("127.0.0.1", 0), Asked) as made:
        made.asked = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def test_git_sends_the_credentials_to_that_place_and_follows_nobody_elsewhere(
    server: http.server.HTTPServer, tmp_path: Path
) -> None:
    """Git itself is asked, over plain HTTP on loopback, which no connector may name and which is allowed for this alone."""
    known = Connectors(
        lambda: "connectors: {acme: {url: https://h/acme, username: bot, secret: env:T}}",
        resolve=lambda reference: "hush",
    )
    place = f"http://127.0.0.1:{server.server_port}/acme"
    told = known.environment("connector:acme/shop")
    env = {name: text.replace("https://h/acme", place) for name, text in told.items()}
    run = GitProgram(tmp_path, known).run(
        "ls-remote", "connector:acme/shop", env={**env, "GIT_ALLOW_PROTOCOL": "http"}
    )
    assert run.returncode != 0
    header = f"Basic {base64.b64encode(b'bot:hush').decode()}"
    assert server.asked == [("/acme/shop/info/refs?service=git-upload-pack", header)]  # type: ignore[attr-defined]
    assert b"hush" not in run.stderr
