"""Cases: durable state of a business process, tied to a business object, that people, systems and agents share."""
