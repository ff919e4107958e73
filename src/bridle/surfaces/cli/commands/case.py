"""`bridle case`: durable state of business processes, which people, systems and agents share."""

from __future__ import annotations

import typer

from bridle.surfaces.cli.options import AsJson, print_json, put

case_app = typer.Typer(
    help="Cases: durable state of a business process, tied to a business object.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    app.add_typer(case_app, name="case")


@case_app.command(name="types", epilog="Example: bridle case types --json")
def case_types(as_json: AsJson = False) -> int:
    """List the types of cases that can be opened here: of this project, then those that ship."""
    from bridle.app import case_roots
    from bridle.operating.cases.shelf import list_files, load_case_type

    roots = case_roots()
    found = [(load_case_type(name, roots=roots), path) for name, path in list_files(roots).items()]
    if as_json:
        print_json([{**one.to_json(), "digest": one.digest, "file": str(path)} for one, path in found])
        return 0
    for one, path in found:
        put(f"{one.name}@{one.version}  {one.owner}  {' '.join(one.states)}  ({path})")
    return 0
