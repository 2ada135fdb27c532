"""Every fault of a prior ends in its own row, and no other row changes."""

import campaign
import pytest

pytestmark = pytest.mark.usefixtures("new_slots")

QUICK, ROUGH, HANGS, LONG = (sorted(campaign.faults(run)) for run in campaign.RUNS)
INNOCENTS = [f"draws{copy}" for copy in ("", ":copy=1", ":copy=2", ":copy=3")]
INNOCENTS += ["learns", "learns:copy=1"]


def check(run, prior, seen, line):
    fault = campaign.faults(run)[prior]
    found = seen(run, prior)
    expected = f"{fault.status.replace('|', ' or ')}: {fault.message}".removesuffix(": ")
    said = f"{found.status}: {found.message}".removesuffix(": ")
    line(campaign.part(run, prior), prior, fault.does, expected, said[:160])
    assert not found.problem


@pytest.mark.slow
@pytest.mark.parametrize("prior", QUICK)
def test_whoever_looks_for_the_truth_or_spoils_the_surroundings_gains_nothing(prior, seen, line):
    check("quick", prior, seen, line)


@pytest.mark.slow
@pytest.mark.parametrize("prior", ROUGH)
def test_of_many_faults_each_ends_in_its_row(prior, seen, line):
    check("rough", prior, seen, line)


@pytest.mark.slow
@pytest.mark.parametrize("prior", HANGS)
def test_whatever_hangs_is_ended(prior, seen, line):
    check("hangs", prior, seen, line)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("prior", LONG)
def test_of_large_faults_each_ends_in_its_row(prior, seen, line):
    check("long", prior, seen, line)


@pytest.mark.slow
@pytest.mark.parametrize("prior", INNOCENTS[:4])
def test_priors_beside_what_hangs_are_what_they_are_alone(prior, seen, line):
    check_innocent("hangs", prior, seen, line)


@pytest.mark.slow
@pytest.mark.parametrize("run", ["quick", "rough", "long"])
@pytest.mark.parametrize("prior", INNOCENTS)
def test_priors_beside_them_are_what_they_are_alone(run, prior, seen, line):
    check_innocent(run, prior, seen, line)


def check_innocent(run, prior, seen, line):
    found = seen(run, prior)
    line("Their neighbours", f"{prior} ({run})", "no harm", "ok, bit-equal", found.status)
    assert not found.problem, found.message
