package bridle.gate_test

import rego.v1

continuing := doc("pipeline.continue", "reversible", {"step": "a/ask"}, "pipeline:continue")

test_a_person_is_asked_whether_to_go_on if asked(by(continuing, "user")) == {"pipeline.continue"}

test_nothing_goes_on_without_being_asked if allowed(by(continuing, "user")) == set()

test_an_agent_does_not_ask_to_go_on if asked(continuing) == set()

test_going_on_without_the_permission_does_not_ask if {
	asked(object.union(by(continuing, "user"), {"scope": []})) == set()
}

beginning(tool) := doc(tool, "reversible", {"plan": "p"}, "execution:start")

test_who_started_it_may_begin_it_and_its_steps if {
	allowed(by(beginning("pipeline.begin"), "user")) == {"pipeline.event"}
	allowed(by(beginning("pipeline.save"), "user")) == {"pipeline.event"}
	allowed(by(beginning("pipeline.step"), "user")) == {"pipeline.event"}
}

test_an_agent_begins_nothing if allowed(beginning("pipeline.begin")) == set()

test_without_the_permission_nothing_begins if {
	allowed(object.union(by(beginning("pipeline.begin"), "user"), {"scope": []})) == set()
}

test_who_opened_a_session_may_begin_it if {
	beginning_session := doc("session.begin", "reversible", {"agent": "agent:acme.clerk"}, "session:open")
	allowed(by(beginning_session, "user")) == {"session.event"}
	allowed(beginning_session) == set()
}
