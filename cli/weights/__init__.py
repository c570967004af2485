"""What the commands do that look after weights."""
