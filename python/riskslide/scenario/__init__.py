"""How the world may move: shocks per risk factor."""
