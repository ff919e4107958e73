"""`bridle evidence add`: a file that another program wrote, as evidence about a digest."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.commands.prove import evidence_app
from bridle.surfaces.cli.options import AsJson, Store, print_json, put

if TYPE_CHECKING:
    from bridle.core.settings import Settings


def register(app: typer.Typer) -> None:
    del app  # it stands under `bridle evidence`


LARGEST_BYTES = 16 << 20  # what is larger is refused by who reads it


@evidence_app.command(
    name="add", epilog="Example: bridle evidence add scan.sarif --type sarif --subject sha256:3f78…"
)
def evidence_add(
    file: Annotated[Path, typer.Argument(help="The file, as its program wrote it.")],
    type_: Annotated[
        str,
        typer.Option("--type", help="sarif, junit, cyclonedx, spdx, openvex or slsa.", metavar="TYPE"),
    ],
    subject: Annotated[
        str,
        typer.Option(help="What it is about: sha256:…, a commit, or tree:sha256:….", metavar="DIGEST"),
    ],
    store: Store = "",
    as_json: AsJson = False,
) -> int:
    """Record what a file says about a digest, signed, with who handed it in. A policy can require it before a deployment.

    A provenance counts for those keys of the folder `attestors` (NAME.pub, in the configuration folder) that signed it.
    """
    from bridle.core.errors import InputError
    from bridle.core.settings import load_settings

    if file.exists() and not file.is_file():  # a device never ends, and a pipe may never begin
        raise InputError("is no file", where=str(file), hint="check the path", reason="no-file")
    added = asyncio.run(_add(load_settings(store_url=store), file, type_=type_, subject=subject))
    if as_json:
        print_json(added)
        return 0
    exhibit = added["exhibit"]
    counts = ", ".join(f"{count} {name}" for name, count in exhibit["summary"]["counts"].items() if count)
    put(f"{added['record']}: {exhibit['type']} about {exhibit['subject']}: {counts or 'nothing counted'}")
    return 0


async def _add(settings: Settings, file: Path, *, type_: str, subject: str) -> dict[str, Any]:
    from bridle.app import open_counter, read_exhibit_file
    from bridle.surfaces.cli.files import open_bytes
    from bridle.trust.evidence.exhibits import hand_in

    data = open_bytes(file, most_bytes=LARGEST_BYTES + 1)
    exhibit = read_exhibit_file(settings, data, type_=type_, subject=subject, name=file.name)
    async with open_counter(settings) as counter:
        record = await hand_in(
            counter.store.journal, exhibit, by=counter.user.id, signer=counter.store.signer
        )
    return {"record": record.id, "signer": counter.user.id, "exhibit": exhibit}
