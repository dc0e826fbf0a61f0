"""The state machines as they stand on paper: every pair by hand, and no other."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import pytest

from mes.errors import WrongState
from mes.lots import states as lots
from mes.recipes import states as recipes
from mes.runs import states as runs
from mes.shipments import states as shipments
from mes.transitions import Transitions

LOT = """
created   release   queued
created   store     stocked
created   scrap     scrapped
queued    track_in  ordered
queued    wait      queued
queued    store     stocked
queued    complete  completed
queued    scrap     scrapped
ordered   track_in  ordered
ordered   start     running
ordered   wait      queued
ordered   store     stocked
ordered   complete  completed
ordered   scrap     scrapped
running   track_in  running
running   start     running
running   wait      queued
running   store     stocked
running   complete  completed
running   scrap     scrapped
stocked   consume   consumed
stocked   scrap     scrapped
completed wait      queued
completed scrap     scrapped
scrapped  wait      queued
created   split     created
queued    split     queued
created   migrate   created
queued    migrate   queued
queued rework queued
ordered rework ordered
running rework running
stocked   split     stocked
created   merge     terminated
queued    merge     terminated
stocked   merge     terminated
created   change_owner terminated
queued    change_owner terminated
stocked   change_owner terminated
completed change_owner terminated
terminated wait     queued
completed ship      in_transit
stocked   ship      in_transit
in_transit arrive   shipped
in_transit wait     queued
shipped   wait      queued
created   terminate terminated
queued    terminate terminated
stocked   terminate terminated
completed terminate terminated
created   return    returned
queued    return    returned
stocked   return    returned
completed return    returned
stocked   withdraw  queued
stocked   restore   created
stocked   reopen    queued
completed reopen    queued
terminated reopen   queued
scrapped  restore   created
scrapped  restock   stocked
scrapped  complete  completed
consumed  restock   stocked
"""
SHIPMENT = """
in_transit confirm  arrived
"""
RUN = """
ordered   start     running
ordered   end       ended
ordered   abort     aborted
ordered   doubt     in_doubt
running   end       ended
running   abort     aborted
running   doubt     in_doubt
in_doubt  end       ended
in_doubt  abort     aborted
"""
RECIPE = """
draft     submit    in_review
in_review approve   approved
approved  retire    obsolete
"""
MACHINES: dict[str, tuple[Transitions[Any, Any], type[StrEnum], type[StrEnum], str]] = {
    "lot": (lots.TRANSITIONS, lots.LotState, lots.LotVerb, LOT),
    "run": (runs.TRANSITIONS, runs.RunState, runs.RunVerb, RUN),
    "shipment": (shipments.TRANSITIONS, shipments.ShipmentState, shipments.ShipmentVerb, SHIPMENT),
    "recipe": (recipes.TRANSITIONS, recipes.RecipeState, recipes.RecipeVerb, RECIPE),
}


@pytest.mark.parametrize("machine", MACHINES)
def test_every_pair_does_what_stands_on_paper(machine: str) -> None:
    transitions, states, verbs, paper = MACHINES[machine]
    expected = {(state, verb): after for state, verb, after in (line.split() for line in paper.split("\n") if line)}
    assert {(s, v): _after(transitions, s, v) for s in states for v in verbs} == {
        (s, v): expected.get((s, v)) for s in states for v in verbs
    }
    assert expected.keys() <= {(s.value, v.value) for s in states for v in verbs}


def _after(transitions: Transitions[Any, Any], state: StrEnum, verb: StrEnum) -> str | None:
    try:
        return str(transitions.after("It", state, verb))
    except WrongState:
        return None


def test_refusal_names_the_states_that_allow_the_verb() -> None:
    with pytest.raises(WrongState) as refused:
        lots.TRANSITIONS.after("Lot L-1", lots.LotState.SCRAPPED, lots.LotVerb.TRACK_IN)
    assert refused.value.message == "Lot L-1 is scrapped; track in needs it to be ordered, queued, running."
