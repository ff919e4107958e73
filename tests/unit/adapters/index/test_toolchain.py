"""What tells one toolchain from another."""

from bridle.adapters.index.toolchain import name_toolchain


def test_other_requirements_make_another_toolchain() -> None:
    assert name_toolchain(b"six==1", "3.11") != name_toolchain(b"six==2", "3.11")


def test_another_python_makes_another_toolchain() -> None:
    assert name_toolchain(b"six==1", "3.11") != name_toolchain(b"six==1", "3.12")
