"""`bridle policy`: try policies out before they decide, without a server: their tests, one question, what was decided before."""

from __future__ import annotations

import asyncio
import sys
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.options import AsJson, Policies, Store, print_json, put

if TYPE_CHECKING:
    from bridle.trust.policy_tests import SuiteReport

FAILED = 4
EXIT_CODES = {"allow": 0, "deny": 3, "ask": 6}
policy_app = typer.Typer(
    no_args_is_help=True, help="Policies: run their tests, ask them, see what they would change."
)


override_app = typer.Typer(
    no_args_is_help=True,
    help="Emergency overrides: for a while, what would ask a person is allowed; a denial never is.",
)
policy_app.add_typer(override_app, name="override")


def register(app: typer.Typer) -> None:
    app.add_typer(policy_app, name="policy")


@policy_app.command(name="test", epilog="Example: bridle policy test policies/house --coverage 90")
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
    as_json: AsJson = False,
) -> int:
    """Run the `test_…` rules of *_test.rego beside the base set, and say which lines they do not reach.

    Ends with 0 when every test passed, with 4 when one failed or a file is reached too little, with 2 when a set has complaints.
    """
    from bridle.app import test_policies
    from bridle.core.settings import load_settings

    reports = test_policies(load_settings(), paths or [])
    failed = sum(bool(result.why) for report in reports for result in report.results)
    thin = [one for report in reports for one in _reached(report) if one["percent"] < coverage]
    if as_json:
        print_json({"failed": failed, "below": thin, "suites": [_describe(report) for report in reports]})
    else:
        for report in reports:
            _show(report)
        for one in thin:
            put(f"{one['file']} is reached by {one['percent']} %, wanted are {coverage} %")
    return FAILED if failed or thin else 0


@policy_app.command(
    name="facts", epilog="Example: bridle policy facts exe_01jd3k…/ship/push --json > facts.json"
)
def policy_facts(
    action: Annotated[
        str, typer.Argument(help="An action's key, or how it begins: exe_…/ship/push.", metavar="ACTION")
    ],
    store: Store = "",
    as_json: AsJson = False,
) -> int:
    """Print the facts of the last decision about an action, for bridle policy eval. They are JSON in any case."""
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.policies import find_facts

    print_json(asyncio.run(find_facts(load_settings(store_url=store), action)))
    return 0


@policy_app.command(name="eval", epilog="Example: bridle policy eval facts.json --policies policies/house")
def policy_eval(
    file: Annotated[
        str, typer.Argument(help="A facts document as JSON; - reads standard input.", metavar="FILE")
    ],
    policies: Policies = None,
    as_json: AsJson = False,
) -> int:
    """Decide one facts document as the gate would, boundaries in code included, and say which rules spoke. Nothing is recorded.

    Ends with 0 for allow, 3 for deny, 6 for ask.
    """
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.files import open_text
    from bridle.surfaces.cli.policies import evaluate, read_facts

    text = sys.stdin.read() if file == "-" else open_text(Path(file))
    settings = load_settings(policies=policies or ())
    found = asyncio.run(evaluate(settings, read_facts(text, where=file)))
    if as_json:
        print_json(found)
    else:
        put(found["effect"])
        for one in found["rules"]:
            put(f"  {one['rule']}: {one['reason']}")
        for part, said in found["said"].items():
            put(f"  {part:<6}" + (", ".join(f"{one['rule']} ({one['set']})" for one in said) or "-"))
        if found["boundaries"]:
            put(f"  note: {found['boundaries']}")
    return EXIT_CODES[found["effect"]]


@policy_app.command(name="export", epilog="Example: bridle policy export /etc/opa/bridle")
def policy_export(
    folder: Annotated[Path, typer.Argument(help="The folder that an OPA server loads.", metavar="DIR")],
    policies: Policies = None,
    as_json: AsJson = False,
) -> int:
    """Write the account's policies, the base set included, for an OPA server to load; BRIDLE_OPA names the server."""
    from bridle.app import open_policy
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.files import write_bytes

    policy = open_policy(load_settings(policies=policies or ()))
    modules = policy.export()
    for name, text in modules.items():
        write_bytes(folder / name, text.encode())
    if as_json:
        print_json({"folder": str(folder), "digest": policy.digest, "modules": sorted(modules)})
    else:
        put(f"{len(modules)} modules in {folder}, {policy.digest}")
    return 0


@policy_app.command(name="replay", epilog="Example: bridle policy replay --set policies/house --json")
def policy_replay(
    sets: Annotated[
        list[Path] | None,
        typer.Option(
            "--set",
            help="A Rego file or folder to try beside what decides now; may be repeated.",
            metavar="PATH",
        ),
    ] = None,
    execution: Annotated[str, typer.Option(help="Only this execution.", metavar="ID")] = "",
    policies: Policies = None,
    store: Store = "",
    as_json: AsJson = False,
) -> int:
    """Decide what the journal holds once more, under another policy, and name each action whose verdict would change.

    The facts are those of then; no server is needed, nothing is done and nothing is recorded.
    """
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.policies import replay

    settings = load_settings(store_url=store, policies=(*(policies or ()), *(sets or ())))
    found = asyncio.run(replay(settings, execution=execution))
    if as_json:
        print_json(found)
        return 0
    put(
        f"{found['decisions']} decisions, {found['same']} with the same verdict, {len(found['changes'])} with another"
    )
    for why, count in found["left_out"].items():
        put(f"  left out: {count}, {why}")
    for turn, count in found["turns"].items():
        put(f"  {turn}: {count}")
    for change in found["changes"]:
        put(f"{change['at'][:19]} {change['action']}  {change['tool']} by {change['principal']}")
        for when in ("was", "now"):
            put(f"    {when} {change[when]['effect']}: {', '.join(change[when]['rules'])}")
    return 0


@override_app.command(
    name="open",
    epilog="Example: bridle policy override open --scope 'tool=mcp.mail.*' --for 1h --reason 'outage, Ana knows'",
)
def override_open(
    scope: Annotated[
        list[str],
        typer.Option(help="Where it counts, as in policies.yaml; may be repeated.", metavar="KEY=PATTERN"),
    ],
    lasts: Annotated[str, typer.Option("--for", help="How long, at most 4h.", metavar="DURATION")],
    reason: Annotated[str, typer.Option(help="Why, in two words at least: others have to understand it.")],
    as_name: Annotated[
        str, typer.Option("--as", help="Your name, where you have a key of your own.", metavar="NAME")
    ] = "",
    store: Store = "",
    as_json: AsJson = False,
) -> int:
    """Allow for a while what would ask a person. It takes the permission policy:override, and is recorded and signed."""
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.policies import open_override

    opened = asyncio.run(
        open_override(load_settings(store_url=store), scope, lasts=lasts, reason=reason, name=as_name)
    )
    if as_json:
        print_json(opened)
    else:
        put(
            f"{opened['id']} counts until {opened['ends_at']}; bridle policy override close {opened['id']} ends it"
        )
    return 0


@override_app.command(name="close", epilog="Example: bridle policy override close ovr_01jd3k…")
def override_close(
    override: Annotated[str, typer.Argument(help="The override's id.", metavar="ID")],
    as_name: Annotated[str, typer.Option("--as", help="Your name.", metavar="NAME")] = "",
    comment: Annotated[str, typer.Option(help="A note for the record.")] = "",
    store: Store = "",
    as_json: AsJson = False,
) -> int:
    """End an override now."""
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.policies import close_override

    asyncio.run(close_override(load_settings(store_url=store), override, name=as_name, comment=comment))
    if as_json:
        print_json({"id": override, "closed": True})
    else:
        put(f"{override} counts no more")
    return 0


@override_app.command(name="list", epilog="Example: bridle policy override list --json")
def override_list(store: Store = "", as_json: AsJson = False) -> int:
    """List the overrides that count now."""
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.policies import list_overrides

    found = asyncio.run(list_overrides(load_settings(store_url=store)))
    if as_json:
        print_json(found)
        return 0
    for one in found:
        scope = " ".join(f"{key}={pattern}" for key, pattern in one["scope"].items())
        put(f"{one['id']}  until {one['ends_at'][:19]}  {scope}  by {one['by']}: {one['reason']}")
    if not found:
        put("No override counts now.")
    return 0


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


def _show(report: SuiteReport) -> None:
    failed = [one for one in report.results if one.why]
    passed = len(report.results) - len(failed)
    put(
        f"{report.path}: {passed} passed, {len(failed)} failed"
        if report.results
        else f"{report.path}: no tests"
    )
    for one in failed:
        put(f"  failed  {one.where} {one.rule}: {one.why}")
    for file in report.coverage:
        missed = f"  not reached: {_ranges(file.missed)}" if file.missed else ""
        put(f"  {file.percent:>3} %  {file.file}{missed}")


def _ranges(lines: tuple[int, ...]) -> str:
    """Write numbers as 3, 7-9."""
    runs = [[line for _, line in run] for _, run in groupby(enumerate(lines), lambda pair: pair[1] - pair[0])]
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
