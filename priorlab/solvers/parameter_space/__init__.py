"""Optimisation over the parameters of a network: ``min over theta of E(A g_theta(z); y)``.

There is no R(x): the network is the prior. Its structure makes it fit natural images before
noise, so the running mean of its outputs first comes closer to the truth and then departs.

- `fit` takes all steps of all networks; `settings` are its parameters;
- a `stack` holds networks that are fitted as one, and a `member` what each has of its own;
- `stopping` decides when a fit ends, `snapshot` takes it back after an accident;
- `muon` optimises the start, `penalties` are explicit priors in addition to the network.
"""
