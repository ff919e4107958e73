"""What `uses` asks for, and which version that is."""

import pytest

from bridle.core.errors import InputError
from bridle.pipeline.uses import Use, choose_version, parse_use

VERSIONS = ["1.0.2", "1.1.0", "1.10.0", "1.10.1", "2.0.0"]


@pytest.mark.parametrize(
    ("wanted", "version"),
    [
        ("1.0.2", "1.0.2"),
        ("1.1", "1.1.0"),
        ("1.10", "1.10.1"),
        ("1", "1.10.1"),
        ("", "2.0.0"),
        ("3", ""),
        ("1.1.1", ""),
    ],
)
def test_a_range_means_the_newest_that_begins_so(wanted, version):
    assert choose_version(wanted, VERSIONS) == version


def test_no_version_means_the_stable_one_where_somebody_named_it():
    assert choose_version("", VERSIONS, stable="1.1.0") == "1.1.0"


def test_a_stable_version_that_is_not_there_is_not_replaced():
    assert choose_version("", VERSIONS, stable="9.0.0") == ""


def test_a_version_that_is_there_as_written_is_meant():
    assert choose_version("1.2", ["1.2", "1.2.5"]) == "1.2"


@pytest.mark.parametrize(
    ("text", "use"),
    [
        ("review", Use("review", "")),
        ("account.review@1.10", Use("review", "1.10")),
        ("org.review@1", Use("review", "1")),
        ("harness.autofix@1.2", Use("harness.autofix", "1.2")),
    ],
)
def test_a_scope_is_no_part_of_the_name(text, use):
    assert parse_use(text) == use


@pytest.mark.parametrize(
    "text", ["", "..", "a..b", "../x", "a/b", "x@", "x@1.2.3.4", "x@latest", "x@٣", ".x", "x\n"]
)
def test_what_names_nothing_is_refused(text):
    with pytest.raises(InputError) as caught:
        parse_use(text)
    assert caught.value.reason == "bad-uses"
