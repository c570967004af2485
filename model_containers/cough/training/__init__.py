"""Training and evaluation on sounds that are synthesised here. Needs PyTorch and espeak-ng; serving needs neither."""
