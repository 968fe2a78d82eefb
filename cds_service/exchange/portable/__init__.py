"""The portable view: policies for servers with clinical reasoning that do not know our extension.

Our own engine is asked about the least order that a condition lets through, with all else unknown.
What it determines then it determines of every such order, because knowing more never turns an
answer. Only that travels; everything else is left out, and named.
"""
