"""The `slides` method: price times vol, collateral revalued inside."""
