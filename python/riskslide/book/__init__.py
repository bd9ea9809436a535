"""What is held: instruments, positions in integer lots, balances."""
