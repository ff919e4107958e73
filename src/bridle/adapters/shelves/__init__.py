"""Places where a journal is published: a folder, a git repository, an object store."""
