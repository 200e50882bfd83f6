"""What the language, its values and build steps know of what stays on a disk."""

from __future__ import annotations

STORE = "/state"
"""Where the running system mounts the partition."""
PARTITION_TYPE = "359de086-c374-579b-996d-02cda90bcf80"
"""The GUID by which the partition is found again, together with its name: a UUID of version 5 in our namespace
(`imager.disk.gpt`) of the name `state`."""
JOURNAL, MACHINE_ID, NETWORK, SSH_HOST_KEYS = "journal", "machine-id", "network", "ssh-host-keys"
WORDS = (JOURNAL, MACHINE_ID, NETWORK, SSH_HOST_KEYS)
"""What `persist` knows by name."""
TPM2 = "tpm2"
"""What opens an encrypted state, if it is no key file."""
