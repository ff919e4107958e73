"""Refuses pickle in DBOS, whatever a row says about how it was serialised.

With any serializer of ours configured, DBOS still unpickles a row whose `serialization` column names pickle. Write access to
the database would then be code execution in the control plane. A test plants such a row; repeat it at every upgrade.
"""

from __future__ import annotations

from typing import Any, NoReturn

import dbos._serialization as serialization

from bridle.core.errors import TrustError


def _refuse(self: Any, data: Any) -> NoReturn:
    raise TrustError("a pickled value was found in the engine's database", reason="pickle-refused")


def ban_pickle() -> None:
    """Replace both halves of DBOS's pickle serializer by a refusal."""
    for half in ("serialize", "deserialize"):
        setattr(serialization.DefaultSerializer, half, _refuse)
