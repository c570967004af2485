"""The commands of `evoke`. What they need is imported when they run, so that help and completion stay quick."""
