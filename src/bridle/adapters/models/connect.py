"""From a model's name to what answers under it, and to its price.

Rules
  1. `kind:rest`; a kind that nobody knows is refused with those there are.
  2. A FILE is absolute, or is looked for in the folders given, in their order.
  3. An account's own price holds for live models only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from bridle.adapters.models.prices import Price, cost_of, recorded_cost
from bridle.core.conversation import Usage
from bridle.core.errors import InputError

if TYPE_CHECKING:
    from bridle.adapters.models.recorded import RecordedModel
    from bridle.adapters.models.scripted import ScriptedModel
    from bridle.delegate.effectors.model import ModelPort

FILES = ("recorded", "scripted")
LIVE = ("anthropic", "openai", "bedrock")


def connect_model(name: str, *, folders: Sequence[Path] = (), price: Price | None = None) -> ModelPort:
    """Return what answers as `name`; raise InputError for a name that nothing does."""
    kind, rest = _split(name)
    if kind in FILES:
        return _open(kind, rest, folders)
    from bridle.adapters.models.live import LiveModel  # takes seconds of CPU, so only when it is needed

    return LiveModel(kind, rest, price=price)


def price_of(
    *, folders: Sequence[Path] = (), price: Price | None = None
) -> Callable[[str, int, int], Decimal | None]:
    """Return the gate's price function: (model, input tokens, output tokens) to dollars, None when unknown."""

    def cost(model: str, input_tokens: int, output_tokens: int) -> Decimal | None:
        kind, rest = _split(model)
        usage = Usage(input_tokens, output_tokens)
        if kind in FILES:
            return recorded_cost(_open(kind, rest, folders).priced_as, usage)[0]
        return cost_of(model, usage, override=price)[0]

    return cost


def key_references(name: str) -> tuple[tuple[str, ...], ...]:
    """Return which secrets a model needs, by reference: any one of the sets will do, and an empty set is none at all.

    Raise InputError for a name that no kind of model has. Neither a file nor an endpoint is opened.
    """
    kind, rest = _split(name)
    if kind in FILES:
        return ((),)
    if kind == "bedrock":
        return ("env:AWS_BEARER_TOKEN_BEDROCK",), ("env:AWS_ACCESS_KEY_ID", "env:AWS_SECRET_ACCESS_KEY")
    if "@" in rest:
        return ("env:BRIDLE_MODEL_KEY",), ()  # an endpoint of one's own may want no key
    return ((f"env:{kind.upper()}_API_KEY",),)


def open_turns(name: str, *, folders: Sequence[Path]) -> None:
    """Read the turns of a model that plays them from a file; raise InputError when that cannot be done."""
    kind, rest = _split(name)
    if kind in FILES:
        _open(kind, rest, folders)


def _split(name: str) -> tuple[str, str]:
    kind, _, rest = name.partition(":")
    if kind not in (*FILES, *LIVE) or not rest:
        known = ", ".join(f"{word}:…" for word in (*FILES, *LIVE))
        raise InputError(f"{name!r} names no model", hint=f"write one of {known}", reason="unknown-model")
    return kind, rest


def _open(kind: str, rest: str, folders: Sequence[Path]) -> RecordedModel | ScriptedModel:
    from bridle.adapters.models.recorded import RecordedModel
    from bridle.adapters.models.scripted import ScriptedModel

    path = Path(rest)
    found = path if path.is_absolute() else next((f / rest for f in folders if (f / rest).is_file()), path)
    reader = RecordedModel if kind == "recorded" else ScriptedModel
    try:
        state = found.stat()
    except OSError:
        return reader(found)  # which says what is wrong with it
    return _read(reader, found, (state.st_ino, state.st_mtime_ns, state.st_size))


@lru_cache(maxsize=8)  # it is asked for twice in each turn, and a long script takes a while to read
def _read(
    reader: type[RecordedModel] | type[ScriptedModel], path: Path, state: tuple[int, ...]
) -> RecordedModel | ScriptedModel:
    """Read a file that is in a certain state; what is read keeps nothing of a turn."""
    return reader(path)
