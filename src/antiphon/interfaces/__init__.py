"""Floor 3: doors. They translate between a wire and the verbs of the services."""
