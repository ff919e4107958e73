"""Redaction: what must go is gone in every spelling, what must stay stays, and on doubt the text is dropped."""

from __future__ import annotations

import base64
import html
import json
import quopri
import shlex
from unittest import mock
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bridle.core.errors import InputError
from bridle.core.ids import new_id
from bridle.trust.redaction import MARK, Redactor
from bridle.trust.redaction import redactor as module
from bridle.trust.redaction.known_values import MIN_CHARS, spell
from bridle.trust.redaction.service_formats import SERVICE_FORMATS
from bridle.trust.redaction.token_format import compile_pattern
from bridle.trust.redaction.token_formats import GUESSED, TOKEN_FORMATS
from bridle.trust.redaction.vendor_formats import VENDOR_FORMATS
from support.examples import examples
from support.token_examples import make_examples

KEY = b"k" * 32
VALUE = "correct horse/'battery' & \"staple\" äß"

# Examples are made from the rows when the tests run: no scanner takes this file for a leak.
HEX = "0123456789abcdef" * 4
EXAMPLES = {row.kind: make_examples(row.pattern) for row in TOKEN_FORMATS}


def example(kind: str) -> tuple[str, str]:
    """Return a text that holds a token of this kind, and the token."""
    return EXAMPLES[kind][-1]


def redactor(**known: str) -> Redactor:
    return Redactor(known, key=KEY)


def joined(text: str) -> str:
    return "".join(text.split())


def test_every_documented_variant_of_a_token_is_masked_and_its_surroundings_stay() -> None:
    assert all(EXAMPLES[row.kind] for row in TOKEN_FORMATS)
    masks = redactor()
    for text, token in (example for row in TOKEN_FORMATS for example in EXAMPLES[row.kind]):
        whole = f"before\n{text}\n(after)"
        redacted = masks.redact(whole)
        assert token not in redacted
        assert joined(redacted) == joined(whole.replace(token, MARK.search(redacted)[0]))


def test_every_format_names_its_document_and_has_one_group() -> None:
    odd = [row for row in TOKEN_FORMATS if not row.document or compile_pattern(row.pattern).groups != 1]
    assert odd == []


def test_the_formats_are_those_of_sixty_vendors_and_more() -> None:
    vendors = {row.kind.partition("-")[0] for row in (*VENDOR_FORMATS, *SERVICE_FORMATS)}
    assert len(vendors) >= 60
    assert len({row.kind for row in TOKEN_FORMATS}) == len(TOKEN_FORMATS)


def test_a_token_is_found_at_any_place_of_a_text() -> None:
    text = "let x = (\n  call('a', 1) # é"
    masks = redactor()
    for made, token in map(example, sorted({row.kind for row in TOKEN_FORMATS} - GUESSED)):
        for place in range(len(text)):
            assert token not in masks.redact(f"{text[:place]} {made} {text[place:]}")


SET = "correct5horse"
ASSIGNMENTS = (
    f"db:\n  password: {SET}\n",
    f'  - api_key: "{SET}"  # of the test account',
    f"data: {{}}\n  client-secret: '{SET}'",
    f'password = "{SET}"',
    f"+const accessToken = '{SET}';",
    f'export DB_TOKEN="{SET}"',
    f"secret := `x`; y\nauth.token={SET}\r\n",
    f"private_key => '{SET}',",
    f"mysql --host db --password={SET} shop",
    f"curl --access-token '{SET}' https://example.org",
    f"<db><password>{SET}</password></db>",
    f"env:\n  - name: DB_PASSWORD\n    value: {SET}\n",
    f'<add key="ApiKey" value="{SET}" />',
    f"password: |\n  {SET}\n  {SET}2\nuser: ana",
    f"  client_secret: >-\r\n    {SET}\r\n",
    f"API_KEY='of three {SET} words'",
    f"SECRET_KEY={SET}",
    f"ENV DB_PASSWORD {SET}",
    f"setx API_TOKEN {SET}",
    f"smtp_pass: {SET}",
    f"password: !vault {SET}",
    f'os.environ["API_KEY"] = "{SET}"',
    f'[Environment]::SetEnvironmentVariable("API_KEY", "{SET}")',
    f'$env:DB_PASSWORD = "{SET}"',
    f"Connect-It -ApiKey '{SET}'",
    f"mysqldump --password='of three {SET} words'",
    f'$x = ConvertTo-SecureString "{SET}" -AsPlainText -Force',
    f"curl -s -u ana:{SET} https://example.org",
    f"machine example.org login ana password {SET}",
    f"sshpass -p {SET} ssh host",
    f"docker login -u ana -p {SET} registry",
    f'{{"auths": {{"host": {{"auth": "{base64.b64encode(SET.encode()).decode()}"}}}}}}',
)
ORDINARY = """
password: Optional[str] = None
token: TokenProvider
secret = load_secret("db2")
api_key = settings.api_key
token = request.headers["X-Token-2"]
def make(password: str, token=None): ...
max_tokens: 16384000
the password: it is nowhere
cmd --token-file /run/token1234 --password
<password/><token-count>123456789</token-count>
parser.add_argument("--token", help="the token of the account")
- name: TOKEN
  valueFrom: {secretKeyRef: {name: db2}}
NAMES = ("password", "passphrase", "secret")
docker run -u 1000:1000 -p 8080:8080 image2
curl http://localhost:8080/a2
export PASSWORD
passed: 1200000 bypass=12345678
"""


@pytest.mark.parametrize("text", ASSIGNMENTS)
def test_what_is_assigned_to_a_name_that_names_a_secret_is_masked(text) -> None:
    redacted = redactor().redact(text)
    assert SET not in redacted
    assert redactor().redact(redacted) == redacted


def test_types_variables_and_prose_beside_such_a_name_survive() -> None:
    assert redactor().redact(ORDINARY) == ORDINARY


SPELLINGS = {
    "plain": VALUE,
    "base64": base64.b64encode(VALUE.encode()).decode(),
    "base64 behind one byte": base64.b64encode(b"u" + VALUE.encode() + b"x").decode(),
    "base64 behind two bytes": base64.b64encode(b"u:" + VALUE.encode() + b"xy").decode(),
    "url alphabet": base64.urlsafe_b64encode(b"\xff\xff" + VALUE.encode()).decode(),
    "wrapped base64": base64.encodebytes(b"some text before it that is long " * 2 + VALUE.encode()).decode(),
    "hex": VALUE.encode().hex(),
    "upper hex": VALUE.encode().hex().upper(),
    "percent": quote(VALUE, safe=""),
    "json": json.dumps(VALUE),
    "json in json": json.dumps(json.dumps({"v": VALUE})),
    "json, not ascii": json.dumps(VALUE, ensure_ascii=False),
    "shell": shlex.quote(VALUE),
    "over two lines": VALUE[:12] + "\n    " + VALUE[12:],
    "utf-16": "\0".join(VALUE),
    "base64 of utf-16": base64.b64encode(VALUE.encode("utf-16-le")).decode(),
    "base64 of base64": base64.b64encode(base64.b64encode(VALUE.encode())).decode(),
    "base64 in percent": quote(base64.b64encode(b"?" + VALUE.encode()).decode(), safe=""),
    "a list of bytes": str(list(VALUE.encode())),
    "C": "".join(f"0x{byte:02X}, " for byte in VALUE.encode()),
    "one escaped character": f"\\u{ord(VALUE[0]):04x}{VALUE[1:]}",
    "some percent, small letters": quote(VALUE, safe="").lower(),
    "octal": "".join(f"\\{byte:03o}" for byte in VALUE.encode()),
    "html": "".join(f"&#x{ord(char):x};" for char in VALUE),
    "html in json in html": html.escape(json.dumps(html.escape(VALUE))),
    "form": quote_plus(VALUE),
    "python": repr(VALUE.encode()),
    "coloured": f"{VALUE[:5]}\x1b[01;31m\x1b[K{VALUE[5:9]}\x1b[m{VALUE[9:]}",
    "base32": base64.b32encode(VALUE.encode()).decode(),
    "base32 behind a byte, small": base64.b32encode(b"u" + VALUE.encode() + b"xyz").decode().lower(),
    "base85": base64.b85encode(VALUE.encode()).decode(),
    "ascii85 behind a group": base64.a85encode(b"user" + VALUE.encode()).decode(),
    "quoted-printable": quopri.encodestring(VALUE.encode()).decode(),
    "wrapped quoted-printable": quopri.encodestring(b"a text before it " * 4 + VALUE.encode()).decode(),
    "%u": "".join(f"%u{ord(char):04x}" for char in VALUE),
    "javascript": "".join(f"\\u{{{ord(char):x}}}" for char in VALUE),
}
ESCAPES = (
    lambda char: char,
    lambda char: f"\\u{ord(char):04X}",
    lambda char: f"\\\\u{ord(char):04x}",
    lambda char: "".join(f"\\x{byte:02x}" for byte in char.encode()),
    lambda char: "".join(f"\\{byte:03o}" for byte in char.encode()),
    lambda char: "".join(f"%{byte:02x}" for byte in char.encode()),
    lambda char: "".join(f"%25{byte:02X}" for byte in char.encode()),
    lambda char: f"&#{ord(char)};",
    lambda char: f"&amp;#x{ord(char):X};",
    lambda char: f"'{char}'",
    lambda char: f"\n  {char}",
)


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_known_value_is_masked_in_any_spelling(name) -> None:
    redacted = redactor(it=VALUE).redact(f"a {SPELLINGS[name]} b")
    assert "[secret:known:" in redacted
    assert not any(form in redacted for form in spell(VALUE))


@given(data=st.data(), secret=st.text("abcXYZ019-_/+=.:äß€", min_size=MIN_CHARS, max_size=24))
@settings(max_examples=examples(100))
def test_a_known_value_is_masked_whatever_escape_each_of_its_characters_has(data, secret) -> None:
    escapes = data.draw(st.lists(st.sampled_from(ESCAPES), min_size=len(secret), max_size=len(secret)))
    spelled = "".join(escape(char) for escape, char in zip(escapes, secret, strict=True))
    left = MARK.sub("", redactor(it=secret).redact(f"a <{spelled}> b"))
    assert joined(left).replace("'", "") == "a<>b"


def test_the_lines_of_a_known_key_are_masked_one_by_one() -> None:
    line = base64.b64encode(b"0123456789" * 4).decode()
    redacted = redactor(key=f"-----BEGIN X-----\n{line}\n-----END X-----").redact(f"> {line} <")
    assert line not in redacted


secrets_ = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Z")), min_size=8, max_size=40
)
lines = st.text(st.characters(codec="utf-8"), max_size=60)


@given(secret=secrets_, before=lines, after=lines, data=st.data())
@settings(max_examples=examples(150))
def test_a_known_value_never_survives_and_a_second_pass_changes_nothing(secret, before, after, data) -> None:
    assume(not any(secret in f"[secret:{row.kind}:" for row in TOKEN_FORMATS))
    form = data.draw(st.sampled_from(sorted(spell(secret))))
    subject = redactor(it=secret)
    once = subject.redact(f"{before}{form}{after}")
    assert form not in once
    assert subject.redact(once) == once


@given(text=st.text(st.characters(codec="utf-8"), max_size=200))
@settings(max_examples=examples(150))
def test_redacting_twice_changes_nothing(text) -> None:
    once = redactor().redact(text)
    assert redactor().redact(once) == once


def test_redacting_a_token_twice_changes_nothing() -> None:
    masks = redactor()
    for kind in EXAMPLES:
        once = masks.redact(example(kind)[0])
        assert masks.redact(once) == once


@pytest.mark.parametrize(
    "text",
    [
        "commit 3f786850e387550fdab836ed7e6dc881de23001b",
        "sha256:" + HEX,
        json.dumps({"token": new_id("tok"), "secret": "sha256:" + HEX, "max_tokens": 4096}),
        "token = self.next_token(stream)  # the password is checked elsewhere",
        "risk-assessment-of-the-whole-department task-0123456789abcdefghijkl",
        "https://example.org:8080/a@b",
        "def cookie(cookie: str = 'x') -> None: ...",
    ],
)
def test_what_is_no_secret_survives(text) -> None:
    assert redactor(it=VALUE).redact(text) == text


def test_json_keeps_its_spelling_when_there_is_nothing_to_redact() -> None:
    assert redactor().redact('{ "a" : 1.50 }\n') == '{ "a" : 1.50 }\n'


def test_values_under_secret_names_are_masked_at_any_depth() -> None:
    value = {"a": [{"apiKey": "short", "n": json.dumps({"DB_PASSWORD": "x", "keep": 1})}], "password": 12345}
    redacted = redactor().redact_json(value)
    assert MARK.fullmatch(redacted["a"][0]["apiKey"])
    assert MARK.fullmatch(redacted["password"])
    nested = json.loads(redacted["a"][0]["n"])
    assert MARK.fullmatch(nested["DB_PASSWORD"])
    assert nested["keep"] == 1


@pytest.mark.parametrize("value", ["hunter2", ["hunter2"], 7])
@pytest.mark.parametrize(("name", "said"), [("name", "value"), ("Key", "Value")])
def test_what_a_pair_says_under_a_secret_name_is_masked(name, said, value) -> None:
    pair = {name: "DB_PASSWORD", said: value, "n": 1}
    assert MARK.fullmatch(redactor().redact_json({"env": [pair]})["env"][0][said])
    assert MARK.search(redactor().redact(json.dumps({"env": [pair]}, indent=1)))
    kept = {name: "DB_HOST", said: value}
    assert redactor().redact_json(kept) == kept


@pytest.mark.parametrize(
    "value", [{"v": "hunter2"}, {"a": {"b": ["hunter2"]}}, [["hunter2"]], {"hunter2": 7}]
)
def test_whatever_shape_stands_under_a_secret_name_is_masked_whole(value) -> None:
    assert MARK.fullmatch(redactor().redact_json({"db": {"Password": value}})["db"]["Password"])
    assert "hunter2" not in redactor().redact(json.dumps({"password": value}, indent=1))


@pytest.mark.parametrize(
    "value", [None, True, {}, [], {"id": new_id("tok")}, [f"sha256:{HEX}"], {"ok": False}]
)
def test_what_holds_no_secret_under_a_secret_name_stays(value) -> None:
    assert redactor().redact_json({"token": value}) == {"token": value}


def test_a_known_value_is_masked_as_a_key_and_as_a_number() -> None:
    redacted = redactor(pin="1234567890", word="hunter2-hunter2").redact_json({"hunter2-hunter2": 1234567890})
    assert all(MARK.fullmatch(text) for text in [*redacted, *redacted.values()])


def test_a_name_that_stands_twice_does_not_hide_its_first_value() -> None:
    assert "hunter2-hunter2" not in redactor().redact('{"password":"hunter2-hunter2","password":""}')


def test_json_quoted_within_a_line_that_is_none_hides_nothing() -> None:
    line = f"sent {json.dumps(json.dumps({'password': 'hunter2-hunter2'}))} to the api"
    assert "hunter2" not in redactor().redact(line)


def test_equal_secrets_get_equal_marks_whatever_their_spelling() -> None:
    text = redactor(it=VALUE).redact(f"{VALUE} {VALUE.encode().hex()}")
    assert len(set(MARK.findall(text))) == 1


def test_marks_differ_between_processes_that_share_no_key() -> None:
    marks = {Redactor({"it": VALUE}).redact(VALUE) for _ in range(8)}
    assert len(marks) > 1


@pytest.mark.parametrize("value", ["", "true", "1" * (MIN_CHARS - 1), " " * 20, "x" * 20_000])
def test_a_value_that_cannot_be_masked_is_refused(value) -> None:
    with pytest.raises(InputError, match="cannot be masked"):
        redactor(it=value)


def test_a_value_that_looks_like_a_mark_is_refused() -> None:
    with pytest.raises(InputError, match="marks are made of"):
        redactor(it="secret:known")


def test_a_made_up_mark_does_not_carry_a_known_value_through() -> None:
    assert "hunter2-hunter2" not in redactor(it="hunter2-hunter2").redact("[secret:hunter2-hunter2:abcd]")


def test_an_internal_error_drops_the_text(monkeypatch) -> None:
    class FakeBroken:
        def find(self, text: str) -> list[int]:
            raise RuntimeError("out of memory")

    monkeypatch.setattr(module, "_FORMATS", FakeBroken())
    assert redactor().redact("äb") == "[redaction failed: 3 bytes dropped]"
    assert redactor().redact_json({"a": "b"}) == "[redaction failed: 10 bytes dropped]"
    assert redactor().redact_bytes(b"abc") == b"[redaction failed: 3 bytes dropped]"


def test_a_search_that_ran_out_of_memory_drops_the_text(monkeypatch) -> None:
    class FakeSetThatFindsNothing:
        def Match(self, text: str) -> None:  # noqa: N802 - the library's name
            """What RE2 answers when its memory is not enough."""

    monkeypatch.setattr(module._FORMATS, "_set", FakeSetThatFindsNothing())
    assert redactor().redact("no secret") == "[redaction failed: 9 bytes dropped]"


@pytest.mark.parametrize("text", ['{"token":' * 100_000, '{"a":' * 500 + '"\\n"' + "}" * 500])
def test_json_nested_without_end_is_dropped(text) -> None:
    assert redactor().redact(text) == f"[redaction failed: {len(text)} bytes dropped]"


def test_invalid_utf8_is_replaced_and_does_not_hide_what_follows() -> None:
    redacted = redactor().redact_bytes(b"\xff\xfe " + example("github")[1].encode())
    assert redacted.startswith("\ufffd\ufffd [secret:github:".encode())


def test_half_a_surrogate_pair_does_not_stop_it() -> None:
    assert example("npm")[1] not in redactor().redact("\ud800 " + example("npm")[1])


def test_a_text_that_holds_every_literal_is_still_searched() -> None:
    noise = " ".join(literal for row in TOKEN_FORMATS for literal in row.literals)
    assert "hunter2-hunter2" not in redactor().redact(f"{noise} X_TOKEN=hunter2-hunter2")


names = st.sampled_from(["path", "text", "key", "password", "api_key", "next_token", "äß"])
texts = st.one_of(
    lines,
    st.sampled_from([example(kind)[0] for kind in EXAMPLES]),
    st.sampled_from(
        [
            '{"password": "hunter2-hunter2"}',
            ' [{"a": {"secret": "s3cr3t-s3cr3t"}}]',
            "half \ud83d a pair",
            "{not json",
        ]
    ),
)
documents = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names | texts, inner, max_size=3)),
    max_leaves=8,
)


@given(document=documents)
@settings(max_examples=examples(200))
def test_the_one_look_that_finds_nothing_never_disagrees_with_looking_at_every_text(document) -> None:
    every_row = module._Tokens(range(len(TOKEN_FORMATS)), ("",))
    with (
        mock.patch.object(Redactor, "_hints", return_value=(every_row.rows, True)),
        mock.patch.object(module._Tokens, "of", return_value=every_row),
    ):
        expected = redactor().redact_json(document)
    assert redactor().redact_json(document) == expected


def test_what_is_plainly_free_is_not_looked_at_text_by_text(monkeypatch) -> None:
    subject = redactor()
    monkeypatch.setattr(subject, "_redact_each", None)
    free = {"path": "src/a.py", "rules": ["a", 1, None]}
    assert subject.redact_json(free) is free


def test_where_values_are_known_every_text_is_looked_at(monkeypatch) -> None:
    subject = redactor(it="hunter2-hunter2")
    assert subject.redact_json(["hunter2-hunter2"]) != ["hunter2-hunter2"]
