"""One file or folder per outside system. Only the two composition roots import them."""
