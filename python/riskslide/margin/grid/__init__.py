"""The `scenario-grid` method: a list of scenarios, and parts that a rule book holds or not."""
