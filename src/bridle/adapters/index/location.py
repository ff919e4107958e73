"""Where the package index is and whom it is believed: from what this machine says about it, never from our files.

Rules
  1. The first of UV_DEFAULT_INDEX, UV_INDEX_URL, PIP_INDEX_URL that is set names the index; else pip's configuration files
     do, those of the user before those of the machine; else the library's default holds.
  2. Certificate authorities: REQUESTS_CA_BUNDLE, PIP_CERT, pip's configuration, SSL_CERT_FILE, CURL_CA_BUNDLE, and then the
     machine's own store, which is where an administrator puts the authority of the house; last the library's.
  3. An address may carry a password: it is shown without.

It does not fetch anything.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

INDEX_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
SYSTEM_STORES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")


@dataclass(frozen=True)
class IndexLocation:
    """An index: its address and the file of certificate authorities; empty means the library's own."""

    url: str
    authorities: str = ""

    @property
    def shown(self) -> str:
        """The address as it may be printed."""
        return hide_password(self.url) or "the default package index"


def locate_index(environ: Mapping[str, str]) -> IndexLocation:
    """Return the index that this machine is set up to use."""
    named = _first(environ, *INDEX_VARIABLES) or _configured(environ, "index-url")
    url = re.sub(r"^[\w.-]+=", "", named)  # uv lets an index be written as name=address
    authorities = (
        _first(environ, "REQUESTS_CA_BUNDLE", "PIP_CERT")
        or _configured(environ, "cert")
        or _first(environ, "SSL_CERT_FILE", "CURL_CA_BUNDLE")
        or next((store for store in SYSTEM_STORES if Path(store).is_file()), "")
    )
    return IndexLocation(url, authorities)


def hide_password(text: str) -> str:
    """Return `text` with what stands before the `@` of any address in it taken out."""
    return re.sub(r"//[^/@\s]*@", "//***@", text)


def _first(environ: Mapping[str, str], *names: str) -> str:
    return next((environ[name] for name in names if environ.get(name)), "")


def _configured(environ: Mapping[str, str], option: str) -> str:
    for path in _configuration_files(environ):
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, OSError, UnicodeDecodeError):
            continue  # pip itself will complain about it, in its own words
        if value := parser.get("global", option, fallback=""):
            return value
    return ""


def _configuration_files(environ: Mapping[str, str]) -> list[Path]:
    home = Path(environ.get("HOME") or "/")
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    named = environ.get("PIP_CONFIG_FILE")
    files = [config / "pip/pip.conf", home / ".pip/pip.conf", Path("/etc/pip.conf")]
    return [Path(named), *files] if named else files
