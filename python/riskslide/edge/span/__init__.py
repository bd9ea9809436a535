"""SPAN risk parameter files: a clearing house's risk arrays and spreads, in XML."""
