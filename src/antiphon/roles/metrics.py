"""Prometheus metrics of a process. Counts are kept where things happen; here they only get their names.

Source: mission conventions (metric names).
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from antiphon import __version__
from antiphon.interfaces.sip import SipDoor
from antiphon.interfaces.xmpp.door import XmppDoor
from antiphon.io.listen import Listeners
from antiphon.roles.services import Services
from antiphon.services.trust.service import Trust


class Metrics(Collector):
    def __init__(
        self, services: Services, sip: SipDoor, xmpp: XmppDoor, streams: Listeners, trust: Trust
    ) -> None:
        self._services = services
        self._sip = sip
        self._xmpp = xmpp
        self._streams = streams
        self._trust = trust
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def text(self) -> bytes:
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        yield gauge("antiphon_build_info", "The version that runs.", 1, version=__version__)
        yield gauge("antiphon_connections", "Stream connections that are open.", self._streams.connections)
        yield gauge(
            "antiphon_sip_registrations", "Addresses of record with a binding.", len(self._services.registrar)
        )
        yield gauge("antiphon_sip_transactions", "SIP transactions in progress.", self._sip.transactions)
        yield gauge("antiphon_calls_active", "Calls under way.", len(self._services.calls.calls))
        yield from self._of_xmpp()
        expiry = GaugeMetricFamily(
            "antiphon_cert_expiry_timestamp_seconds", "When a certificate expires.", labels=["name"]
        )
        for certificate in self._trust.certificates():
            expiry.add_metric([f"{certificate.node}/{certificate.purpose.value}"], certificate.not_after)
        yield expiry

    def _of_xmpp(self) -> Iterator[Metric]:
        counters = self._xmpp.counters
        yield gauge("antiphon_xmpp_sessions", "Bound XMPP sessions.", counters.sessions)
        stanzas = CounterMetricFamily(
            "antiphon_xmpp_stanzas", "Stanzas received from clients.", labels=["kind"]
        )
        received = {"message": counters.messages, "presence": counters.presences, "iq": counters.iqs}
        for kind, count in received.items():
            stanzas.add_metric([kind], count)
        yield stanzas
        logins = CounterMetricFamily("antiphon_login", "XMPP sign-ins.", labels=["method", "result"])
        for (method, result), count in counters.logins.items():
            logins.add_metric([method, result], count)
        yield logins


def gauge(name: str, help_text: str, value: float, **labels: str) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, help_text, labels=list(labels))
    family.add_metric(list(labels.values()), value)
    return family
