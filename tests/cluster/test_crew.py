"""Who is blamed when workers are lost: only a cell that had a worker to itself."""

import random

import pytest

from priorlab_dask.crew import RETRIES, Attempt, Crew, Post


def crew(*capacities, limit=None):
    made = Crew(limit)
    made.posts = {str(index): Post(str(index), size) for index, size in enumerate(capacities)}
    return made


def test_a_worker_gets_no_more_than_it_can_compute_and_all_no_more_than_the_user_said():
    full = crew(2, 1)
    assert [full.place(Attempt(n)) is None for n in range(4)] == [False, False, False, True]
    limited = crew(2, 2, limit=3)
    assert [limited.place(Attempt(n)) is None for n in range(4)] == [False, False, False, True]


def test_a_cell_goes_where_its_image_is():
    places = crew(2, 2)
    places.posts["1"].images.add("digest")
    assert places.place(Attempt("job", "digest")).address == "1"


def test_a_suspect_gets_a_worker_to_itself_also_while_others_wait():
    places = crew(2, 2)
    others = [Attempt(n) for n in range(4)]
    for other in others:
        places.place(other)
    suspect = Attempt("suspect", suspect=True)
    assert places.place(suspect) is None
    places.done(others[0]), places.done(others[1])
    while places.place(suspect) is None:
        waiting = Attempt("late")
        assert not places.free or places.place(waiting), "one worker is kept free"
        places.done(next(a for p in places.posts.values() for a in p.running))
    (post,) = (post for post in places.posts.values() if suspect in post.running)
    assert post.running == [suspect] and post.free == 0


@pytest.mark.parametrize("seed", range(20))
def test_however_workers_are_lost_only_the_cells_that_kill_them_are_given_up(seed):
    chance = random.Random(seed)
    jobs = [f"good{n}" for n in range(40)] + ["killer1", "killer2"]
    chance.shuffle(jobs)
    places = crew(3, 2, 1)
    waiting = [Attempt(job) for job in jobs]
    done, given_up, new, losses = [], [], 3, 0
    while waiting or places.running:
        for attempt in [*waiting]:
            if attempt.guilty:
                waiting.remove(attempt)
                given_up.append(attempt.job)
            elif (attempt.suspect or places.free) and places.place(attempt):
                waiting.remove(attempt)
        if not places.running:
            assert all(attempt.guilty for attempt in waiting), "a place is free and nobody gets it"
            continue
        post = chance.choice([post for post in places.posts.values() if post.running])
        attempt = chance.choice(post.running)
        if attempt.job.startswith("killer"):
            waiting += places.lose(post.address)
            places.posts[str(new)] = Post(str(new), chance.choice([1, 2, 3]))
            new += 1
            losses += 1
        else:
            places.done(attempt)
            done.append(attempt.job)
    assert sorted(given_up) == ["killer1", "killer2"]
    assert sorted(done) == sorted(job for job in jobs if job.startswith("good"))
    assert losses >= 2 * (RETRIES + 1)


def test_a_worker_that_fails_three_cells_in_a_row_gets_no_more_but_not_for_one_bad_cell():
    places = crew(4)
    post = places.posts["0"]
    bad = Attempt("bad")
    assert not any(places.trouble(bad, post, "disk full") for _ in range(RETRIES))
    assert not bad.guilty
    places.trouble(bad, post, "disk full")
    assert bad.guilty == "not computed, 4 times: disk full"
    others = [Attempt("one"), Attempt("two")]
    assert [places.trouble(other, post, "disk full") for other in others] == [False, True]
