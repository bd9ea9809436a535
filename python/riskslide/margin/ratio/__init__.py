"""The `ratio` method: adjusted equity over maintenance, and loans against balances."""
