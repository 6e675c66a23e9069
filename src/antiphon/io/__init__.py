"""Floor 3: drivers. The only place that owns sockets, tasks, the clock and randomness."""
