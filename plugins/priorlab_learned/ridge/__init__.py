"""Ridge regularisers: the energy of learned filters, its minimisation and its training."""
