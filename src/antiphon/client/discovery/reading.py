"""What the answers on the way home say, in a person's words."""

from __future__ import annotations

import re
from dataclasses import replace

from antiphon.client import documents
from antiphon.client.discovery.asking import Asker
from antiphon.client.discovery.errors import BAD_HOME
from antiphon.client.discovery.record import Verdict
from antiphon.client.discovery.rules import Conclusion, Source, Where
from antiphon.client.documents import HomeCluster, SignOn
from antiphon.client.http import Answer
from antiphon.io.dns_client import Outcome, Resolver, SrvAnswer
from antiphon.protocols.dns.names import is_address, normalise

_ERROR_CODE = re.compile(rb"<errorcode>\s*(\d+)\s*</errorcode>", re.IGNORECASE)


def tell_srv(ask: Asker, source: Source, answer: SrvAnswer, concluded: Conclusion) -> None:
    asked = f"SRV {answer.name}"
    if answer.outcome is Outcome.FOUND:
        said = "; ".join(f"{r.priority} {r.weight} {r.port} {r.target}" for r in answer.records)
        conclusion = (
            source.meaning if source is concluded.source else f"not used: _{_name(concluded)} comes first"
        )
        ask.add("dns", asked, said, conclusion, answer.took_s)
        return
    failed = answer.outcome is Outcome.NO_ANSWER
    verdict = Verdict.FAILED if failed else Verdict.ABSENT
    conclusion = "the name servers do not answer" if failed else "not offered here"
    ask.add("dns", asked, answer.outcome.value, conclusion, answer.took_s, verdict)


def _name(concluded: Conclusion) -> str:
    return concluded.source.service if concluded.source is not None else ""


def tell_place(ask: Asker, concluded: Conclusion, resolver: Resolver) -> None:
    said = ", ".join(record.target for record in concluded.servers)
    match concluded.where:
        case Where.INSIDE:
            ask.add("place", str(resolver), said, "inside")
        case Where.OUTSIDE:
            ask.add("place", str(resolver), said, "outside: everything goes through the edge")
        case _:
            ask.add("place", str(resolver), "", "nothing found: enter the servers by hand, or ask your administrator",
                    verdict=Verdict.ABSENT)  # fmt: skip


def read_home(answer: Answer) -> HomeCluster:
    home = documents.home_cluster(answer.body)
    if home is None:
        return HomeCluster("", "", "")
    try:
        # It becomes part of an address: whatever else it may be, it has to be a name.
        return replace(home, host=home.host if is_address(home.host) else normalise(home.host))
    except ValueError as error:
        raise BAD_HOME.error(home.host[:64]) from error


def home_meaning(home: HomeCluster) -> tuple[str, Verdict]:
    if home.host:
        return f"home cluster {home.host}, user {home.userid}", Verdict.OK
    return "nobody is known by this here", Verdict.ABSENT


def read_servers(answer: Answer) -> tuple[str, ...]:
    return documents.server_list(answer.body)


def read_version(answer: Answer) -> str:
    return documents.interface_version(answer.body)


def read_sign_on(answer: Answer) -> SignOn:
    return documents.sign_on(answer.body)


def sign_on_meaning(sign_on: SignOn) -> tuple[str, Verdict]:
    how = "once, in a browser, for all services" if sign_on.sso else "with name and password at each service"
    return f"sign in {how}{'; tokens are renewed' if sign_on.code_grant else ''}", Verdict.OK


def cas_code(answer: Answer) -> int:
    found = _ERROR_CODE.search(answer.body)
    return int(found[1]) if found else 1


def cas_meaning(code: int) -> tuple[str, Verdict]:
    if code == 1:
        return "no domain of the cloud service", Verdict.ABSENT
    return "a domain of the cloud service", Verdict.OK
