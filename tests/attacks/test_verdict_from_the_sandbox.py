"""An agent with a shell tries to approve what it waits for: it finds no key, no store, no socket and no program to do it."""

import asyncio
import json
import socket
import subprocess
import sys
from dataclasses import replace

import pytest

from bridle.core.errors import TrustError
from bridle.engine.control import Verdict
from bridle.gate.approvals import ApprovalState
from bridle.pipeline.read import read_pipeline

ASKS = "pipeline: {id: asks, stages: [{id: a, steps: [{id: b, approval: {uses: harness, with: {message: Go?}}}]}]}"
PROBE = """
import json, os, shutil, socket, sys

wanted = json.loads(sys.argv[1])
found = []
for path in wanted["files"]:
    try:
        with open(path, "rb") as file:
            found.append(["read", path]) if file.read() else None
    except OSError:
        pass
    try:
        os.close(os.open(path, os.O_WRONLY))
        found.append(["written", path])
    except OSError:
        pass
for folder in wanted["folders"]:
    try:
        found.append(["listed", folder]) if os.listdir(folder) else None
    except OSError:
        pass
for kind, address in ((socket.AF_INET, tuple(wanted["tcp"])), (socket.AF_UNIX, wanted["unix"]), (socket.AF_UNIX, wanted["abstract"])):
    try:
        with socket.socket(kind) as one:
            one.settimeout(2)
            one.connect(address.replace("@", "\\0", 1) if isinstance(address, str) else address)
        found.append(["connected", str(address)])
    except OSError:
        pass
found += [["environment", name] for name, value in os.environ.items() if value[:4] in ("brt_", "brk_") or name.startswith("BRIDLE_") and name != "BRIDLE_OUTPUT"]
found += [["program", name] for name in ("bridle",) if shutil.which(name)]
print("FOUND " + json.dumps(found))
"""  # noqa: E501 - a program in one piece


@pytest.fixture
def settings(settings):
    return replace(settings, own_keys_only=True)


@pytest.fixture(autouse=True)
def ana(app):
    app.people.add("ana", account="ana", groups=(), attributes=())


@pytest.fixture
def doors(folder):
    """Sockets of the host, of every kind that a server could listen at."""
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_UNIX) as named,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        named.bind(str(folder / "door.sock"))
        (folder / "door.sock").chmod(0o777)
        abstract.bind(f"\0{folder.name}")
        for one in (named, abstract):
            one.listen()
        yield {
            "tcp": tcp.getsockname(),
            "unix": str(folder / "door.sock"),
            "abstract": f"@{folder.name}",
        }


@pytest.fixture
def wanted(folder, doors):
    config, data = folder / "config", folder / "data"
    keys = ["control-plane.key", "delegate.key", "working.key", "people.yaml", "people/ana.key"]
    files = [*(str(config / name) for name in keys), str(data / "bridle.db")]
    return {"files": files, "folders": [str(config), str(config / "people"), str(data)], **doors}


@pytest.fixture
async def waiting(app):
    """A request that nobody has answered yet."""
    plan = read_pipeline(ASKS, source="asks.yaml")
    execution = await app.control.start(plan, inputs={}, options={}, initiator=app.user)
    await app.control.follow(execution.id)
    (approval,) = await app.approvals.find(execution=execution.id)
    return approval


async def run_in_the_sandbox(app, script):
    pipeline = {"id": "attack", "stages": [{"id": "a", "steps": [{"id": "b", "run": {"script": script}}]}]}
    plan = read_pipeline(json.dumps({"pipeline": pipeline}), source="attack.yaml")
    execution = await app.control.start(plan, inputs={}, options={}, initiator=app.user)
    await app.control.follow(execution.id)
    outcome = [
        record.body["value"]
        for record in await app.journal.read(execution=execution.id)
        if record.kind == "action.outcome"
    ]
    return outcome[-1]


def quoted(program, *words):
    given = " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)
    return f"python3 - {given} <<'PROBE'\n{program}\nPROBE\n"


def read_found(printed):
    (line,) = [line for line in printed.splitlines() if line.startswith("FOUND ")]
    return json.loads(line.removeprefix("FOUND "))


async def test_from_inside_there_is_nothing_to_approve_with(app, waiting, wanted):
    value = await run_in_the_sandbox(app, quoted(PROBE, json.dumps(wanted)))
    assert read_found(value["stdout"]) == [], value
    (approval,) = await app.approvals.find(execution=waiting.execution)
    assert (approval.state, approval.given) == (ApprovalState.OPEN, ())


async def test_the_same_search_outside_the_sandbox_finds_it_all(app, waiting, wanted):
    """What the test above looks for is there to be found."""
    command = [sys.executable, "-c", PROBE, json.dumps(wanted)]
    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, check=True, env={"BRIDLE_X": "brk_x"}
    )
    kinds = [kind for kind, _ in read_found(done.stdout)]
    assert kinds.count("read") == kinds.count("written") == len(wanted["files"])
    assert (kinds.count("listed"), kinds.count("connected"), kinds.count("environment")) == (3, 3, 1)


async def test_where_keys_are_wanted_a_name_without_one_is_refused_and_one_with_it_is_taken(app, waiting):
    for name in ("", "mallory"):
        with pytest.raises(TrustError) as caught:
            await app.control.give_verdict(waiting.id, Verdict(True, app.user, name=name))
        assert caught.value.reason == "own-key-wanted"
    assert waiting.terms.keys
    given = await app.control.give_verdict(waiting.id, Verdict(True, app.user, name="ana"))
    assert given.given == ("person:ana",)


async def test_an_agent_gives_no_verdict_even_with_the_key_of_a_person(app, waiting):
    agent = replace(app.user, kind="agent", name="mallory")
    with pytest.raises(TrustError) as caught:
        await app.control.give_verdict(waiting.id, Verdict(True, agent, name="ana"))
    assert caught.value.reason == "not-a-person"
