"""SIP: messages, transactions, dialogs and proofs of identity, without sockets, tasks or clocks."""
