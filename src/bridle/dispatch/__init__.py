"""Work for delegates: the messages that cross the border. Uses `trust` and `core`."""
