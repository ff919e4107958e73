"""Quoting: what of a request a person says themselves, and what they only repeat of others.

Rules
  1. Lines that begin with `>`, fenced blocks and whatever follows the head of a forwarded message are others'.
  2. What stands in quotation marks of any kind is others', unless it is one single value: `Refund "A-1001"`. A mark that is never
     closed quotes to the end of the text. An apostrophe in a word is no mark.
  3. After a word that reports (`the customer wrote`), a colon or a dash gives others the rest of the paragraph.
  4. Without them, a verb that reports gives others the rest of its sentence, unless the subject is `I` or `we`. One that comes
     last (`…, said Bob`) gives them the whole sentence.
  5. A line that begins as a chat does (a name, or a time and a name, a colon, more than one value: `Bob: pay Ann`) gives others
     the rest of the paragraph. A word that heads what one wants oneself (`Task:`) or a field (`Order:`) is no name.
  6. What is taken out leaves its negation behind, so that nothing is affirmed by being shortened.

On doubt it is others'. The words are English; in another language the marks still count. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bridle.gate.origins.values import ValueType, normal_form

NEGATION = re.compile(
    r"\b(?:not|never|none|neither|nor|nothing|nobody|no[ -]one|without|except(?:ion\w*|ing)?|unless|instead|avoid|leave|ignore|"
    r"exclud\w+|skip|rather|cannot|no longer|forbid\w*|forbade|prohibit\w*|prevent\w*|refrain|refus\w+ to|hold off|stay away|"
    r"already (?:been |was |were |has |have )*\w+(?:ed|id|nt|ne)|\w+n['’]t|"
    r"(?:do|does|did|is|are|was|were|ca|wo|should|must|could|would|has|have|had)nt)\b|\bno (?!\.|\d|#)",
    re.IGNORECASE,
)
TAKEN = " □ "  # no pattern takes it for a part of a value
_FORWARDED = re.compile(
    r"^(?:-{2,} ?(?:original|forwarded) message.*|begin forwarded message:.*|from:\s.*|on .{5,80} wrote:)$"
    r"|\b(?:forwarded|original) (?:e-?mail|mail|message|note|ticket)s?\b[^.!?;\n]{0,80}[:：–—-].*",
    re.IGNORECASE | re.MULTILINE,
)
_FENCED = re.compile(r"^(```|~~~).*?(?:^\1|\Z)", re.MULTILINE | re.DOTALL)
_TAGGED = re.compile(
    r"[\[<](?:block)?quote\b.*?(?:[\[<]/(?:block)?quote\b|\Z)|<<.*?(?:>>|\Z)", re.IGNORECASE | re.DOTALL
)
_CITED = re.compile(r"^[^\S\n]*>.*$", re.MULTILINE)

_OWN_HEADS = (
    r"please|pls|task|todo|to-do|request|goal|aim|instructions?|steps?|step \d+|next|then|finally|first|second|third|also|note|"
    r"important|subject|re|summary|context|background|order|customer|client|amount|refund|pay|send|wire|transfer|cancel|close|update|"
    r"delete|book|ship|create|open|find|reply|answer|mail|details?|reason|items?|total|account|iban|address|name|to|from|cc|date|due|"
    r"case|ticket|invoice"
)
_TIME = r"[\[(]?\d{1,2}[:.]\d{2}(?::\d{2})?(?: ?(?i:[ap]m))?[\])]?[ \t,-]*"
_SPOKEN = re.compile(
    rf"^[ \t]*(?:{_TIME})?(?!(?i:{_OWN_HEADS})\b)@?[^\W\d_][\w.'’-]*(?: [A-Z][\w.'’-]*){{0,2}}(?: \([^)\n]{{1,30}}\))?[ \t]*"
    r"[:：﹕∶꞉](?!//)[ \t]*(?P<said>[^\n]*)",
    re.MULTILINE,
)

_CLOSING = {
    **dict.fromkeys('"＂`”❞〞´', ""),  # closed by the same mark
    "“": "”",
    "„": "“”",
    "‟": "”",
    "«": "»",
    "»": "«»",
    "‹": "›",
    "›": "‹›",
    "❝": "❞",
    "〝": "〞〟",
    "「": "」",
    "『": "』",
    "〈": "〉",
    "《": "》",
    "⟨": "⟩",
    "⟪": "⟫",
    "❛": "❜",
    "﹁": "﹂",
    "﹃": "﹄",
}
_SINGLE = "'‘’‚‛＇"
_NAME_WORD = re.compile(r"[A-Z]\d|[^\W\d_]+")
_WHOLE = (ValueType.AMOUNT, ValueType.ACCOUNT, ValueType.DATE, ValueType.URL)

_VERB = (
    r"(?:wrote|writes|written|writing|said|says|saying|asked|asks|asking|told|tells|telling|mentioned|mentions|mentioning|stated|"
    r"states|stating|claimed|claims|claiming|quoted|quotes|quoting|replied|replies|answered|answers|added|adds|insisted|insists|"
    r"demanded|demands|demanding|suggested|suggests|explained|explains|reported|reports|announced|announces|informed|informs|"
    r"instructed|instructs|remarked|remarks|urged|urges|commented|comments|complained|complains|emailed|e-mailed|mailed|messaged|texted|wished|"
    r"(?:it|mail|message|note|ticket|letter|text|that|which|he|she|they|who|people|\w{3,}s) "
    r"(?:say|write|ask|tell|mention|state|claim|quote)|(?:wants|wanted|would like|needs) (?:us|me|you) to|"
    r"requested (?:(?:us|me|you) )?to|reads|according to|as per|quoth)"
)
_NOUN = r"(?:e-?mail|mail|message|ticket|note|letter|comment|chat|reply|answer|thread|issue|review|form|transcript|text|post)"
_REPORTING = (
    rf"(?:{_VERB}|read|quote|quotation|forwarded|fwd?|see below|below|as follows|verbatim|cited?|"
    r"contains|contained|sent|sends|requested|requests|wants|wanted|noted|notes|posted|typed|"
    rf"(?:from|in|per|of) (?:[\w'’]+ ){{1,4}}{_NOUN}|{_NOUN} (?:from|of|by|text|body|contents?)|"
    rf"(?:his|her|their|\w+['’]s|customer|client|user|sender) (?:{_NOUN.replace('e-?mail|', '')}|words|wording)|"
    rf"the {_NOUN}(?=\s*[:：–—-])|"
    r"(?:words|wording|text|body|contents?|message) (?:of|is|was))"
)
_REPORTED = re.compile(rf"(?<![\w-]){_REPORTING}(?![\w-])", re.IGNORECASE)
_REPORT = re.compile(rf"(?<![\w-]){_VERB}(?![\w-])", re.IGNORECASE)
_COLON = re.compile(r"(?<!\d)[:：﹕∶꞉](?!//)|(?<=\d)[:：](?!\d)|[–—―]|\s-+|-+\s|--+")
_OWN_SUBJECT = re.compile(r"\b(?:I|[Ww]e)(?: (?:have|had|just|also|already))*\s+$")
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_NOT_SPACE = re.compile(r"\S|\Z")
_STOP = re.compile(r"(?<!\.)[.!?](?=\s)|\n[ \t]*\n")
_SHORT = re.compile(r"\b(?:mr|mrs|ms|dr|st|no|nr|inc|ltd|co|jr|sr|prof|[a-z])\.$", re.IGNORECASE)
_ATTRIBUTION = re.compile(r"[,\"'`”’»“‘«□–—]|\s-|-\s|\([^)]*$")
_INVERTED = re.compile(r"\s+(?:the \w+|[A-Z]\w+)[.!?\s]*")
_LAST = re.compile(r"[^\d@/]{0,60}")


def take_cited(text: str) -> str:
    """Return a text without what its form alone shows to be others': rule 1."""
    text = _CITED.sub("", _TAGGED.sub(TAKEN, _FENCED.sub("", text.replace("\r", ""))))
    forwarded = _FORWARDED.search(text)
    return text[: forwarded.start()] if forwarded else text


def take_quoted(text: str) -> str:
    """Return what the person says of a text themselves: rules 2 to 6."""
    for begin, end in reversed(list(_quotations(text))):
        text = _without(text, begin, end)
    text = _take_spoken(text)
    at = 0
    while (reported := _REPORTED.search(text, at)) is not None:
        begin, end = reported.start(), _sentence_end(text, reported.end())
        colon = _COLON.search(text, reported.end(), end)
        at = end
        if colon is not None:
            said = _NOT_SPACE.search(text, colon.end())
            blank = _BLANK_LINE.search(text, said.start() if said else len(text))
            text = _without(text, begin, blank.start() if blank else len(text))
            at = begin
    return _take_reports(text)


def _take_spoken(text: str) -> str:
    for line in reversed(list(_SPOKEN.finditer(text))):
        said = line["said"].strip(" .,;!")
        if said and not _is_single_value(said):
            blank = _BLANK_LINE.search(text, line.end())
            text = _without(text, line.start("said"), blank.start() if blank else len(text))
    return text


def _take_reports(text: str) -> str:
    taken = ""
    at = 0
    while at < len(text):
        end = _sentence_end(text, at)
        taken += _take_report(text[at:end])
        at = end
    return taken


def _take_report(sentence: str) -> str:
    for report in _REPORT.finditer(sentence):
        if not _OWN_SUBJECT.search(sentence, max(report.start() - 40, 0), report.start()):
            apart = _ATTRIBUTION.search(sentence, 0, report.start()) or _INVERTED.fullmatch(
                sentence, report.end()
            )
            attributed = apart and _LAST.fullmatch(sentence, report.end())
            return _without(sentence, 0 if attributed else report.start(), len(sentence)) + "\n"
    return sentence


def _sentence_end(text: str, at: int) -> int:
    """Return where the sentence ends. A line's end and a semicolon end none, since what is reported may go on after them."""
    for stop in _STOP.finditer(text, at):
        if not _SHORT.search(text, max(stop.start() - 6, 0), stop.end()):
            return stop.end()
    return len(text)


def _without(text: str, begin: int, end: int) -> str:
    negated = "not " if NEGATION.search(text, begin, end) else ""
    return f"{text[:begin]}{TAKEN}{negated}{text[end:]}"


def _quotations(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each quotation that is no single value begins and ends, its marks included."""
    at = 0
    while at < len(text):
        if text[at] in _CLOSING:
            end = _close(text, at)
        elif text[at] in _SINGLE and not _is_word(text[at - 1 : at]):
            end = _close_single(text, at)
        else:
            at += 1
            continue
        if end > len(text) or not _is_single_value(text[at + 1 : end - 1]):
            yield at, end
        at = end


def _close(text: str, begin: int) -> int:
    """Return where a quotation ends, with those in it. Marks that open and close alike are told apart by the space before."""
    opening = text[begin]
    closing = _CLOSING[opening] or opening
    depth = 0
    while text[begin + 1 : begin + 2] == opening:
        begin += 1
    for at in range(begin, len(text)):
        opens = at == begin or (
            text[at] == opening and text[at - 1].isspace() and text[at + 1 : at + 2].strip()
        )
        if opens:
            depth += 1
        elif text[at] in closing:
            depth -= 1
            if depth == 0:
                return at + len(text[at:]) - len(text[at:].lstrip(text[at]))
    return len(text) + 1


def _close_single(text: str, begin: int) -> int:
    """Return where a quotation in single marks ends; `customers'` ends one only when nothing later does."""
    doubtful = 0
    for at in range(begin + 1, len(text)):
        if text[at] not in _SINGLE or _is_word(text[at + 1 : at + 2]) or text[at - 1].isspace():
            continue
        if text[at - 1] not in "sS":
            return at + 1
        doubtful = doubtful or at + 1
    return doubtful or len(text) + 1


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


def _is_single_value(quoted: str) -> bool:
    """True for one word, one value that is written with spaces, or a name. On one line: a blank one in it would end a report."""
    words = quoted.split()
    if "\n" in quoted:
        return False
    if len(words) < 2:
        return bool(words)
    if any(normal_form(quoted, kind) for kind in _WHOLE):
        return True
    return len(words) <= 4 and all(word[0].isupper() and _NAME_WORD.fullmatch(word) for word in words)
