"""Edge nodes: who may come in from outside over the mutual-TLS port."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EdgeNode:
    """One host of the edge, as `expresswaycconfiguration` has it. Source: S3-24, S3-38, S3-42."""

    name: str
    """Host name or address, in lower case."""
    pkid: str
    description: str = ""
    subject_names: tuple[str, ...] = ()
    """Common names and subject alternative names of its certificate; where there are none, `name` is the one."""
