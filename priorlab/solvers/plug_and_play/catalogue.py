"""All algorithms, by name."""

from __future__ import annotations

from priorlab.solvers.plug_and_play.admm import ADMM
from priorlab.solvers.plug_and_play.ascent import ASCENT
from priorlab.solvers.plug_and_play.diffpir import DIFFPIR
from priorlab.solvers.plug_and_play.drs import DRS
from priorlab.solvers.plug_and_play.fista import FISTA
from priorlab.solvers.plug_and_play.hqs import HQS
from priorlab.solvers.plug_and_play.pgd import PGD
from priorlab.solvers.plug_and_play.red import RED
from priorlab.solvers.plug_and_play.ula import ULA

ALGORITHMS = {one.name: one for one in (HQS, ADMM, PGD, FISTA, RED, DRS, DIFFPIR, ASCENT, ULA)}
