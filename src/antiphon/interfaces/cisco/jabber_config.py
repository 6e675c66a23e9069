"""The client configuration file: one element a parameter, in the section it belongs to.

Only what somebody has set is written: a parameter that is absent is blank, and blank has its own row in the
precedence (S2-149, S2-151). The defaults a client falls back to are `services.provisioning.parameters`.
"""

from __future__ import annotations

from antiphon.interfaces.cisco.xml import add, root, serialise
from antiphon.services.provisioning.parameters import PARAMETERS, SECTIONS, known
from antiphon.services.provisioning.service import Parameters


def jabber_config_file(parameters: Parameters) -> bytes:
    """The document of these (section, parameter, value); sections in the usual order, others behind them."""
    document = root("config", version="1.0")
    for section in dict.fromkeys((*SECTIONS, *(section for section, _, _ in parameters))):
        chosen = {known(name) or name: value for where, name, value in parameters if where == section}
        if not chosen:
            continue
        element = add(document, section)
        order = [name for name in PARAMETERS if name in chosen]
        for name in dict.fromkeys((*order, *chosen)):
            add(element, name, chosen[name])
    return serialise(document)
