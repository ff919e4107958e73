"""The inner half of the probe, as text."""

import subprocess
import sys

from bridle.delegate.sandbox import canary


def test_it_has_loaded_nothing_that_keeps_a_file_open_when_it_looks_at_the_descriptors():
    """A newer libffi, which ctypes loads, keeps its own file open: the sandbox would be refused for that."""
    listing = "import runpy, sys; runpy.run_path(sys.argv[1]); print('ctypes' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", listing, canary.__file__],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "False"
