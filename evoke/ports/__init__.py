"""What evoke needs from the outside, as Protocols. Each docstring is a contract that one suite tests on every adapter."""
