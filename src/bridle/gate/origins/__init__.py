"""Where the values of a call come from, and whether anybody who may vouch for them does."""
