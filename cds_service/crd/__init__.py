"""What the CRD guide says: what was asked, what holds, what goes back. Pure.

Pure.
"""
