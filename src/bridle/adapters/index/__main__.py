"""The part of setting up that `./run` leaves to Python: `python -m bridle.adapters.index REQUIREMENTS`.

Makes the sandbox's toolchain from the requirements file and fetches the sample's archive; prints what lies where.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bridle.adapters.index.sample import fetch_autofix_archive
from bridle.adapters.index.toolchain import prepare_toolchain
from bridle.core.errors import BridleError
from bridle.core.settings import load_settings


def main(requirements: str) -> int:
    """Prepare both; return the exit code of the error, which is printed, or 0."""
    settings = load_settings()
    try:
        print(prepare_toolchain(settings, Path(requirements)))
        print(fetch_autofix_archive(settings))
    except BridleError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
