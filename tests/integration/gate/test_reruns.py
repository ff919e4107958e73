"""Which commit a rerun may push: one that was made, through the gate, in a stage that it took over, before that ended."""

from dataclasses import replace

import pytest

from bridle.gate.action import Denied
from bridle.gate.provenance import find_provenance
from bridle.gate.reruns import describe_restore
from bridle.trust.journal import Entry, Kind
from integration.gate.conftest import commit

COMMIT = "c" * 40
RERUN = {"rerun_of": "exe_1", "from": "ship", "tree": "sha256:" + "0" * 64}


async def end(scene, execution, stage, **body):
    body = {"state": "succeeded", "note": "", **body}
    return (await scene.ports.journal.append([Entry(Kind.BLOCK_ENDED, execution, stage, body)]))[0].id


async def begin(scene, execution="exe_2", **options):
    """Record that an execution was begun as a rerun."""
    await scene.ports.journal.append(
        [Entry(Kind.EXECUTION_STARTED, execution, execution, {"options": options})]
    )


async def made_by(scene, execution="exe_2", commit=COMMIT):
    """Return the execution that a push of `commit` by `execution` would be told made it."""
    action = replace(scene.action("git.push", commit=commit, branch="main"), execution=execution)
    provenance = await find_provenance(scene.ports.journal, action)
    return provenance and (provenance["execution"], provenance["repository"])


async def test_a_stage_that_was_taken_over_brings_its_commits(scene, made_commit):
    first = await end(scene, "exe_1", "repair")
    await begin(scene, **RERUN)
    second = await end(scene, "exe_2", "repair", reused=first)
    assert await made_by(scene) == ("exe_1", "/srv/origin.git")
    await begin(scene, "exe_3", **{**RERUN, "rerun_of": "exe_2"})
    await end(scene, "exe_3", "repair", reused=second)
    assert await made_by(scene, "exe_3") == ("exe_1", "/srv/origin.git")


async def test_an_execution_that_is_no_rerun_is_denied_the_push(scene, made_commit):
    await end(scene, "exe_1", "repair")
    await begin(scene)
    action = replace(scene.action("git.push", commit=COMMIT, branch="main", by="user:ana"), execution="exe_2")
    result = await scene.gate.perform(action)
    assert isinstance(result, Denied)
    assert await made_by(scene) is None


@pytest.mark.parametrize("options", [{}, {"rerun_of": "exe_9"}, {"rerun_of": "exe_2"}])
async def test_a_repeated_end_counts_only_for_the_execution_that_is_run_again(scene, made_commit, options):
    first = await end(scene, "exe_1", "repair")
    await begin(scene, **options)
    await end(scene, "exe_2", "repair", reused=first)
    assert await made_by(scene) is None


async def test_a_stage_that_runs_again_brings_nothing_of_before(scene, made_commit):
    await end(scene, "exe_1", "repair")
    await begin(scene, **RERUN)
    await end(scene, "exe_2", "repair")
    assert await made_by(scene) is None


async def test_another_stage_s_end_brings_no_commit(scene, made_commit):
    other = await end(scene, "exe_1", "other")
    await begin(scene, **RERUN)
    await end(scene, "exe_2", "repair", reused=other)
    assert await made_by(scene) is None


async def test_what_was_committed_after_the_stage_had_ended_stays_behind(scene):
    first = await end(scene, "exe_1", "repair")
    await commit(scene)
    await begin(scene, **RERUN)
    await end(scene, "exe_2", "repair", reused=first)
    assert await made_by(scene, "exe_1") is not None
    assert await made_by(scene) is None


async def test_a_commit_that_failed_or_was_never_made_is_nobody_s(scene, made_commit):
    first = await end(scene, "exe_1", "repair")
    await begin(scene, **RERUN)
    await end(scene, "exe_2", "repair", reused=first)
    assert await made_by(scene, commit="e" * 40) is None


async def test_the_restore_names_source_clone_and_commits(scene, made_commit):
    first = await end(scene, "exe_1", "repair")
    await begin(scene, **RERUN)
    await end(scene, "exe_2", "repair", reused=first)
    assert await describe_restore(scene.ports.journal, "exe_2") == {
        "tree": RERUN["tree"],
        "source": "exe_1",
        "clone": {"commit": "d" * 40, "tree": RERUN["tree"]},
        "branches": {"bridle/fix": COMMIT},
    }
