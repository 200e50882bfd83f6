"""The programs that run inside build steps and turn a system into outputs.

Each command is one request in `imager.requests`; `python3 -m imager COMMAND --flag value` performs it.
They need no privileges beyond owning the files, no loop device and no mount.
"""
