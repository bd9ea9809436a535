"""What must be posted: rule books compiled to programs."""
