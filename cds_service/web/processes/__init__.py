"""Processes: a supervisor that holds the socket, a generation that has read the policies, workers.

    supervisor    `crd serve` itself: keeps its process id, and listens for signals
      generation  a fresh interpreter: reads the policies once, then forks; another takes its place
        workers   answer calls, each with its own connections to store and EHRs

Each holds one end of a link to the one above it. When that ends, the link does, and it stops.
"""
