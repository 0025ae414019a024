"""The job manager: one at a time, stoppable, bounded, and blind to what is not asked for by id."""

import threading
import time

import pytest

from comogen_demo.errors import UserError
from comogen_demo.jobs import Jobs


def slow(started=None, gate=None, step=0.005):
    def work(job):
        if started:
            started.set()
        for i in range(2000):
            job.report(i)
            if gate and gate.is_set():
                return "passed"
            time.sleep(step)
        return "ran out"

    return work


def test_a_job_runs_and_keeps_its_result():
    jobs = Jobs()
    job = jobs.submit(lambda job: job.report("half") or 42)
    assert job.wait(5) and (job.state, job.result, job.progress, job.error) == ("done", 42, "half", None)
    assert jobs.get(job.id) is job


def test_jobs_run_one_at_a_time_and_in_order():
    jobs, active, seen, peak = Jobs(), [], [], []

    def work(number):
        def run(job):
            active.append(number)
            peak.append(len(active))
            time.sleep(0.01)
            active.remove(number)
            seen.append(number)

        return run

    for job in [jobs.submit(work(i)) for i in range(6)]:
        assert job.wait(5)
    assert seen == list(range(6)) and max(peak) == 1


def test_stop_ends_a_running_job_at_its_next_report():
    jobs, started = Jobs(), threading.Event()
    job = jobs.submit(slow(started))
    assert started.wait(5)
    jobs.cancel(job.id)
    assert job.wait(1) and job.state == "stopped" and job.result is None


def test_stop_takes_a_waiting_job_out_at_once_and_leaves_the_running_one_alone():
    jobs, started, gate = Jobs(), threading.Event(), threading.Event()
    first, second = jobs.submit(slow(started, gate)), jobs.submit(slow())
    assert started.wait(5) and jobs.ahead(second) == 1 and jobs.ahead(first) == 0
    jobs.cancel(second.id)
    assert second.over and second.state == "stopped" and first.state == "running"
    gate.set()
    assert first.wait(5) and first.result == "passed"


def test_stopping_a_finished_job_changes_nothing():
    jobs = Jobs()
    job = jobs.submit(lambda job: "kept")
    job.wait(5)
    jobs.cancel(job.id)
    assert (job.state, job.result) == ("done", "kept")


def test_a_user_error_is_kept_as_its_sentence_and_the_worker_lives_on():
    jobs = Jobs()

    def wrong(job):
        raise UserError("The mask is empty.")

    bad, good = jobs.submit(wrong), jobs.submit(lambda job: 1)
    assert bad.wait(5) and (bad.state, bad.error) == ("failed", "The mask is empty.")
    assert good.wait(5) and good.result == 1


def test_a_bug_is_logged_and_told_in_one_sentence(caplog):
    jobs = Jobs()
    bad, good = jobs.submit(lambda job: 1 / 0), jobs.submit(lambda job: 1)
    assert bad.wait(5) and bad.state == "failed" and "ZeroDivisionError" in bad.error
    assert any(record.exc_info for record in caplog.records)
    assert good.wait(5) and good.result == 1


def test_too_many_waiting_jobs_are_refused():
    jobs, started, gate = Jobs(waiting=2), threading.Event(), threading.Event()
    jobs.submit(slow(started, gate))
    assert started.wait(5)
    jobs.submit(slow(None, gate))
    last = jobs.submit(slow(None, gate))
    with pytest.raises(UserError, match="waiting"):
        jobs.submit(slow())
    jobs.cancel(last.id)
    assert jobs.submit(slow(None, gate)).state == "waiting"  # the stopped one made room
    gate.set()


def test_the_history_is_bounded_and_what_leaves_it_is_tidied_up():
    jobs, gone = Jobs(history=3), []
    done = [jobs.submit(lambda job: None, discard=lambda job: gone.append(job.id)) for _ in range(3)]
    for job in done:
        job.wait(5)
    for _ in range(3):
        job = jobs.submit(lambda job: None, discard=lambda job: gone.append(job.id))
        job.wait(5)
        done.append(job)
    assert gone == [job.id for job in done[:2]]
    assert jobs.get(done[0].id) is None and jobs.get(done[-1].id) is done[-1]


def test_a_foreign_id_finds_nothing():
    jobs = Jobs()
    jobs.submit(lambda job: None).wait(5)
    assert jobs.get("0" * 32) is None
    jobs.cancel("0" * 32)


def test_small_work_takes_no_place_in_the_history():
    jobs = Jobs(history=1)
    video = jobs.submit(lambda job: "video")
    for _ in range(3):
        small = jobs.submit(lambda job: "click", keep=False)
        assert small.wait(10) and small.result == "click"
    assert jobs.get(video.id) is video
    other = jobs.submit(lambda job: "other")
    assert other.wait(10) and jobs.get(small.id) is None
