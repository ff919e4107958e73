package bridle.gate

import rego.v1

# Once per order: what pays for an order pays once in the whole case, in whichever session. The account names the tools and the
# argument that says which order: facts {payout_tools: [mcp.shop.pay], order_argument: order}.

deny contains {
	"rule": "once-per-order.repeated",
	"reason": sprintf("Order %v was paid for before in this case, or may have been.", [once_order]),
} if {
	once_concerned
	is_array(input.history)
	some deed in input.history
	deed.tool in input.account.payout_tools
	deed.status in {"begun", "succeeded", "unknown"}
	deed.arguments[input.account.order_argument] == once_order
}

ask contains {
	"rule": "once-per-order.not-known",
	"reason": "Which order this pays for, or what was paid before in this case, is not known.",
} if {
	once_concerned
	not once_known
}

once_concerned if input.action.tool in input.account.payout_tools

once_order := object.get(input.action, "control", input.action.arguments)[input.account.order_argument]

once_known if {
	is_array(input.history)
	once_named
}

once_named if is_string(once_order)

once_named if is_number(once_order)
