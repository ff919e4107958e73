"""A push goes where the decision said, also when the workspace has been cloned from somewhere else since."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from bridle.core.canonical import Json
from bridle.core.errors import InputError, TrustError, UnavailableError
from bridle.delegate.git_program import GitProgram
from bridle.delegate.mirror import check_repository
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


async def test_look_up_asks_the_repository_that_the_permit_names_and_no_other(
    cloned: Bench, origin: Origin, other: Origin, made: dict[str, Json]
) -> None:
    task = cloned.task("git.push", made, expect={"repository": str(origin.path)})
    await cloned.worker.carry_out(task)
    found = await cloned.worker.look_up(task)
    assert found is not None
    assert isinstance(found.value, dict)
    assert {name: found.value[name] for name in (*made, "updated")} == {**made, "updated": True}
    await clone(cloned, other)
    with pytest.raises(TrustError) as caught:
        await cloned.worker.look_up(task)
    assert caught.value.reason == "expectation-failed"


async def test_look_up_leaves_out_what_is_expected_of_the_tree_and_nothing_else(
    cloned: Bench, origin: Origin, made: dict[str, Json]
) -> None:
    expect: dict[str, Json] = {"repository": str(origin.path), "tree": "sha256:gone", "restore_to": "x"}
    assert await cloned.worker.look_up(cloned.task("git.push", made, expect=expect)) is None
    with pytest.raises(TrustError, match="workspace"):
        await cloned.worker.look_up(cloned.task("git.push", made, expect={**expect, "workspace": "w2"}))


SECRET = "s3cr3t-Pa55word"  # noqa: S105 - planted


@pytest.fixture
async def with_password(cloned: Bench, origin: Origin, made: dict[str, Json]) -> str:
    """The workspace as if it had been cloned from an address with credentials; git is told of it as a path."""
    address = f"https://ana:{SECRET}@git.invalid{origin.path}"
    record = json.loads(record_of(cloned).read_bytes())
    record_of(cloned).write_text(json.dumps({**record, "repository": address}))
    return address


@pytest.mark.usefixtures("with_password")
async def test_no_credentials_are_told_when_a_repository_is_not_the_expected_one(
    cloned: Bench, made: dict[str, Json]
) -> None:
    with pytest.raises(TrustError) as caught:
        await cloned.do("git.push", made, expect={"repository": f"https://ben:{SECRET}@other.invalid/x"})
    assert (caught.value.reason, SECRET in str(caught.value)) == ("expectation-failed", False)
    assert ("https://other.invalid/x" in str(caught.value), "git.invalid" in str(caught.value)) == (
        True,
        True,
    )


async def test_a_push_has_the_credentials_of_the_clone_and_the_permit_needs_none(
    cloned: Bench, origin: Origin, made: dict[str, Json], with_password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, run = [], GitProgram.run

    def with_a_path(self: GitProgram, *arguments: str, **options: object) -> object:
        """Stands for the network: git is given the path behind the address."""
        told.extend(argument for argument in arguments if argument == with_password)
        replaced = [str(origin.path) if argument == with_password else argument for argument in arguments]
        return run(self, *replaced, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(GitProgram, "run", with_a_path)
    report = await cloned.do("git.push", made, expect={"repository": f"https://git.invalid{origin.path}"})
    assert (report.status, origin.git("rev-parse", BRANCH)) == ("succeeded", made["commit"])
    assert told


async def test_an_origin_that_does_not_answer_is_told_without_credentials(bench: Bench) -> None:
    repository = f"file://ana:{SECRET}@localhost/gone/x.git"
    with pytest.raises(UnavailableError) as caught:
        await bench.do("git.clone", {"repository": repository, "branch": "main"})
    assert SECRET not in str(caught.value)


async def test_an_address_that_is_refused_is_told_without_credentials(bench: Bench) -> None:
    with pytest.raises(InputError) as caught:
        check_repository(f"ftp://ana:{SECRET}@git.invalid/x")
    assert (SECRET in str(caught.value), "ftp://git.invalid/x" in str(caught.value)) == (False, True)
