"""Model containers and the library to write them."""
