"""The exact factorial as a model container: the stand-in for work that takes long."""
