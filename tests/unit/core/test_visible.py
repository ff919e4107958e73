"""What is shown of text that others wrote: nothing hidden stays hidden, and nothing is mistaken for something else."""

import pytest

from bridle.core.visible import hide_userinfo, make_visible, show_name


@pytest.mark.parametrize(
    ("hidden", "shown"),
    [
        ("\n", "\\u000a"),
        ("\r", "\\u000d"),
        ("\x1b", "\\u001b"),
        ("\u202e", "\\u202e"),
        ("\u2028", "\\u2028"),
        ("\u200b", "\\u200b"),
        ("\udcff", "\\udcff"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_is_hidden_is_written_out(hidden, shown):
    assert make_visible(f"a{hidden}b") == f"a{shown}b"


def test_what_is_kept_and_ordinary_letters_are_left_alone():
    assert make_visible("é ✓\n\t", keep="\n\t") == "é ✓\n\t"


def test_no_two_names_look_the_same():
    names = ["a\nb", "a\\u000ab", "a\\nb", "a\\\\u000ab"]
    assert len({show_name(name) for name in names}) == len(names)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("https://ana:pass@host/x.git", "https://host/x.git"),
        ("https://token@host/x.git", "https://host/x.git"),
        ("fatal: unable to access 'https://a:b@c@host/': no", "fatal: unable to access 'https://host/': no"),
        ("ssh://git@host:22/x and HTTPS://a:b@h/", "ssh://host:22/x and HTTPS://h/"),
        ("https://a:[secret:url-password:ab12]@host/x", "https://host/x"),
        ("https://host/x@y", "https://host/x@y"),
        ("/srv/a@b.git", "/srv/a@b.git"),
        ("ana@example.org", "ana@example.org"),
    ],
)
def test_an_address_is_told_without_user_and_password(text, told):
    assert hide_userinfo(text) == told
