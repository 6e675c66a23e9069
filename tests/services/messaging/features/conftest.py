"""The site of the messaging tests."""

from tests.services.messaging.conftest import site, tight

__all__ = ["site", "tight"]
