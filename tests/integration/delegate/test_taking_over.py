"""What a rerun's workspace begins with: the tree, the clone and the commits of the execution that is run again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from bridle.core.canonical import Json
from bridle.core.errors import TrustError
from bridle.dispatch.protocol import Report
from integration.delegate.bench import Bench, Origin
from integration.delegate.test_travel import Machine, value_of

SOURCE, RERUN = "exe_0", "exe_1"


@pytest.fixture
def one(reachable: Path) -> Machine:
    return Machine(reachable / "one", reachable / "store")


@pytest.fixture
def two(reachable: Path) -> Machine:
    return Machine(reachable / "two", reachable / "store")


async def clone(machine: Machine, origin: Origin) -> dict[str, Json]:
    """Clone into the source; return what the control plane would know of it."""
    report = await machine.do("git.clone", {"repository": str(origin.path), "branch": "main"}, SOURCE)
    return {"commit": value_of(report)["commit"], "tree": report.facts["tree"]}


async def commit(machine: Machine, text: str) -> str:
    (machine.folder(SOURCE) / "README").write_text(text)
    return await machine.commit("bridle/fix", SOURCE)


async def take(bench: Bench, cloned: Mapping[str, Json], made: str, **options: object) -> Report:
    arguments: dict[str, Json] = {"tree": cloned["tree"], "source": SOURCE, "clone": cloned}
    arguments["branches"] = {"bridle/fix": made}
    given = {"workspace": RERUN, "expect": {"takes_over": SOURCE}, **options}
    return await bench.do("workspace.restore", arguments, **given)


async def push(machine: Machine, made: str) -> Report:
    return await machine.do("git.push", {"commit": made, "branch": "bridle/fix"}, RERUN)


async def test_the_rerun_pushes_what_its_source_committed(one: Machine, origin: Origin) -> None:
    cloned = await clone(one, origin)
    made = await commit(one, "better\n")
    report = await take(one.bench, cloned, made)
    assert value_of(report)["branches"] == {"bridle/fix": made}
    assert (await push(one, made)).status == "succeeded"
    assert origin.git("rev-parse", "bridle/fix") == made


async def test_a_commit_that_another_took_the_place_of_comes_along(one: Machine, origin: Origin) -> None:
    cloned = await clone(one, origin)
    first = await commit(one, "better\n")
    await commit(one, "worse\n")
    await take(one.bench, cloned, first)
    assert (await push(one, first)).status == "succeeded"


async def test_taking_over_again_changes_nothing(one: Machine, origin: Origin) -> None:
    cloned = await clone(one, origin)
    made = await commit(one, "better\n")
    first, second = [await take(one.bench, cloned, made) for _ in range(2)]
    assert first.value == second.value


async def test_what_was_taken_over_goes_on_on_another_machine(
    one: Machine, two: Machine, origin: Origin
) -> None:
    cloned = await clone(one, origin)
    made = await commit(one, "better\n")
    await take(one.bench, cloned, made)
    assert (await push(two, made)).status == "succeeded"


async def test_a_source_that_stood_on_another_machine_is_brought_first(
    one: Machine, two: Machine, origin: Origin
) -> None:
    cloned = await clone(one, origin)
    made = await commit(one, "better\n")
    assert value_of(await take(two.bench, cloned, made))["branches"] == {"bridle/fix": made}


async def test_of_a_source_that_was_cloned_into_again_only_the_tree_comes(
    one: Machine, origin: Origin
) -> None:
    cloned = await clone(one, origin)
    made = await commit(one, "better\n")
    origin.commit({"README": "other\n"})
    await clone(one, origin)
    report = await take(one.bench, cloned, made)
    assert (value_of(report)["cloned"], value_of(report)["branches"]) == (False, {})
    pushed = await push(one, made)
    assert (pushed.status, value_of(pushed)["reason"]) == ("failed", "not-cloned")


@pytest.mark.parametrize(
    "options",
    [
        {"expect": {}},
        {"expect": {"takes_over": "exe_9"}},
        {"workspace": "exe_1.a"},
        {"workspace": "exe_9"},
    ],
)
async def test_only_what_the_permit_names_is_taken_over(
    one: Machine, origin: Origin, options: dict[str, object]
) -> None:
    cloned = await clone(one, origin)
    made = await commit(one, "better\n")
    with pytest.raises(TrustError, match="permit"):
        await take(one.bench, cloned, made, **options)


async def test_a_fork_of_another_execution_is_not_taken_over(one: Machine, origin: Origin) -> None:
    cloned = await clone(one, origin)
    arguments: dict[str, Json] = {
        "tree": cloned["tree"],
        "source": "exe_0.a",
        "clone": cloned,
        "branches": {},
    }
    with pytest.raises(TrustError, match="permit"):
        await one.bench.do("workspace.restore", arguments, workspace=RERUN, expect={"takes_over": "exe_0.a"})
