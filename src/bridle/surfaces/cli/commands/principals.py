"""`bridle principals`: who can act, and the changes that people make to them."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.options import As, AsJson, Comment, Store, print_json, put, say

if TYPE_CHECKING:
    from datetime import timedelta

    from bridle.app import Store as OpenStore
    from bridle.core.settings import Settings
    from bridle.trust.credentials import Credential, MadeKey
    from bridle.trust.journal import Record
    from bridle.trust.lifecycle import Change
    from bridle.trust.principals import Principal

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
principals_app = typer.Typer(
    help="Users, service accounts, agents and delegates: what they may do, and whether they still may.",
    no_args_is_help=True,
)
Id = Annotated[str, typer.Argument(help="The principal's id: service:ci, agent:NAME.", metavar="PRINCIPAL")]


def register(app: typer.Typer) -> None:
    app.add_typer(principals_app, name="principals")


@principals_app.command(name="list", epilog="Example: bridle principals list --json")
def principals_list(store: Store = "", as_json: AsJson = False) -> int:
    """List every principal that this installation knows, with its state, its owner and its version."""
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.reading import open_existing_store

    with open_existing_store(load_settings(store_url=store)) as opened:
        found = asyncio.run(opened.principals.all())
    if as_json:
        print_json([principal.to_json() for principal in found])
        return 0
    for principal in found:
        put(f"{principal.id:<32} {principal.state:<10} owner {principal.owner}  {principal.version}".rstrip())
    return 0


@principals_app.command(name="show", epilog="Example: bridle principals show agent:bridle.ci-autofix")
def principals_show(principal: Id, store: Store = "", as_json: AsJson = False) -> int:
    """Show one principal, and every change that is recorded of it."""
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.reading import open_existing_store

    with open_existing_store(load_settings(store_url=store)) as opened:
        document = asyncio.run(_describe(opened, principal))
    if as_json:
        print_json(document)
        return 0
    history, keys = document.pop("history"), document.pop("keys")
    for name, value in document.items():
        put(f"{name:<12} {', '.join(map(str, value)) if isinstance(value, list) else value}")
    for key in keys:
        put(f"  key {key['id']} until {key['expires_at']}, {_key_state(key)}")
    for line in history:
        put(f"  {line['at']}  {line['change']} by {line['by']}  {line['comment']}".rstrip())
    return 0


@principals_app.command(
    name="add", epilog="Example: bridle principals add service:ci --purpose 'nightly builds'"
)
def principals_add(
    principal: Id,
    owner: Annotated[
        str, typer.Option(help="Who answers for it; you if left out.", metavar="PRINCIPAL")
    ] = "",
    purpose: Annotated[str, typer.Option(help="What it is there for.")] = "",
    permissions: Annotated[
        list[str] | None,
        typer.Option(
            "--may",
            help="What a service account may do: file:read, mcp:crm.*; may be repeated. A user's rights are their roles'.",
            metavar="PERMISSION",
        ),
    ] = None,
    draft: Annotated[bool, typer.Option("--draft", help="Leave it for somebody else to approve.")] = False,
    name: As = "",
    comment: Comment = "",
    store: Store = "",
    as_json: AsJson = False,
) -> int:
    """Add a user or a service account. An agent is one from its first use on, a delegate from its key on."""
    from bridle.core.settings import load_settings

    new = _read_new(principal, owner, purpose, permissions or [], draft=draft)
    settings = load_settings(store_url=store)
    _tell(asyncio.run(_add(settings, new, name, comment)), as_json=as_json)
    return 0


@principals_app.command(name="approve", epilog="Example: bridle principals approve agent:bridle.ci-autofix")
def principals_approve(
    principal: Id,
    version: Annotated[
        str,
        typer.Option(
            help="The version to approve, as a digest or as the agent's file; the present one if left out."
        ),
    ] = "",
    name: As = "",
    comment: Comment = "",
    store: Store = "",
    as_json: AsJson = False,
) -> int:
    """Approve a draft, or one version of an agent: of BRIDLE_AGENTS=approved-only, only such versions act."""
    return _change("approve", principal, name, comment, store, as_json=as_json, version=version)


@principals_app.command(name="activate", epilog="Example: bridle principals activate service:ci")
def principals_activate(
    principal: Id, name: As = "", comment: Comment = "", store: Store = "", as_json: AsJson = False
) -> int:
    """Let a principal act that is approved or suspended."""
    return _change("activate", principal, name, comment, store, as_json=as_json)


@principals_app.command(name="suspend", epilog="Example: bridle principals suspend agent:bridle.ci-autofix")
def principals_suspend(
    principal: Id, name: As = "", comment: Comment = "", store: Store = "", as_json: AsJson = False
) -> int:
    """Let a principal do nothing more, from its next action on, until it is activated again."""
    return _change("suspend", principal, name, comment, store, as_json=as_json)


@principals_app.command(name="retire", epilog="Example: bridle principals retire service:ci")
def principals_retire(
    principal: Id, name: As = "", comment: Comment = "", store: Store = "", as_json: AsJson = False
) -> int:
    """Let a principal do nothing more, for ever."""
    return _change("retire", principal, name, comment, store, as_json=as_json)


@principals_app.command(name="key", epilog="Example: bridle principals key service:ci --expires 90d")
def principals_key(
    principal: Id,
    expires: Annotated[str, typer.Option(help="After how long it is of no more use.")] = "90d",
    name: As = "",
    comment: Comment = "",
    store: Store = "",
    as_json: AsJson = False,
) -> int:
    """Make a key for a user or a service account and print it, this once; only its digest is kept."""
    from bridle.core.settings import load_settings
    from bridle.engine.retention import parse_age
    from bridle.surfaces.cli.reading import check_store

    lifetime = parse_age(expires, where="--expires")
    settings = load_settings(store_url=store)
    check_store(settings)
    made = asyncio.run(_issue(settings, principal, lifetime, name, comment))
    if as_json:
        print_json({**made.credential.to_json(), "key": made.secret})
        return 0
    put(made.secret)
    say(f"{made.credential.id} of {principal}; it is not shown again")
    return 0


@principals_app.command(name="revoke-key", epilog="Example: bridle principals revoke-key key_01jd3k…")
def principals_revoke_key(
    key: Annotated[str, typer.Argument(help="The key's id; bridle principals show lists them.")],
    name: As = "",
    comment: Comment = "",
    store: Store = "",
    as_json: AsJson = False,
) -> int:
    """Let a key authenticate nobody any more, at once."""
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.reading import check_store

    settings = load_settings(store_url=store)
    check_store(settings)
    revoked = asyncio.run(_revoke(settings, key, name, comment))
    if as_json:
        print_json(revoked.to_json())
        return 0
    put(f"{revoked.id} of {revoked.principal} is revoked")
    return 0


def _change(
    word: str, principal: str, name: str, comment: str, store: str, *, as_json: bool, version: str = ""
) -> int:
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.reading import check_store
    from bridle.trust.lifecycle import Change

    settings = load_settings(store_url=store)
    check_store(settings)
    digest, new = _read_version(version, principal)
    changed = asyncio.run(_make(settings, principal, Change(word), name, comment, version=digest, new=new))
    _tell(changed, as_json=as_json)
    return 0


async def _add(settings: Settings, new: Principal, name: str, comment: str) -> Principal:
    from bridle.app import open_counter

    async with open_counter(settings) as counter:
        by = counter.author(name, comment)
        return await counter.store.registry.add(replace(new, owner=new.owner or counter.user.id), by=by)


async def _make(
    settings: Settings,
    principal: str,
    change: Change,
    name: str,
    comment: str,
    *,
    version: str,
    new: Principal | None,
) -> Principal:
    """Make a change; an agent that nobody knows yet is registered with the version that is approved."""
    from bridle.app import open_counter
    from bridle.trust.lifecycle import change_principal
    from bridle.trust.principals import Lifecycle

    async with open_counter(settings) as counter:
        by = counter.author(name, comment)
        if new is not None and await counter.store.enrolled.get(new.id) is None:
            draft = replace(new, state=Lifecycle.DRAFT)
            return await counter.store.registry.add(change_principal(draft, change, version=version), by=by)
        return await counter.store.registry.change(principal, change, by=by, version=version)


async def _issue(settings: Settings, principal: str, lifetime: timedelta, name: str, comment: str) -> MadeKey:
    from bridle.app import open_counter

    async with open_counter(settings) as counter:
        by = counter.author(name, comment)
        return await counter.store.key_desk.issue(principal, lifetime=lifetime, by=by)


async def _revoke(settings: Settings, key: str, name: str, comment: str) -> Credential:
    from bridle.app import open_counter

    async with open_counter(settings) as counter:
        return await counter.store.key_desk.revoke(key, by=counter.author(name, comment))


def _read_new(principal: str, owner: str, purpose: str, permissions: list[str], *, draft: bool) -> Principal:
    from bridle.core.errors import InputError
    from bridle.trust.permissions import check_permission
    from bridle.trust.principals import Lifecycle, Principal, PrincipalKind, check_principal_id

    kind, name = check_principal_id(principal)
    if kind not in (PrincipalKind.USER, PrincipalKind.SERVICE):
        raise InputError(
            f"a principal of the kind {kind} is not added by hand",
            hint="an agent is one from its first use on, a delegate from its key on",
            reason="bad-principal",
        )
    if kind is PrincipalKind.USER and permissions:
        raise InputError("what a user may do is said by roles", hint="leave --may out", reason="usage")
    if owner:
        check_principal_id(owner)
    may = frozenset(check_permission(word, where="--may") for word in permissions)
    state = Lifecycle.DRAFT if draft else Lifecycle.ACTIVE
    return Principal(kind, name, owner, may, state=state, purpose=purpose)


def _read_version(given: str, principal: str) -> tuple[str, Principal | None]:
    """Return the digest of a version, and the agent it is of where it was given as the agent's file."""
    from bridle.agent.admission import describe_agent
    from bridle.agent.forms import parse_agent
    from bridle.core.errors import InputError
    from bridle.surfaces.cli.files import read_text

    if not given or DIGEST.fullmatch(given):
        return given, None
    path = Path(given)
    if not path.is_file():
        raise InputError(
            f"{given!r} is neither a digest nor a file", hint="write sha256:…", where="--version"
        )
    name = path.parent.name or path.stem
    owner = name.partition(".")[0]  # as agent.shelf has it
    described = describe_agent(
        parse_agent(read_text(path), file=given, name=name, version=path.stem, owner=owner)
    )
    if described.id != principal:
        raise InputError(f"{given} is the file of {described.id}", hint="name the agent it is of")
    return described.digest, described


async def _describe(opened: OpenStore, principal_id: str) -> dict[str, Any]:
    """Return a principal with its keys, its history, and the policy sets that are bound to it, here or there."""
    from bridle.app import open_bindings
    from bridle.core.errors import InputError
    from bridle.trust.bindings import list_applicable
    from bridle.trust.journal import Kind

    found = await opened.principals.get(principal_id)
    if found is None:
        raise InputError(f"there is no principal {principal_id!r}", hint="bridle principals list")
    kinds = (Kind.PRINCIPAL_REGISTERED, Kind.PRINCIPAL_CHANGED)
    records = await opened.journal.read(subject=principal_id, kinds=kinds)
    keys = [key.to_json() for key in await opened.credentials.of(principal_id)]
    history = [_describe_record(record) for record in records]
    bound = list_applicable(
        open_bindings(opened.settings), {"principal": {"id": found.id, "name": found.name}}
    )
    policies = sorted({binding.owner for binding in bound})
    return {**found.to_json(), "policies": policies, "keys": keys, "history": history}


def _describe_record(record: Record) -> dict[str, Any]:
    changed, body = record.kind == "principal.changed", record.body
    after: Any = body["principal"] if changed else body
    return {
        "at": record.at,
        "change": str(body["change"]) if changed else "register",
        "by": str(body["name"]) if changed else record.execution or "bridle",
        "state": after["state"],
        "digest": after["digest"],
        "comment": str(body["comment"]) if changed else "",
    }


def _key_state(key: dict[str, Any]) -> str:
    if key["revoked_at"]:
        return f"revoked {key['revoked_at']}"
    return f"last used {key['used_at']}" if key["used_at"] else "never used"


def _tell(principal: Principal, *, as_json: bool) -> None:
    if as_json:
        print_json(principal.to_json())
        return
    put(f"{principal.id} is {principal.state}")
