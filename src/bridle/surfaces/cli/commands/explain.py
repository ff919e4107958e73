"""`bridle explain`: one action, long after it: who, by which version, on whose authority, by which rules and facts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.command import Answer, command, existing_store, root, settings_alone

if TYPE_CHECKING:
    from bridle.core.settings import Settings
    from bridle.trust.keys import Verifier


@command(root, "explain", "bridle explain exe_01jd3k…/ship/push --json", opens=settings_alone)
async def explain(
    settings: Settings,
    action: Annotated[
        str,
        typer.Argument(
            help="An action's key or its beginning (exe_…/ship/push), an approval, a record, a digest or a commit."
        ),
    ],
    key: Annotated[
        Path | None,
        typer.Option(help="The control plane's public key (PEM), from whom you trust.", metavar="PUB"),
    ] = None,
) -> Answer:
    """Explain an action from the journal alone, verifying what it rests on; exit 3 when something does not verify."""
    from bridle.core.errors import TrustError
    from bridle.operating.explaining.retelling import retell
    from bridle.surfaces.cli.reading import read_trusted_key

    verifier = read_trusted_key(key, settings)
    async with existing_store(settings) as store:
        told = await _explain(store.journal, action, verifier)
    code = 0 if told["verified"]["holds"] else TrustError.exit_code
    return Answer(told, filter(None, retell(told)), code=code)


async def _explain(journal: Any, action: str, verifier: Verifier) -> dict[str, Any]:
    from bridle.operating.explaining.explain import describe, records_of
    from bridle.operating.explaining.lookup import find_action
    from bridle.operating.explaining.vouched import vouch

    found = await find_action(journal, action)
    told = describe(found)
    checkpoints = await journal.checkpoints()
    newest = checkpoints[-1] if checkpoints else ""
    size = int(newest.split("\n")[1]) if newest else 0
    leaves = await journal.leaves(size)
    vouched = vouch(found, records_of(found, told), key=verifier, checkpoint=newest, leaves=leaves)
    return {**told, "verified": vouched.to_json()}
