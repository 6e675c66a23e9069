"""Fixtures that every test may take."""

pytest_plugins = ["tests.postgres", "tests.nats_server"]
