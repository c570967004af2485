"""What the trainings of the checkpoints that ship with evoke share."""
