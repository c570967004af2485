"""Which evoke this is. Images copy the code without installing it, so that no distribution could be asked."""

VERSION = "0.1.0"
