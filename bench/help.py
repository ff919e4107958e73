"""How long `bridle --help` takes, from the shell's point of view, next to an interpreter that does nothing.

    python bench/help.py [ROUNDS]

The cases take turns. It asserts nothing.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

BRIDLE = Path(sys.executable).with_name("bridle")
CASES: dict[str, list[str]] = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "bridle --help": [str(BRIDLE), "--help"],
    "bridle run --help": [str(BRIDLE), "run", "--help"],
}


def main(rounds: int) -> None:
    """Measure and print."""
    taken: dict[str, list[float]] = {name: [] for name in CASES}
    for turn in range(rounds + 1):
        for name, command in CASES.items():
            started = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            if turn:  # the first turn fills the caches
                taken[name].append(time.perf_counter() - started)
    unit = statistics.median(taken["python -c pass"])
    print(f"{'case':<20}{'min s':>8}{'median s':>10}{'max s':>8}{'x python':>10}   ({rounds} rounds)")
    for name, values in taken.items():
        middle = statistics.median(values)
        print(f"{name:<20}{min(values):>8.2f}{middle:>10.2f}{max(values):>8.2f}{middle / unit:>10.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
