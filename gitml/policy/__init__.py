"""The rule book: one pure function a rule, from values to violations."""
