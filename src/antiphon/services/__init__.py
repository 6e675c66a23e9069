"""Floor 2: the services of the mission. They keep the state and make the decisions."""
