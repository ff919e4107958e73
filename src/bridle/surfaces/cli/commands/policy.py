"""`bridle policy`: try policies out before they decide, without a server: their tests, one question, what was decided before."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.command import Answer, command, counter, existing_store, group, settings_alone
from bridle.surfaces.cli.options import Policies

if TYPE_CHECKING:
    from bridle.app import Store
    from bridle.app.counter import Counter
    from bridle.core.settings import Settings
    from bridle.trust.policy_tests import SuiteReport

FAILED = 4
EXIT_CODES = {"allow": 0, "deny": 3, "ask": 6}
policy = group("policy", tells="Policies: run their tests, ask them, see what they would change.")
overrides = group(
    "override",
    tells="Emergency overrides: for a while, what would ask a person is allowed; a denial never is.",
    within=policy,
)


@command(policy, "test", "bridle policy test policies/house --coverage 90")
def policy_test(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Rego files or folders; if left out, what ships and the account's own.", metavar="[PATHS]"
        ),
    ] = None,
    coverage: Annotated[
        int,
        typer.Option(
            help="Fail when the tests reach less of a file than this.", metavar="PERCENT", min=0, max=100
        ),
    ] = 0,
) -> Answer:
    """Run the `test_…` rules of *_test.rego beside the base set, and say which lines they do not reach.

    Ends with 0 when every test passed, with 4 when one failed or a file is reached too little, with 2 when a set has complaints.
    """
    from bridle.app import test_policies
    from bridle.core.settings import load_settings

    reports = test_policies(load_settings(), paths or [])
    failed = sum(bool(result.why) for report in reports for result in report.results)
    thin = [one for report in reports for one in _reached(report) if one["percent"] < coverage]
    lines = [line for report in reports for line in _tell(report)]
    lines += [f"{one['file']} is reached by {one['percent']} %, wanted are {coverage} %" for one in thin]
    document = {"failed": failed, "below": thin, "suites": [_describe(report) for report in reports]}
    return Answer(document, lines, code=FAILED if failed or thin else 0)


@command(
    policy, "facts", "bridle policy facts exe_01jd3k…/ship/push --json > facts.json", opens=existing_store
)
async def policy_facts(
    store: Store,
    action: Annotated[
        str, typer.Argument(help="An action's key, or how it begins: exe_…/ship/push.", metavar="ACTION")
    ],
) -> Answer:
    """Print the facts of the last decision about an action, for bridle policy eval. They are JSON in any case."""
    from bridle.surfaces.cli.policies import find_facts

    found = await find_facts(store.journal, action)
    return Answer(found, json.dumps(found, indent=1).splitlines())


@command(policy, "eval", "bridle policy eval facts.json --policies policies/house")
def policy_eval(
    file: Annotated[
        str, typer.Argument(help="A facts document as JSON; - reads standard input.", metavar="FILE")
    ],
    policies: Policies = None,
) -> Answer:
    """Decide one facts document as the gate would, boundaries in code included, and say which rules spoke. Nothing is recorded.

    Ends with 0 for allow, 3 for deny, 6 for ask.
    """
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.files import open_text
    from bridle.surfaces.cli.policies import evaluate, read_facts

    settings = load_settings(policies=policies or ())
    text = sys.stdin.read() if file == "-" else open_text(Path(file))
    found = asyncio.run(evaluate(settings, read_facts(text, where=file)))
    return Answer(found, _tell_decided(found), code=EXIT_CODES[found["effect"]])


def _tell_decided(found: dict[str, Any]) -> Iterator[str]:
    yield found["effect"]
    for one in found["rules"]:
        yield f"  {one['rule']}: {one['reason']}"
    for part, said in found["said"].items():
        yield f"  {part:<6}" + (", ".join(f"{one['rule']} ({one['set']})" for one in said) or "-")
    if found["boundaries"]:
        yield f"  note: {found['boundaries']}"


@command(policy, "export", "bridle policy export /etc/opa/bridle")
def policy_export(
    folder: Annotated[Path, typer.Argument(help="The folder that an OPA server loads.", metavar="DIR")],
    policies: Policies = None,
) -> Answer:
    """Write the account's policies, the base set included, for an OPA server to load; BRIDLE_OPA names the server."""
    from bridle.app import open_policy
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.files import write_bytes

    engine = open_policy(load_settings(policies=policies or ()))
    modules = engine.export()
    for name, text in modules.items():
        write_bytes(folder / name, text.encode())
    return Answer(
        {"folder": str(folder), "digest": engine.digest, "modules": sorted(modules)},
        f"{len(modules)} modules in {folder}, {engine.digest}",
    )


@command(
    policy,
    "replay",
    "bridle policy replay --set policies/house --json",
    opens=settings_alone,
    policies=True,
)
async def policy_replay(
    settings: Settings,
    sets: Annotated[
        list[Path] | None,
        typer.Option(
            "--set",
            help="A Rego file or folder to try beside what decides now; may be repeated.",
            metavar="PATH",
        ),
    ] = None,
    execution: Annotated[str, typer.Option(help="Only this execution.", metavar="ID")] = "",
) -> Answer:
    """Decide what the journal holds once more, under another policy, and name each action whose verdict would change.

    The facts are those of then; no server is needed, nothing is done and nothing is recorded.
    """
    from bridle.surfaces.cli.policies import replay

    tried = replace(settings, policies=(*settings.policies, *(sets or ())))
    found = await replay(tried, execution=execution)
    return Answer(found, _tell_replayed(found))


def _tell_replayed(found: dict[str, Any]) -> Iterator[str]:
    changes = found["changes"]
    yield f"{found['decisions']} decisions, {found['same']} with the same verdict, {len(changes)} with another"
    for why, count in found["left_out"].items():
        yield f"  left out: {count}, {why}"
    for turn, count in found["turns"].items():
        yield f"  {turn}: {count}"
    for change in changes:
        yield f"{change['at'][:19]} {change['action']}  {change['tool']} by {change['principal']}"
        for when in ("was", "now"):
            yield f"    {when} {change[when]['effect']}: {', '.join(change[when]['rules'])}"


@command(
    overrides,
    "open",
    "bridle policy override open --scope 'tool=mcp.mail.*' --for 1h --reason 'outage, Ana knows'",
    opens=settings_alone,
)
async def override_open(
    settings: Settings,
    scope: Annotated[
        list[str],
        typer.Option(help="Where it counts, as in policies.yaml; may be repeated.", metavar="KEY=PATTERN"),
    ],
    lasts: Annotated[str, typer.Option("--for", help="How long, at most 4h.", metavar="DURATION")],
    reason: Annotated[str, typer.Option(help="Why, in two words at least: others have to understand it.")],
    as_name: Annotated[
        str, typer.Option("--as", help="Your name, where you have a key of your own.", metavar="NAME")
    ] = "",
) -> Answer:
    """Allow for a while what would ask a person. It takes the permission policy:override, and is recorded and signed."""
    from bridle.core.errors import InputError
    from bridle.engine.retention import parse_age

    pairs = dict(pair.partition("=")[::2] for pair in scope)
    if not all(pairs.values()):
        raise InputError("a scope is KEY=PATTERN", hint="write --scope 'tool=mcp.mail.*'", reason="bad-scope")
    within = parse_age(lasts, where="--for")
    async with counter(settings) as at:
        made = await at.store.overrides.open(pairs, reason=reason, lasts=within, by=at.author(as_name))
    told, ends = made.to_json(), f"bridle policy override close {made.id} ends it"
    return Answer(told, f"{made.id} counts until {told['ends_at']}; {ends}")


@command(overrides, "close", "bridle policy override close ovr_01jd3k…", opens=counter)
async def override_close(
    at: Counter,
    override: Annotated[str, typer.Argument(help="The override's id.", metavar="ID")],
    as_name: Annotated[str, typer.Option("--as", help="Your name.", metavar="NAME")] = "",
    comment: Annotated[str, typer.Option(help="A note for the record.")] = "",
) -> Answer:
    """End an override now."""
    await at.store.overrides.close(override, by=at.author(as_name, comment))
    return Answer({"id": override, "closed": True}, f"{override} counts no more")


@command(overrides, "list", "bridle policy override list --json", opens=existing_store)
async def override_list(store: Store) -> Answer:
    """List the overrides that count now."""
    found = [one.to_json() for one in await store.overrides.active(datetime.now(UTC))]
    return Answer(found, map(_tell_override, found) if found else "No override counts now.")


def _tell_override(one: dict[str, Any]) -> str:
    scope = " ".join(f"{key}={pattern}" for key, pattern in one["scope"].items())
    return f"{one['id']}  until {one['ends_at'][:19]}  {scope}  by {one['by']}: {one['reason']}"


def _describe(report: SuiteReport) -> dict[str, Any]:
    tests = [
        {"rule": one.rule, "where": one.where, "passed": not one.why, "why": one.why}
        for one in report.results
    ]
    return {"path": str(report.path), "tests": tests, "coverage": _reached(report)}


def _reached(report: SuiteReport) -> list[dict[str, Any]]:
    return [
        {"file": one.file, "percent": one.percent, "reached": len(one.reached), "missed": list(one.missed)}
        for one in report.coverage
    ]


def _tell(report: SuiteReport) -> Iterator[str]:
    failed = [one for one in report.results if one.why]
    counts = f"{len(report.results) - len(failed)} passed, {len(failed)} failed"
    yield f"{report.path}: {counts if report.results else 'no tests'}"
    for one in failed:
        yield f"  failed  {one.where} {one.rule}: {one.why}"
    for file in report.coverage:
        missed = f"  not reached: {_ranges(file.missed)}" if file.missed else ""
        yield f"  {file.percent:>3} %  {file.file}{missed}"


def _ranges(lines: tuple[int, ...]) -> str:
    """Write numbers as 3, 7-9."""
    runs = [[line for _, line in run] for _, run in groupby(enumerate(lines), lambda pair: pair[1] - pair[0])]
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
