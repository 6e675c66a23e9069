"""The call as a core between legs: what rings, who is connected, and what has happened."""
