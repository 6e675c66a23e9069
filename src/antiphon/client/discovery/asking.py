"""One question over HTTP, timed and told, whatever comes of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

from antiphon.client.discovery.record import Step, Tell, Verdict
from antiphon.client.http import Answer, Http
from antiphon.kernel.errors import DomainError

T = TypeVar("T")

PLAIN_PORT, TLS_PORT = 6970, 6972


class Asker:
    """Adds a step for every question, good or bad."""

    def __init__(self, http: Http, steps: list[Step], tell: Tell) -> None:
        self._http = http
        self._steps = steps
        self._tell = tell

    def add(
        self,
        name: str,
        asked: str,
        answered: str,
        conclusion: str,
        took_s: float = 0.0,
        verdict: Verdict = Verdict.OK,
    ) -> None:
        step = Step(name, asked, answered, took_s, conclusion, verdict)
        self._steps.append(step)
        self._tell(step)

    async def get(
        self,
        name: str,
        url: str,
        read: Callable[[Answer], T],
        conclude: Callable[[T], tuple[str, Verdict]],
        *,
        bearer: str = "",
        basic: tuple[str, str] | None = None,
        parameters: dict[str, str] | None = None,
        absent: str = "",
    ) -> T | None:
        """GET and read; None when there was no readable answer. `absent` says what a 404 means, if it may happen."""
        asked = f"GET {url}" + (
            f"?{'&'.join(f'{k}={v}' for k, v in parameters.items())}" if parameters else ""
        )
        started = time.monotonic()
        try:
            answer = await self._http.get(url, bearer=bearer, basic=basic, parameters=parameters)
            took_s = time.monotonic() - started
            said = f"{answer.status}, {len(answer.body)} octets"
            if not answer.ok:
                missing = answer.status == 404 and absent
                verdict = Verdict.ABSENT if missing else Verdict.FAILED
                self.add(name, asked, said, absent if missing else _refusal(answer.status), took_s, verdict)
                return None
            value = read(answer)
        except DomainError as error:
            took_s = time.monotonic() - started
            self.add(
                name, asked, error.detail or error.fault.what, str(error.fault.what), took_s, Verdict.FAILED
            )
            return None
        conclusion, verdict = conclude(value)
        self.add(name, asked, said, conclusion, took_s, verdict)
        return value


def _refusal(status: int) -> str:
    if status == 401:
        return "the sign-in was not accepted"
    if status == 403:
        return "not allowed for this user"
    return "the server does not offer this"


def secured(uri: str) -> str:
    """Where the same file is served over TLS: plain port 6970 becomes 6972."""
    parts = urlsplit(uri)
    if parts.scheme == "http" and parts.port == PLAIN_PORT:
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return f"https://{host}:{TLS_PORT}{parts.path}"
    return uri
