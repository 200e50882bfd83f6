"""The command `claylinux`, as pip installs it: it checks build files without an engine.

An installed package has the code that it needs below this directory, not beside it: names such as `spec` would collide
with those of others. In the image, the same packages are in /usr/lib/claylinux.
"""
