"""`bridle evidence prove` and `verifier`: the proof of a deployment, and the program with which a stranger checks it."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.command import Answer, command, existing_store
from bridle.surfaces.cli.commands.prove import evidence, tell_deployment
from bridle.surfaces.cli.options import AsJson, print_json

if TYPE_CHECKING:
    from bridle.app import Store

HALVES = ("verify_evidence.py", "verify_words.py")  # of the verifier that stands alone


@command(
    evidence,
    "prove",
    "bridle evidence prove exe_01jd3k… --requires sarif,junit --out proof.json",
    opens=existing_store,
)
async def evidence_prove(
    store: Store,
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
) -> Answer:
    """Prove of a deployment, or a push, what it was decided on, and which evidence about the same digest was there before.

    It ends with exit code 2 when required evidence was not there, or did not pass.
    """
    from bridle.engine.proof import prove_deployment
    from bridle.surfaces.cli.files import write_bytes

    subject = f"commit:{target}" if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", target) else target
    types = [word.strip() for word in requires.split(",") if word.strip()]
    data = await prove_deployment(store.journal, store.signer, subject, types)
    write_bytes(out, data)
    predicate: Any = json.loads(base64.b64decode(json.loads(data)["envelope"]["payload"]))["predicate"]
    return Answer({"file": str(out), "predicate": predicate}, [str(out), *tell_deployment(predicate)])


@evidence.command(name="verifier", epilog="Example: bridle evidence verifier > verify.py")
def evidence_verifier(as_json: AsJson = False) -> int:
    """Print the program that checks evidence without Bridle: one file for Python 3.9 or newer with `cryptography`."""
    from importlib import resources

    text = _join_verifier(
        *((resources.files("bridle.trust.evidence") / name).read_text("utf-8") for name in HALVES)
    )
    if as_json:
        print_json({"name": "verify.py", "text": text})
    else:
        print(text, end="")  # to the letter: it is a program
    return 0


def _join_verifier(program: str, half: str) -> str:
    """Return both halves of the verifier as one file: the other half stands where the program imports it."""
    before, _, after = program.partition("from bridle.trust.evidence.verify_words import (")
    return before + half.replace("from __future__ import annotations\n", "", 1) + after.partition(")\n")[2]
