"""The version of the program: written here and nowhere else, for whoever builds, runs or records.

It is that of the code which runs, installed or not; a package's metadata are made from it, and may
be those of a copy that was installed before.
"""

VERSION = "0.2.0"
