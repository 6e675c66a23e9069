"""The device file `<DEVICE>.cnf.xml`.

Element names and their order are those that clients in the field read; some of them parse by position, so the order
is part of the format. Source: S3-14 … S3-17, S3-49, S3-50. The namespace prefixes of the root are declared here,
which files in the field leave out: a conforming parser cannot read those.

The file is readable by whoever knows its name, as in the field, and therefore holds no secret: no password, no token,
no digest credential.
"""

from __future__ import annotations

from lxml import etree

from antiphon.interfaces.cisco.cnf_sip import TRANSPORT, sip_profile
from antiphon.interfaces.cisco.xml import Element, add, flag, serialise
from antiphon.model import Node
from antiphon.services.provisioning.config import ProvisioningSettings, SipPorts
from antiphon.services.provisioning.service import DeviceConfiguration

_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_AXL = "http://www.cisco.com/AXL/1.0"
_CTI_ID = "1"


def device_file(configuration: DeviceConfiguration, version: str) -> bytes:
    """The document. `version` is the interface version the cluster announces."""
    device = configuration.device
    document = etree.Element("device", nsmap={"xsi": _XSI, "axl": _AXL})
    document.set(f"{{{_XSI}}}type", "axl:XIPPhone")
    document.set("ctiid", _CTI_ID)
    document.set("uuid", f"{{{device.pkid}}}")
    add(document, "fullConfig", "true")
    add(document, "deviceProtocol", "SIP")
    _device_pool(document, configuration)
    members = add(add(document, "TVS"), "members")
    for index, node in enumerate(configuration.members):
        member = add(members, "member", priority=str(index))
        add(member, "port", "2445")
        add(member, "address", node.name)
    sip_profile(document, configuration)
    common = add(document, "commonProfile")
    add(common, "phonePassword")
    add(common, "callLogBlfEnabled", "3")
    add(document, "loadInformation")
    # Which other client configuration file a device is to read stands in its support field, a product-specific one (S2-152).
    add(add(document, "vendorConfig"), "ciscoSupportField", device.support_field)
    add(document, "commonConfig")
    add(document, "enterpriseConfig")
    add(document, "versionStamp", f"{{{configuration.version_stamp}}}")
    _locales(document)
    add(document, "deviceSecurityMode", str(int(device.security_mode)))
    _urls(document, configuration)
    add(document, "transportLayerProtocol", TRANSPORT[device.security_mode])
    _enrolment(document, configuration)
    add(document, "certHash")
    add(document, "encrConfig", "false")
    add(document, "sipOAuthMode", "1" if device.sip_oauth else "0")
    for name in ("userId", "ownerId"):
        add(document, name, device.owner, serviceProfileFile=configuration.profile_file)
    add(document, "phoneServices", useHTTPS="true")
    return serialise(document)


def default_file(members: tuple[Node, ...], settings: ProvisioningSettings) -> bytes:
    """`XMLDefault.cnf.xml`: what a device that nobody has added yet is told."""
    document = etree.Element("Default")
    _members(add(document, "callManagerGroup"), members, settings.sip)
    primary = members[0].name if members else ""
    add(document, "authenticationURL")
    add(document, "directoryURL")
    add(document, "secureUDSUsersAccessURL", f"https://{primary}:8443/cucm-uds/users" if primary else "")
    return serialise(document)


def _device_pool(document: Element, configuration: DeviceConfiguration) -> None:
    settings = configuration.settings
    pool = add(document, "devicePool")
    add(pool, "revertPriority", "0")
    add(pool, "name", "Default")
    setting = add(pool, "dateTimeSetting")
    add(setting, "name", "CMLocal")
    add(setting, "dateTemplate", "M/D/Y")
    add(setting, "timeZone", settings.time_zone)
    add(setting, "olsonTimeZone", settings.time_zone)
    add(setting, "ntps")
    group = add(pool, "callManagerGroup")
    add(group, "name", "Default")
    add(group, "tftpDefault", "true")
    _members(group, configuration.members, settings.sip)
    _srst(pool)
    add(pool, "connectionMonitorDuration", str(settings.connection_monitor_s))


def _members(group: Element, nodes: tuple[Node, ...], ports: SipPorts) -> None:
    members = add(group, "members")
    for index, node in enumerate(nodes):
        manager = add(add(members, "member", priority=str(index)), "callManager")
        add(manager, "name", node.name)
        add(manager, "description", node.name.partition(".")[0])
        listed = add(manager, "ports")
        add(listed, "ethernetPhonePort", "2000")
        add(listed, "sipPort", str(ports.sip))
        add(listed, "securedSipPort", str(ports.sip_tls))
        add(listed, "sipOAuthPort", str(ports.oauth))
        add(listed, "sipMRAOAuthPort", str(ports.oauth_edge))
        media = add(listed, "mgcpPorts")
        add(media, "listen", "2427")
        add(media, "keepAlive", "2428")
        add(manager, "processNodeName", node.name)


def _srst(pool: Element) -> None:
    info = add(pool, "srstInfo")
    add(info, "name", "Disable")
    add(info, "srstOption", "Disable")
    add(info, "userModifiable", "true")
    for place in "123":
        add(info, f"ipAddr{place}")
        add(info, f"port{place}", "2000")
    for place in "123":
        add(info, f"sipIpAddr{place}")
        add(info, f"sipPort{place}", "5060")
    add(info, "isSecure", flag(False))


def _locales(document: Element) -> None:
    locale = add(document, "userLocale")
    add(locale, "name", "English_United_States")
    add(locale, "langCode", "en_US")
    add(locale, "winCharSet", "utf-8")
    add(document, "networkLocale")


def _urls(document: Element, configuration: DeviceConfiguration) -> None:
    primary = configuration.members[0].name if configuration.members else ""
    add(document, "authenticationURL")
    add(document, "directoryURL")
    add(document, "servicesURL")
    add(document, "secureUDSUsersAccessURL", f"https://{primary}:8443/cucm-uds/users" if primary else "")


def _enrolment(document: Element, configuration: DeviceConfiguration) -> None:
    # Tokens take the place of locally significant certificates (S3-6, S3-10): no enrolment, mode 0.
    add(document, "capfAuthMode", "0")
    listed = add(document, "capfList")
    for node in configuration.members[:1]:
        authority = add(listed, "capf")
        add(authority, "phonePort", "3804")
        add(authority, "processNodeName", node.name)
