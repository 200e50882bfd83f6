"""Rules across keys: errors (`validate` and the modules that it calls) and warnings (`lint`)."""
