"""The worker: takes requests from a queue, runs them in a model container, stores what comes out."""
