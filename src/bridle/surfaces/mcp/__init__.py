"""The MCP face: the door for agents that run elsewhere."""
