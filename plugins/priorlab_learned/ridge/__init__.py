"""Ridge regularisers: the energy of learned filters and potentials, its minimisation and training."""
