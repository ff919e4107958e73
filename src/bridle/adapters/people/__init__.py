"""People of one installation, from files in its configuration folder. Implements `trust.people`."""
