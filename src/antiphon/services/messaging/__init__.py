"""Instant messaging and presence between users: routing, rosters, subscriptions, messages that wait."""

from antiphon.services.messaging.config import MessagingLimits, Software
from antiphon.services.messaging.ports import ConfirmingSession, Session
from antiphon.services.messaging.router import Router
from antiphon.services.messaging.service import Messaging
from antiphon.services.messaging.store import SCHEMA

__all__ = ["SCHEMA", "ConfirmingSession", "Messaging", "MessagingLimits", "Router", "Session", "Software"]
