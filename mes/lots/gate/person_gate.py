"""Why a person must not start an operation: it takes somebody who is certified for it, or for the equipment."""

from collections.abc import Iterator

from mes.errors import Reason
from mes.lots.gate.start_gate_facts import Facts


def against_person(facts: Facts) -> Iterator[Reason]:
    """Every certificate that whoever starts it lacks. Equipment that starts by itself needs none."""
    operation, starter = facts.operation, facts.starter
    if operation is None or starter is None or not facts.serves:
        return
    for name in dict.fromkeys((facts.equipment.equipment_class.certification, operation.certification)):
        training = starter.trainings.get(name) if name is not None else None
        if training is None:
            continue
        trainer = training.trainer.replace("_", " ")
        if not training.certified:
            said = f"{starter.name} is not certified for {training.title}; let a {trainer} train and certify."
            yield Reason("not_certified", said, training.trainer)
        elif training.expires_at is not None and training.expires_at <= facts.at:
            ended = f"{training.expires_at:%Y-%m-%d %H:%M} UTC"
            said = f"The certificate of {starter.name} for {training.title} ended {ended}; let a {trainer} renew it."
            yield Reason("certificate_expired", said, training.trainer)
