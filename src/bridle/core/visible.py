"""Text that people and models are shown, with what cannot be seen written out and what they must not see left out.

Rules
  1. What a terminal or a page would obey or not show (controls, overrides of direction, line separators, half surrogates) becomes
     `\\u` and four hexadecimal digits, or `\\U` and eight.
  2. In the name of a file a backslash is doubled as well, so that no two names look the same.
  3. The address of a repository is told without its user and password: it names a place, and the credentials are the delegate's.
"""

from __future__ import annotations

import re
import unicodedata

HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_USERINFO = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{0,20}://)[^\s/?#\"'<>]*@")


def make_visible(text: str, *, keep: str = "") -> str:
    """Return `text` with every hidden character but those in `keep` written out."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char in keep or not is_hidden(char) else _write_out(char) for char in text)


def show_name(name: str) -> str:
    """Return the name of a file or folder so that it is one line, and another name than every other one's."""
    return make_visible(name.replace("\\", "\\\\"))


def hide_userinfo(text: str) -> str:
    """Return a text without what stands before the host (`user:password@`) in the addresses in it."""
    return _USERINFO.sub(r"\1", text) if "@" in text else text


def is_hidden(char: str) -> bool:
    """True for a character that is obeyed or not shown."""
    return unicodedata.category(char) in HIDDEN


def _write_out(char: str) -> str:
    code = ord(char)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
