"""`bridle keys`: the keys that the control plane and the delegate sign with, and giving them others."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.options import AsJson, Comment, Store, print_json, put, say

if TYPE_CHECKING:
    from bridle.core.settings import Settings
    from bridle.trust.journal import Record

keys_app = typer.Typer(
    no_args_is_help=True, help="The keys of the control plane and the delegate: list, rotate."
)
WHOSE = ("control", "delegate")


def register(app: typer.Typer) -> None:
    app.add_typer(keys_app, name="keys")


@keys_app.command(name="list", epilog="Example: bridle keys list --json")
def keys_list(store: Store = "", as_json: AsJson = False) -> int:
    """List every key that signed here, from which journal record on, and which of them are marked as compromised."""
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.reading import open_existing_store

    with open_existing_store(load_settings(store_url=store)) as opened:
        found = asyncio.run(_list(opened))
    if as_json:
        print_json(found)
        return 0
    for key in found:
        until = f"to {key['until']}" if key["until"] else "and signs now"
        mark = (
            f"  compromised since {key['compromised_since']}: {key['comment']}"
            if key["compromised_since"]
            else ""
        )
        put(f"{key['signer']:<16} {key['keyid']}  from record {key['first']} {until}{mark}")
    return 0


@keys_app.command(name="rotate", epilog="Example: bridle keys rotate control --comment 'yearly'")
def keys_rotate(
    whose: Annotated[str, typer.Argument(help="control or delegate.", metavar="WHOSE")],
    compromised_since: Annotated[
        str,
        typer.Option(
            help="Since when the old key may be in other hands (2026-03-01T12:00:00Z): what it signed since is told apart.",
            metavar="TIME",
        ),
    ] = "",
    lost: Annotated[
        bool, typer.Option("--lost", help="The delegate's old key is gone: the control plane alone vouches.")
    ] = False,
    comment: Comment = "",
    store: Store = "",
    as_json: AsJson = False,
) -> int:
    """Give the control plane or the delegate a new key, announced in a record that the old one signs, and the new one.

    Old public keys stay, and verify what was signed before. What still runs with the old key is refused: start it again.
    """
    from bridle.core.errors import InputError
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.reading import check_store

    if whose not in WHOSE or (lost and whose == "control"):
        hint = "a lost key of the control plane cannot name its successor: begin a new store"
        raise InputError(
            f"{whose!r}{' that is lost' if lost else ''} cannot be rotated",
            where="bridle keys rotate",
            hint=hint if lost else f"write {' or '.join(WHOSE)}",
            reason="bad-signer",
        )
    settings = load_settings(store_url=store)
    check_store(settings)
    since = _moment(compromised_since)
    old, new = asyncio.run(_rotate(settings, whose, since=since, lost=lost, comment=comment))
    if as_json:
        print_json({"signer": whose, "old": old, "new": new, "compromised_since": since})
    else:
        put(f"{whose} signs with {new} now; {old} is replaced")
        say("start again what still runs; give the new public key to those who verify")
    return 0


def _moment(text: str) -> str:
    from datetime import UTC, datetime

    from bridle.core.clock import iso
    from bridle.core.errors import InputError

    if not text:
        return ""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            f"{text!r} is no time", where="--compromised-since", hint="write 2026-03-01T12:00:00Z"
        ) from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if moment > datetime.now(UTC):
        raise InputError(
            f"{text} is not over yet", where="--compromised-since", hint="from now on the new key signs"
        )
    return iso(moment)


async def _rotate(settings: Settings, whose: str, *, since: str, lost: bool, comment: str) -> tuple[str, str]:
    from bridle.app import open_counter, open_store
    from bridle.app.rotating import Rotation, rotate_control_plane, rotate_delegate
    from bridle.delegate.app import NAME
    from bridle.trust.access import require
    from bridle.trust.keys import Verifier
    from bridle.trust.registry import MANAGE

    with open_store(settings) as opened:
        if lost:
            user = await _user(opened)
        else:
            async with open_counter(settings) as counter:
                user = counter.user.id
        await require(opened.principals, user, MANAGE)
        wanted = Rotation(by=user, comment=comment, compromised_since=since, lost=lost)
        await opened.journal.checkpoint()  # the last word of the old key
        if whose == "delegate":
            known = await opened.enrolled.get(NAME)
            assert known is not None  # the desk registers it
            old = Verifier.from_hex(known.public_key)
            new = await rotate_delegate(
                opened.journal, opened.signer, known, wanted, folder=settings.config_dir
            )
        else:
            old = opened.signer.verifier
            new = await rotate_control_plane(
                opened.journal, opened.signer, wanted, folder=settings.config_dir
            )
    with open_store(settings) as opened:
        await opened.journal.checkpoint()
    return old.keyid, new.keyid


async def _user(opened: Any) -> str:
    """Return the operating system's user, who may have nothing registered yet but the delegate that lost its key."""
    import getpass

    return f"user:{getpass.getuser()}"


async def _list(opened: Any) -> list[dict[str, Any]]:
    from bridle.trust.journal import Kind
    from bridle.trust.keys import Verifier
    from bridle.trust.quorum import CONTROL_PLANE

    records = await opened.journal.read(kinds=(Kind.KEY_ROTATED, Kind.PRINCIPAL_REGISTERED))
    found: list[dict[str, Any]] = []
    first: dict[str, tuple[str, Any]] = {}
    for record in records:
        if record.kind is Kind.PRINCIPAL_REGISTERED and record.body.get("public_key"):
            first.setdefault(str(record.body["id"]), (str(record.body["public_key"]), record.seq))
    rotated = [record for record in records if record.kind is Kind.KEY_ROTATED]
    first[CONTROL_PLANE] = (opened.signer.keys.eras[0].verifier.raw.hex(), 0)
    for signer, (key, seq) in sorted(first.items(), reverse=True):
        for record in [one for one in rotated if one.body["signer"] == signer]:
            found.append(_describe(signer, key, seq, record))
            key, seq = str(record.body["new"]), record.seq
        found.append(_describe(signer, key, seq, None))
    return [{**one, "keyid": Verifier.from_hex(one["public_key"]).keyid} for one in found]


def _describe(signer: str, key: str, first: int, record: Record | None) -> dict[str, Any]:
    return {
        "signer": signer,
        "public_key": key,
        "first": first,
        "until": record.at if record else "",
        "by": record.body["by"] if record else "",
        "comment": record.body["comment"] if record else "",
        "compromised_since": record.body["compromised_since"] if record else "",
    }
