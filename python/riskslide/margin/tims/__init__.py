"""The `tims` method: portfolio margin by theoretical intermarket margining, as OCC computes it."""
