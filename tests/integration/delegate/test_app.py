"""The composition root: every tool that ships has its effector, and settings are followed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bridle.core.clock import FrozenClock
from bridle.core.settings import Settings, load_settings
from bridle.delegate.app import EFFECTORS, LOOK_UPS, build_delegate
from bridle.delegate.effectors import EffectorContext, EffectorResult
from bridle.delegate.worker import ANY_EXTERNAL, Worker
from bridle.dispatch.protocol import Task
from bridle.gate.asking import CONTINUE
from bridle.gate.manifest import Recovery, builtin_manifests
from bridle.trust.bindings import EVENTS
from bridle.trust.keys import load_signer
from integration.delegate.bench import NOW, FakeSandbox


async def fake_model(_: Task, __: EffectorContext) -> EffectorResult:
    return EffectorResult("succeeded", None)


async def every_token_lives(secret: str, token_id: str) -> bool:
    return True


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "data", tmp_path / "config", tmp_path / "work", store_url="", model="")


def build(settings: Settings) -> Worker:
    return build_delegate(
        settings,
        signer=load_signer(settings.config_dir / "delegate.pem"),
        control_plane=load_signer(settings.config_dir / "control.pem").verifier,
        token_lives=every_token_lives,
        clock=FrozenClock(NOW),
        model_effector=fake_model,
        sandbox=FakeSandbox(),
    )


def test_every_tool_that_ships_has_an_effector_and_its_look_up() -> None:
    manifests = builtin_manifests()
    # to go on, to begin, and what changes inside Bridle is nothing that a delegate does
    of_the_control_plane = {CONTINUE, *EVENTS} | {name for name, item in manifests.items() if item.inside}
    assert set(EFFECTORS) - {ANY_EXTERNAL} | {"model.call"} | of_the_control_plane == set(manifests)
    assert set(LOOK_UPS) - {ANY_EXTERNAL} == {
        name for name, item in manifests.items() if item.recovery is Recovery.LOOKUP
    }


async def test_workspaces_lie_in_the_work_folder(settings: Settings) -> None:
    await build(settings).snapshot("w")
    assert (settings.work_dir / "workspaces/live/w").is_dir()


def test_a_secret_has_the_same_mark_after_a_restart(settings: Settings) -> None:
    marks = []
    for _ in range(2):
        redactor = build(settings)._context.redactor
        redactor.add("k", "hunter2-hunter2")
        marks.append(redactor.redact("hunter2-hunter2"))
    assert marks[0] == marks[1]


def test_the_toolchain_is_used_when_it_is_there(settings: Settings) -> None:
    assert build(settings)._context.toolchain is None
    (settings.work_dir / "toolchain-1").mkdir()
    (settings.work_dir / "toolchain").symlink_to("toolchain-1")
    assert build(replace(settings))._context.toolchain == (settings.work_dir / "toolchain-1").resolve()


async def test_what_machines_share_lies_where_the_setting_says(settings: Settings, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    worker = build(replace(settings, snapshots_dir=shared))
    tree = await worker.snapshot("w")
    assert (shared / "trees" / tree.removeprefix("sha256:")).is_file()
    assert load_settings({"BRIDLE_SNAPSHOTS": str(shared)}).snapshots_dir == shared
