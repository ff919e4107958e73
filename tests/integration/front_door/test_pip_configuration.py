"""What pip's configuration files say is heard, and comes after what the environment says."""

from pathlib import Path

from bridle.adapters.index.location import locate_index


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_users_file_names_the_index_and_its_authorities(tmp_path: Path) -> None:
    write(
        tmp_path / ".config/pip/pip.conf",
        "[global]\nindex-url = https://house.invalid/simple\ncert = /house.pem\n",
    )
    place = locate_index({"HOME": str(tmp_path), "SSL_CERT_FILE": "/other.pem"})
    assert (place.url, place.authorities) == ("https://house.invalid/simple", "/house.pem")


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    write(tmp_path / "named.conf", "[global]\nindex-url = https://house.invalid/simple\n")
    named = {"HOME": str(tmp_path), "PIP_CONFIG_FILE": str(tmp_path / "named.conf")}
    assert (
        locate_index({**named, "PIP_INDEX_URL": "https://env.invalid/simple"}).url
        == "https://env.invalid/simple"
    )
    assert locate_index(named).url == "https://house.invalid/simple"


def test_a_file_that_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path / ".config/pip/pip.conf", "no section\n")
    write(tmp_path / ".pip/pip.conf", "[global]\nindex-url = https://old.invalid/simple\n")
    assert locate_index({"HOME": str(tmp_path)}).url == "https://old.invalid/simple"
