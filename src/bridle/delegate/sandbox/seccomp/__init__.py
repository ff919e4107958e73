"""Which system calls a sandboxed command may make: one table, two filters per architecture, their digests."""
