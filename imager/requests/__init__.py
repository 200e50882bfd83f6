"""What the imager can be asked, by subject; `imager.contract` is the way in for planners.

A step imports only what it was asked: nothing is imported here.
"""
