"""Our own HTTP interfaces: sign-in and OAuth, the administration API."""
