"""Connectors: names for places that repositories are cloned from, with the credentials that only the delegate knows.

    connectors:
      acme: {url: https://git.example.com/acme, username: x-access-token, secret: env:ACME_TOKEN}
      shelf: {url: /srv/git}                     # a path needs no credentials, and has none

Rules
  1. Pipelines, records and approvals name a repository `connector:acme/shop`; its address and credentials are looked up at each
     use, by git's own `url.….insteadOf`, in the environment of that one git program: no command line or file has them.
  2. The file lies in the configuration folder; nobody else may write to it. It holds references to secrets, never values.
  3. What is below the connector is a plain path: nothing leads out of the place that its name stands for. Redirects are not
     followed: the credentials are for the host that is named here.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.core.yaml_text import load_yaml
from bridle.trust.secrets import parse_reference

SCHEME = "connector:"
FILE = "connectors.yaml"
_NAME = r"[a-z0-9][a-z0-9-]{0,31}"
_REPOSITORY = re.compile(
    rf"{SCHEME}(?P<name>{_NAME})(?P<path>(?:/(?!\.{{1,2}}(?:/|$))[A-Za-z0-9._-]{{1,100}}){{1,8}})", re.ASCII
)
_FIELDS = frozenset({"url", "username", "secret"})


@dataclass(frozen=True)
class Connector:
    """One place. `url` has no slash at its end; `secret` is a reference or empty."""

    name: str
    url: str
    username: str = ""
    secret: str = ""


class Connectors:
    """The connectors of one delegate, read anew at each use: `read` returns the text of the file, `resolve` a secret's value."""

    def __init__(self, read: Callable[[], str], *, resolve: Callable[[str], str]) -> None:
        self._read = read
        self._resolve = resolve

    def environment(self, repository: str) -> dict[str, str]:
        """Return what git needs in its environment to reach a repository that is named by a connector; raise InputError."""
        match = _REPOSITORY.fullmatch(repository)
        if match is None:
            raise InputError(
                f"{repository[:120]!r} names no repository of a connector",
                hint="write connector: NAME beside repo: group/name",
                reason="bad-repository",
            )
        known = read_connectors(self._read(), where=FILE)
        connector = known.get(match["name"])
        if connector is None:
            raise InputError(
                f"there is no connector {match['name']!r} at this delegate",
                hint=f"name it in {FILE} in its configuration folder",
                reason=f"no-connector:{match['name']}",
            )
        return _configure(self._settings(connector))

    def _settings(self, connector: Connector) -> dict[str, str]:
        settings = {
            f"url.{connector.url}/.insteadOf": f"{SCHEME}{connector.name}/",
            "http.followRedirects": "false",
        }
        if connector.secret:
            pair = f"{connector.username}:{self._resolve(connector.secret)}".encode()
            header = f"Authorization: Basic {base64.b64encode(pair).decode()}"
            settings[f"http.{connector.url}/.extraHeader"] = header
        return settings


def is_named(repository: str) -> bool:
    """True for a repository that is named by a connector."""
    return repository.startswith(SCHEME)


def read_connectors(text: str, *, where: str) -> dict[str, Connector]:
    """Return the connectors of a file, none for an empty one; raise InputError."""
    content = load_yaml(text, where=where)
    if content is None:
        return {}
    listed = content.get("connectors") if isinstance(content, Mapping) and len(content) == 1 else None
    if not isinstance(listed, Mapping):
        raise _bad("it holds no connectors", where)
    return {name: _read(name, entry, where=f"{where}: {name}") for name, entry in listed.items()}


def _read(name: str, entry: Json, *, where: str) -> Connector:
    if not re.fullmatch(_NAME, name, re.ASCII):
        raise _bad("a name is lower-case letters, digits and dashes", where)
    if not isinstance(entry, Mapping) or set(entry) - _FIELDS:
        raise _bad(f"its fields are {', '.join(sorted(_FIELDS))}", where)
    values = {field: entry.get(field, "") for field in _FIELDS}
    if not all(isinstance(value, str) for value in values.values()):
        raise _bad("its fields are texts", where)
    connector = Connector(name, **{field: str(value).rstrip("/") for field, value in values.items()})
    secure = re.fullmatch(r"https://[^/@?#\s]+(/[^?#\s]+)?", connector.url) is not None
    if not secure and not re.fullmatch(r"/[^\s]+|ssh://[^?#\s]+", connector.url):
        raise _bad("its url is https://HOST/PATH without credentials, ssh://USER@HOST/PATH, or a path", where)
    if connector.secret:
        parse_reference(connector.secret)
    if bool(connector.secret) != bool(connector.username) or (connector.secret and not secure):
        raise _bad("a secret goes with a username, and with an https address", where)
    return connector


def _configure(settings: Mapping[str, str]) -> dict[str, str]:
    """Return settings as git takes them from its environment."""
    told = {"GIT_CONFIG_COUNT": str(len(settings))}
    for index, (key, value) in enumerate(settings.items()):
        told |= {f"GIT_CONFIG_KEY_{index}": key, f"GIT_CONFIG_VALUE_{index}": value}
    return told


def _bad(what: str, where: str) -> InputError:
    return InputError(what, where=where, hint="see docs/pipelines.md", reason="bad-connectors")
