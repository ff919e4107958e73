"""The command line: results on standard output, everything else on standard error, one document with --json."""
