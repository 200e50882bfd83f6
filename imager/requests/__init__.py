"""The interface of the imager: one frozen request for each command, one module for each subject.

`imager.request` turns a request into a command line and back. A step imports only the module of its own request.
"""
