"""Pages: rendered here from templates, live by server-sent events, with assets that we serve ourselves.

Begin with `pages` (how a page is made) and `live` (how it moves); then any page group.
"""
