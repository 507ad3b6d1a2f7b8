"""The Galaxy side of starcyte: runs the viewer in a Galaxy job.

It uses only the command line, the ready file and the outputs folder of the viewer.
"""
