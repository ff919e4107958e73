"""Mentions: the typed values that a text names, in the words of a person and in the free text of an argument.

Rules for a person's request (`read_mentions`)
  1. What the person quotes of others vouches for nothing (`quoting`).
  2. Nor does what is negated. A clause that begins with the negation takes what follows it in its sentence; a negation in the
     middle takes the whole sentence, since nobody can tell what it is about. One that heads a list (`Do not refund:`) takes the
     list. Nor does what is only asked (`Should we …?`), other than as a favour (`Can you …?`).
  3. A value is read once: the digits of a date, a time, a version, an account, a URL are no id and no amount.
  4. An id looks like one (letters and digits, parts joined by marks, six digits or more), stands after a word that names it
     (`order 17`, `orders 17 and 18`), or in quotation marks.
  5. An amount has a currency beside it, or stands after a word that names it. A number of thousands, of percent or of a range
     is none, nor is a group of digits of a longer number (`10 500`), nor what is halved, taken in parts or multiplied.
  6. A name is written in the same letters and whole: `Anna` is not named by `Anna Schmidt`. One without a capital has five
     letters or more.

Rules for free text (`find_embedded`)
  7. Links, bare domains, e-mail addresses, accounts, long numbers and unbroken runs that no word has count as arguments, also
     when they are disguised: found where letters are folded and hidden characters are gone, judged as they were written. A text
     is searched as it was written and as a page would show it, without tags, escapes and marks of emphasis.

The words are English. A request in another language vouches for nothing by its words (`language`). Pure.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from bridle.core.visible import is_hidden
from bridle.gate.origins.language import is_english
from bridle.gate.origins.quoting import NEGATION, take_cited, take_quoted
from bridle.gate.origins.values import (
    CURRENCY,
    EMAIL,
    IBAN,
    NUMBER,
    WRITTEN_DAY,
    WRITTEN_MONTH,
    ValueType,
    normal_form,
    plain_text,
)

NAMING = (
    "account|application|asset|booking|branch|build|campaign|candidate|card|case|channel|charge|claim|client|contact|contract|customer|"
    "deployment|device|dispute|document|employee|environment|group|host|incident|invoice|issue|item|job|lead|licen[cs]e|list|"
    "member|order|package|partner|payment|plan|policy|project|purchase order|po|pr|pull request|quote|region|release|repository|"
    "request|role|segment|server|service|shipment|sku|subscription|supplier|tag|team|template|ticket|user|vendor|version|warehouse"
)
_NOT_PART = r"(?<![\w.,:/@#+-])"
_ENDS = r"(?![\w@/+-]|[.,:]\w)"
_GAP = "[ '’\u00a0\u2009\u202f]"  # between groups of digits
_MORE = rf"(?! ?(?:k|m|bn|thousand|million|billion|hundred|percent|%|to \d|-|–)(?!\w)|{_GAP}\d{{3}}(?!\d)| ?[*x×/] ?\d)"
_NO_GROUP = rf"(?!(?<=\d{_GAP})\d{{3}}(?!\d))"
_SIGN = "[€$£]"
_PRICED = rf"(?:{_SIGN} ?|(?:{CURRENCY}) ){NUMBER}|{_NO_GROUP}{NUMBER}(?: ?{_SIGN}| (?:{CURRENCY})\b)"
_WORTH = (
    r"(?:amount|total|sum|price|fee|budget|cap|limit)(?: of| is| to| at| by| =|:|=)?"
    r"|(?:refund|pay|credit|charge|discount|reimburse|transfer)(?: of| by)?"
)
_TIME = r"\d{1,2}:\d{2}(?::\d{2})?(?: ?[ap]m)?|\d{1,2} ?[ap]m"
_STAMP = r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:\d{2})"
_DAY = rf"\d{{4}}-\d{{2}}-\d{{2}}|\d{{1,2}}\.\d{{1,2}}\.\d{{4}}|\d{{1,2}}/\d{{1,2}}/\d{{2,4}}|{WRITTEN_DAY}|{WRITTEN_MONTH}"
# In this order: what is found first takes its place in the text, and nothing else is read there.
_SPANS: tuple[tuple[ValueType | None, re.Pattern[str]], ...] = (
    (ValueType.URL, re.compile(r"(?<!\w)https?://[^\s<>\"'`]*[^\s<>\"'`.,;:!?)\]]", re.IGNORECASE)),
    (ValueType.ADDRESS, re.compile(rf"{_NOT_PART}{EMAIL}(?![\w@-])")),
    (ValueType.ACCOUNT, re.compile(rf"{_NOT_PART}{IBAN}{_ENDS}")),
    (ValueType.DATE, re.compile(rf"{_NOT_PART}(?:{_STAMP}){_ENDS}")),
    (ValueType.DATE, re.compile(rf"{_NOT_PART}(?:{_DAY}){_ENDS}", re.IGNORECASE)),
    (None, re.compile(rf"{_NOT_PART}(?:{_TIME}){_ENDS}", re.IGNORECASE)),
    (ValueType.AMOUNT, re.compile(rf"(?<![\w.,:/@#+€$£-])(?:{_PRICED}){_ENDS}{_MORE}")),
    (ValueType.ADDRESS, re.compile(rf"(?<![\w.,:/@#-])\+\d(?:[ ()/-]{{0,2}}\d){{6,14}}{_ENDS}")),
    (
        ValueType.ACCOUNT,
        re.compile(
            rf"\b(?i:accounts?|iban|sort code|routing)(?: (?i:number|no\.?))?:? (?P<value>\d(?:[ -]?\d){{5,29}}){_ENDS}"
        ),
    ),
)
_WORTHY = re.compile(rf"\b(?:{_WORTH}) (?P<value>{NUMBER}){_ENDS}{_MORE}", re.IGNORECASE)
_PART = re.compile(
    r"(?:\b(?:half|halves|thirds?|quarters?|fifths?|tenths?|per ?cent|parts?|share|portion|fraction|rest|remainder|"
    r"double|twice|triple|times|multiple)|%|\0(?: out)?(?= (?:of|from) )|(?<=\d) ?[*x×/])"
    r"(?: (?:of|from|the|this|that|his|her|their|its|our|your|my|an?|total|sum|amount|price|fee|full|whole|order|invoice))* ?$",
    re.IGNORECASE,
)
_STRONG = re.compile(r"(?:amount|total|sum|price|fee|budget|cap|limit)", re.IGNORECASE)
_TOKEN = re.compile(
    r"(?<![\w.,:/@#+-])#?[A-Za-z0-9](?:[A-Za-z0-9._:/@+=-]*[A-Za-z0-9])?(?![\w@+-])", re.ASCII
)
_NAMED = re.compile(
    rf"(?:^|[\s(])(?P<word>{NAMING})(?:e?s)?(?: (?:id|number|no\.?|nr\.?))?:? ?$", re.IGNORECASE
)
_NAMING = re.compile(NAMING)
_QUOTED = re.compile(r"`([^`\n]{1,128})`|\"([^\"\n]{1,128})\"|“([^”\n]{1,128})”")
_SENTENCE = re.compile(r"(?<=[.!?;])(?<!\b[Nn][or]\.)\s+|\n+")
_CLAUSE = re.compile(r",\s+|\s+(?:and|then|but|while|whereas)\s+", re.IGNORECASE)
_HEAD = re.compile(r"^[^\n]*:[ \t]*\n(?:[ \t]*\n)*(?:[ \t]*\S[^\n]*(?:\n|\Z))+", re.MULTILINE)
_FAVOUR = re.compile(r"(?:can|could|would|will) (?:you|we)\b|please\b", re.IGNORECASE)
_LEADING = re.compile(r"^(?:please|but|and|then|do|also|just)\s+", re.IGNORECASE)

# Endings of files that are no domains; README.md could be a place in Moldova, and is judged as one.
_FILES = (
    "pdf|txt|csv|docx?|xlsx?|pptx?|png|jpe?g|gif|json|ya?ml|xml|log|html?|js|ts|go|java|sql|toml|lock|cfg|ini"
)
_EMBEDDED = tuple(
    (kinds, re.compile(pattern, re.IGNORECASE))
    for kinds, pattern in (
        ((ValueType.URL,), r"\b[a-z][a-z0-9+.-]{1,15}:\s?/{1,2}[^\s<>\"'`)\]]*[^\s<>\"'`)\].,;:!?]"),
        ((ValueType.URL,), r"\b(?:javascript|data|mailto|tel|sms|file|vbscript):[^\s<>\"'`]+"),
        ((ValueType.ADDRESS, ValueType.ID), r"[^\s<>()\[\]\"',;:]+@[^\s<>()\[\]\"',;:]*\w"),
        ((ValueType.ADDRESS,), r"\S*[\"')\]>]@[^\s<>()\[\]\"',;:]*\w"),  # what is before it is no plain name
        ((ValueType.URL,), r"[\w.-]{0,253}\w\s?(?:[\[({]\s?(?:\.|dot)\s?[\])}]|\sdot\s)\s?\w{2,}\S*"),
        ((ValueType.URL,), r"\S+\s?(?:\[\s?at\s?\]|\(\s?at\s?\))\s?\S+"),
        ((ValueType.URL,), rf"(?<![\w@.-])(?:[\w-]+\.)+(?!(?:{_FILES})\b)[^\W\d_]{{2,}}(?:[:/?#][^\s<>\"'`)\]]*)?(?<![.,;:!?])"),
        ((ValueType.URL,), r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?:/\S*)?"),
        ((ValueType.ACCOUNT,), rf"(?<!\w){IBAN}(?!\w)"),
        ((ValueType.ACCOUNT, ValueType.ADDRESS, ValueType.ID), r"(?<!\w)\+?\d(?:[\s()/._-]{0,2}\d){7,33}(?!\w)"),
        ((), r"(?<!\w)\d(?:[\W_]{1,3}\d(?!\d)){7,33}"),  # spelled digit by digit
        ((ValueType.ACCOUNT, ValueType.ID), r"(?<!\w)(?=\S*\d)(?=\S*[^\W\d_])[\w+/=-]{20,}(?!\w)"),
        ((ValueType.ACCOUNT, ValueType.ID), r"(?<![\w/])[\w+/=]{32,}(?![\w/])"),
    )
)  # fmt: skip
LONGEST_TEXT = 20_000  # what is longer is not searched, so that nobody's text takes more than a moment
MOST_EMBEDDED = 200  # a text that holds more is judged unvouched as a whole
LONGEST_NAMING = 60  # of what stands before an id
PART_REACH = 400  # of what stands before an amount: so far may the words go that make it a part of something
_LONG_RUN = re.compile(r"\S{500,}")
_FOLDED = str.maketrans(dict.fromkeys("。．｡․", ".") | dict.fromkeys("‐‑‒–—―−·•‧∙", "-"))
_MARKUP = re.compile(r"<(?:!--.{0,1000}?--|/?[a-zA-Z][^<>]*)>|[*~`]|\\(?=[^\w\s])", re.DOTALL)


@dataclass(frozen=True)
class Mention:
    """A value that a request names. `clause` is where, `role` the word that names it (`order`), in lower case."""

    type: ValueType
    form: str
    clause: int
    role: str = ""


@dataclass(frozen=True)
class Embedded:
    """A value in a free text, as written, and the types it may be of. What is disguised is of none."""

    text: str
    types: tuple[ValueType, ...]


def own_words(text: str) -> list[str]:
    """Return what the person speaks for, by sentence: rules 1 and 2."""
    readable = _readable(text)
    return _sentences(take_quoted(readable)) if is_english(readable) else []


def is_naming(word: str) -> bool:
    """True for a word that people name an id by: `order`."""
    return _NAMING.fullmatch(word) is not None


def read_mentions(text: str) -> list[Mention]:
    """Return every value that a request names, in order."""
    return _read(own_words(text))


def read_quoted(text: str) -> list[Mention]:
    """Return the values that stand in a request only where it says what others have said: they are named, and not vouched for."""
    own = {(mention.type, mention.form) for mention in read_mentions(text)}
    return [one for one in _read(_sentences(_readable(text))) if (one.type, one.form) not in own]


def _readable(text: str) -> str:
    if len(text) > LONGEST_TEXT:
        # a sentence that is cut off may have lost its negation
        text = text[:LONGEST_TEXT].rpartition("\n")[0]
    return take_cited(text)


def _sentences(text: str) -> list[str]:
    text = _HEAD.sub(_affirmed_list, text)
    return [said for sentence in _SENTENCE.split(text) if (said := _affirmed(sentence).strip())]


def _affirmed_list(match: re.Match[str]) -> str:
    head, _, _ = match[0].partition("\n")
    return "\n" if NEGATION.search(head) else match[0]


def _read(sentences: Sequence[str]) -> list[Mention]:
    clauses = [clause for sentence in sentences for clause in _CLAUSE.split(sentence)]
    found: list[Mention] = []
    role = ""
    for number, clause in enumerate(clauses):
        mentions, role = _read_clause(clause.strip(), number, role)
        found += mentions
    return found


def names_phrase(sentences: Sequence[str], phrase: str) -> bool:
    """True when a name or a text stands in a sentence as it is, whole."""
    plain = plain_text(phrase)
    return bool(plain) and any(
        plain in sentence and _stands_in(sentence, plain) for sentence in map(_plain, sentences)
    )


@lru_cache(maxsize=256)
def _plain(sentence: str) -> str:
    return plain_text(sentence)


@lru_cache(maxsize=64)  # a call's texts are looked through for what it is led by, and for what it writes
def find_embedded(text: str) -> tuple[Embedded, ...]:
    """Return what counts as an argument in a free text."""
    folded = fold(text)
    if len(folded) > LONGEST_TEXT:
        return (Embedded(folded, ()),)
    found: dict[str, tuple[ValueType, ...]] = {}
    for shown in dict.fromkeys((folded, fold(html.unescape(_MARKUP.sub("", text))))):
        found |= _search(shown, text)
        if len(found) > MOST_EMBEDDED:
            return (Embedded(text, ()),)
    return tuple(Embedded(value, kinds) for value, kinds in found.items())


def fold(text: str) -> str:
    """Return a text with its letters folded, and without what is not shown or only marks the letter before."""
    if text.isascii():
        return "".join(char for char in text if char in "\n\t" or not is_hidden(char))
    folded = unicodedata.normalize("NFKC", text)
    kept = (
        char
        for char in folded
        if char in "\n\t" or not (is_hidden(char) or unicodedata.category(char)[0] == "M")
    )
    return "".join(kept).translate(_FOLDED)


def _search(folded: str, text: str) -> dict[str, tuple[ValueType, ...]]:
    """Return what a folded text holds; what does not stand so in the text itself is disguised."""
    found: dict[str, tuple[ValueType, ...]] = {run: (ValueType.URL,) for run in _LONG_RUN.findall(folded)}
    folded = _LONG_RUN.sub(" ", folded)
    for kinds, pattern in _EMBEDDED:
        for match in list(pattern.finditer(folded)):
            value = match[0].strip()
            if not normal_form(value, ValueType.DATE):
                found[value] = kinds if value in text else ()
                folded = folded[: match.start()] + " " * len(match[0]) + folded[match.end() :]
        if len(found) > MOST_EMBEDDED:
            break
    return found


def _affirmed(sentence: str) -> str:
    """Return a sentence as far as nothing in it is negated, and nothing if it only asks."""
    if _only_asks(sentence):
        return ""
    begins = 0
    for boundary in (*_CLAUSE.finditer(sentence), None):
        clause = _LEADING.sub("", sentence[begins : boundary.start() if boundary else None].strip())
        negation = NEGATION.search(clause)
        if negation is not None:
            return sentence[:begins] if negation.start() == 0 else ""
        begins = boundary.end() if boundary else begins
    return sentence


def _only_asks(sentence: str) -> bool:
    end = len(sentence.rstrip("?!.,;:)\"'’” \t\n"))
    return "?" in sentence[end:] and not _FAVOUR.match(_LEADING.sub("", sentence.strip()))


def _read_clause(clause: str, number: int, role: str) -> tuple[list[Mention], str]:
    """Read a clause; `role` is what the one before ended with naming, for `orders 17, 18 and 19`."""
    found = [
        Mention(kind, form, number)
        for quoted in _QUOTED.finditer(clause)
        for kind in (ValueType.ID, ValueType.NAME)
        if (form := normal_form(next(filter(None, quoted.groups())), kind))
    ]
    rest = _LONG_RUN.sub(" ", clause)  # longer than any value
    for kind, pattern in _SPANS:
        rest, mentions = _take(rest, kind, pattern, number)
        found += mentions
    worthy = [match for match in _WORTHY.finditer(rest) if _is_worth(match)]
    found += [
        Mention(ValueType.AMOUNT, normal_form(match["value"], ValueType.AMOUNT), number) for match in worthy
    ]
    for match in worthy:
        rest = _blank(rest, match.span("value"))
    ids, role = _read_ids(rest, number, role)
    return [mention for mention in (*found, *ids) if mention.form], role


def _take(
    text: str, kind: ValueType | None, pattern: re.Pattern[str], number: int
) -> tuple[str, list[Mention]]:
    found: list[Mention] = []
    for match in pattern.finditer(text):
        span = match.span("value") if "value" in pattern.groupindex else match.span()
        value = text[slice(*span)]
        text = _blank(text, span)
        if kind is None or (kind is ValueType.AMOUNT and _is_part(text, span[0])):
            continue
        form = normal_form(value, kind)
        found.append(Mention(kind, form, number))
        if kind is ValueType.AMOUNT and " " in form:
            currency = form.split()[1]
            found += [Mention(each, currency, number, "currency") for each in (ValueType.ID, ValueType.NAME)]
        if kind is ValueType.ADDRESS:
            found.append(Mention(ValueType.ID, normal_form(value, ValueType.ID), number))
    return text, found


def _blank(text: str, span: tuple[int, int]) -> str:
    """Put something in the place of a value that no pattern takes for a part of one."""
    return text[: span[0]] + "\0" * (span[1] - span[0]) + text[span[1] :]


def _is_part(text: str, at: int) -> bool:
    """True when the words before an amount make it a part or a multiple of something."""
    return _PART.search(text, max(at - PART_REACH, 0), at) is not None


def _is_worth(match: re.Match[str]) -> bool:
    value = match["value"]
    if _is_part(match.string, match.start("value")):
        return False
    return bool(re.search(r"[.,]\d{2}$", value) or _STRONG.match(match[0]))


def _read_ids(clause: str, number: int, role: str) -> tuple[list[Mention], str]:
    found: list[Mention] = []
    end = 0
    for match in _TOKEN.finditer(clause):
        token = match[0].strip(":")
        begins = max(match.start() - LONGEST_NAMING, 0)
        named = _NAMED.search(clause[begins : match.start()])
        between = clause[end : match.start()].strip(" ,&#(")
        role = named["word"].lower() if named else "" if between else role
        end = match.end()
        if not (_looks_like_id(token) or (role and _may_be_named(token))):
            role = ""
            continue
        # The first word may be what is to be done: `Tag acme/search`. `Order 17` is an order.
        bidden = named is not None and begins + named.start("word") == 0 and not token.lstrip("#").isdigit()
        form = normal_form(token, ValueType.ID)
        found.append(Mention(ValueType.ID, form, number, "" if bidden else role))
    return found, "" if clause[end:].strip(" ,&") else role


def _looks_like_id(token: str) -> bool:
    token = token.removeprefix("#")
    digits, letters = any(map(str.isdigit, token)), any(map(str.isalpha, token))
    joined = re.search(r"[A-Za-z0-9][-_/:][A-Za-z0-9]", token) is not None
    if digits and letters:
        return not re.fullmatch(r"\d+(?:st|nd|rd|th|[ap]m|[a-z]{1,2})", token) and (joined or len(token) >= 5)
    if digits:
        versioned = token.count(".") >= 2
        return versioned or (joined and len(token) >= 6) or (token.isdigit() and len(token) >= 6)
    return joined and len(token) >= 5


def _may_be_named(token: str) -> bool:
    """A token after the word that names it: a number, or a word that is no part of the sentence."""
    token = token.removeprefix("#")
    return any(map(str.isdigit, token)) or (token.isupper() and len(token) > 1)


def _stands_in(sentence: str, phrase: str) -> bool:
    for match in re.finditer(rf"(?<![\w.@/-]){re.escape(phrase)}(?![\w@/-]|[.]\w)", sentence):
        quoted = sentence[match.start() - 1 : match.start()] in {'"', "`", "“", "'"}
        if quoted or (_is_long(phrase) and not _goes_on(sentence, match.start(), match.end(), phrase)):
            return True
    return False


def _is_long(phrase: str) -> bool:
    """Short values never by accident: one word without a capital or a digit has five letters or more."""
    marked = any(char.isupper() or char.isdigit() for char in phrase)
    return len(phrase) >= (3 if marked and any(map(str.isalpha, phrase)) else 5)


def _goes_on(sentence: str, start: int, end: int, phrase: str) -> bool:
    """True when a name is only a part of a longer one."""
    if not phrase[0].isupper():
        return False
    before = re.search(r"(\w+)[ -]$", sentence[:start])
    after = re.match(r"[ -](\w)", sentence[end:])
    starts = before is not None and before.start() > 0 and before[1][0].isupper()
    return starts or (after is not None and after[1].isupper())
