"""Public JSON: what the API takes and gives. Structs are encoded as they are, and documented from here too."""
