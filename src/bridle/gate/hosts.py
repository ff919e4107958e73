"""Hosts in arguments: whose an address or a url is. What could be read in two ways is nobody's. Pure."""

from __future__ import annotations

import re

from bridle.core.canonical import Json

HOST = r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
ADDRESS = re.compile(rf"[A-Za-z0-9._+-]{{1,64}}@({HOST})", re.ASCII | re.IGNORECASE)
URL = re.compile(rf"https?://({HOST})(?::[0-9]{{1,5}})?(?:[/?#][!-~]*)?", re.ASCII | re.IGNORECASE)


def host_of(value: Json) -> str:
    """Return the host of one plain mail address or http url, in lower case; an empty string for anything else.

    A name before the address, a user in the url, an encoding, a second address beside the first: none of them is plain.
    """
    if not isinstance(value, str):
        return ""
    found = ADDRESS.fullmatch(value) or URL.fullmatch(value)
    if found is None or "\\" in value:
        return ""
    return found[1].lower()


def is_below(host: str, domain: str) -> bool:
    """True when the host is the domain, or lies below it where the domain begins with a star."""
    if domain.startswith("*."):
        return host.endswith(domain[1:])
    return host == domain
