"""Reading files that are evidence about something: what kind it is, what it says in numbers, and what it says it is about.

    {"type": "sarif", "subject": "commit:3f78…", "file": {"name", "sha256", "bytes"},
     "summary": {"name": "semgrep", "counts": {"high": 1, …}, "highest": "high", "signers": ["ci"]}}

Rules
  1. A file is written by a program that may lie or attack: size, depth and number of values have ceilings, XML has no document
     types, a key stands once. Beyond them, or where the form is not that of its type: ExecutionError that names the file.
  2. What a file says of itself to be about (a revision, a digest, a statement's subjects) must not contradict the subject that it
     is declared for; a provenance has to name it.
  3. Findings are counted one by one, by our own scale (critical, high, medium, low, note); totals in a file are not read.
  4. A signed statement counts for those of the named keys whose signature is right; with none of them it is refused.

What comes out is numbers and names, no text of the file's: a finding's message could hold anything.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bridle.core.canonical import Json
from bridle.core.errors import ExecutionError, InputError
from bridle.core.visible import make_visible
from bridle.delegate.evidence.documents import Reading
from bridle.delegate.evidence.junit import read_junit
from bridle.delegate.evidence.provenance import Keys, read_provenance
from bridle.delegate.evidence.sarif import read_sarif
from bridle.delegate.evidence.sbom import read_cyclonedx, read_spdx
from bridle.delegate.evidence.vex import read_openvex

READERS: Mapping[str, Callable[[bytes, Keys], Reading]] = {
    "sarif": read_sarif,
    "junit": read_junit,
    "cyclonedx": read_cyclonedx,
    "spdx": read_spdx,
    "openvex": read_openvex,
    "slsa": read_provenance,
}
MAX_FILE_BYTES = 16 << 20
MAX_NAME = 200

_SUBJECT = re.compile(r"commit:[0-9a-f]{40}(?:[0-9a-f]{24})?|tree:sha256:[0-9a-f]{64}|sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Exhibit:
    """A file of evidence, read: see the module for what it says."""

    type: str
    subject: str
    name: str
    sha256: str
    size_bytes: int
    summary: Mapping[str, Json]

    def to_json(self) -> dict[str, Json]:
        return {
            "type": self.type,
            "subject": self.subject,
            "file": {"name": self.name, "sha256": self.sha256, "bytes": self.size_bytes},
            "summary": dict(self.summary),
        }


def check_subject(subject: str) -> str:
    """Return the subject in its one spelling; a bare commit hash is a commit. Raise InputError when it is none."""
    spelled = f"commit:{subject}" if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", subject) else subject
    if not _SUBJECT.fullmatch(spelled):
        raise InputError(
            f"{subject!r} is no subject of evidence",
            hint="use sha256:…, commit:… or tree:sha256:…, in lower-case hexadecimal",
            reason="bad-subject",
        )
    return spelled


def read_exhibit(data: bytes, *, type_: str, subject: str, name: str, keys: Keys | None = None) -> Exhibit:
    """Read a file as evidence about `subject`; raise ExecutionError when it is none, InputError for an unknown type.

    `keys` are the public keys (PEM) by name whose signatures on a statement count.
    """
    reader, subject = READERS.get(type_), check_subject(subject)
    if reader is None:
        raise InputError(
            f"evidence of type {type_!r} is not read",
            hint="use " + ", ".join(READERS),
            reason="unknown-evidence",
        )
    name = make_visible(name)[:MAX_NAME]
    if len(data) > MAX_FILE_BYTES:
        raise _refuse(name, f"has {len(data)} bytes; the limit is {MAX_FILE_BYTES}")
    try:
        reading = reader(data, keys or {})
    except ExecutionError as error:
        raise _refuse(name, f"is no {type_} that can be relied on: {error.what}") from error
    _check_about(reading, subject, name)
    digest = hashlib.sha256(data).hexdigest()
    return Exhibit(type_, subject, name, digest, len(data), reading.to_json())


def _check_about(reading: Reading, subject: str, name: str) -> None:
    """Rule 2: one kind of digest that the file names, and none of them is the subject's, is a contradiction."""
    kind = subject.rpartition(":")[0]
    named = {one for one in reading.about if one.rpartition(":")[0] == kind}
    if subject in reading.about or not (named or reading.names_all):
        return
    told = ", ".join(sorted(filter(_SUBJECT.fullmatch, named))[:3]) or "something else"
    raise ExecutionError(
        f"the evidence {name} is about {told}, not about {subject}",
        where=name,
        hint="name the subject that it was made for",
        reason="wrong-subject",
    )


def _refuse(name: str, what: str) -> ExecutionError:
    return ExecutionError(f"the evidence {name} {what}", where=name, reason="bad-evidence-file")
