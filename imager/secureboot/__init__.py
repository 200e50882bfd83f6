"""Signatures for UEFI Secure Boot: what is signed, with which key, and where firmware finds the result."""
