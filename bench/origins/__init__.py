"""Tasks of a business and of its delivery, the attacks on them, and what the gate makes of both."""
