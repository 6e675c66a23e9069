"""Messages wait for users who are not there; the work is done in `offline.py`. Source: XEP-0160."""

from antiphon.kernel.features import Feature

feature = Feature(
    "offline_messages",
    "Messages wait for users who are not there",
    ("XEP-0160", "XEP-0203"),
    advertises=("msgoffline", "urn:xmpp:sid:0"),
)
