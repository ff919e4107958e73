"""The delegate's client of MCP servers."""
