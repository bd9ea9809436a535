"""What each file of a book means."""
