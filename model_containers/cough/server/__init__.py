"""The container: the pipeline behind `evoke.model.v1`."""
