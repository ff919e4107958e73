"""What the two services keep on disk, and the faults that they can be told to have.

The folder is REFUNDS_STATE, or `.refunds` here. A line of its file `faults` is one fault, and is used once: `post_refund lose`
does it and loses the answer, `credit refuse` refuses it for good, `post_refund twice` delivers it two times, `credit hang`
does it and never answers.
"""

import json
import os
import time
from pathlib import Path
from typing import Any

SERVED: list[bool] = []


class LostError(Exception):
    """It was done, and the answer does not arrive."""


def lose(what: str) -> None:
    """Let an answer be lost: a server's process ends; where its functions are called in process, LostError says so."""
    if SERVED:
        os._exit(3)
    raise LostError(what)


def hang() -> None:
    """Let an answer take until whoever asked is gone."""
    asked_by = os.getppid()
    while os.getppid() == asked_by:
        time.sleep(0.05)
    os._exit(3)


def break_the_connection() -> None:
    """Have answers be lost as a server loses them."""
    SERVED.append(True)


def folder() -> Path:
    """Return where the books are."""
    found = Path(os.environ.get("REFUNDS_STATE", ".refunds"))
    found.mkdir(parents=True, exist_ok=True)
    return found


def read(book: str) -> dict[str, Any]:
    """Return what a book holds."""
    path = folder() / f"{book}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def write(book: str, content: dict[str, Any]) -> None:
    """Replace what a book holds, whole or not at all."""
    draft = folder() / f"{book}.draft"
    draft.write_text(json.dumps(content))
    draft.replace(folder() / f"{book}.json")


def take_fault(tool: str) -> str:
    """Return the next fault of a tool, and use it up."""
    path = folder() / "faults"
    lines = path.read_text().splitlines() if path.exists() else []
    mine = next((line for line in lines if line.split()[0] == tool), "")
    if mine:
        lines.remove(mine)
        path.write_text("\n".join(lines))
    return mine.partition(" ")[2]
