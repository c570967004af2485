"""What is Pulsar's alone: bounds, limits, doors, and what it does when it is cut off, hangs or dies."""
