"""SIP transactions: four state machines in one table, and the layer that matches messages to them."""

from antiphon.protocols.sip.transaction.layer import TransactionLayer
from antiphon.protocols.sip.transaction.machine import (
    ClientTransaction,
    ServerTransaction,
    TimedOut,
    Transaction,
    TransportFailed,
)
from antiphon.protocols.sip.transaction.table import Kind, State

__all__ = [
    "ClientTransaction",
    "Kind",
    "ServerTransaction",
    "State",
    "TimedOut",
    "Transaction",
    "TransactionLayer",
    "TransportFailed",
]
