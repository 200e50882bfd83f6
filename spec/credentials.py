"""What is a password hash, and what an SSH public key: the rules, for the build file and for build steps alike.

What is wrong with a password is told without repeating it.
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
"""crypt(5): yescrypt, gost-yescrypt, scrypt, sha512crypt, sha256crypt, bcrypt. Older ones are broken."""
_HASH = "|".join(_HASHES)
_MAKE = "make one with `openssl passwd -6` and put it in single quotes"
_KEY_TYPES = (
    "ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh[.]com", "sk-ecdsa-sha2-nistp256@openssh[.]com",
)  # fmt: skip
_KEY = rf"(?:^|[ \t])({'|'.join(_KEY_TYPES)})[ \t]+([^ \t]+)"


def password_hash(text: str) -> str:
    """Return `text` if it may be the password field of shadow(5). Raises ValueError, without the text."""
    if text in ("", "*", "!") or re.fullmatch(_HASH, text.removeprefix("!")):
        return text
    if text.startswith(_HASH_STARTS):
        raise ValueError(f"this hash is cut off or damaged: copy all of it, or {_MAKE}")
    if text.startswith("$1$"):
        raise ValueError(f"MD5 hashes (`$1$`) are broken too easily: {_MAKE}")
    raise ValueError(f"this is no crypt(3) hash, and a clear-text password would be readable in the image: {_MAKE}")


def ssh_key(text: str) -> str:
    """Return the line of an authorized_keys file; options before the key may be there (sshd(8)). Raises ValueError."""
    line = text.strip(" \t\r\n")
    if line.startswith("-----BEGIN") or "\n" in line:
        raise ValueError("expected a public key on one line: it is in the file that ends with .pub")
    if not line.replace("\t", " ").isprintable():
        # Some programs end a line at such a character, and then there are two keys.
        raise ValueError("there is an invisible character in this key: copy the line of the .pub file again")
    found = re.search(_KEY, line)
    if found is None:
        raise ValueError(
            "expected the text of a public key such as `ssh-ed25519 AAAA... you@example`: it is in the file "
            "that ends with .pub"
        )
    if not _is_complete(found[1], found[2]):
        raise ValueError(f"this {found[1]} key is cut off or damaged: copy the whole line of the .pub file")
    return line


def _is_complete(kind: str, blob: str) -> bool:
    """Whether `blob` is base64 of length-prefixed fields, the first of them `kind` (RFC 4253, section 6.6)."""
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
