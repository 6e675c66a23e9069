"""The service profile file: seven sections, each with a primary and two backups.

Every element is there even when it is empty: clients look them up without checking. The root's name is our choice;
readers find elements by name at any depth.
"""

from __future__ import annotations

from antiphon.interfaces.cisco.xml import Element, add, root, serialise
from antiphon.model import ServiceKind, ServiceProfile, UcService
from antiphon.services.provisioning.service import Provisioning

_ORDER = (
    ServiceKind.VOICEMAIL,
    ServiceKind.MAIL_STORE,
    ServiceKind.CONFERENCING,
    ServiceKind.DIRECTORY,
    ServiceKind.IM_AND_PRESENCE,
    ServiceKind.CTI,
    ServiceKind.SCHEDULING_PORTAL,
)
_PLACES = ("Primary", "Backup1", "Backup2")

_SETTINGS: dict[ServiceKind, tuple[tuple[str, str], ...]] = {
    ServiceKind.VOICEMAIL: (("VoicemailServiceCredentialsSource", "CUCM"),),
    ServiceKind.CONFERENCING: (("WebConfSSOIdentityProvider", "false"),),
    ServiceKind.DIRECTORY: (
        ("UseUDS", "true"),
        ("UseUserCredential", "true"),
        # The directory is asked with the user's own sign-in; a shared account's password is never written here.
        ("DN", ""),
        ("Password", ""),
        ("SearchContext1", ""),
        ("SearchContext2", ""),
        ("SearchContext3", ""),
        ("RecursiveSearch1", "true"),
        ("SearchTimeout", "5"),
        ("BaseFilter", ""),
        ("PredictiveSearchFilter", ""),
    ),
}


def service_profile_file(provisioning: Provisioning, profile: ServiceProfile | None) -> bytes:
    """The document; without any profile every section is empty."""
    document = root("UserConfig")
    for kind in _ORDER:
        section = add(document, kind.value)
        found = provisioning.services(profile, kind) if profile is not None else (None, None, None)
        for place, service in zip(_PLACES, found, strict=True):
            _address(section, place, service)
        for name, value in _SETTINGS.get(kind, ()):
            add(section, name, value)
    return serialise(document)


def _address(section: Element, place: str, service: UcService | None) -> None:
    element = add(section, place)
    add(element, "Address", service.host if service is not None else "")
    add(element, "Port", str(service.port) if service is not None and service.port else "")
    add(element, "Protocol", service.protocol if service is not None else "")
