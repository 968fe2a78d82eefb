"""What CDS Hooks says: requests, responses, discovery, prefetch, feedback.

Pure; knows nothing of coverage.
"""
