"""The side of starcyte that runs inside a Galaxy job.

It reaches the viewer only through its command line, its ready file and its outputs folder.
"""
