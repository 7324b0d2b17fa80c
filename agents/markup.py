"""What the HTML pages of reports are put together from: elements with text, and pictures in SVG."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree as ET


def document(title: str, style: str) -> tuple[ET.Element, ET.Element]:
    """An empty page that may load and run nothing, and its body."""
    html = ET.Element("html", {"lang": "en"})
    head = ET.SubElement(html, "head")
    ET.SubElement(head, "meta", {"charset": "utf-8"})
    ET.SubElement(head, "meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"})
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    ET.SubElement(head, "meta", {"http-equiv": "Content-Security-Policy", "content": policy})
    say(head, "title", title)
    say(head, "style", style)
    return html, ET.SubElement(html, "body")


def written(html: ET.Element) -> str:
    """The page as a file."""
    return f"<!doctype html>\n{ET.tostring(html, encoding='unicode', method='html')}\n"


def svg(said: str, width: float, height: float) -> ET.Element:
    """An empty picture. `said` tells what it shows to whoever does not see it."""
    picture = ET.Element(
        "svg",
        {"viewBox": f"0 0 {width:g} {height:g}", "role": "img", "aria-label": said, "width": f"{width:g}"},
    )
    ET.SubElement(picture, "title").text = said
    return picture


def add(parent: ET.Element, tag: str, kind: str, **attributes: float | str) -> ET.Element:
    """A shape of a class in a picture; numbers are written with one decimal."""
    written = {
        name: value if isinstance(value, str) else f"{value:.1f}" for name, value in attributes.items()
    }
    return ET.SubElement(parent, tag, {"class": kind, **written})


def text(
    parent: ET.Element, x: float, y: float, said: str, *, anchor: str = "start", kind: str = ""
) -> ET.Element:
    """A text in a picture."""
    element = ET.SubElement(parent, "text", {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor})
    if kind:
        element.set("class", kind)
    element.text = said
    return element


def say(parent: ET.Element, tag: str, said: str, attributes: Mapping[str, str] | None = None) -> None:
    """An element with a text. Whatever is said, it is escaped when written."""
    ET.SubElement(parent, tag, dict(attributes or {})).text = said


def figure(parent: ET.Element, picture: ET.Element, caption: str) -> ET.Element:
    """A picture with what it shows below it."""
    element = ET.SubElement(parent, "figure")
    element.append(picture)
    say(element, "figcaption", caption)
    return element
