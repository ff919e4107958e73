"""The journal as others can check it: a Merkle tree, signed checkpoints, tiles, publications and the witness's word."""
