"""The library that authors of model containers use."""
