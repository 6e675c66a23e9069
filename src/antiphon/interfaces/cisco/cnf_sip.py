"""The `sipProfile` part of the device file: proxies, features, timers and lines.

Timers are those of RFC 3261 §17 in milliseconds where they are called timerT1 and timerT2, otherwise seconds.
"""

from __future__ import annotations

from antiphon.interfaces.cisco.xml import Element, add, flag
from antiphon.model import SecurityMode
from antiphon.services.provisioning.service import Appearance, DeviceConfiguration

TRANSPORT = {SecurityMode.NON_SECURE: "1", SecurityMode.AUTHENTICATED: "3", SecurityMode.ENCRYPTED: "3"}
"""`transportLayerProtocol`: 1 TCP, 2 UDP, 3 TLS."""

_LINE = "9"
"""`featureID` of a line."""

_FEATURES = (
    ("cnfJoinEnabled", "true"),
    ("callForwardURI", "x-cisco-serviceuri-cfwdall"),
    ("callPickupURI", "x-cisco-serviceuri-pickup"),
    ("callPickupListURI", "x-cisco-serviceuri-opickup"),
    ("callPickupGroupURI", "x-cisco-serviceuri-gpickup"),
    ("meetMeServiceURI", "x-cisco-serviceuri-meetme"),
    ("abbreviatedDialURI", "x-cisco-serviceuri-abbrdial"),
    ("rfc2543Hold", "false"),
    ("callHoldRingback", "2"),
    ("localCfwdEnable", "true"),
    ("semiAttendedTransfer", "true"),
    ("anonymousCallBlock", "2"),
    ("callerIdBlocking", "2"),
    ("dndControl", "0"),
    ("remoteCcEnable", "true"),
)


def sip_profile(document: Element, configuration: DeviceConfiguration) -> None:
    settings = configuration.settings
    profile = add(document, "sipProfile")
    _proxies(profile, settings.sip.sip)
    features = add(profile, "sipCallFeatures")
    for name, value in _FEATURES:
        add(features, name, value)
    _stack(profile, configuration)
    owner = configuration.owner
    first, last = settings.media_ports
    for name, value in (
        ("dtmfAvtPayload", "101"),
        ("dtmfOutofBand", "avt"),
        ("kpml", "3"),
        ("phoneLabel", owner.display_name if owner is not None else ""),
        ("startMediaPort", str(first)),
        ("stopMediaPort", str(last)),
        ("organizationTopLevelDomain", configuration.domain),
    ):
        add(profile, name, value)
    lines = add(profile, "sipLines")
    for appearance in configuration.appearances:
        _line(lines, appearance, configuration)
    for name, value in (
        ("voipControlPort", "5060"),
        ("dscpForAudio", "184"),
        ("dialTemplate", ""),
        ("softKeyFile", ""),
    ):
        add(profile, name, value)


def _proxies(profile: Element, port: int) -> None:
    proxies = add(profile, "sipProxies")
    for name in ("backupProxy", "emergencyProxy", "outboundProxy"):
        # Only the backup is in use: it stands for the member list of the device pool.
        used = name == "backupProxy"
        add(proxies, name, "USECALLMANAGER" if used else "")
        add(proxies, f"{name}Port", str(port) if used else "")
    add(proxies, "registerWithProxy", flag(True))


def _stack(profile: Element, configuration: DeviceConfiguration) -> None:
    settings = configuration.settings
    stack = add(profile, "sipStack")
    for name, value in (
        ("sipInviteRetx", "6"),
        ("sipRetx", "10"),
        ("timerInviteExpires", "180"),
        ("timerRegisterExpires", str(settings.register_expires_s)),
        ("timerRegisterDelta", "5"),
        ("timerKeepAliveExpires", str(settings.keep_alive_s)),
        ("timerSubscribeExpires", "120"),
        ("timerSubscribeDelta", "5"),
        ("timerT1", "500"),
        ("timerT2", "4000"),
        ("maxRedirects", "70"),
        ("remotePartyID", flag(True)),
        ("userInfo", "None"),
    ):
        add(stack, name, value)


def _line(lines: Element, appearance: Appearance, configuration: DeviceConfiguration) -> None:
    at, line = appearance.at, appearance.line
    settings = configuration.settings
    element = add(lines, "line", button=str(at.index), lineIndex=str(at.index))
    for name, value in (
        ("featureID", _LINE),
        ("featureLabel", at.label),
        ("proxy", "USECALLMANAGER"),
        ("port", str(settings.sip.sip)),
        ("name", at.number),
        ("displayName", line.display_name if line is not None else ""),
    ):
        add(element, name, value)
    add(add(element, "autoAnswer"), "autoAnswerEnabled", "0")
    for name, value in (
        ("callWaiting", "1"),
        ("sharedLine", flag(False)),
        ("messageWaitingLampPolicy", "3"),
        ("messagesNumber", settings.voicemail_number),
        ("contact", at.contact),
    ):
        add(element, name, value)
    display = add(element, "forwardCallInfoDisplay")
    for name in ("callerName", "callerNumber", "redirectedNumber", "dialedNumber"):
        add(display, name, flag(name in ("callerName", "dialedNumber")))
    add(element, "maxNumCalls", str(at.max_calls))
    add(element, "busyTrigger", str(at.busy_trigger))
