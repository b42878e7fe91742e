"""A stand-in for TensorFlow Serving, where no image registry has the real one: TensorFlow in Python, behind Serving's two APIs.

It reads models.config with the official messages of tensorflow-serving-api, and follows Serving's server_core.cc in what a client
and an operator can see: versions, policies, labels and their refusal, reload, states, warm-up, error texts and codes. It is not
fast, and has no batching, no Classify, Regress or MultiInference, no SSL and no monitoring.
"""
