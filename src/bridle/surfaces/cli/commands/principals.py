"""`bridle principals`: who can act, and the changes that people make to them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.command import (
    Answer,
    command,
    counter,
    existing_counter,
    existing_store,
    group,
    settings_alone,
)
from bridle.surfaces.cli.options import As, Comment

if TYPE_CHECKING:
    from bridle.app import Store
    from bridle.app.counter import Counter
    from bridle.core.settings import Settings
    from bridle.trust.journal import Record
    from bridle.trust.principals import Principal

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
principals = group(
    "principals",
    tells="Users, service accounts, agents and delegates: what they may do, and whether they still may.",
)
looks = partial(command, principals, opens=existing_store)
changes = partial(command, principals, opens=existing_counter)
Id = Annotated[str, typer.Argument(help="The principal's id: service:ci, agent:NAME.", metavar="PRINCIPAL")]


@looks("list", "bridle principals list --json")
async def principals_list(store: Store) -> Answer:
    """List every principal that this installation knows, with its state, its owner and its version."""
    found = await store.principals.all()
    return Answer(
        [one.to_json() for one in found],
        [f"{one.id:<32} {one.state:<10} owner {one.owner}  {one.version}".rstrip() for one in found],
    )


@looks("show", "bridle principals show agent:bridle.ci-autofix")
async def principals_show(store: Store, principal: Id) -> Answer:
    """Show one principal, and every change that is recorded of it."""
    document = await _describe(store, principal)
    return Answer(document, _tell_whole(document))


def _tell_whole(document: dict[str, Any]) -> Iterator[str]:
    for name, value in document.items():
        if name not in ("history", "keys"):
            yield f"{name:<12} {', '.join(map(str, value)) if isinstance(value, list) else value}"
    for key in document["keys"]:
        yield f"  key {key['id']} until {key['expires_at']}, {_key_state(key)}"
    for line in document["history"]:
        yield f"  {line['at']}  {line['change']} by {line['by']}  {line['comment']}".rstrip()


@command(
    principals, "add", "bridle principals add service:ci --purpose 'nightly builds'", opens=settings_alone
)
async def principals_add(
    settings: Settings,
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
) -> Answer:
    """Add a user or a service account. An agent is one from its first use on, a delegate from its key on."""
    new = _read_new(principal, owner, purpose, permissions or [], draft=draft)
    async with counter(settings) as at:
        new = replace(new, owner=owner or at.user.id)
        return _tell(await at.store.registry.add(new, by=at.author(name, comment)))


@changes("approve", "bridle principals approve agent:bridle.ci-autofix")
async def principals_approve(
    at: Counter,
    principal: Id,
    version: Annotated[
        str,
        typer.Option(
            help="The version to approve, as a digest or as the agent's file; the present one if left out."
        ),
    ] = "",
    name: As = "",
    comment: Comment = "",
) -> Answer:
    """Approve a draft, or one version of an agent: of BRIDLE_AGENTS=approved-only, only such versions act."""
    return await _change(at, "approve", principal, name, comment, version=version)


@changes("activate", "bridle principals activate service:ci")
async def principals_activate(at: Counter, principal: Id, name: As = "", comment: Comment = "") -> Answer:
    """Let a principal act that is approved or suspended."""
    return await _change(at, "activate", principal, name, comment)


@changes("suspend", "bridle principals suspend agent:bridle.ci-autofix")
async def principals_suspend(at: Counter, principal: Id, name: As = "", comment: Comment = "") -> Answer:
    """Let a principal do nothing more, from its next action on, until it is activated again."""
    return await _change(at, "suspend", principal, name, comment)


@changes("retire", "bridle principals retire service:ci")
async def principals_retire(at: Counter, principal: Id, name: As = "", comment: Comment = "") -> Answer:
    """Let a principal do nothing more, for ever."""
    return await _change(at, "retire", principal, name, comment)


@changes("key", "bridle principals key service:ci --expires 90d")
async def principals_key(
    at: Counter,
    principal: Id,
    expires: Annotated[str, typer.Option(help="After how long it is of no more use.")] = "90d",
    name: As = "",
    comment: Comment = "",
) -> Answer:
    """Make a key for a user or a service account and print it, this once; only its digest is kept."""
    from bridle.engine.retention import parse_age

    lifetime = parse_age(expires, where="--expires")
    made = await at.store.key_desk.issue(principal, lifetime=lifetime, by=at.author(name, comment))
    document = {**made.credential.to_json(), "key": made.secret}
    return Answer(document, made.secret, aside=f"{made.credential.id} of {principal}; it is not shown again")


@changes("revoke-key", "bridle principals revoke-key key_01jd3k…")
async def principals_revoke_key(
    at: Counter,
    key: Annotated[str, typer.Argument(help="The key's id; bridle principals show lists them.")],
    name: As = "",
    comment: Comment = "",
) -> Answer:
    """Let a key authenticate nobody any more, at once."""
    revoked = await at.store.key_desk.revoke(key, by=at.author(name, comment))
    return Answer(revoked.to_json(), f"{revoked.id} of {revoked.principal} is revoked")


async def _change(
    at: Counter, word: str, principal: str, name: str, comment: str, *, version: str = ""
) -> Answer:
    """Make a change; an agent that nobody knows yet is registered with the version that is approved."""
    from bridle.trust.lifecycle import Change, change_principal
    from bridle.trust.principals import Lifecycle

    change, by = Change(word), at.author(name, comment)
    digest, new = _read_version(version, principal)
    if new is not None and await at.store.enrolled.get(new.id) is None:
        draft = replace(new, state=Lifecycle.DRAFT)
        return _tell(await at.store.registry.add(change_principal(draft, change, version=digest), by=by))
    return _tell(await at.store.registry.change(principal, change, by=by, version=digest))


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


async def _describe(opened: Store, principal_id: str) -> dict[str, Any]:
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


def _tell(principal: Principal) -> Answer:
    return Answer(principal.to_json(), f"{principal.id} is {principal.state}")
