"""The Cisco-named interfaces: one file each, each deletable."""
