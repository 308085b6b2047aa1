"""What gitml knows of the places where pull requests live."""
