"""Service discovery: from `user@domain` to the servers, step by step, each step told.

`discover` finds where to sign in; `Explorer.explore` reads with a proof of identity what the home cluster has for the user.
"""

from antiphon.client.discovery.bootstrap import Bootstrap, parse_link
from antiphon.client.discovery.explore import Explorer
from antiphon.client.discovery.record import Found, Provisioned, Step, Verdict
from antiphon.client.discovery.rules import Where
from antiphon.client.discovery.walk import Discoverer, discover

__all__ = [
    "Bootstrap",
    "Discoverer",
    "Explorer",
    "Found",
    "Provisioned",
    "Step",
    "Verdict",
    "Where",
    "discover",
    "parse_link",
]
