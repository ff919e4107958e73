"""Connectors: what a file of them may say, and what git is told."""

from __future__ import annotations

import base64

import pytest

from bridle.core.errors import InputError
from bridle.delegate.connectors import Connectors, read_connectors

FILE = """\
connectors:
  acme: {url: https://git.example.com/acme/, username: bot, secret: env:ACME_TOKEN}
  shelf: {url: /srv/git}
"""


def connectors(text: str = FILE) -> Connectors:
    return Connectors(lambda: text, resolve=lambda reference: f"value of {reference}")


def test_git_is_told_the_address_and_the_credentials_for_it_alone() -> None:
    told = connectors().environment("connector:acme/group/shop")
    settings = {told[f"GIT_CONFIG_KEY_{i}"]: told[f"GIT_CONFIG_VALUE_{i}"] for i in range(3)}
    pair = base64.b64encode(b"bot:value of env:ACME_TOKEN").decode()
    assert settings == {
        "url.https://git.example.com/acme/.insteadOf": "connector:acme/",
        "http.followRedirects": "false",
        "http.https://git.example.com/acme/.extraHeader": f"Authorization: Basic {pair}",
    }
    assert told["GIT_CONFIG_COUNT"] == "3"


def test_a_path_has_no_credentials() -> None:
    assert not any(
        "extraHeader" in text for text in connectors().environment("connector:shelf/shop").values()
    )


@pytest.mark.parametrize(
    "repository",
    [
        "connector:acme",
        "connector:acme/",
        "connector:acme/../other",
        "connector:acme/a/./b",
        "connector:acme/a b",
        "connector:acme//a",
        "connector:ACME/a",
        "connector:acme/a?x",
        "connector:acme/-x/\n",
        "https://git.example.com/acme/shop",
    ],
)
def test_what_could_lead_elsewhere_is_no_repository_of_a_connector(repository: str) -> None:
    with pytest.raises(InputError, match="names no repository"):
        connectors().environment(repository)


def test_one_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match="no connector 'other'"):
        connectors().environment("connector:other/shop")
    with pytest.raises(InputError, match="no connector 'acme'"):
        connectors("").environment("connector:acme/shop")


@pytest.mark.parametrize(
    "entry",
    [
        "{}",
        "{url: http://git.example.com}",
        "{url: 'https://bot:token@git.example.com'}",
        "{url: 'https://git.example.com?x'}",
        "{url: relative/path}",
        "{url: https://git.example.com, secret: env:X}",
        "{url: https://git.example.com, username: x}",
        "{url: /srv/git, username: x, secret: env:X}",
        "{url: https://git.example.com, username: x, secret: plain-value}",
        "{url: https://git.example.com, token: env:X}",
        "[https://git.example.com]",
    ],
)
def test_an_entry_of_something_else_is_refused(entry: str) -> None:
    with pytest.raises(InputError):
        read_connectors(f"connectors: {{a: {entry}}}", where="connectors.yaml")


@pytest.mark.parametrize("text", ["[]", "servers: {}", "connectors: []", "connectors: {A b: {url: /srv}}"])
def test_a_file_of_something_else_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        read_connectors(text, where="connectors.yaml")
