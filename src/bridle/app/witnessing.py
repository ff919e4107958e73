"""A witness's look at a published journal, with what it remembers in a folder of its own.

witness.key, witness.vkey     its private key, and the public one as others take it
seen.json                     what it remembers: the last checkpoint that it cosigned, and the journal's key then
cosigned                      that checkpoint with its cosignature, for others
refusals.jsonl                what it refused, when and why, with the checkpoint as it was
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from bridle.adapters.shelves.folder import FolderShelf
from bridle.core.clock import Clock, SystemClock, iso
from bridle.core.errors import InputError
from bridle.trust.keys import Verifier, load_signer
from bridle.trust.log.checkpoint import read_checkpoint
from bridle.trust.log.cosignature import Witness, check_cosigned
from bridle.trust.log.publication import CHECKPOINT
from bridle.trust.log.witness import Seen, WitnessError, look


def witness_once(
    folder: Path, *, state: Path, trusted: Verifier | None, name: str, clock: Clock | None = None
) -> dict[str, Any]:
    """Look once and remember; raise WitnessError, having recorded it, for what cannot be cosigned."""
    now = (clock or SystemClock()).now()
    signer = load_signer(state / "witness.key")
    witness, memory, shelf = Witness(name, signer.verifier), FolderShelf(state), FolderShelf(folder)
    last = _remember(memory, witness)
    key = last.key if last else trusted
    if key is None:
        raise InputError(
            "this witness has not seen a journal yet", hint="--key names its public key", reason="no-key"
        )
    try:
        seen = look(shelf, signer=signer, name=name, trusted=key, last=last, now=now)
    except WitnessError as error:
        _record(memory, error, now=now, checkpoint=shelf.read(CHECKPOINT))
        raise
    memory.write("witness.vkey", f"{witness.to_text()}\n".encode())
    remembered = {"cosigned": seen.text, "key": seen.seen.key.raw.hex()}
    memory.write("seen.json", json.dumps(remembered).encode())
    memory.write("cosigned", seen.text.encode())
    return {
        "size": seen.seen.checkpoint.size,
        "added": seen.added,
        "cosigned": str(state / "cosigned"),
        "witness": str(state / "witness.vkey"),
        "at": iso(now),
    }


def _remember(memory: FolderShelf, witness: Witness) -> Seen | None:
    data = memory.read("seen.json")
    if data is None:
        return None
    remembered = json.loads(data)
    text, at = check_cosigned(remembered["cosigned"], witness)
    key = Verifier.from_hex(remembered["key"])
    return Seen(read_checkpoint(text, key, None), key, at)


def _record(memory: FolderShelf, error: WitnessError, *, now: datetime, checkpoint: bytes | None) -> None:
    """Add a refusal to those before: the checkpoint is the proof of what was tried."""
    refusal = {
        "at": iso(now),
        "reason": error.what,
        "checkpoint": checkpoint.decode("utf-8", "replace") if checkpoint is not None else None,
    }
    before = memory.read("refusals.jsonl") or b""
    memory.write("refusals.jsonl", before + json.dumps(refusal).encode() + b"\n")
