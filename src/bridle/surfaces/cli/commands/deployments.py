"""`bridle evidence prove` and `verifier`: the proof of a deployment, and the program with which a stranger checks it."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.commands.prove import describe_deployment, evidence_app
from bridle.surfaces.cli.options import AsJson, Store, print_json, put

if TYPE_CHECKING:
    from bridle.core.settings import Settings

HALVES = ("verify_evidence.py", "verify_words.py")  # of the verifier that stands alone


def register(app: typer.Typer) -> None:
    del app  # it stands under `bridle evidence`


@evidence_app.command(
    name="prove", epilog="Example: bridle evidence prove exe_01jd3k… --requires sarif,junit --out proof.json"
)
def evidence_prove(
    target: Annotated[
        str,
        typer.Argument(
            help="An execution, a commit, or a digest (sha256:…) that was deployed.", metavar="TARGET"
        ),
    ],
    out: Annotated[Path, typer.Option(help="The file to write the proof to.", metavar="FILE")],
    requires: Annotated[
        str,
        typer.Option(
            help="Types of evidence that must have been there before, with commas between.", metavar="TYPES"
        ),
    ] = "",
    store: Store = "",
    as_json: AsJson = False,
) -> int:
    """Prove of a deployment, or a push, what it was decided on, and which evidence about the same digest was there before.

    It ends with exit code 2 when required evidence was not there, or did not pass.
    """
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.files import write_bytes

    types = [word.strip() for word in requires.split(",") if word.strip()]
    data = asyncio.run(_prove(load_settings(store_url=store), target, types))
    write_bytes(out, data)
    predicate: Any = json.loads(base64.b64decode(json.loads(data)["envelope"]["payload"]))["predicate"]
    if as_json:
        print_json({"file": str(out), "predicate": predicate})
        return 0
    put(str(out))
    describe_deployment(predicate)
    return 0


async def _prove(settings: Settings, target: str, requires: list[str]) -> bytes:
    from bridle.engine.proof import prove_deployment
    from bridle.surfaces.cli.reading import open_existing_store

    subject = f"commit:{target}" if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", target) else target
    with open_existing_store(settings) as opened:
        return await prove_deployment(opened.journal, opened.signer, subject, requires)


@evidence_app.command(name="verifier", epilog="Example: bridle evidence verifier > verify.py")
def evidence_verifier(as_json: AsJson = False) -> int:
    """Print the program that checks evidence without Bridle: one file for Python 3.9 or newer with `cryptography`."""
    from importlib import resources

    text = _join_verifier(
        *((resources.files("bridle.trust.evidence") / name).read_text("utf-8") for name in HALVES)
    )
    if as_json:
        print_json({"name": "verify.py", "text": text})
    else:
        print(text, end="")
    return 0


def _join_verifier(program: str, half: str) -> str:
    """Return both halves of the verifier as one file: the other half stands where the program imports it."""
    before, _, after = program.partition("from bridle.trust.evidence.verify_words import (")
    return before + half.replace("from __future__ import annotations\n", "", 1) + after.partition(")\n")[2]
