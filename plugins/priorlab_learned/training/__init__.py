"""Training of the learned priors on photographs."""
