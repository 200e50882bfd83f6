"""Programs that run inside build steps and turn a system into outputs.

Each command is one request of `imager.contract`; `python3 -m imager COMMAND --flag value` runs it.
The commands need read access to the files, but no other privileges, loop devices or mounts.
"""
