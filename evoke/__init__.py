"""The shared core of evoke: domain, codec, ports and the adapters behind them."""
