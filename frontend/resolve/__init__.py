"""The inputs of a build, resolved on the engine: bases, files, Dockerfiles."""
