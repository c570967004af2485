"""The steps of the pipeline, each usable alone: arrays in, arrays out. They know no server and no configuration."""
