"""Floor 1: protocol cores. Pure: fed bytes and the time, they own no socket, task or clock."""
