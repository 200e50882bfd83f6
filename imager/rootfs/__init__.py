"""Reading a system: its tree, accounts, init system and os-release."""
