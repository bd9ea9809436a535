"""Rule books: their schema, how they are loaded, the presets."""
