"""Where things lie and what the account prefers; read from the environment, never from a project file.

A project file must not be able to move the keys or the store, so settings come from `BRIDLE_*` variables
and defaults only. Directories follow the XDG base directory specification, but for the *work* folder of
root: the sandbox's user 65534 has to be able to walk to it, and cannot enter root's home.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bridle.core.errors import InputError


@dataclass(frozen=True)
class Settings:
    """Resolved settings of one process.

    `data_dir` holds the store and caches, `config_dir` the keys (0700), `work_dir` workspaces and
    toolchains. `store_url` is `sqlite:////absolute/file.db` or `postgresql://…`. `model` is the account's
    default model, `model_price` its own price ("0.25/1.25": dollars per million tokens in and out); both may be empty.
    `max_executions` is how many executions of the account run at once; None is any number.
    `snapshots_dir` holds what several machines share of workspaces; None is a folder in `work_dir`, for one machine.
    `opa` is the address of an OPA server that evaluates the policies, `opa_token` what it knows us by.
    `policies` are files and folders of Rego that are asked beside the base set.
    With `own_keys_only` a person's word counts only when it is signed with their own key.
    `project` is the one that executions belong to which are started here; roles may be bound to it.
    `servers` is the file of MCP servers that the delegate reaches, or None.
    `digest` is how often requests of medium risk are told together ("4h").
    `retention` is after what age `bridle serve` removes history ("30d"); empty keeps it.
    The same change to the same target for the `loop_limit`-th time within `loop_window` ("24h") is a loop, and asks a person.
    `approved_agents_only` lets no version of an agent act whose digest nobody has approved; else it acts for who starts it.
    `checkpoints` is where the journal is published continuously (`adapters.shelves.open`), or empty.
    `record` is a file to write every model turn into, so that the run can be played again, or empty.
    """

    data_dir: Path
    config_dir: Path
    work_dir: Path
    store_url: str
    model: str
    model_price: str = ""
    record: str = ""
    max_executions: int | None = None
    retention: str = ""
    digest: str = "4h"
    loop_limit: int = 3
    loop_window: str = "24h"
    snapshots_dir: Path | None = None
    policies: tuple[Path, ...] = ()
    opa: str = ""
    opa_token: str = field(default="", repr=False)
    approved_agents_only: bool = False
    project: str = "default"
    own_keys_only: bool = False
    servers: Path | None = None
    checkpoints: str = ""


def load_settings(
    environ: Mapping[str, str] | None = None, *, store_url: str = "", policies: Sequence[Path] = ()
) -> Settings:
    """Resolve settings from `environ` (default: the process environment).

    A `store_url` given here wins; `policies` given here come after the account's, which stay.
    """
    env = os.environ if environ is None else environ
    home = Path(env.get("HOME") or "/")
    data = Path(env.get("BRIDLE_DATA_DIR") or _xdg(env, "XDG_DATA_HOME", home / ".local/share") / "bridle")
    config = Path(env.get("BRIDLE_CONFIG_DIR") or _xdg(env, "XDG_CONFIG_HOME", home / ".config") / "bridle")
    work_default = Path("/var/lib/bridle/work") if os.geteuid() == 0 else data / "work"
    return Settings(
        data_dir=data,
        config_dir=config,
        work_dir=Path(env.get("BRIDLE_WORK_DIR") or work_default),
        store_url=store_url or env.get("BRIDLE_STORE") or f"sqlite:///{data / 'bridle.db'}",
        model=env.get("BRIDLE_MODEL", ""),
        model_price=env.get("BRIDLE_MODEL_PRICE", ""),
        record=env.get("BRIDLE_RECORD", ""),
        retention=env.get("BRIDLE_RETENTION", ""),
        digest=env.get("BRIDLE_DIGEST") or "4h",
        loop_limit=_count(env, "BRIDLE_LOOP_LIMIT") or 3,
        loop_window=env.get("BRIDLE_LOOP_WINDOW") or "24h",
        max_executions=_count(env, "BRIDLE_MAX_EXECUTIONS"),
        snapshots_dir=Path(env["BRIDLE_SNAPSHOTS"]) if env.get("BRIDLE_SNAPSHOTS") else None,
        own_keys_only=_choice(env, "BRIDLE_VERDICTS", ("asserted", "own-keys")) == "own-keys",
        project=env.get("BRIDLE_PROJECT") or "default",
        approved_agents_only=_choice(env, "BRIDLE_AGENTS", ("first-use", "approved-only")) == "approved-only",
        servers=next(iter(_paths(env, "BRIDLE_SERVERS")), None),
        opa=env.get("BRIDLE_OPA", ""),
        opa_token=env.get("BRIDLE_OPA_TOKEN", ""),
        checkpoints=env.get("BRIDLE_CHECKPOINTS", ""),
        policies=(*_paths(env, "BRIDLE_POLICIES"), *policies),
    )


def _paths(env: Mapping[str, str], name: str) -> list[Path]:
    """Read paths as PATH has them; a relative one would change with the folder that a command is called in."""
    given = [Path(part) for part in env.get(name, "").split(os.pathsep) if part]
    for path in given:
        if not path.is_absolute():
            raise InputError(f"{str(path)!r} is not an absolute path", where=name, hint="begin it with /")
    return given


def _choice(env: Mapping[str, str], name: str, words: tuple[str, str]) -> str:
    """Read one of the words, the first when nothing is said; a misspelt one is refused, for it may have been the stricter."""
    given = env.get(name) or words[0]
    if given not in words:
        raise InputError(f"{given!r} is not known", where=name, hint=f"write {words[0]} or {words[1]}")
    return given


def _count(env: Mapping[str, str], name: str) -> int | None:
    given = env.get(name, "")
    if not given:
        return None
    if not (given.isascii() and given.isdigit() and int(given) > 0):
        raise InputError(
            f"{given!r} is not a number above zero", where=name, hint="give a number, or unset it"
        )
    return int(given)


def _xdg(env: Mapping[str, str], name: str, default: Path) -> Path:
    value = env.get(name, "")
    return Path(value) if value.startswith("/") else default  # the specification: a relative path is ignored
