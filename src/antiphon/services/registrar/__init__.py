"""The location service: which devices can be reached for a line, and how."""
