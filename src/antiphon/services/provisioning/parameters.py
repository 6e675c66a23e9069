"""The parameters of the client configuration file: their section and what a client does when nobody sets them.

Source: S0-120 … S0-127, S2-36, S2-37 and the published parameter lists; defaults as recorded by troubleshooting tools.
"""

from __future__ import annotations

import difflib
from typing import NamedTuple


class Parameter(NamedTuple):
    section: str
    default: str
    """Empty: no default, the client decides by itself."""


_TABLE: dict[str, dict[str, str]] = {
    "Client": {
        "CachePasswordMobile": "true",
        "ChatTelephonyEscalationLimit": "25",
        "Disable_IM_History": "false",
        "EMMType": "",
        "EnableFecc": "true",
        "EnablePrt": "true",
        "ForceLogoutTimerMobile": "",
        "IP_Mode": "",
        "MaxNumberOfBookmarks": "30",
        "Mention_GroupChat": "true",
        "Mention_P2Pchat": "true",
        "Mention_PersistentChat": "true",
        "Persistent_Chat_Enabled": "false",
        "RestoreChatOnLogin": "false",
        "SystemIdleDuringCalls": "false",
        "UpdateURL": "",
        "selfcareURL": "",
    },
    "Options": {
        "DockedWindowVisible": "true",
        "LOCATION_MATCHING_MODE": "MacAddressOnly",
        "Location_Mode": "ENABLED",
        "Set_Status_Away_On_Lock_OS": "true",
        "Set_Status_Inactive_Timeout": "15",
        "StartCallWithVideo": "true",
        "Start_Client_On_Start_OS": "false",
        "UseBridgeForConferenceCalls": "true",
    },
    "Phone": {
        "CcmcipServer1": "",
        "CtiServer1": "",
        "EnableCallPark": "true",
        "EnableDSCPPacketMarking": "true",
        "TftpServer1": "",
        "useCUCMGroupForCti": "false",
    },
    "Policies": {
        "DisableMFTForConversationTypes": "",
        "Disallowed_File_Transfer_Types": "",
        "E911NotificationURL": "",
        "EnableBFCPVideoDesktopShare": "true",
        "EnableCallPickup": "false",
        "EnableGroupCallPickup": "false",
        "EnableHuntGroup": "false",
        "EnableOtherGroupPickup": "false",
        "EnableP2PDesktopShare": "true",
        "EnableSIPURIDialling": "false",
        "EnableVideo": "true",
        "File_Transfer_Enabled": "true",
        "ForceC2XDirectoryResolution": "true",
        "InitialPhoneSelection": "softphone",
        "LogWritingDesktop": "Always",
        "Meetings_Enabled": "true",
        "PreferredFT": "",
        "Recent_Chats_Enabled": "true",
        "SSO_Enabled": "TRUE",
        "Screen_Capture_Enabled": "true",
        "ServiceDiscoveryExcludedServices": "",
        "ServicesDomainSsoEmailPrompt": "",
        "TelemetryEnabled": "true",
        "Telephony_Enabled": "true",
        "VoiceServicesDomain": "",
        "Voicemail_Enabled": "true",
    },
    "Presence": {"LoginResource": "", "PresenceDomain": "", "PresenceServerAddress": ""},
    "Voicemail": {"VoicemailPrimaryServer": ""},
    "Directory": {
        "BaseFilter": "",
        "ConnectionUsername": "",
        "MinimumCharacterQuery": "",
        "PhoneNumberMasks": "",
        "PhotoUriSubstitutionEnabled": "false",
        "PrimaryServerName": "",
        "SearchTimeout": "5",
        "UdsPhotoUriWithToken": "",
        "UdsServer": "",
        "UriPrefix": "",
        "UseANR": "True",
        "UseLdapReferral": "0",
        "UseWildcards": "0",
    },
}

PARAMETERS: dict[str, Parameter] = {
    name: Parameter(section, default) for section, names in _TABLE.items() for name, default in names.items()
}
"""By name, in the order of the file."""

SECTIONS: tuple[str, ...] = tuple(_TABLE)

_BY_FOLDED = {name.casefold(): name for name in PARAMETERS}


def known(name: str) -> str | None:
    """A parameter's name as it is spelled, found whatever its case."""
    return _BY_FOLDED.get(name.casefold())


def nearest(name: str) -> str | None:
    """The known name that a misspelled one most likely means."""
    close = difflib.get_close_matches(name.casefold(), _BY_FOLDED, n=1, cutoff=0.6)
    return _BY_FOLDED[close[0]] if close else None
