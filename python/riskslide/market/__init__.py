"""What the world is: quotes of one instant."""
