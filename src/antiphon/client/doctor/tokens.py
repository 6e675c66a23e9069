"""The authorization server: its description of itself, its keys, and how people sign in.

Source: RFC 8414 §3, RFC 7517, RFC 9700 §2.1.1; S1-30, S3-27.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from antiphon.client import documents
from antiphon.client.doctor.findings import Problem, Result, Severity
from antiphon.client.doctor.patient import Patient
from antiphon.client.http import Answer
from antiphon.client.oauth import METADATA_PATH
from antiphon.kernel.errors import DomainError, Kind

NO_METADATA = Problem(
    "AP-DOC-401",
    Kind.UNAVAILABLE,
    "The authorization server does not describe itself.",
    "Serve /.well-known/oauth-authorization-server on the identity node.",
    "Clients cannot find out where to get tokens.",
)
OTHER_ISSUER = Problem(
    "AP-DOC-402",
    Kind.CONFLICT,
    "The authorization server calls itself by another name than the one it was asked by.",
    "Set the issuer to the address that clients use.",
    "Clients must not use it (RFC 8414 §3.3): it could be a stranger's.",
)
INSECURE_ENDPOINT = Problem(
    "AP-DOC-403",
    Kind.INVALID,
    "An endpoint of the authorization server is not HTTPS, or missing.",
    "Publish HTTPS addresses for authorization, token and keys.",
    "Passwords and tokens would travel in clear, or not at all.",
)
NO_KEYS = Problem(
    "AP-DOC-404",
    Kind.UNAVAILABLE,
    "The signing keys cannot be read.",
    "Serve the key set that the metadata names, with at least one key for signatures.",
    "Chat and call servers cannot check tokens, and refuse everybody.",
)
PRIVATE_KEY = Problem(
    "AP-DOC-405",
    Kind.INVALID,
    "The published key set holds a private key.",
    "Rotate the signing keys at once and publish the public halves only.",
    "Whoever has read it can sign in as anybody.",
)
NO_PKCE = Problem(
    "AP-DOC-406",
    Kind.INVALID,
    "The authorization server does not offer PKCE with S256.",
    "Switch it on.",
    "A code that is intercepted can be used by whoever has it.",
    Severity.WARNING,
)
NO_SIGN_ON = Problem(
    "AP-DOC-407",
    Kind.UNAVAILABLE,
    "The cluster does not say how people sign in.",
    "Serve /ssosp/ws/public/singleSignOn.",
    "Clients fall back to sending passwords to every service.",
    Severity.WARNING,
)

_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "k"}


class Tokens:
    name = "tokens"
    title = "Sign-in and tokens (OAuth)"

    async def look(self, patient: Patient, result: Result) -> None:
        if not patient.home:
            result.skipped = "no directory node has answered"
            return
        await self._sign_on(patient, result)
        url = patient.home + METADATA_PATH
        metadata = await _json(patient, result, url, NO_METADATA)
        if metadata is None:
            return
        issuer = metadata.get("issuer")
        if issuer != patient.home:
            result.findings.append(OTHER_ISSUER.at(url, f"{issuer!r:.100}, asked as {patient.home}"))
        else:
            result.good.append(f"issuer {issuer}")
        for name in _ENDPOINTS:
            if urlsplit(str(metadata.get(name, ""))).scheme != "https":
                result.findings.append(INSECURE_ENDPOINT.at(url, f"{name}: {str(metadata.get(name))[:100]}"))
        if "S256" not in (metadata.get("code_challenge_methods_supported") or ()):
            result.findings.append(NO_PKCE.at(url))
        await self._keys(patient, result, str(metadata.get("jwks_uri", "")))

    async def _sign_on(self, patient: Patient, result: Result) -> None:
        url = f"{patient.home}/ssosp/ws/public/singleSignOn"
        try:
            answer = await patient.http.get(url)
            sign_on = documents.sign_on(answer.body) if answer.ok else None
        except DomainError as error:
            result.findings.append(NO_SIGN_ON.at(url, error.detail))
            return
        if sign_on is None:
            result.findings.append(NO_SIGN_ON.at(url, f"status {answer.status}"))
            return
        how = "single, in a browser" if sign_on.sso else "at each service"
        result.good.append(f"sign-on: {how}{', refresh tokens' if sign_on.code_grant else ''}")

    async def _keys(self, patient: Patient, result: Result, url: str) -> None:
        if urlsplit(url).scheme != "https":
            return
        document = await _json(patient, result, url, NO_KEYS)
        if document is None:
            return
        listed = document.get("keys")
        keys = [key for key in listed if isinstance(key, dict)] if isinstance(listed, list) else []
        signing = [key for key in keys if key.get("use", "sig") == "sig" and key.get("kty") != "oct"]
        if any(_PRIVATE & set(key) for key in keys):
            result.findings.append(PRIVATE_KEY.at(url))
        elif not signing:
            result.findings.append(NO_KEYS.at(url, f"{len(keys)} keys, none for signatures"))
        else:
            result.good.append(f"{len(signing)} signing key{'s' if len(signing) > 1 else ''}")


async def _json(patient: Patient, result: Result, url: str, problem: Problem) -> dict[str, Any] | None:
    try:
        answer: Answer = await patient.http.get(url)
        if answer.ok:
            return answer.json()
        result.findings.append(problem.at(url, f"status {answer.status}"))
    except DomainError as error:
        result.findings.append(problem.at(url, error.detail))
    return None
