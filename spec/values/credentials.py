"""Password hashes and SSH public keys in the build file. `spec.credentials` has the rules, for files too."""

from __future__ import annotations

from typing import Annotated

from spec.credentials import password_hash, ssh_key

from .kinds import Text

PasswordHash = Annotated[
    str,
    Text(
        'a crypt(3) hash, `""` (login without a password) or `"*"` (no password login)',
        pattern=r"[^:\n]*",
        convert=password_hash,
        secret=True,
        literal=True,
    ),
]
SshKey = Annotated[
    str,
    Text(
        "an SSH public key",
        ("ssh-ed25519 AAAA... you@example",),
        longest=16384,
        convert=ssh_key,
        also="\t\r\n",
    ),
]
Pem = Annotated[
    str,
    Text(
        "a certificate in PEM, which starts with `-----BEGIN CERTIFICATE-----`",
        pattern=r"\s*-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*",
        longest=16384,
        secret=True,
        also="\t\r\n",
    ),
]
"""Messages do not repeat it: it could be a private key."""
SecretId = Annotated[
    str,
    Text(
        "a secret ID of letters, digits, `_`, `-` and `.`",
        ("admin_hash",),
        pattern=r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,127}",
    ),
]
