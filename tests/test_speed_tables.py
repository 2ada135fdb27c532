"""The tables of speed: ratios to the first line, and what was not measured."""

import speed_tables


def case(method, threads, seconds, **told):
    told |= {"method": method} | ({"threads": threads} if threads else {})
    return {"extra_info": told, "stats": {"median": seconds}}


def test_times_stand_beside_ratios_and_what_a_second_thread_brings():
    cases = [
        case("ours", 1, 0.0105, psnr="29.90"),
        case("ours", 2, 0.007, psnr="29.90"),
        case("theirs", 1, 2.1, psnr="29.80"),
    ]
    assert speed_tables.table(cases).splitlines() == [
        "| method | psnr | 1 thread (ms) | ratio | 2 threads (ms) | ratio | gain |",
        "|---|---:|---:|---:|---:|---:|---:|",
        "| ours | 29.90 | 10.5 | 1 | 7 | 1 | 1.5 |",
        "| theirs | 29.80 | 2100 | 200 |  |  |  |",
    ]


def test_a_whole_process_has_one_time():
    cases = [case("--help", 0, 0.08), case("list", 0, 0.1)]
    assert speed_tables.table(cases).splitlines()[2:] == [
        "| --help | 80 | 1 |",
        "| list | 100 | 1.25 |",
    ]
