"""The phishing detector: what its data looks like, how it is read, and the model."""
