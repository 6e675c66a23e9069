"""The directory: users, lines, devices, service profiles and UC services."""
