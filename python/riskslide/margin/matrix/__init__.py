"""The `risk-matrix` method: Deribit's portfolio margin."""
