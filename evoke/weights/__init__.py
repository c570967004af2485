"""The weights of models on this machine: fetched once, whole or not at all, and checked."""
