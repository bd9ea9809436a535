"""The `strategy` method: Regulation T and Cboe's strategy-based margin, contracts in groups."""
