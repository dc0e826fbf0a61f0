"""How a page is made: an environment of templates for each language, one navigation by role, one address per asset."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy.orm import Session

from mes.clock import wall_clock
from mes.definitions.clock import plant_clock, time_zone
from mes.people.access import may
from mes.people.permissions import Permission
from mes.people.sign_in import Person
from mes.web import language
from mes.web.navigation import entries

HERE = Path(__file__).parent


@dataclass(frozen=True)
class View:
    """How somebody reads pages: in which language, and in which time zone, None for the plant's."""

    language: str = language.OWN
    zone: str | None = None


def view_of(request: Request, person: Person | None) -> View:
    """As the person has chosen, or else as the browser asks."""
    if person is not None and person.language:
        return View(person.language, person.time_zone)
    accepted = language.preferred(request.headers.get("accept-language", ""))
    return View(accepted, None if person is None else person.time_zone)


class Assets(StaticFiles):
    """Files that pages load. An address with their hash is kept by the browser for good."""

    def file_response(self, *args: Any, **options: Any) -> Response:
        """The file, or that it has not changed."""
        response = super().file_response(*args, **options)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


STATIC = Assets(directory=HERE / "static")


@cache
def asset(path: str) -> str:
    """The address of a file under ``static``, which changes when the file does."""
    digest = hashlib.sha256((HERE / "static" / path).read_bytes()).hexdigest()[:12]
    return f"/static/{path}?{digest}"


def number(value: float) -> str:
    """A number with thousands apart, where no line breaks."""
    return f"{value:,}".replace(",", "\u202f")


def local(at: datetime, zone: str) -> str:
    """A time in a time zone, to the minute."""
    return at.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")


def plant_time(session: Session, view: View) -> dict[str, Any]:
    """The plant clock as a page counts with it: plant milliseconds = wall milliseconds * speed + offset."""
    clock = plant_clock(session)
    offset_ms = 1000 * (clock.plant_at.timestamp() - clock.wall_at.timestamp() * clock.speed)
    return {"speed": clock.speed, "offset_ms": round(offset_ms), "zone": view.zone or time_zone(session)}


def plant_moment(session: Session, view: View, written: datetime | None) -> datetime | None:
    """A time that a person wrote in the zone of a page."""
    return written and written.replace(tzinfo=ZoneInfo(plant_time(session, view)["zone"]))


@cache
def environment(spoken: str) -> Environment:
    """The templates in a language."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    translations = language.translations(spoken)
    made.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined] # by the extension
    made.filters.update(
        number=number,
        local=local,
        word=partial(language.word, translations),
        sentence=partial(language.sentence, translations),
        reason=partial(language.reason, translations),
    )
    made.globals.update(
        asset=asset, once=partial(secrets.token_urlsafe, 12), languages=language.LANGUAGES, spoken=spoken
    )
    return made


def render(template: str, view: View, **context: Any) -> str:
    """A template or fragment as HTML."""
    return environment(view.language).get_template(template).render(context)


def page(
    request: Request, template: str, path: str, person: Person | None, status: int = 200, **context: Any
) -> HTMLResponse:
    """A whole page: ``path`` is the entry of the navigation that it stands under."""
    context |= {"path": path, "person": person, "now_ms": round(1000 * wall_clock().timestamp())}
    navigation = entries(person)
    can = frozenset(permission for permission in Permission if person and may(person, permission))
    html = render(template, view_of(request, person), navigation=navigation, can=can, **context)
    return HTMLResponse(html, status)
