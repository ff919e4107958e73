"""The payment ledger as an MCP server: it knows keys, and can be asked what became of one. Its book is on disk."""

from typing import Any

import books
from mcp.server.mcpserver import MCPServer

ledger = MCPServer("ledger")


@ledger.tool()
def post_refund(order_id: str, amount: str, idempotency_key: str) -> dict[str, Any]:
    """Post a refund adjustment. The same key posts once."""
    fault = books.take_fault("post_refund")
    if fault == "refuse":
        raise ValueError("the period is closed")
    for _ in range(2 if fault == "twice" else 1):
        posted = _post(order_id, amount, idempotency_key)
    if fault == "lose":
        books.lose(posted["posting_id"])
    return posted


@ledger.tool()
def find_posting(key: str) -> dict[str, Any]:
    """Say which posting a key made, or null."""
    return {"posting": books.read("ledger").get(key)}


@ledger.tool()
def void_refund(order_id: str, posting_id: str) -> dict[str, Any]:
    """Take a posting back."""
    book = books.read("ledger")
    left = {key: posting for key, posting in book.items() if posting["posting_id"] != posting_id}
    books.write("ledger", left)
    return {"voided": posting_id}


def _post(order_id: str, amount: str, key: str) -> dict[str, Any]:
    book = books.read("ledger")
    if key not in book:
        book[key] = {"posting_id": f"P-{len(book) + 1}", "order_id": order_id, "amount": amount}
        books.write("ledger", book)
    return book[key]


if __name__ == "__main__":
    books.break_the_connection()
    ledger.run("stdio")
