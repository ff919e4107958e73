"""Action to Outcome: the one path every effect takes. Uses `dispatch`, `trust` and `core`."""
