"""What a load needs: a plan from measured figures, and a simulation of workers that pull. See docs/scale.md."""
