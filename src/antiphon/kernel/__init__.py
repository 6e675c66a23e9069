"""Floor 0: the core contract, time, bus, chain, routes, features, errors and settings. Imports nothing of ours."""
