"""SSIM, against scikit-image under the same settings.

    python -m pytest benchmarks/test_metrics_speed.py --benchmark-enable

The figures of both are equal to 1e-6.
"""

import numpy as np
import pytest
from skimage.metrics import structural_similarity

from priorlab import metrics


def scikit_image(a, b):
    return structural_similarity(
        a[0],
        b[0],
        data_range=1,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )


METHODS = {"priorlab": metrics.ssim, "scikit-image": scikit_image}


@pytest.mark.benchmark(group="Gray, 512x512", warmup=True, min_rounds=50)
@pytest.mark.parametrize("method", METHODS)
def test_ssim(benchmark, method, threads):
    benchmark.extra_info["method"] = method
    rng = np.random.default_rng(0)
    clean = rng.random((1, 512, 512), dtype=np.float32)
    noisy = (clean + 0.1 * rng.standard_normal(clean.shape)).clip(0, 1).astype(np.float32)
    assert benchmark(METHODS[method], noisy, clean) == pytest.approx(
        metrics.ssim(noisy, clean), abs=1e-6
    )
