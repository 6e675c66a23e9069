"""Discovery: where things are. The DNS records of a deployment and the home cluster of a user."""
