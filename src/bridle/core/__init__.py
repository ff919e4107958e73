"""The vocabulary every other package shares: errors, ids, clock, canonical JSON, states, settings. No I/O."""
