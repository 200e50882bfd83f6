"""What a build starts from, looked up on the engine: bases, files, Dockerfiles."""
