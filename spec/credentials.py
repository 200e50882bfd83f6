"""The rules for password hashes and SSH public keys, for the build file and for build steps alike.

Messages never repeat a password.
"""

from __future__ import annotations

import re

_HASH_WORD = "[./A-Za-z0-9]"
_HASH_STARTS = ("$y$", "$gy$", "$7$", "$6$", "$5$", "$2")
_HASHES = (
    rf"\$g?y\${_HASH_WORD}+\${_HASH_WORD}{{0,86}}\${_HASH_WORD}{{43}}",
    rf"\$7\${_HASH_WORD}{{11,97}}\${_HASH_WORD}{{43}}",
    rf"\$6\$(rounds=[0-9]+\$)?{_HASH_WORD}{{0,16}}\${_HASH_WORD}{{86}}",
    rf"\$5\$(rounds=[0-9]+\$)?{_HASH_WORD}{{0,16}}\${_HASH_WORD}{{43}}",
    rf"\$2[abxy]\$[0-9]{{2}}\${_HASH_WORD}{{53}}",
)
"""crypt(5): yescrypt, gost-yescrypt, scrypt, sha512crypt, sha256crypt, bcrypt. Older methods are broken."""
_HASH = "|".join(_HASHES)
_MAKE = "make one with `openssl passwd -6` and put it in single quotes"
_COPY = "copy the whole line of the .pub file"
_KEY_TYPES = (
    "ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh[.]com", "sk-ecdsa-sha2-nistp256@openssh[.]com",
)  # fmt: skip
_KEY = rf"(?:^|[ \t])({'|'.join(_KEY_TYPES)})[ \t]+([^ \t]+)"


def password_hash(text: str) -> str:
    """Return `text` if it is valid in the password field of shadow(5). Raises ValueError without the text."""
    if text in ("", "*", "!") or re.fullmatch(_HASH, text.removeprefix("!")):
        return text
    if text.startswith(_HASH_STARTS):
        raise ValueError(f"this hash is incomplete or damaged: copy all of it, or {_MAKE}")
    if text.startswith("$1$"):
        raise ValueError(f"MD5 hashes (`$1$`) are not secure: {_MAKE}")
    raise ValueError(f"this is not a crypt(3) hash, and anyone could read a plain-text password in the image: {_MAKE}")


def ssh_key(text: str) -> str:
    """Return a line of an authorized_keys file, options before the key included (sshd(8)). Raises ValueError."""
    line = text.strip(" \t\r\n")
    if line.startswith("-----BEGIN") or "\n" in line:
        raise ValueError(f"this is not a public key on one line: {_COPY}")
    if not line.replace("\t", " ").isprintable():
        # Some programs end a line at such a character, and then there are two keys.
        raise ValueError(f"there is an invisible character in this key: {_COPY}")
    found = re.search(_KEY, line)
    if found is None:
        raise ValueError(f"this is not a public key (for example `ssh-ed25519 AAAA... you@example`): {_COPY}")
    if not _is_complete(found[1], found[2]):
        raise ValueError(f"this {found[1]} key is incomplete or damaged: {_COPY}")
    return line


def _is_complete(kind: str, blob: str) -> bool:
    """Return whether `blob` is base64 of length-prefixed fields, the first of them `kind` (RFC 4253, section 6.6)."""
    from base64 import b64decode

    try:
        data = b64decode(blob, validate=True)
    except ValueError:
        return False
    fields = []
    while data:
        size = int.from_bytes(data[:4], "big")
        fields.append(data[4 : 4 + size])
        if len(data) < 4 + size:
            return False
        data = data[4 + size :]
    return len(fields) > 1 and fields[0] == kind.encode()
