"""`bridle redact`: secrets and personal data out of what comes on standard input."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.command import root
from bridle.surfaces.cli.options import say

if TYPE_CHECKING:
    from bridle.trust.redaction import Redactor
    from bridle.trust.redaction.stream import RedactedLines, RedactedText

CHUNK_BYTES = 1 << 16


@root.command(name="redact", epilog="Example: bridle redact --known DEPLOY_TOKEN < build.log > safe.log")
def redact(
    rules: Annotated[
        Path | None,
        typer.Option(help="Rules of your own (YAML), beside redaction.yaml of the account.", metavar="FILE"),
    ] = None,
    known: Annotated[
        list[str] | None,
        typer.Option(
            help="A variable of the environment whose value is secret, in any spelling; may be repeated.",
            metavar="VARIABLE",
        ),
    ] = None,
    keep_personal: Annotated[
        bool, typer.Option("--keep-personal", help="Take out secrets alone, no personal data.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Lines of JSON: each is redacted as JSON; the counts are JSON too.")
    ] = False,
) -> int:
    """Take secrets and personal data out of standard input; counts by kind go to standard error.

    Exit code 4 when a part could not be redacted: it was dropped, and its size stands in its place.
    """
    from bridle.trust.redaction.stream import LOOKED_AT_BYTES, RedactedLines, RedactedText

    redactor = _make_redactor(rules, known or [], personal=not keep_personal)
    stream: RedactedLines | RedactedText = RedactedLines(redactor) if as_json else RedactedText(redactor)
    source: Any = sys.stdin.buffer  # typeshed knows no read1 of it
    _write(stream.feed(_check_first(source.read(LOOKED_AT_BYTES))))
    while data := source.read1(CHUNK_BYTES):
        _write(stream.feed(data))
    _write(stream.close())
    _tell(stream.counts, as_json=as_json)
    return 4 if stream.counts["dropped"] else 0


def _check_first(first: bytes) -> bytes:
    """Return the first bytes of the text; raise InputError where they say that its formats could not be found in it."""
    from bridle.core.errors import InputError
    from bridle.trust.redaction.stream import name_wide_encoding

    if encoding := name_wide_encoding(first):
        raise InputError(
            f"standard input looks like {encoding}, in which only known values would be found",
            hint=f"iconv -f {encoding} -t UTF-8 | bridle redact",
            reason="wide-encoding",
        )
    return first


def _make_redactor(rules: Path | None, known: Sequence[str], *, personal: bool) -> Redactor:
    from bridle.app import load_redaction_rules, parse_redaction_rules
    from bridle.core.errors import InputError
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.files import read_text
    from bridle.trust.keys import read_private
    from bridle.trust.redaction import Redactor

    settings = load_settings()
    own = load_redaction_rules(settings.config_dir)
    more = parse_redaction_rules(read_text(rules), where=str(rules)) if rules else ()
    missing = [name for name in known if name not in os.environ]
    if missing:
        hint = "export it, or leave --known out"
        raise InputError(f"the environment has no {missing[0]}", hint=hint, reason="no-such-variable")
    path = settings.config_dir / "redaction.key"
    key = read_private(path) if path.exists() else b""  # marks like those in the journal, where there is one
    values = {name: os.environ[name] for name in known}
    return Redactor(values, key=key, rules=(*own, *more), personal=personal)


def _write(text: str) -> None:
    if text:
        sys.stdout.write(text)
        sys.stdout.flush()


def _tell(counts: Mapping[str, int], *, as_json: bool) -> None:
    found = {kind: counts[kind] for kind in sorted(counts) if counts[kind] > 0}
    if as_json:
        print(json.dumps({"redacted": found}), file=sys.stderr)
    else:
        say(", ".join(f"{number} {kind}" for kind, number in found.items()) or "nothing to redact")
