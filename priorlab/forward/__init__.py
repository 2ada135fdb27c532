"""The forward model ``y ~ noise(A x)``: measurements, linear operators and noise models."""
