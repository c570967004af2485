"""shapes-64: the small text-to-image checkpoint that ships with evoke, and the code that trains it.

The container needs only the folder `checkpoint/`; everything else here makes that folder again from nothing.
"""
