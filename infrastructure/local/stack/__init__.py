"""The servers of the distributed engine on this machine, without containers.

Needs Python's standard library, Java, Maven and Go alone. `python -m infrastructure.local.stack up|down|status`.
"""
