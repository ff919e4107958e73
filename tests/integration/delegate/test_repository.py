"""A push goes where the decision said, also when the workspace has been cloned from somewhere else since."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from bridle.core.canonical import Json
from bridle.core.errors import TrustError
from integration.delegate.bench import Bench, Origin

BRANCH = "bridle/fix"


@pytest.fixture
def other(origin: Origin) -> Origin:
    """Another repository with the same history, so that a push to it would be taken."""
    path = origin.path.with_name("other.git")
    subprocess.run(["git", "clone", "-q", "--bare", str(origin.path), str(path)], check=True)
    return Origin(path)


@pytest.fixture
async def made(cloned: Bench) -> dict[str, Json]:
    """The arguments of a push of a commit made on the clone of `origin`."""
    (cloned.folder / "src/calc.py").write_text("fixed = True\n")
    tree = await cloned.worker.snapshot("w")
    report = await cloned.do("git.commit", {"branch": BRANCH, "message": "m"}, expect={"tree": tree})
    assert isinstance(report.value, dict)
    return {"commit": report.value["commit"], "branch": BRANCH}


async def clone(bench: Bench, origin: Origin) -> None:
    report = await bench.do("git.clone", {"repository": str(origin.path), "branch": "main"})
    assert report.status == "succeeded"


def record_of(bench: Bench) -> Path:
    return bench.workspaces.mirror("w") / "clone.json"


def branches(origin: Origin) -> list[str]:
    return origin.git("for-each-ref", "--format=%(refname:short)", "refs/heads").split()


async def refuse(bench: Bench, made: dict[str, Json], repository: Path) -> str:
    with pytest.raises(TrustError) as caught:
        await bench.do("git.push", made, expect={"repository": str(repository)})
    return str(caught.value.reason)


async def test_a_push_goes_to_the_repository_that_the_permit_names(
    cloned: Bench, origin: Origin, made: dict[str, Json]
) -> None:
    report = await cloned.do("git.push", made, expect={"repository": str(origin.path)})
    assert report.status == "succeeded"
    assert origin.git("rev-parse", BRANCH) == made["commit"]


async def test_a_clone_from_elsewhere_since_the_decision_is_noticed(
    cloned: Bench, origin: Origin, other: Origin, made: dict[str, Json]
) -> None:
    await clone(cloned, other)
    assert await refuse(cloned, made, origin.path) == "expectation-failed"
    assert (branches(origin), branches(other)) == (["main"], ["main"])


async def test_a_changed_record_of_the_clone_is_noticed(
    cloned: Bench, origin: Origin, other: Origin, made: dict[str, Json]
) -> None:
    record = json.loads(record_of(cloned).read_bytes())
    record_of(cloned).write_text(json.dumps({**record, "repository": str(other.path)}))
    assert await refuse(cloned, made, origin.path) == "expectation-failed"
    assert (branches(origin), branches(other)) == (["main"], ["main"])


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"repository": 1, "branch": 1, "commit": 1, "tree": 1}'])
async def test_a_damaged_record_of_the_clone_is_refused(
    cloned: Bench, origin: Origin, made: dict[str, Json], text: str
) -> None:
    record_of(cloned).write_text(text)
    assert await refuse(cloned, made, origin.path) == "clone-damaged"
    assert branches(origin) == ["main"]


async def test_a_damaged_record_does_not_keep_one_from_cloning_again(cloned: Bench, origin: Origin) -> None:
    record_of(cloned).write_text("")
    report = await cloned.do(
        "git.clone", {"repository": str(origin.path), "branch": "main"}, expect={"workspace": "w"}
    )
    assert report.status == "succeeded"


async def test_where_nothing_was_cloned_no_repository_is_expected_rightly(
    bench: Bench, origin: Origin
) -> None:
    push: dict[str, Json] = {"commit": "0" * 40, "branch": BRANCH}
    assert await refuse(bench, push, origin.path) == "expectation-failed"


async def test_look_up_asks_the_repository_that_the_permit_names(
    cloned: Bench, origin: Origin, other: Origin, made: dict[str, Json]
) -> None:
    task = cloned.task("git.push", made, expect={"repository": str(origin.path)})
    await cloned.worker.carry_out(task)
    await clone(cloned, other)
    found = await cloned.worker.look_up(task)
    assert found is not None
    assert found.value == {**made, "updated": True}
