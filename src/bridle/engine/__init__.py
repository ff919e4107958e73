"""Plan to Execution. Uses `agent`, `gate`, `pipeline`, `trust` and `core`."""
