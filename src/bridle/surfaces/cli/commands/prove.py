"""`bridle evidence`: proof of what was shipped, for others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from bridle.surfaces.cli.command import Answer, command, group

Key = Annotated[
    Path | None,
    typer.Option(
        help="The control plane's public key (PEM), from whom you trust; this installation's own if left out.",
        metavar="PUB",
    ),
]
File = Annotated[
    Path, typer.Argument(help="The evidence file, or the id of an execution of this account.", metavar="FILE")
]


evidence = group("evidence", tells="Evidence of what was shipped: list, verify, extract.")


@command(evidence, "list", "bridle evidence list")
def evidence_list() -> Answer:
    """List the evidence files of this account, newest last."""
    from bridle.core.settings import load_settings

    files = sorted(str(path) for path in (load_settings().data_dir / "evidence").glob("*.json"))
    return Answer(files, files)


@command(evidence, "verify", "bridle evidence verify exe_01jd3k… --key control-plane.pub")
def evidence_verify(file: File, key: Key = None) -> Answer:
    """Verify an evidence file: against a public key that did not come with it."""
    from bridle.surfaces.cli.files import open_bytes
    from bridle.surfaces.cli.reading import read_key
    from bridle.trust.evidence.bundle import verify_bundle

    data = open_bytes(_find_file(file))
    verified = verify_bundle(data, key=read_key(key) if key else _own_key(data), origin=None)
    predicate: Any = verified.statement["predicate"]
    aside = []
    if key is None:
        aside += [
            "by this installation's own key: whoever does not trust it names the key they trust with --key"
        ]
    if verified.suspect:
        count = len(verified.suspect)
        aside += [f"{count} records were signed with a key that is marked as compromised by then"]
    shown = tell_deployment(predicate) if "deployment" in predicate else _tell_commit(predicate)
    document = {"verified": True, "checks": list(verified.checks), "suspect": list(verified.suspect)}
    return Answer(
        {**document, "statement": verified.statement},
        [f"verified: {', '.join(verified.checks)}", *shown],
        aside="\n".join(aside),
    )


def _tell_commit(predicate: Any) -> Iterator[str]:
    agent = predicate["agent"]
    yield f"  commit   {predicate['commit']} on {predicate['branch']}"
    yield f"  agent    {agent['name']} {agent['version']} {agent['digest']}"
    yield f"  policy   {predicate['policy']}"
    yield f"  approval {_tell_approver(predicate['approval'])}"
    yield f"  cost     {json.dumps(predicate['cost'])}"


def _tell_approver(approval: Any) -> str:
    if approval is None:
        return "none"
    return f"{approval['by']}{' (vouched for by the operating system)' if approval['asserted'] else ''}"


def tell_deployment(predicate: Any) -> Iterator[str]:
    """Tell what a proof of a deployment says."""
    deployment = predicate["deployment"]
    yield f"  {deployment['tool']} of {', '.join(predicate['subjects'])}, leaf {deployment['leaf']}"
    yield f"  policy   {predicate['policy']}"
    yield f"  approval {_tell_approver(predicate['approval'])}"
    for item in predicate["evidence"]:
        yield f"  {item['type']:<10} leaf {item['leaf']}, signed by {item['signer']}, about {item['subject']}"


@command(evidence, "extract", "bridle evidence extract exe_01jd3k… --out proof")
def evidence_extract(
    file: File,
    out: Annotated[Path, typer.Option(help="Folder to write `pae` and `sig` into.", metavar="DIR")],
) -> Answer:
    """Write what was signed and the signature as two files: openssl can check them."""
    from bridle.surfaces.cli.files import write_bytes
    from bridle.trust.evidence.bundle import pae, signature

    envelope = _read_envelope(_find_file(file))
    write_bytes(out / "pae", pae(envelope))
    write_bytes(out / "sig", signature(envelope))
    command_line = f"openssl pkeyutl -verify -pubin -inkey PUB -rawin -in {out}/pae -sigfile {out}/sig"
    return Answer({"pae": str(out / "pae"), "sig": str(out / "sig"), "command": command_line}, command_line)


def _own_key(data: bytes) -> Any:
    """Return this installation's key; of those that it has given up, the one that the file says it was made with."""
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.reading import read_key, read_trusted_key

    settings = load_settings()
    retired = sorted((settings.config_dir / "keys").glob("control-plane-*.pub"))
    own = [read_trusted_key(None, settings), *map(read_key, retired)]
    return next((key for key in own if json.dumps(key.to_pem().decode()).encode() in data), own[0])


def _find_file(named: Path) -> Path:
    """Return the file of that name, else the one that this account keeps of the execution of that name."""
    from bridle.core.errors import InputError
    from bridle.core.settings import load_settings

    kept = load_settings().data_dir / "evidence" / f"{named.name.removesuffix('.json')}.json"
    if named.exists() or named.name != str(named):
        return named
    if kept.is_file():
        return kept
    if named.name.startswith("exe_"):
        raise InputError(
            f"there is no evidence of {named.name}: it is made where a commit is pushed",
            hint="bridle evidence list names what there is; bridle logs shows every action",
            reason="no-evidence",
        )
    return named


def _read_envelope(file: Path) -> Any:
    from bridle.core.errors import InputError
    from bridle.surfaces.cli.files import open_bytes
    from bridle.trust.encoding import read_json

    content = read_json(open_bytes(file), what=str(file))
    if not isinstance(content, dict) or "envelope" not in content:
        hint = "bridle evidence list names the files of this account"
        raise InputError("it is no evidence file", where=str(file), hint=hint, reason="no-evidence")
    return content["envelope"]
