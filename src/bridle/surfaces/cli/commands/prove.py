"""`bridle audit` and `bridle evidence`: what the journal says, whether it verifies, and proof for others."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.options import AsJson, Store, print_json, put, say

if TYPE_CHECKING:
    from bridle.trust.keys import Verifier

MOST_EXECUTIONS = 1_000_000  # all of them, in one answer

Key = Annotated[
    Path, typer.Option(help="The control plane's public key (PEM), from whom you trust.", metavar="PUB")
]

KEEP = (
    "Keep a checkpoint elsewhere (bridle audit export): what was cut off together with its checkpoints cannot be seen "
    "from inside."
)

audit_app = typer.Typer(no_args_is_help=True, help="The journal: list, export, verify.")
evidence_app = typer.Typer(no_args_is_help=True, help="Evidence of what was shipped: list, verify, extract.")


def register(app: typer.Typer) -> None:
    app.add_typer(audit_app, name="audit")
    app.add_typer(evidence_app, name="evidence")


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


@audit_app.command(name="export", epilog="Example: bridle audit export journal.jsonl")
def audit_export(
    file: Annotated[Path, typer.Argument(help="Where to write the journal, as JSON lines.")],
    store: Store = "",
    as_json: AsJson = False,
) -> int:
    """Write the whole journal and its signed checkpoints to a file that can be verified without the store."""
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.files import write_bytes
    from bridle.surfaces.cli.reading import open_existing_store
    from bridle.trust.audit import export_lines

    with open_existing_store(load_settings(store_url=store)) as opened:
        asyncio.run(opened.journal.checkpoint())
        records = asyncio.run(opened.journal.read())
        checkpoints = asyncio.run(opened.journal.checkpoints())
    lines = export_lines(records, checkpoints)
    write_bytes(file, "".join(f"{line}\n" for line in lines).encode())
    result = {"file": str(file), "records": len(records), "checkpoints": len(checkpoints)}
    if as_json:
        print_json(result)
    else:
        put(f"{len(records)} records and {len(checkpoints)} checkpoints in {file}")
    return 0


@audit_app.command(name="verify", epilog="Example: bridle audit verify journal.jsonl --key control-plane.pub")
def audit_verify(
    file: Annotated[
        Path | None, typer.Argument(help="An exported journal; the store's own if left out.")
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(help="The control plane's public key (PEM), from whom you trust.", metavar="PUB"),
    ] = None,
    store: Store = "",
    as_json: AsJson = False,
) -> int:
    """Verify hashes, order, checkpoints and signatures of the whole journal; and that it tells of every execution listed."""
    from bridle.app import ORIGIN
    from bridle.core.errors import InputError
    from bridle.core.settings import load_settings
    from bridle.trust.audit import verify_journal

    settings = load_settings(store_url=store)
    verifier = read_key(key or settings.config_dir / "control-plane.pub")
    records, checkpoints = _exported(file) if file else _stored(settings)
    if not records:
        hint = "bridle run makes the first records"
        raise InputError("nothing to verify", where=str(file or ""), hint=hint, reason="nothing-to-verify")
    result = verify_journal(records, checkpoints=checkpoints, control_plane=verifier, origin=ORIGIN)
    if as_json:
        print_json(
            {
                "verified": True,
                "records": result.records,
                "checkpoints": result.checkpoints,
                "uncovered": result.uncovered,
                "permits": result.permits,
                "reports": result.reports,
                "open_intents": list(result.open_intents),
                "suspect": list(result.suspect),
            }
        )
    else:
        put(
            f"verified: {result.records} records, {result.checkpoints} checkpoints, "
            f"{result.permits} permits, {result.reports} reports"
        )
        if result.suspect:
            say(
                f"{len(result.suspect)} records were signed with a key that is marked as compromised by then (--json names them)"
            )
        if result.uncovered:
            say(f"{result.uncovered} records are newer than the last checkpoint")
    say(KEEP)
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


def read_key(path: Path) -> Verifier:
    """Read a public key in PEM; raise InputError when it is missing or none."""
    from bridle.surfaces.cli.files import open_text
    from bridle.trust.keys import Verifier

    return Verifier.from_pem(open_text(path).encode(), where=str(path))


@evidence_app.command(name="list", epilog="Example: bridle evidence list")
def evidence_list(as_json: AsJson = False) -> int:
    """List the evidence files of this account, newest last."""
    from bridle.core.settings import load_settings

    files = sorted(str(path) for path in (load_settings().data_dir / "evidence").glob("*.json"))
    if as_json:
        print_json(files)
    else:
        for file in files:
            put(file)
    return 0


@evidence_app.command(
    name="verify", epilog="Example: bridle evidence verify exe_01jd3k….json --key control-plane.pub"
)
def evidence_verify(
    file: Annotated[Path, typer.Argument(help="The evidence file.")], key: Key, as_json: AsJson = False
) -> int:
    """Verify an evidence file against a public key that did not come with it."""
    from bridle.surfaces.cli.files import open_bytes
    from bridle.trust.evidence import verify_bundle

    verified = verify_bundle(open_bytes(file), key=read_key(key), origin=None)
    predicate: Any = verified.statement["predicate"]
    if as_json:
        print_json({"verified": True, "checks": list(verified.checks), "statement": verified.statement})
        return 0
    put(f"verified: {', '.join(verified.checks)}")
    put(f"  commit   {predicate['commit']} on {predicate['branch']}")
    put(
        f"  agent    {predicate['agent']['name']} {predicate['agent']['version']} {predicate['agent']['digest']}"
    )
    put(f"  policy   {predicate['policy']}")
    put(f"  approval {json.dumps(predicate['approval'])}")
    put(f"  cost     {json.dumps(predicate['cost'])}")
    return 0


@evidence_app.command(name="extract", epilog="Example: bridle evidence extract exe_01jd3k….json --out proof")
def evidence_extract(
    file: Annotated[Path, typer.Argument(help="The evidence file.")],
    out: Annotated[Path, typer.Option(help="Folder to write `pae` and `sig` into.", metavar="DIR")],
    as_json: AsJson = False,
) -> int:
    """Write what was signed and the signature as two files that openssl can check."""
    from bridle.surfaces.cli.files import write_bytes
    from bridle.trust.evidence import pae, signature

    envelope = _read_envelope(file)
    write_bytes(out / "pae", pae(envelope))
    write_bytes(out / "sig", signature(envelope))
    command = f"openssl pkeyutl -verify -pubin -inkey PUB -rawin -in {out}/pae -sigfile {out}/sig"
    if as_json:
        print_json({"pae": str(out / "pae"), "sig": str(out / "sig"), "command": command})
    else:
        put(command)
    return 0


def _read_envelope(file: Path) -> Any:
    from bridle.core.errors import InputError
    from bridle.surfaces.cli.files import open_bytes
    from bridle.trust.encoding import read_json

    content = read_json(open_bytes(file), what=str(file))
    if not isinstance(content, dict) or "envelope" not in content:
        hint = "bridle evidence list names the files of this account"
        raise InputError("it is no evidence file", where=str(file), hint=hint, reason="no-evidence")
    return content["envelope"]
