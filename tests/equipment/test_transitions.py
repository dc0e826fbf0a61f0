"""The state machine of job orders, typed here once more from OPC 10031-4, and as the device lives it."""

from itertools import product

import pytest

from equipment.interface.messages import Answer, JobChange
from equipment.interface.states import JobState, ReturnStatus
from equipment.sim.config import Kind
from equipment.sim.device import Device
from equipment.sim.transitions import TRANSITIONS
from tests.equipment.shop import SHIFT_BEGINS, Shop, assembly, begin, config, maps_of, run_out

STANDARD = {
    1: ("NOT_ALLOWED_TO_START", "update", "NOT_ALLOWED_TO_START"),
    2: ("NOT_ALLOWED_TO_START", "start", "ALLOWED_TO_START"),
    3: ("ALLOWED_TO_START", "revoke_start", "NOT_ALLOWED_TO_START"),
    4: ("ALLOWED_TO_START", "update", "ALLOWED_TO_START"),
    5: ("ALLOWED_TO_START", "begin", "RUNNING"),
    6: ("RUNNING", "pause", "INTERRUPTED"),
    7: ("RUNNING", "stop", "ENDED"),
    8: ("RUNNING", "abort", "ABORTED"),
    9: ("INTERRUPTED", "abort", "ABORTED"),
    10: ("INTERRUPTED", "resume", "RUNNING"),
    11: ("INTERRUPTED", "stop", "ENDED"),
    12: ("NOT_ALLOWED_TO_START", "abort", "ABORTED"),
    13: ("ALLOWED_TO_START", "abort", "ABORTED"),
}
NUMBERS = {
    "NOT_ALLOWED_TO_START": 1,
    "ALLOWED_TO_START": 2,
    "RUNNING": 3,
    "INTERRUPTED": 4,
    "ENDED": 5,
    "ABORTED": 6,
}
METHODS = ("start", "revoke_start", "pause", "resume", "stop", "abort")


def test_the_table_is_the_standards() -> None:
    ours = {(s.name, verb.value): (entered.name, number) for (s, verb), (entered, number) in TRANSITIONS.items()}
    wanted = {(state, verb): (entered, number) for number, (state, verb, entered) in STANDARD.items()}
    wanted["RUNNING", "complete"] = ("ENDED", 7)
    assert ours == wanted
    assert {state.name: int(state) for state in JobState} == NUMBERS


def _in_state(shop: Shop, state: JobState) -> Device:
    """A bonder with one waiting place, whose job order J is in that state."""
    device = shop.device(config(Kind.PLACEMENT, "bonder-1", waiting=1))
    if state is JobState.ALLOWED_TO_START:
        begin(device, assembly("other", ["T-9"]), maps_of(assembly("other", ["T-9"])))
    if state is JobState.NOT_ALLOWED_TO_START:
        assert device.store(assembly("J")).accepted
        for positions in maps_of(assembly("J")):
            assert device.load_map("J", positions).accepted
    else:
        begin(device, assembly("J"), maps_of(assembly("J")))
    if state is JobState.INTERRUPTED:
        assert device.pause("J").accepted
    if state is JobState.ENDED:
        run_out(device)
    if state is JobState.ABORTED:
        assert device.abort("J").accepted
    assert _state(device) is state
    return device


def _state(device: Device) -> JobState:
    return {job.job_order_id: job.state for job in device.jobs()}["J"]


def _call(device: Device, method: str) -> Answer:
    answer = getattr(device, method)("J")
    assert isinstance(answer, Answer)
    return answer


@pytest.mark.parametrize(("state", "method"), list(product(JobState, METHODS)))
def test_a_method_takes_effect_where_the_table_says_so_and_nowhere_else(state: JobState, method: str) -> None:
    already = {
        (JobState.ALLOWED_TO_START, "start"),
        (JobState.RUNNING, "start"),
        (JobState.INTERRUPTED, "start"),
        (JobState.ENDED, "start"),
        (JobState.ABORTED, "start"),
        (JobState.INTERRUPTED, "pause"),
        (JobState.ABORTED, "abort"),
    }
    entered = {(s, v): e for s, v, e in STANDARD.values()}.get((state.name, method))
    with Shop() as shop:
        device = _in_state(shop, state)
        head = device.identity().head
        answer = _call(device, method)
        if entered is not None:
            assert answer.accepted
            deferred = (state, method) == (JobState.RUNNING, "stop")
            begun = (state, method) == (JobState.NOT_ALLOWED_TO_START, "start")
            wanted = "RUNNING" if deferred or begun else entered
            assert _state(device).name == wanted
        else:
            assert answer.accepted is ((state, method) in already)
            assert answer.accepted or answer.status == ReturnStatus.INVALID_STATUS
            assert (_state(device), device.identity().head) == (state, head)


@pytest.mark.parametrize("state", list(JobState))
def test_cancel_removes_what_has_not_begun_and_clear_what_is_over(state: JobState) -> None:
    for method, states in (("cancel", {1, 2}), ("clear", {5, 6})):
        with Shop() as shop:
            device = _in_state(shop, state)
            answer = _call(device, method)
            assert answer.accepted is (int(state) in states)
            assert ("J" not in {job.job_order_id for job in device.jobs()}) is (int(state) in states)


@pytest.mark.parametrize("state", list(JobState))
def test_update_replaces_an_order_that_has_not_begun(state: JobState) -> None:
    changed = assembly("J", ["T-1"])
    with Shop() as shop:
        device = _in_state(shop, state)
        assert device.update(changed).accepted is (int(state) in {1, 2})
        held = device.job_order("J")
        assert held is not None
        assert (len(held.substrates) == 1) is (int(state) in {1, 2})


def test_what_waits_begins_when_a_place_is_free() -> None:
    with Shop() as shop:
        device = _in_state(shop, JobState.ALLOWED_TO_START)
        records = run_out(device)
        changes = [(r.job_order_id, r.body.state.name, r.happened_at) for r in records if isinstance(r.body, JobChange)]
        assert [change[:2] for change in changes] == [
            ("other", "RUNNING"),
            ("other", "ENDED"),
            ("J", "RUNNING"),
            ("J", "ENDED"),
        ]
        assert changes[1][2] == changes[2][2] > SHIFT_BEGINS
