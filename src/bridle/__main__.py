"""`python -m bridle`: the command line."""

from bridle.surfaces.cli.main import run

run()
