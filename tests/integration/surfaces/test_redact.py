"""`bridle redact` over standard input, in one process."""

import io
import json

import pytest

from bridle.surfaces.cli import main

RULES = '[{kind: acme, literals: [acme_], pattern: "(acme_[a-z0-9]{12,})"}]'


@pytest.fixture
def redact(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("BRIDLE_CONFIG_DIR", str(tmp_path))

    def run(data, *words):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
        with pytest.raises(SystemExit) as ended:
            main.run(["redact", *map(str, words)])
        captured = capsys.readouterr()
        return ended.value.code, captured.out, captured.err

    return run


def test_text_goes_out_redacted_and_the_counts_beside_it(redact):
    code, out, err = redact(b"X_TOKEN=hunter2-hunter2 by ana@example.org\nrest\n")
    assert (code, err) == (0, "1 env, 1 mail\n")
    assert out.startswith("X_TOKEN=[secret:env:")
    assert out.endswith("]\nrest\n")


def test_lines_of_json_stay_json_and_so_do_the_counts(redact):
    code, out, err = redact(b'{"password": 1}\n{"n": 1.50}\n', "--json")
    assert (code, json.loads(err), out.splitlines()[1]) == (0, {"redacted": {"key": 1}}, '{"n": 1.50}')


def test_what_cannot_be_redacted_is_dropped_and_told(redact):
    code, out, err = redact(b"no json\n", "--json")
    assert (code, json.loads(out)["bytes"], json.loads(err)) == (4, 7, {"redacted": {"dropped": 1}})


def test_personal_data_stays_when_it_is_asked_to(redact):
    assert redact(b"ana@example.org", "--keep-personal") == (0, "ana@example.org", "nothing to redact\n")


def test_a_variable_names_a_value_that_is_secret_in_any_spelling(redact, monkeypatch):
    monkeypatch.setenv("DEPLOY_TOKEN", "correct horse battery")
    assert "[secret:known:" in redact(b"correct horse battery".hex().encode(), "--known", "DEPLOY_TOKEN")[1]
    assert redact(b"", "--known", "NO_SUCH_VARIABLE")[0] == 2


def test_rules_come_from_the_account_and_from_a_file(redact, tmp_path):
    (tmp_path / "more.yaml").write_text(RULES)
    assert redact(b"acme_0123456789ab", "--rules", tmp_path / "more.yaml")[2] == "1 acme\n"
    (tmp_path / "redaction.yaml").write_text(RULES)
    (tmp_path / "redaction.yaml").chmod(0o600)
    assert redact(b"acme_0123456789ab")[2] == "1 acme\n"


def test_rules_of_the_account_that_others_may_write_are_refused(redact, tmp_path):
    (tmp_path / "redaction.yaml").write_text(RULES)
    (tmp_path / "redaction.yaml").chmod(0o666)
    assert redact(b"text")[:2] == (3, "")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_an_encoding_that_hides_tokens_is_refused_and_nothing_goes_out(redact, encoding):
    code, out, err = redact("X_TOKEN=hunter2-hunter2".encode(encoding))
    assert (code, out, encoding[:6].upper() in err, "iconv" in err) == (2, "", True, True)
