"""Certificates over HTTP: `/api/v1/trust`. For administrators, but for the root certificate, which everybody needs.

Source: S4-20, S4-26, S4-27, S4-29 … S4-31.
"""

from __future__ import annotations

import asyncio
from typing import Any

from cryptography import x509
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from antiphon.interfaces.http import forms
from antiphon.interfaces.http.administrator import administrator
from antiphon.interfaces.http.problem import Handler, answering
from antiphon.protocols.x509.chain import MAX_BYTES, fingerprint, self_signed
from antiphon.protocols.x509.issue import KEY_KINDS, certificates_pem, new_key
from antiphon.protocols.x509.names import names_of
from antiphon.services.identity import Identity
from antiphon.services.trust import ServerCertificate, Trust
from antiphon.services.trust.errors import BAD_FIELD

PREFIX = "/api/v1/trust"
CA = f"{PREFIX}/ca.pem"
_ONE = PREFIX + "/certificates/{node}/{purpose}"


def routes(trust: Trust, identity: Identity) -> list[BaseRoute]:
    return TrustApi(trust, identity).routes()


class TrustApi:
    def __init__(self, trust: Trust, identity: Identity) -> None:
        self._trust = trust
        self._identity = identity

    def routes(self) -> list[BaseRoute]:
        protected: list[tuple[str, str, Handler]] = [
            ("GET", f"{PREFIX}/certificates", self.list),
            ("GET", _ONE, self.show),
            ("PUT", _ONE, self.import_),
            ("GET", f"{_ONE}/request", self.pending),
            ("POST", f"{_ONE}/request", self.request),
            ("POST", f"{_ONE}/renew", self.renew),
            ("POST", f"{_ONE}/restore", self.restore),
            ("GET", f"{PREFIX}/authorities", self.authorities),
            ("POST", f"{PREFIX}/authorities", self.trust),
            ("DELETE", PREFIX + "/authorities/{fingerprint}", self.distrust),
        ]
        return [
            Route(CA, self.ca),
            *(Route(path, self._protected(handler), methods=[method]) for method, path, handler in protected),
        ]

    def _protected(self, handler: Handler) -> Handler:
        async def checked(request: Request) -> Response:
            administrator(request, self._identity)
            return await handler(request)

        return answering(checked)

    async def ca(self, _: Request) -> Response:
        return Response(
            self._trust.ca_pem(),
            media_type="application/x-pem-file",
            headers={"Content-Disposition": 'attachment; filename="antiphon-ca.pem"'},
        )

    async def list(self, _: Request) -> Response:
        return JSONResponse({"items": [_described(each) for each in self._trust.certificates()]})

    async def show(self, request: Request) -> Response:
        certificate = self._trust.certificate(*_which(request))
        pem = certificates_pem(certificate.certificate, *certificate.chain).decode("ascii")
        return JSONResponse({**_described(certificate), "pem": pem})

    async def request(self, request: Request) -> Response:
        given = await forms.json_object(request)
        kind = given.get("key", "ec-256")
        subject = given.get("subject", {})
        if kind not in KEY_KINDS:
            raise BAD_FIELD.error(f"key is one of {', '.join(KEY_KINDS)}")
        if not isinstance(subject, dict) or not all(isinstance(value, str) for value in subject.values()):
            raise BAD_FIELD.error("subject is an object of texts")
        self._trust.certificate(*_which(request))
        # An RSA key takes up to seconds; calls go on meanwhile.
        key = await asyncio.to_thread(new_key, kind)
        pem = self._trust.request(
            *_which(request), subject, key, domain=given.get("domain", True) is not False
        )
        return JSONResponse({"pem": pem.decode("ascii")}, 201)

    async def pending(self, request: Request) -> Response:
        return JSONResponse({"pem": self._trust.pending_request(*_which(request)).decode("ascii")})

    async def import_(self, request: Request) -> Response:
        data = await forms.body(request, MAX_BYTES)
        return JSONResponse(_described(self._trust.import_certificate(*_which(request), data)))

    async def renew(self, request: Request) -> Response:
        return JSONResponse(_described(self._trust.renew(*_which(request))))

    async def restore(self, request: Request) -> Response:
        return JSONResponse(_described(self._trust.restore(*_which(request))))

    async def authorities(self, _: Request) -> Response:
        return JSONResponse({"items": [_authority(each) for each in self._trust.authorities]})

    async def trust(self, request: Request) -> Response:
        accepted = self._trust.trust(await forms.body(request, MAX_BYTES))
        return JSONResponse({"items": [_authority(each) for each in accepted]}, 201)

    async def distrust(self, request: Request) -> Response:
        self._trust.distrust(request.path_params["fingerprint"])
        return Response(status_code=204)


def _which(request: Request) -> tuple[str, str]:
    return request.path_params["node"], request.path_params["purpose"]


def _described(certificate: ServerCertificate) -> dict[str, Any]:
    names = certificate.names
    return {
        "node": certificate.node,
        "purpose": certificate.purpose.value,
        "ours": certificate.ours,
        "self_signed": self_signed(certificate.certificate),
        "issued_to": certificate.certificate.subject.rfc4514_string(),
        "issued_by": certificate.certificate.issuer.rfc4514_string(),
        "not_before": certificate.certificate.not_valid_before_utc.isoformat(),
        "not_after": certificate.certificate.not_valid_after_utc.isoformat(),
        "fingerprint": fingerprint(certificate.certificate),
        "dns_names": list(names.dns_names),
        "srv_names": list(names.srv_names),
        "xmpp_addrs": list(names.xmpp_addrs),
    }


def _authority(certificate: x509.Certificate) -> dict[str, Any]:
    return {
        "issued_to": certificate.subject.rfc4514_string(),
        "issued_by": certificate.issuer.rfc4514_string(),
        "not_after": certificate.not_valid_after_utc.isoformat(),
        "fingerprint": fingerprint(certificate),
        "common_names": list(names_of(certificate).common_names),
    }
