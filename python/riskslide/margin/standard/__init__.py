"""The `expiry-standard` method: every option sold by itself, or an expiry by its largest loss."""
