"""The slots of this machine, where another run on the same store has claimed what is left."""

from types import SimpleNamespace

from priorlab.harness.run import local_slots


class ClaimedByAnother:
    """A schedule with one cell left, which another run computes meanwhile."""

    def __init__(self, looks):
        self.looks = looks

    def __len__(self):
        return int(self.looks > 0)

    def take(self):
        self.looks -= 1


def test_slots_without_a_job_wait_for_what_another_run_computes(tmp_path, monkeypatch):
    monkeypatch.setattr(local_slots, "TICK", 0.001)
    monkeypatch.setattr(local_slots, "Child", lambda *_: SimpleNamespace(kill=lambda: None))
    schedule = ClaimedByAnother(looks=3)
    told = {"stop": lambda: False, "on_step": print, "on_note": print}
    found = local_slots.run(schedule, None, slots=1, logs=tmp_path / "logs", **told)
    assert list(found) == []
    assert schedule.looks == 0
