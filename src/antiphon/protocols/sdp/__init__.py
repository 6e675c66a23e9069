"""SDP: session descriptions and what an offer and its answer say about direction."""

from antiphon.protocols.sdp.direction import Direction, direction, held, with_direction
from antiphon.protocols.sdp.session import Malformed, Media, Session, parse

__all__ = ["Direction", "Malformed", "Media", "Session", "direction", "held", "parse", "with_direction"]
