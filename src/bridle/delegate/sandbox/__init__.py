"""Where untrusted commands run: one policy, compiled for a backend that proves at start what it can enforce."""
