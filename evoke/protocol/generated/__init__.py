"""Generated from `evoke/protocol/model.proto` by `python -m evoke.protocol.generate`. Do not edit."""
