"""OKX's names, contract terms, chain files and printed Greeks."""
