"""Where the index is said to be."""

from bridle.adapters.index.location import IndexLocation, hide_password, locate_index

UV, PIP = "https://uv.invalid/simple", "https://pip.invalid/simple"


def test_a_variable_of_uv_goes_before_one_of_pip() -> None:
    assert locate_index({"PIP_INDEX_URL": PIP, "UV_DEFAULT_INDEX": UV}).url == UV


def test_a_named_index_is_read_without_its_name() -> None:
    assert locate_index({"UV_DEFAULT_INDEX": f"house={UV}"}).url == UV


def test_an_address_with_an_equals_sign_in_it_stays_whole() -> None:
    assert locate_index({"PIP_INDEX_URL": f"{PIP}?key=value"}).url == f"{PIP}?key=value"


def test_the_bundle_that_the_library_would_take_anyway_goes_first() -> None:
    named = {"REQUESTS_CA_BUNDLE": "/one.pem", "PIP_CERT": "/two.pem", "PIP_INDEX_URL": PIP}
    assert locate_index(named) == IndexLocation(PIP, "/one.pem")


def test_a_password_is_not_shown() -> None:
    assert IndexLocation("https://me:hunter2@pip.invalid/simple").shown == "https://***@pip.invalid/simple"


def test_a_password_inside_a_message_is_not_shown() -> None:
    assert hide_password("401 for url: https://me:a@b/c") == "401 for url: https://***@b/c"


def test_no_address_is_spelled_as_the_default() -> None:
    assert IndexLocation("").shown == "the default package index"
