"""The servers of the distributed engine, started by the tests that ask for them."""
