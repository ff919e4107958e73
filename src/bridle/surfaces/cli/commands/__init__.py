"""One file per group of commands. Each has `register(app)`."""
