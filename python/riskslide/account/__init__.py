"""What is there, and what follows: collateral, verdict, evidence."""
