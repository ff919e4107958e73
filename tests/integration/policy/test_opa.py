"""An external engine: the same policies say the same as the embedded one, and whatever is not exactly an answer denies.

The server is a fake that evaluates with OPA's library where there is one, or the program that BRIDLE_TEST_OPA names.
"""

import asyncio
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from bridle import app
from bridle.adapters.rego.opa import OpaServer
from bridle.core.errors import InputError
from bridle.core.settings import load_settings
from bridle.surfaces.cli.checks import State
from bridle.surfaces.cli.checks_parts import check_policy
from bridle.trust.policy import PolicyError
from support.fake_opa import run_fake_opa

from .test_golden import GOLDEN

HOUSE = """package bridle.gate

import rego.v1

deny contains {"rule": "house.no-reading", "reason": "No."} if input.action.effect == "read"
"""
TOKEN = "a-token-of-this-test"  # noqa: S105


def settings_in(folder, **environ):
    return load_settings({"HOME": str(folder), "BRIDLE_CONFIG_DIR": str(folder / "config"), **environ})


@contextmanager
def run_real_opa(program, modules, folder):
    for name, text in modules.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    child = subprocess.Popen([program, "run", "--server", "--addr", url.removeprefix("http://"), str(folder)])
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(f"{url}/health", timeout=1).close()  # noqa: S310 - the address is ours
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.05)
        yield SimpleNamespace(url=url)
    finally:
        child.terminate()
        child.wait()


def serve(modules, folder):
    program = os.environ.get("BRIDLE_TEST_OPA")
    return run_real_opa(program, modules, folder) if program else run_fake_opa(modules)


async def answers(policy, questions):
    await policy.start()
    return [await policy.evaluate(question) for question in questions]


def test_both_engines_say_the_same_of_every_golden_case(tmp_path, document):
    embedded = app.open_policy(settings_in(tmp_path))
    with serve(embedded.export(), tmp_path / "opa") as server:
        external = app.open_policy(settings_in(tmp_path, BRIDLE_OPA=server.url))
        questions = [case.facts(document, embedded.digest) for case in GOLDEN.values()]

        async def both():
            found = await answers(embedded, questions), await answers(external, questions)
            await embedded.close()
            await external.close()
            return found

        first, second = asyncio.run(both())
    assert first == second


def test_a_bound_set_speaks_in_its_scope_alone(tmp_path, document):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "house.rego").write_text(HOUSE)
    (tmp_path / "config" / "policies.yaml").write_text(
        "bindings: [{set: house.rego, scope: {agent: bridle.*}}]\n"
    )
    modules = app.open_policy(settings_in(tmp_path)).export()
    elsewhere = {**document, "principal": {**document["principal"], "name": "acme.fixer"}}
    with serve(modules, tmp_path / "opa") as server:
        policy = app.open_policy(settings_in(tmp_path, BRIDLE_OPA=server.url))

        async def ask():
            found = await answers(policy, [document, elsewhere])
            await policy.close()
            return found

        inside, outside = asyncio.run(ask())
    assert ([one.rule for one in inside.deny], outside.deny) == (["house.no-reading"], ())


def ask_one(url, document, *, digest="sha256:p", token="", timeout_s=5.0):
    return asyncio.run(OpaServer(url, digest=digest, token=token, timeout_s=timeout_s).evaluate(document))


GOOD = {"result": {"digest": "sha256:p", "answer": {"deny": [], "ask": [], "allow": []}}}


def test_the_answer_of_these_policies_is_taken(document):
    with run_fake_opa({}) as server:
        server.says = (200, GOOD)
        assert ask_one(server.url, document).allow == ()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {}),
        (200, {"result": {}}),
        (200, {"result": {**GOOD["result"], "digest": "sha256:another"}}),
        (200, {"result": {**GOOD["result"], "answer": {"deny": [], "ask": []}}}),
        (200, {"result": {**GOOD["result"], "answer": True}}),
        (200, b"no json"),
        (200, b'"' + b"x" * (2 << 20) + b'"'),
        (500, GOOD),
        (302, GOOD),
        (204, b""),
    ],
)
def test_anything_else_is_no_answer(document, status, body):
    with run_fake_opa({}) as server:
        server.says = (status, body)
        with pytest.raises(PolicyError):
            ask_one(server.url, document)


def test_a_server_that_is_away_gives_no_answer(document):
    with run_fake_opa({}) as server:
        url = server.url
    with pytest.raises(PolicyError, match="does not answer"):
        ask_one(url, document)


def test_a_server_that_hangs_gives_no_answer(document):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(PolicyError, match=r"did not answer|does not answer"):
            ask_one(f"http://127.0.0.1:{silent.getsockname()[1]}", document, timeout_s=0.3)


def test_a_server_that_wants_a_token_is_given_it(document):
    with run_fake_opa({}, token=TOKEN) as server:
        server.says = (200, GOOD)
        assert ask_one(server.url, document, token=TOKEN).allow == ()
        with pytest.raises(PolicyError, match="status 401"):
            ask_one(server.url, document)


@pytest.mark.parametrize("url", ["", "127.0.0.1:8181", "ftp://x", "http://"])
def test_what_is_no_address_is_refused(url):
    with pytest.raises(InputError, match="no address"):
        OpaServer(url, digest="")


@pytest.mark.parametrize(("token", "state"), [("", State.FAIL), (TOKEN, State.OK)])
def test_the_doctor_fails_a_server_whose_policies_anybody_may_replace(tmp_path, token, state):
    modules = app.open_policy(settings_in(tmp_path)).export()
    with run_fake_opa(modules, token=token) as server:
        found = {
            one.name: one
            for one in check_policy(settings_in(tmp_path, BRIDLE_OPA=server.url, BRIDLE_OPA_TOKEN=token))
        }
    assert found["opa"].state is state
