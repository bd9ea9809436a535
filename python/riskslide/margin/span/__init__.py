"""The `span` method: scan, spreads within and between commodities, short options, option value."""
