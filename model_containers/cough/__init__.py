"""Audio diagnosis: finds coughs in a recording. No medical device.

Three layers that depend one way: `server` (the container) on `runtime` (the pipeline) on `algos` (its steps).
"""
