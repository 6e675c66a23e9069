"""Configuration files by name, over HTTP 6970, HTTPS 6971 and 6972, and for TFTP.

As in the field the files are readable without signing in: a phone that knows only its name must be able to start.
That is why they hold no secrets, and why there is no listing of names. Source: S3-14.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from antiphon.interfaces.cisco.cnf_xml import default_file, device_file
from antiphon.interfaces.cisco.jabber_config import jabber_config_file
from antiphon.interfaces.cisco.service_profile import service_profile_file
from antiphon.interfaces.cisco.verbs import ReadOnly
from antiphon.services.provisioning.errors import NO_SUCH_FILE
from antiphon.services.provisioning.service import Provisioning

MAX_NAME = 128
_SUFFIX = ".cnf.xml"


class DeviceFile(NamedTuple):
    body: bytes
    etag: str
    """A strong entity tag, RFC 9110 §8.8.3: of the octets themselves."""


class DeviceFiles:
    """Renders a file when it is asked for; nothing is kept on disk, so there is no path to escape from."""

    def __init__(self, provisioning: Provisioning) -> None:
        self._provisioning = provisioning

    def read(self, name: str) -> DeviceFile | None:
        """A file by its exact, case-sensitive name; None when there is none."""
        body = self.body(name)
        if body is None:
            return None
        return DeviceFile(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')

    def body(self, name: str) -> bytes | None:
        if not name or len(name) > MAX_NAME:
            return None
        parameters = self._provisioning.configuration(name)
        if parameters is not None:
            return jabber_config_file(parameters)
        if not name.endswith(_SUFFIX):
            return None
        stem = name.removesuffix(_SUFFIX)
        return self._shared(stem) or self._device(stem)

    def _shared(self, stem: str) -> bytes | None:
        provisioning = self._provisioning
        if stem == "XMLDefault":
            members = tuple(node for node in provisioning.cluster.nodes if "call" in node.roles)
            return default_file(members, provisioning.settings)
        if stem == "SPDefault":
            return service_profile_file(provisioning, provisioning.profile(""))
        for prefix in ("SP", "JAB_"):
            pkid = stem.removeprefix(prefix)
            profile = provisioning.profile(pkid) if pkid and pkid != stem else None
            if profile is not None:
                if prefix == "SP":
                    return service_profile_file(provisioning, profile)
                return jabber_config_file(profile.client_parameters)
        return None

    def _device(self, stem: str) -> bytes | None:
        configuration = self._provisioning.device(stem)
        return (
            device_file(configuration, self._provisioning.cluster.version)
            if configuration is not None
            else None
        )


def routes(files: DeviceFiles) -> list[Route]:
    """For the ports 6970 (plain), 6971 and 6972 (TLS)."""

    async def get(request: Request) -> Response:
        file = files.read(request.path_params["name"])
        if file is None:
            return Response(f"{NO_SUCH_FILE.code} {NO_SUCH_FILE.what}\n", 404, media_type="text/plain")
        # A client may keep a copy but has to ask whether it is still the one: a changed line takes effect at once.
        headers = {"ETag": file.etag, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
        if file.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(file.body, headers=headers, media_type="application/xml")

    return [Route("/{name}", ReadOnly(get))]
