package bridle.gate_test

import rego.v1

calling := doc("model.call", "read", {"model": "m"}, "model:call")

test_a_model_call_is_allowed if allowed(calling) == {"model.call"}

test_a_model_call_without_the_permission_is_not_allowed if {
	allowed(doc("model.call", "read", {}, "file:read")) == set()
}

test_a_model_call_of_a_sleeping_agent_is_not_allowed if allowed(in_state(calling, "draft")) == set()
