"""What the book is worth in each scenario; `reference` is the slow twin of the kernel."""
