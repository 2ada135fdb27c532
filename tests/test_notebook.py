"""In a notebook: a real kernel, priors that are defined in a cell, what is shown of a result."""

import pytest

nbclient = pytest.importorskip("nbclient", reason="needs nbclient and ipykernel")
import nbformat  # noqa: E402

DEFINE = '''
from dataclasses import dataclass
import torch
import priorlab
from priorlab import Denoiser, parameter

STRENGTH = 0.5
v = torch.zeros(3)  # of the notebook, not of the prior

def average(image):
    return image.mean(dim=(2, 3), keepdim=True)

@dataclass(frozen=True, kw_only=True)
class Flat(Denoiser):
    """Everything is one gray."""

    name = "flat"
    share: float = parameter(0.1, "how much", low=0)

    def denoise(self, v, sigma):
        return v.lerp(average(v).expand_as(v), min(1.0, STRENGTH * self.share))
'''
BENCH = """
result = priorlab.bench([Flat(share=0.2), "degraded"], "denoise", images=["camera"], slots=1)
result
"""
AGAIN = """
keys = set(result["key"])
again = priorlab.bench([Flat(share=0.2), "degraded"], "denoise", images=["camera"], slots=1)
STRENGTH = 0.25
other = priorlab.bench([Flat(share=0.2), "degraded"], "denoise", images=["camera"], slots=1)
print(again["cached"].tolist(), len(set(other["key"]) - keys), list(other["status"]))
"""
GALLERY = "result.gallery()"
WRONG = """
@dataclass(frozen=True, kw_only=True)
class Bound(Denoiser):
    name = "bound"

    def denoise(self, image, sigma):
        return image + v.sum()

try:
    priorlab.bench([Bound()], "denoise", images=["camera"])
except ValueError as error:
    print(error)
"""


@pytest.mark.slow
def test_a_prior_of_a_cell_is_benched_and_its_result_is_shown(tmp_path):
    cells = [DEFINE, BENCH, AGAIN, GALLERY, WRONG]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in cells])
    nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    outputs = [cell.outputs for cell in notebook.cells]
    shown = next(one for one in outputs[1] if one.output_type == "execute_result").data
    assert "<table" in shown["text/html"] and "flat:share=0.2" in shown["text/html"]
    assert "| flat:share=0.2" in shown["text/markdown"]
    drawn = [one.data for one in outputs[1] if one.output_type == "display_data"]
    assert drawn, "progress"
    printed = "".join(one.text for one in outputs[2] if one.output_type == "stream")
    assert "[True, True] 1 ['ok', 'ok']" in printed
    assert any("image/png" in one.get("data", {}) for one in outputs[3])
    assert "Bound uses v, a Tensor of the session that" in outputs[4][-1].text
