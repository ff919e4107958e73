"""The platform of customers' accounts as an MCP server: it knows no keys, and credits as often as it is told."""

from typing import Any

import books
from mcp.server.mcpserver import MCPServer

accounts = MCPServer("accounts")


@accounts.tool()
def credit(order_id: str, amount: str) -> dict[str, Any]:
    """Credit a customer's account for one order."""
    fault = books.take_fault("credit")
    if fault == "refuse":
        raise ValueError("the account is closed")
    book = books.read("accounts")
    made = {"credit_id": f"C-{sum(map(len, book.values())) + 1}", "amount": amount}
    book.setdefault(order_id, []).append(made)
    books.write("accounts", book)
    if fault == "hang":
        books.hang()
    if fault == "lose":
        books.lose(made["credit_id"])
    return made


@accounts.tool()
def find_credit(order_id: str) -> dict[str, Any]:
    """Say which credit was made for an order, or null."""
    made = books.read("accounts").get(order_id, [])
    return {"credit": made[0] if made else None}


if __name__ == "__main__":
    books.break_the_connection()
    accounts.run("stdio")
