"""One build on one platform, after the build file is read."""
