"""Rules across keys: errors (`validate` and the modules beside it) and warnings (`lint`)."""
