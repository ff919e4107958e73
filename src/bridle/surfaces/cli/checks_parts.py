"""Checks of the parts that decide and carry out: store and journal, policy engine, sandbox, the account's model.

Each is asked for real: the store is opened, the policy decides, a sandbox is started. A store that does not exist yet is
not made, and no store is opened without its keys, since opening would make new ones.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bridle.core.errors import InputError, UnavailableError
from bridle.core.settings import Settings
from bridle.surfaces.cli.checks import Check, State
from bridle.surfaces.cli.checks_machine import KEYS, sqlite_file

if TYPE_CHECKING:
    from bridle.app import Store

VERIFIED_RECORDS = 1000  # the newest; all of them is the audit's work, and takes time
LARGEST_SKEW = timedelta(seconds=5)  # beyond it, approvals expire at another moment than people are told
POLICY_FIX = "install the pinned requirements again, into an environment of their own, and undo changes of policies/base"
LIMITS_SOFT = "a group of one's own makes it hard: systemd-run --user --scope -p Delegate=yes bridle …"


def check_store(settings: Settings) -> Sequence[Check]:
    """The store opens with its schema current, and its clock is ours."""
    unopened = _not_opened("store", settings)
    if unopened is not None:
        return [unopened]
    from bridle.app import open_store

    with open_store(settings) as store:
        return asyncio.run(_examine(store))


def check_roles(settings: Settings) -> Sequence[Check]:
    """The file of roles can be read: nobody holds anything while it cannot."""
    from bridle.app import open_roles

    access = open_roles(settings).read()
    bound = len(access.bindings)
    return [Check("roles", State.OK, f"{bound} binding{'s' * (bound != 1)}, {len(access.roles)} roles")]


def check_limits(settings: Settings) -> Sequence[Check]:
    """The file of limits can be read: nothing is done while it cannot."""
    from bridle.app import open_limits

    found = open_limits(settings).read()
    if not found:
        return [Check("limits", State.WARN, "all are off", "docs/limits.md says what they hold")]
    return [Check("limits", State.OK, f"{len(found)} in force: {', '.join(limit.name for limit in found)}")]


def check_journal(settings: Settings) -> Sequence[Check]:
    """The end of the journal verifies, and its newest checkpoint is ours."""
    unopened = _not_opened("journal", settings)
    if unopened is not None:
        return [unopened]
    from bridle.app import open_store

    with open_store(settings) as store:
        return [asyncio.run(_verify_end(store))]


def _not_opened(name: str, settings: Settings) -> Check | None:
    file = sqlite_file(settings)
    if file is not None and not file.exists():
        return Check(name, State.OK, f"none yet; the first run makes {file}")
    if not all((settings.config_dir / key).exists() for key in KEYS):
        return Check(name, State.WARN, "not opened: its keys are not there", "see the check of the keys")
    return None


async def _examine(store: Store) -> list[Check]:
    from bridle.app import read_health

    health = await read_health(store.database)
    where = store.database.engine.url.render_as_string(hide_password=True)
    shown, fix = f"{where}, schema {health.revision}", ""
    current = health.revision == health.newest_revision
    if not current:
        shown, fix = (
            f"{shown}, expected {health.newest_revision}",
            "run the version of Bridle that made this store",
        )
    skew = abs(datetime.now(UTC) - health.now)
    opened = Check("store", State.OK if current else State.FAIL, shown, fix)
    return [opened, _check_skew(skew), *(await _list_kills(store) if current else [])]


async def _list_kills(store: Store) -> list[Check]:
    """A kill that was forgotten looks like everything being broken."""
    return [
        Check(
            "kill",
            State.WARN,
            f"{kill.by} has stopped {kill.what}: {kill.reason}",
            f"bridle kill --lift {kill.id}",
        )
        for kill in await store.kills.standing()
    ]


def _check_skew(skew: timedelta) -> Check:
    shown = f"{skew.total_seconds():.0f} s from this machine's"
    if skew > LARGEST_SKEW:
        return Check(
            "store clock", State.FAIL, shown, "timedatectl set-ntp true, here and where the store runs"
        )
    return Check("store clock", State.OK, shown)


async def _verify_end(store: Store) -> Check:
    """Raise JournalError or CheckpointError for what does not hold, which is the check's failure."""
    from bridle.app import ORIGIN, read_health
    from bridle.trust.journal import GENESIS, verify_chain
    from bridle.trust.log.checkpoint import claimed_size, read_checkpoint

    health = await read_health(store.database)
    size, first = health.records, max(health.records - VERIFIED_RECORDS, 0)
    records = await store.journal.read(after=first - 2, limit=VERIFIED_RECORDS + 1)
    before, last = (records[:1], records[1:]) if first else ([], records)
    last = last[: size - first]  # a live process may have written more since the store was asked
    count = verify_chain(last, previous=before[0].hash if before else GENESIS, first=first)
    if first + count < size or (last and last[-1].hash != health.head):
        what = f"the journal should end with record {size - 1} and does not"
        return Check("journal", State.FAIL, what, "bridle audit verify; compare with a copy of the journal")
    if last and datetime.fromisoformat(last[-1].at) > datetime.now(UTC) + LARGEST_SKEW:
        what = f"its newest record is of {last[-1].at}: this clock was put back"
        return Check("journal", State.FAIL, what, "timedatectl set-ntp true")
    signed = await store.journal.checkpoints()
    if signed:
        read_checkpoint(signed[-1], store.signer.keys.at(claimed_size(signed[-1]) - 1), ORIGIN)
    return Check(
        "journal", State.OK, f"the newest {count} of {size} records verify, {len(signed)} checkpoints"
    )


def check_policy(settings: Settings) -> Sequence[Check]:
    """The engine answers a known question as it must, and a broken one is denied."""
    try:
        return asyncio.run(_ask_policy(settings))
    except UnavailableError as error:  # its own advice is to ask the doctor
        return [Check("policy", State.FAIL, error.what, POLICY_FIX)]
    except InputError as error:
        return [Check("policy", State.FAIL, str(error).partition("\n")[0], error.hint or POLICY_FIX)]


async def _check_opa(settings: Settings, digest: str) -> list[Check]:
    """An external engine is nobody's to change but its owner's."""
    from bridle.app import open_opa

    if not settings.opa:
        return []
    try:
        is_open = await open_opa(settings, digest).is_open()
    except OSError as error:
        return [
            Check(
                "opa", State.FAIL, f"{settings.opa} does not answer: {error}", "start it, or unset BRIDLE_OPA"
            )
        ]
    if is_open:
        what = f"{settings.opa} lets anybody who reaches it replace the policies"
        return [
            Check("opa", State.FAIL, what, "opa run --server --authentication=token --authorization=basic")
        ]
    return [Check("opa", State.OK, f"{settings.opa} refuses a stranger's policies")]


async def _ask_policy(settings: Settings) -> list[Check]:
    from bridle.app import open_policy
    from bridle.gate.decision import decide
    from bridle.gate.manifest import find_manifest
    from bridle.trust.bindings import MISSING

    engine = open_policy(settings)
    opa = await _check_opa(settings, engine.digest)
    if any(check.state is State.FAIL for check in opa):
        await engine.close()
        return opa
    try:
        await engine.start()
        known, broken = known_question(), {**known_question(), "principal": None}
        manifest = find_manifest("file.read")
        allowed = decide(known, manifest, await engine.evaluate(known))
        answer = await engine.evaluate(broken)
        denied = decide(broken, manifest, answer)
        unsupplied = engine.list_unsupplied()
    finally:
        await engine.close()
    if allowed.effect != "allow" and {one.rule for one in allowed.findings} != {MISSING}:
        what = f"a harmless read is not allowed: {allowed.findings[0].reason}"
        return [Check("policy", State.FAIL, what, POLICY_FIX)]
    if denied.effect != "deny" or answer.allow or not answer.deny:
        what = "an action of nobody is not denied: nothing is safe here"
        return [Check("policy", State.FAIL, what, POLICY_FIX)]
    added = "".join(f" and {path}" for path in settings.policies)
    rules = f"base set{added} {engine.digest[:19]}…"
    if not unsupplied:
        what = f"{rules} answers; a known action is allowed, one of nobody is denied"
        return [Check("policy", State.OK, what), *opa]
    answers = Check("policy", State.OK, f"{rules} answers; an action of nobody is denied")
    names = ", ".join(sorted({name for _, absent in unsupplied for name in absent}))
    told = "; ".join(f"{one.rule} ({one.file}:{one.line})" for one, _ in unsupplied)
    fix = f"state {names} under facts in {settings.config_dir / 'policies.yaml'}"
    return [
        answers,
        Check("policy facts", State.WARN, f"{told}: asks, since nobody supplies what it reads", fix),
    ]


def known_question() -> dict[str, Any]:
    """Return the facts of a file being read by an agent that may read: complete, and of no real execution."""
    from bridle.core.boundary import Boundary

    agent = {"id": "agent:doctor", "kind": "agent", "name": "doctor", "owner": "doctor", "version": "1.0.0"}
    return {
        "action": {"tool": "file.read", "arguments": {"path": "README.md"}, "effect": "read"},
        "principal": {**agent, "state": "active", "asserted": False, "digest": ""},
        "initiator": {"id": "user:doctor", "kind": "user", "state": "active", "asserted": True},
        "actors": [],
        "scope": ["file:read"],
        "boundary": Boundary().to_json(),
        "approval": None,
        "rests_on": {},
        "tree": "",
        "verification": None,
        "provenance": None,
        "loop": None,
        "instead": None,
        "limits": [],
        "budget": None,
    }


def check_sandbox(settings: Settings) -> Sequence[Check]:
    """A real sandbox is started, with canaries planted around it."""
    from bridle.delegate.sandbox.bubblewrap import Bubblewrap

    found = asyncio.run(Bubblewrap().probe())
    if found.missing:
        fix = "; ".join(dict.fromkeys(found.missing.values()))
        what = f"{found.backend} cannot guarantee {', '.join(found.missing)}: no command runs"
        return [Check("sandbox", State.FAIL, what, fix)]
    what = f"{found.backend}; hard: {', '.join(found.hard)}; soft: {', '.join(found.soft) or 'nothing'}"
    if {"memory", "pids"} & {*found.soft}:
        return [Check("sandbox", State.WARN, what, LIMITS_SOFT)]
    return [Check("sandbox", State.OK, what)]


def check_model(settings: Settings, environ: Mapping[str, str] | None = None) -> Sequence[Check]:
    """The account's default model has a form we know, and its key can be found; a key is never shown."""
    name = settings.model
    if not name:
        return [Check("model", State.OK, "none named; --model, a step, an agent or BRIDLE_MODEL names one")]
    from bridle.surfaces.cli.models import find_keys

    try:
        found = find_keys(name, os.environ if environ is None else environ)
    except UnavailableError as error:
        return [Check("model", State.FAIL, error.what, error.hint)]
    what = f"{name}, " + (f"key at {' and '.join(found)}" if found else "without a key")
    return [Check("model", State.OK, what)]
