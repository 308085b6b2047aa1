"""The names and messages that gitml agrees on with its users: pure, and the standard library only."""
