"""A bank's ledger and its customer system as MCP servers, in memory. They trust whoever calls them, as such servers do.

python bank.py ledger        transactions
python bank.py crm           what customers are told
"""

import sys

from mcp.server.mcpserver import MCPServer

TRANSACTIONS = {
    "TX-8812": {
        "transaction": "TX-8812",
        "customer": "C-7",
        "amount": "240.00",
        "at": "Ghent, cash machine",
    },
}
TOLD: list[dict[str, str]] = []

ledger, crm = MCPServer("ledger"), MCPServer("crm")


@ledger.tool()
def find(transaction: str) -> dict[str, str]:
    """Find one transaction by its id."""
    return TRANSACTIONS[transaction]


@crm.tool()
def notify(customer: str, text: str) -> str:
    """Write to a customer."""
    TOLD.append({"customer": customer, "text": text})
    return f"told {customer}"


if __name__ == "__main__":
    {"ledger": ledger, "crm": crm}[sys.argv[1]].run("stdio")
