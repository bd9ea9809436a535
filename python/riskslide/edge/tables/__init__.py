"""How files become checked columns, and columns quotes with their place."""
