"""What evoke needs from the outside, as Protocols. Docstrings are contracts; one suite tests them on every adapter."""
