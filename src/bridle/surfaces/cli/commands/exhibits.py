"""`bridle evidence add`: a file that another program wrote, as evidence about a digest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.command import Answer, command, counter, settings_alone
from bridle.surfaces.cli.commands.prove import evidence

if TYPE_CHECKING:
    from bridle.core.settings import Settings


LARGEST_BYTES = 16 << 20  # what is larger is refused by who reads it


@command(
    evidence,
    "add",
    "bridle evidence add scan.sarif --type sarif --subject sha256:3f78…",
    opens=settings_alone,
)
async def evidence_add(
    settings: Settings,
    file: Annotated[Path, typer.Argument(help="The file, as its program wrote it.")],
    type_: Annotated[
        str,
        typer.Option("--type", help="sarif, junit, cyclonedx, spdx, openvex or slsa.", metavar="TYPE"),
    ],
    subject: Annotated[
        str,
        typer.Option(help="What it is about: sha256:…, a commit, or tree:sha256:….", metavar="DIGEST"),
    ],
) -> Answer:
    """Record what a file says about a digest, signed, with who handed it in. A policy can require it before a deployment.

    A provenance counts for those keys of the folder `attestors` (NAME.pub, in the configuration folder) that signed it.
    """
    from bridle.app import read_exhibit_file
    from bridle.core.errors import ExecutionError, InputError
    from bridle.surfaces.cli.files import open_bytes
    from bridle.trust.evidence.exhibits import hand_in, record_refusal

    if file.exists() and not file.is_file():  # a device never ends, and a pipe may never begin
        raise InputError("is no file", where=str(file), hint="check the path", reason="no-file")
    data = open_bytes(file, most_bytes=LARGEST_BYTES + 1)
    try:
        exhibit: Any = read_exhibit_file(settings, data, type_=type_, subject=subject, name=file.name)
    except ExecutionError as error:
        async with counter(settings) as at:
            await record_refusal(
                at.store.journal, data, type_=type_, subject=subject, by=at.user.id, error=error
            )
        raise
    async with counter(settings) as at:
        record = await hand_in(at.store.journal, exhibit, by=at.user.id, signer=at.store.signer)
    counts = ", ".join(f"{count} {name}" for name, count in exhibit["summary"]["counts"].items() if count)
    return Answer(
        {"record": record.id, "signer": at.user.id, "exhibit": exhibit},
        f"{record.id}: {exhibit['type']} about {exhibit['subject']}: {counts or 'nothing counted'}",
    )
