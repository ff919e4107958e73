"""`bridle audit`: what the journal says, whether it verifies, and copies of it for others."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.options import AsJson, Store, print_json, put, say

if TYPE_CHECKING:
    from bridle.trust.audit import AuditResult

MOST_EXECUTIONS = 1_000_000  # all of them, in one answer
KEEP = (
    "Keep a checkpoint elsewhere (bridle audit export, BRIDLE_CHECKPOINTS): what was cut off together with its checkpoints "
    "cannot be seen from inside."
)
VERIFIABLE = "jsonl"

audit_app = typer.Typer(no_args_is_help=True, help="The journal: list, export, verify, witness.")
Key = Annotated[
    Path | None,
    typer.Option(help="The control plane's public key (PEM), from whom you trust.", metavar="PUB"),
]


def register(app: typer.Typer) -> None:
    app.add_typer(audit_app, name="audit")


@audit_app.command(name="list", epilog="Example: bridle audit list --execution exe_01jd3k… --json")
def audit_list(
    execution: Annotated[str, typer.Option(help="Only this execution.", metavar="ID")] = "",
    store: Store = "",
    as_json: AsJson = False,
) -> int:
    """List the journal's records in their order."""
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.reading import open_existing_store

    with open_existing_store(load_settings(store_url=store)) as opened:
        records = asyncio.run(opened.journal.read(execution=execution))
    if as_json:
        print_json([{**json.loads(record.data), "hash": record.hash} for record in records])
    else:
        for record in records:
            put(f"{record.seq:>6} {record.at[:19]} {record.kind:<20} {record.subject}")
    return 0


@audit_app.command(name="export", epilog="Example: bridle audit export --out journal --format jsonl")
def audit_export(
    file: Annotated[
        Path | None, typer.Argument(help="One file for everything, as JSON lines; or --out.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="A folder: records, tiles and checkpoints; another export into it adds what is new.",
            metavar="DIR",
        ),
    ] = None,
    form: Annotated[
        str,
        typer.Option(
            "--format", help="jsonl, which can be verified; cloudevents or ocsf for other programs (--out)."
        ),
    ] = VERIFIABLE,
    store: Store = "",
    as_json: AsJson = False,
) -> int:
    """Write the whole journal and its signed checkpoints to where it can be verified without the store."""
    from bridle.core.errors import InputError
    from bridle.core.settings import load_settings
    from bridle.operating.feeds import FEEDS
    from bridle.surfaces.cli.reading import open_existing_store

    if (file is None) == (out is None) or form not in (VERIFIABLE, *FEEDS) or (file and form != VERIFIABLE):
        raise InputError(
            "say where to, and in which form",
            where="bridle audit export",
            hint=f"bridle audit export FILE, or --out DIR with --format {', '.join((VERIFIABLE, *FEEDS))}",
            reason="usage",
        )
    with open_existing_store(load_settings(store_url=store)) as opened:
        if file is not None:
            result = asyncio.run(_export_file(opened.journal, file))
        else:
            assert out is not None
            result = asyncio.run(_export_folder(opened.journal, out.absolute(), form))
    if as_json:
        print_json(result)
    elif form != VERIFIABLE:
        put(f"{result['records']} events in {result['file']}; they prove nothing by themselves")
    else:
        put(f"{result['records']} records and {result['checkpoints']} checkpoints in {result['file']}")
    return 0


async def _export_file(journal: Any, file: Path) -> dict[str, Any]:
    from bridle.surfaces.cli.files import write_bytes
    from bridle.trust.audit import export_lines

    await journal.checkpoint()
    records, checkpoints = await journal.read(), await journal.checkpoints()
    write_bytes(file, "".join(f"{line}\n" for line in export_lines(records, checkpoints)).encode())
    return {"file": str(file), "records": len(records), "checkpoints": len(checkpoints)}


async def _export_folder(journal: Any, out: Path, form: str) -> dict[str, Any]:
    from bridle.app import open_shelf
    from bridle.operating.feeds import FEEDS
    from bridle.trust.log.publication import publish, write_checkpoints

    shelf = open_shelf(str(out))
    if form == VERIFIABLE:
        progress = await publish(journal, shelf)
        checkpoints = await journal.checkpoints()
        write_checkpoints(shelf, checkpoints)
        return {
            "file": str(out),
            "records": progress.size,
            "added": progress.added,
            "checkpoints": len(checkpoints),
        }
    records = await journal.read()
    lines = (json.dumps(FEEDS[form](record), ensure_ascii=False).encode() + b"\n" for record in records)
    shelf.write(f"{form}.jsonl", b"".join(lines))
    return {"file": str(out / f"{form}.jsonl"), "records": len(records)}


@audit_app.command(
    name="verify", epilog="Example: bridle audit verify --from journal --key control-plane.pub"
)
def audit_verify(
    file: Annotated[
        Path | None, typer.Argument(help="An exported journal; the store's own if left out.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--from", help="A folder that was exported or published.", metavar="DIR")
    ] = None,
    key: Key = None,
    witness: Annotated[
        Path | None,
        typer.Option(
            help="A witness's public key: the journal has to continue what it cosigned.", metavar="KEY"
        ),
    ] = None,
    cosigned: Annotated[
        Path | None, typer.Option(help="The checkpoint that the witness cosigned, from it.", metavar="FILE")
    ] = None,
    store: Store = "",
    as_json: AsJson = False,
) -> int:
    """Verify hashes, order, checkpoints and signatures of the whole journal; and that it tells of every execution listed."""
    from bridle.app import ORIGIN
    from bridle.core.errors import BridleError, InputError
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.reading import read_trusted_key

    if (file and folder) or bool(witness) != bool(cosigned):
        hint = "give FILE or --from DIR; --witness KEY takes --cosigned FILE"
        raise InputError("it cannot be told what to verify", hint=hint, reason="usage")
    settings = load_settings(store_url=store)
    verifier = read_trusted_key(key, settings)
    kept, seen_at = _read_cosigned(witness, cosigned) if witness and cosigned else ("", "")
    try:
        result = _verify(
            settings, file, folder, verifier=verifier, kept=[kept] if kept else [], origin=ORIGIN
        )
    except BridleError as error:
        place = str(file or folder or "")
        error.where = error.where if place in error.where else ": ".join(filter(None, (place, error.where)))
        raise
    _tell_verified(result, seen_at, as_json=as_json)
    return 0


def _tell_verified(result: AuditResult, seen_at: str, *, as_json: bool) -> None:
    """Say what was verified, and what speaks for it no further."""
    if as_json:
        witnessed = {"witnessed_at": seen_at} if seen_at else {}
        print_json({"verified": True, **result.to_json(), **witnessed})
        return
    put(
        f"verified: {result.records} records, {result.checkpoints} checkpoints, "
        f"{result.permits} permits, {result.reports} reports"
    )
    if seen_at:
        put(f"it continues what the witness cosigned at {seen_at}")
    if result.suspect:
        say(
            f"{len(result.suspect)} records were signed with a key that is marked as compromised by then (--json)"
        )
    if not result.checkpoints:
        say(
            "no checkpoint was made yet, or all were removed: only the chain of hashes speaks for these records"
        )
    elif result.uncovered:
        say(f"{result.uncovered} records are newer than the last checkpoint")
    if not seen_at:
        say(KEEP)


def _verify(
    settings: Any, file: Path | None, folder: Path | None, *, verifier: Any, kept: list[str], origin: str
) -> Any:
    from bridle.core.errors import InputError, TrustError
    from bridle.trust.audit import verify_journal

    if folder is not None:
        from bridle.app import open_shelf
        from bridle.trust.log.publication import verify_published

        shelf = open_shelf(str(folder.absolute()))
        return verify_published(shelf, control_plane=verifier, kept=kept, origin=origin)
    records, checkpoints = _exported(file) if file else _stored(settings)
    if not records:
        hint = "bridle run makes the first records"
        raise InputError("nothing to verify", hint=hint, reason="nothing-to-verify")
    result = verify_journal(records, checkpoints=[*checkpoints, *kept], control_plane=verifier, origin=origin)
    if file is not None and result.uncovered:  # an export ends with a checkpoint: who took it out took more
        raise TrustError(
            f"its end was cut off: no checkpoint covers {result.uncovered} of {result.records} records, so nothing proves them",
            hint="export the journal anew, or find the checkpoint that was kept elsewhere",
            reason="not-covered",
        )
    return result


def _read_cosigned(witness: Path, cosigned: Path) -> tuple[str, str]:
    """Return the checkpoint that the witness cosigned, and when it did."""
    from bridle.core.clock import iso
    from bridle.surfaces.cli.files import open_text
    from bridle.trust.log.cosignature import Witness, check_cosigned

    key = Witness.from_text(open_text(witness), where=str(witness))
    text, at = check_cosigned(open_text(cosigned), key)
    return text, iso(at)


@audit_app.command(
    name="witness",
    epilog="Example: bridle audit witness --from journal --state witness --key control-plane.pub",
)
def audit_witness(
    folder: Annotated[
        Path, typer.Option("--from", help="The published journal: a folder or a clone.", metavar="DIR")
    ],
    state: Annotated[
        Path,
        typer.Option(
            help="The witness's own folder: its key and what it saw. Not the journal's machine.",
            metavar="DIR",
        ),
    ],
    key: Annotated[
        Path | None,
        typer.Option(
            help="The journal's public key (PEM), from whom you trust; for the first look.", metavar="PUB"
        ),
    ] = None,
    name: Annotated[str, typer.Option(help="The witness's name in its cosignatures.")] = "bridle.witness",
    as_json: AsJson = False,
) -> int:
    """Look at a published journal once, as somebody else: cosign its checkpoint if it continues the last one cosigned.

    A roll-back, a fork, a checkpoint from the future and a foreign key are refused with exit 3, and recorded in the state's
    `refusals.jsonl` with the checkpoint. It needs no store and no key of the journal's.
    """
    from bridle.app.witnessing import witness_once
    from bridle.surfaces.cli.reading import read_key

    found = witness_once(folder, state=state, trusted=read_key(key) if key else None, name=name)
    if as_json:
        print_json(found)
    else:
        put(f"cosigned {found['size']} records ({found['added']} new): {found['cosigned']}")
        put(f"its key, for bridle audit verify --witness: {found['witness']}")
    return 0


def _exported(file: Path) -> tuple[Any, Any]:
    from bridle.surfaces.cli.files import open_text
    from bridle.trust.audit import read_export

    export = read_export(open_text(file))
    return export.records, export.checkpoints


def _stored(settings: Any) -> tuple[Any, Any]:
    from bridle.surfaces.cli.reading import open_existing_store

    with open_existing_store(settings) as opened:
        return asyncio.run(_read_whole(opened))


async def _read_whole(opened: Any) -> tuple[Any, Any]:
    """Read the executions before the journal: what is started in between is then in the journal only.

    Principals are read before and after, until nobody changed one in between.
    """
    from bridle.surfaces.cli.reading import check_listed
    from bridle.trust.enrolment import check_enrolled

    listed = [item.id for item in await opened.executions.find(limit=MOST_EXECUTIONS)]
    while True:
        rows = await opened.enrolled.all(), await opened.credentials.all()
        records = await opened.journal.read()
        if rows == (await opened.enrolled.all(), await opened.credentials.all()):
            break
    check_listed(listed, records)
    check_enrolled(*rows, records)
    return records, await opened.journal.checkpoints()
