"""A user's own rules of redaction, as they stand in a file of the configuration folder, checked before one is used.

    [{kind: acme, literals: [acme_], pattern: "(acme_[a-z0-9]{20,})", document: our wiki, examples: [acme_0123…]}]

Rules
  1. A kind is lower case, 2 to 32 characters, and new: it neither replaces nor hides one that is built in.
  2. A pattern is RE2 (linear time), has exactly one group, and matches neither nothing nor a mark nor what survives.
  3. A literal has three characters at least, and one of them is in every example; every example is matched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import re2  # type: ignore[import-untyped]

from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.trust.redaction.personal_data import PERSONAL_FORMATS
from bridle.trust.redaction.token_format import Prefilter, TokenFormat, compile_pattern
from bridle.trust.redaction.token_formats import TOKEN_FORMATS

MAX_RULES = 500
MAX_PATTERN_CHARS = 2_000
MIN_LITERAL_CHARS = 3

_KIND = re.compile(r"[a-z][a-z0-9-]{1,31}")
_FIELDS = {"kind", "literals", "pattern", "document", "examples"}
_SURVIVES = (
    "",
    "[secret:known:0a1b]",
    "[personal:mail:0a1b]",
    "sha256:" + "0123456789abcdef" * 4,
    "3f786850e387550fdab836ed7e6dc881de23001b",
    "3f786850-e387-4550-8dab-836ed7e6dc88",
    "exe_01jd3k5v8w2m4n6p8q0r2s4t6v",
)


def read_rules(content: Json, *, where: str) -> tuple[TokenFormat, ...]:
    """Return the rules that a file holds; raise InputError that names the first one that cannot be used."""
    if content is None:
        return ()
    if not isinstance(content, list) or len(content) > MAX_RULES:
        raise _bad("it is not a list of rules", where)
    known = {"known", "key", "dropped", *(row.kind for row in TOKEN_FORMATS)}
    known.update(row.kind for row in PERSONAL_FORMATS)
    rules = []
    for number, item in enumerate(content, start=1):
        rule = _read_rule(item, where=f"{where}: rule {number}")
        if rule.kind in known:
            raise _bad(f"there is a kind {rule.kind} already", f"{where}: rule {number}")
        known.add(rule.kind)
        rules.append(rule)
    return tuple(rules)


def _read_rule(item: Json, *, where: str) -> TokenFormat:
    if not isinstance(item, Mapping) or set(item) - _FIELDS:
        raise _bad(f"its fields are {', '.join(sorted(_FIELDS))}", where)
    kind, pattern = item.get("kind"), item.get("pattern")
    literals, examples = _texts(item, "literals", where), _texts(item, "examples", where)
    if not isinstance(kind, str) or not _KIND.fullmatch(kind):
        raise _bad("its kind is not a lower-case word of 2 to 32 characters", where)
    if not literals or any(len(literal) < MIN_LITERAL_CHARS for literal in literals):
        raise _bad(f"it needs literals of at least {MIN_LITERAL_CHARS} characters", where)
    if not isinstance(pattern, str) or not 0 < len(pattern) <= MAX_PATTERN_CHARS:
        raise _bad(f"its pattern is not a text of up to {MAX_PATTERN_CHARS} characters", where)
    rule = TokenFormat(kind, literals, pattern, str(item.get("document", where)))
    _check_pattern(rule, examples, where)
    return rule


def _check_pattern(rule: TokenFormat, examples: tuple[str, ...], where: str) -> None:
    try:
        compiled, look = compile_pattern(rule.pattern), Prefilter([rule])
    except re2.error as error:
        raise _bad(f"its pattern cannot be read by RE2: {error}", where) from error
    if compiled.groups != 1:
        raise _bad("its pattern needs exactly one group, the secret", where)
    for text in _SURVIVES:
        if compiled.search(text) is not None:
            raise _bad(f"its pattern matches {text or 'the empty text'!r}, which has to survive", where)
    for example in examples:
        if compiled.search(example) is None or not look.find(example):
            raise _bad("an example is not matched by its pattern and literals", where)


def _texts(item: Mapping[str, Json], name: str, where: str) -> tuple[str, ...]:
    value = item.get(name, [])
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise _bad(f"its {name} are not a list of texts", where)
    return tuple(str(text) for text in value)


def _bad(what: str, where: str) -> InputError:
    return InputError(what, where=where, hint="see docs/redaction.md", reason="bad-redaction-rule")
