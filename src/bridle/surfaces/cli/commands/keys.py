"""`bridle keys`: the keys that the control plane and the delegate sign with, and giving them others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.command import Answer, command, counter, existing_store, group, settings_alone
from bridle.surfaces.cli.options import Comment

if TYPE_CHECKING:
    from bridle.app import Store
    from bridle.core.settings import Settings
    from bridle.trust.journal import Record

keys = group("keys", tells="The keys of the control plane and the delegate: list, rotate.")
WHOSE = ("control", "delegate")


@command(keys, "list", "bridle keys list --json", opens=existing_store)
async def keys_list(store: Store) -> Answer:
    """List every key that signed here, from which journal record on, and which of them are marked as compromised."""
    found = await _list(store)
    return Answer(found, map(_tell, found))


def _tell(key: dict[str, Any]) -> str:
    until = f"to {key['until']}" if key["until"] else "and signs now"
    since = key["compromised_since"]
    mark = f"  compromised since {since}: {key['comment']}" if since else ""
    return f"{key['signer']:<16} {key['keyid']}  from record {key['first']} {until}{mark}"


@command(keys, "rotate", "bridle keys rotate control --comment 'yearly'", opens=settings_alone)
async def keys_rotate(
    settings: Settings,
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
) -> Answer:
    """Give the control plane or the delegate a new key, announced in a record that the old one signs, and the new one.

    Old public keys stay, and verify what was signed before. What still runs with the old key is refused: start it again.
    """
    from bridle.core.errors import InputError
    from bridle.surfaces.cli.reading import check_store

    if whose not in WHOSE or (lost and whose == "control"):
        hint = "a lost key of the control plane cannot name its successor: begin a new store"
        raise InputError(
            f"{whose!r}{' that is lost' if lost else ''} cannot be rotated",
            where="bridle keys rotate",
            hint=hint if lost else f"write {' or '.join(WHOSE)}",
            reason="bad-signer",
        )
    check_store(settings)
    since = _moment(compromised_since)
    old, new = await _rotate(settings, whose, since=since, lost=lost, comment=comment)
    return Answer(
        {"signer": whose, "old": old, "new": new, "compromised_since": since},
        f"{whose} signs with {new} now; {old} is replaced",
        aside="start again what still runs; give the new public key to those who verify",
    )


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
    import getpass

    from bridle.app import open_store
    from bridle.app.publishing import publish_new
    from bridle.app.rotating import Rotation, rotate_control_plane, rotate_delegate
    from bridle.delegate.app import NAME
    from bridle.trust.access import require
    from bridle.trust.keys import Verifier
    from bridle.trust.registry import MANAGE

    with open_store(settings) as opened:
        if lost:  # nothing may be registered yet but the delegate that lost its key
            user = f"user:{getpass.getuser()}"
        else:
            async with counter(settings) as at:
                user = at.user.id
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
        await publish_new(settings, opened.journal)
    return old.keyid, new.keyid


async def _list(opened: Store) -> list[dict[str, Any]]:
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
