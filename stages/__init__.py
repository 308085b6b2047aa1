"""The pipeline: data, features, train and evaluate, each a thin ``main`` over pure functions."""
