"""Provisioning: what a client and a device are told to be."""
