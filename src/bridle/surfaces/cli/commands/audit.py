"""`bridle audit`: what the journal says, whether it verifies, and copies of it for others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.command import Answer, command, existing_store, group, settings_alone

if TYPE_CHECKING:
    from bridle.app import Store
    from bridle.core.settings import Settings
    from bridle.trust.audit import AuditResult

MOST_EXECUTIONS = 1_000_000  # all of them, in one answer
KEEP = (
    "Keep a checkpoint elsewhere (bridle audit export, BRIDLE_CHECKPOINTS): what was cut off together with its checkpoints "
    "cannot be seen from inside."
)
VERIFIABLE = "jsonl"

journal = group("audit", tells="The journal: list, export, verify, witness.")
Key = Annotated[
    Path | None,
    typer.Option(help="The control plane's public key (PEM), from whom you trust.", metavar="PUB"),
]


@command(journal, "list", "bridle audit list --execution exe_01jd3k… --json", opens=existing_store)
async def audit_list(
    store: Store, execution: Annotated[str, typer.Option(help="Only this execution.", metavar="ID")] = ""
) -> Answer:
    """List the journal's records in their order."""
    records = await store.journal.read(execution=execution)
    return Answer(
        [{**json.loads(record.data), "hash": record.hash} for record in records],
        (f"{record.seq:>6} {record.at[:19]} {record.kind:<20} {record.subject}" for record in records),
    )


@command(journal, "export", "bridle audit export --out journal --format jsonl", opens=settings_alone)
async def audit_export(
    settings: Settings,
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
) -> Answer:
    """Publish the whole journal and its signed checkpoints: to where they can be verified without the store."""
    from bridle.core.errors import InputError
    from bridle.operating.feeds import FEEDS

    if (file is None) == (out is None) or form not in (VERIFIABLE, *FEEDS) or (file and form != VERIFIABLE):
        raise InputError(
            "say where to, and in which form",
            where="bridle audit export",
            hint=f"bridle audit export FILE, or --out DIR with --format {', '.join((VERIFIABLE, *FEEDS))}",
            reason="usage",
        )
    async with existing_store(settings) as store:
        if file is not None:
            result = await _export_file(store.journal, file)
        else:
            assert out is not None
            result = await _export_folder(store.journal, out, form)
    what = f"{result['records']} {'records' if form == VERIFIABLE else 'events'}"
    if form != VERIFIABLE:
        return Answer(result, f"{what} in {result['file']}; they prove nothing by themselves")
    return Answer(result, f"{what} and {result['checkpoints']} checkpoints in {result['file']}")


async def _export_file(journal: Any, file: Path) -> dict[str, Any]:
    from bridle.surfaces.cli.files import write_bytes
    from bridle.trust.audit import export_lines

    await journal.checkpoint()
    records, checkpoints = await journal.read(), await journal.checkpoints()
    write_bytes(file, "".join(f"{line}\n" for line in export_lines(records, checkpoints)).encode())
    return {"file": str(file), "records": len(records), "checkpoints": len(checkpoints)}


async def _export_folder(journal: Any, out: Path, form: str) -> dict[str, Any]:
    from bridle.operating.feeds import FEEDS
    from bridle.trust.log.publication import publish, write_checkpoints

    shelf, lies = _open_shelf(out)
    if form == VERIFIABLE:
        progress = await publish(journal, shelf)
        checkpoints = await journal.checkpoints()
        write_checkpoints(shelf, checkpoints)
        return {
            "file": str(lies),
            "records": progress.size,
            "added": progress.added,
            "checkpoints": len(checkpoints),
        }
    records = await journal.read()
    lines = (json.dumps(FEEDS[form](record), ensure_ascii=False).encode() + b"\n" for record in records)
    shelf.write(f"{form}.jsonl", b"".join(lines))
    return {"file": str(lies / f"{form}.jsonl"), "records": len(records)}


@command(
    journal, "verify", "bridle audit verify --from journal --key control-plane.pub", opens=settings_alone
)
async def audit_verify(
    settings: Settings,
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
) -> Answer:
    """Verify the whole journal: hashes, order, checkpoints and signatures; and that it tells of every execution listed."""
    from bridle.app import ORIGIN
    from bridle.core.errors import BridleError, InputError
    from bridle.surfaces.cli.reading import read_trusted_key

    if (file and folder) or bool(witness) != bool(cosigned):
        hint = "give FILE or --from DIR; --witness KEY takes --cosigned FILE"
        raise InputError("it cannot be told what to verify", hint=hint, reason="usage")
    verifier = read_trusted_key(key, settings)
    kept, seen_at = _read_cosigned(witness, cosigned) if witness and cosigned else ("", "")
    try:
        result = await _verify(
            settings, file, folder, verifier=verifier, kept=[kept] if kept else [], origin=ORIGIN
        )
    except BridleError as error:
        place = str(file or folder or "")
        error.where = error.where if place in error.where else ": ".join(filter(None, (place, error.where)))
        raise
    witnessed = {"witnessed_at": seen_at} if seen_at else {}
    return Answer(
        {"verified": True, **result.to_json(), **witnessed},
        _tell_verified(result, seen_at),
        aside="\n".join(_tell_limits(result, seen_at)),
    )


def _tell_verified(result: AuditResult, seen_at: str) -> Iterator[str]:
    yield (
        f"verified: {result.records} records, {result.checkpoints} checkpoints, "
        f"{result.permits} permits, {result.reports} reports"
    )
    if seen_at:
        yield f"it continues what the witness cosigned at {seen_at}"


def _tell_limits(result: AuditResult, seen_at: str) -> Iterator[str]:
    """Tell what speaks for it no further."""
    if result.suspect:
        count = len(result.suspect)
        yield f"{count} records were signed with a key that is marked as compromised by then (--json)"
    if not result.checkpoints:
        yield "no checkpoint was made yet, or all were removed: only the chain of hashes speaks for these records"
    elif result.uncovered:
        yield f"{result.uncovered} records are newer than the last checkpoint"
    if not seen_at:
        yield KEEP


async def _verify(
    settings: Settings, file: Path | None, folder: Path | None, *, verifier: Any, kept: list[str], origin: str
) -> Any:
    from bridle.core.errors import InputError, TrustError
    from bridle.trust.audit import verify_journal
    from bridle.trust.rotation import read_ring

    if folder is not None:
        from bridle.trust.log.publication import verify_published

        return verify_published(_open_shelf(folder)[0], control_plane=verifier, kept=kept, origin=origin)
    records, checkpoints, head = (*_exported(file), None) if file else await _stored(settings)
    if not records:
        hint = "bridle run makes the first records"
        raise InputError("nothing to verify", hint=hint, reason="nothing-to-verify")
    result = verify_journal(records, checkpoints=[*checkpoints, *kept], control_plane=verifier, origin=origin)
    if head is not None:
        head.check(records, signer=read_ring(records, trusted=verifier).current.keyid)
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


@command(journal, "witness", "bridle audit witness --from journal --state witness --key control-plane.pub")
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
) -> Answer:
    """Look at a published journal once, as somebody else: cosign its checkpoint if it continues the last one cosigned.

    A roll-back, a fork, a checkpoint from the future and a foreign key are refused with exit 3, and recorded in the state's
    `refusals.jsonl` with the checkpoint. It needs no store and no key of the journal's.
    """
    from bridle.app.witnessing import witness_once
    from bridle.surfaces.cli.reading import read_key

    found = witness_once(folder, state=state, trusted=read_key(key) if key else None, name=name)
    lines = [
        f"cosigned {found['size']} records ({found['added']} new): {found['cosigned']}",
        f"its key, for bridle audit verify --witness: {found['witness']}",
    ]
    return Answer(found, lines)


def _open_shelf(folder: Path) -> tuple[Any, Path]:
    """Return the shelf that is a folder, and where it lies."""
    from bridle.app import open_shelf

    lies = folder.absolute()
    return open_shelf(str(lies)), lies


def _exported(file: Path) -> tuple[Any, Any]:
    from bridle.surfaces.cli.files import open_text
    from bridle.trust.audit import read_export

    export = read_export(open_text(file))
    return export.records, export.checkpoints


async def _stored(settings: Settings) -> tuple[Any, Any, Any]:
    """Read the executions before the journal: what is started in between is then in the journal only.

    Principals are read before and after, until nobody changed one in between. The head that is returned is that of the first
    of the records; the one that is there later may be of more, but not of fewer.
    """
    from bridle.surfaces.cli.reading import check_listed
    from bridle.trust.enrolment import check_enrolled

    async with existing_store(settings) as store:
        listed = [item.id for item in await store.executions.find(limit=MOST_EXECUTIONS)]
        head = await store.journal.head()
        while True:
            rows = await store.enrolled.all(), await store.credentials.all()
            records = await store.journal.read()
            if rows == (await store.enrolled.all(), await store.credentials.all()):
                break
        check_listed(listed, records)
        check_enrolled(*rows, records)
        (await store.journal.head()).check_holds(records)
        return records, await store.journal.checkpoints(), head
