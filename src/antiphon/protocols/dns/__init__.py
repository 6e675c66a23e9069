"""DNS as far as discovery needs it: names, SRV selection, and an authority that answers from memory."""
