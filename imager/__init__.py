"""The programs that run inside build steps and turn a system into outputs.

Each command is one request of `imager.contract`; `python3 -m imager COMMAND --flag value` runs it.
They need no privileges beyond owning the files, no loop device and no mount.
"""
