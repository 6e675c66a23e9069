"""The softphone's half of SIP: a user agent over one flow, its registration and its calls."""
