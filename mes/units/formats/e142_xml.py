"""XML as found in the wild: parsed without entities, network or DTD, looked up by name whatever the case."""

from lxml import etree

from mes.units.formats.findings import Findings, MapRefused
from mes.units.formats.values import MAX_BYTES


def parse(data: bytes, max_bytes: int = MAX_BYTES) -> etree._Element:
    """The root element. Refuses (`too-large`, `xml-broken`, `doctype`) all but bounded, whole, plain XML."""
    if len(data) > max_bytes:
        raise MapRefused("too-large", "the file", f"It has {len(data)} bytes; at most {max_bytes} are read.")
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        strip_cdata=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        where = f"line {line}, column {column}"
        raise MapRefused("xml-broken", where, f"The file is not whole, well-formed XML: {error.msg}.") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise MapRefused("doctype", "before the first element", "A DOCTYPE (and so entities) is never read; remove it.")
    return root


def local(element: etree._Element) -> str:
    """The element's name without namespace, in lower case."""
    return _bare(element.tag).lower()


def children(element: etree._Element | None, name: str) -> list[etree._Element]:
    """The children of that name, which is given in lower case; none of a missing element."""
    if element is None:
        return []
    tags = {tag for tag in _tags(element) if _bare(tag).lower() == name}
    return list(element.iterchildren(*tags)) if tags else []


def child(element: etree._Element | None, name: str) -> etree._Element | None:
    """The first child of that name, which is given in lower case."""
    return next(iter(children(element, name)), None)


def text(element: etree._Element | None) -> str | None:
    """The element's text without the blanks around it; None if there is none."""
    return (element.text or "").strip() or None if element is not None else None


def attribute(element: etree._Element, name: str) -> str | None:
    """The attribute of that name in any case, as it stands."""
    value = element.get(name)
    if value is None:
        wanted = name.lower()
        value = next((str(v) for k, v in element.items() if str(k).lower() == wanted), None)
    return value


def named(element: etree._Element, name: str) -> str | None:
    """Like `attribute`, without the blanks around it; an empty one counts as absent."""
    return (attribute(element, name) or "").strip() or None


def at(element: etree._Element) -> str:
    """Where the element stands, for messages."""
    return f"line {element.sourceline}, {_bare(element.tag)}"


def unread(element: etree._Element, elements: str, attributes: str, findings: Findings) -> None:
    """Adds a finding for each child element and attribute but the named ones (lower case, blanks between)."""
    for name in map(_bare, _tags(element)):
        if name.lower() not in elements.split():
            findings.add("not-read", at(element), f"Element {name} is not read.")
    for name in map(str, element.keys()):
        if not name.startswith("{") and name.lower() not in attributes.split():
            findings.add("not-read", at(element), f"Attribute {name} is not read.")


def _tags(element: etree._Element) -> list[str]:
    """The different tags of the children, in the order met: few, also where children are many."""
    return list(dict.fromkeys([child.tag for child in element]))


def _bare(tag: str) -> str:
    return tag.rpartition("}")[2]
