"""What makes a page hard to use for people who do not see it, or see it badly: found in a browser.

``AXE=axe.min.js`` also runs the rules of axe-core, which the project does not contain.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from playwright.sync_api import Page

#: Returns a sentence for each fault. Elements that nobody sees are left out.
_SEARCH: Final = r"""() => {
  const faults = [];
  const all = selector => [...document.querySelectorAll(selector)].filter(each =>
    each.checkVisibility({opacityProperty: true, visibilityProperty: true}) && !each.closest("[aria-hidden=true]"));
  const start = each => each.outerHTML.replace(/\s+/g, " ").slice(0, 160);
  const text = each => (each.textContent || "").trim();
  const named = each => (each.getAttribute("aria-label") || each.getAttribute("title") || "").trim()
    || (each.getAttribute("aria-labelledby") || "").split(" ").some(id => text(document.getElementById(id) || {}))
    || text(each) || [...each.querySelectorAll("img[alt]")].some(image => image.alt.trim());

  const mains = all("main, [role=main]");
  if (mains.length !== 1) faults.push(`the page has ${mains.length} main landmarks`);
  if (!document.documentElement.lang) faults.push("the page names no language");
  if (!document.title.trim()) faults.push("the page has no title");

  let level = 0;
  const headings = all("h1, h2, h3, h4, h5, h6").filter(each => each.closest("main, [role=main]"));
  if (headings.filter(each => each.tagName === "H1").length !== 1)
    faults.push(`the page has ${headings.filter(each => each.tagName === "H1").length} headings of the first level`);
  for (const each of headings) {
    const own = Number(each.tagName[1]);
    if (own > level + 1) faults.push(`a heading of level ${own} follows one of level ${level}: ${start(each)}`);
    if (!text(each)) faults.push(`a heading is empty: ${start(each)}`);
    level = own;
  }

  const ids = new Set();
  for (const each of document.querySelectorAll("[id]")) {
    if (ids.has(each.id)) faults.push(`two elements have the id ${each.id}`);
    ids.add(each.id);
  }
  for (const each of all("button, a[href], [role=button], summary, input[type=submit]"))
    if (!named(each) && !each.value) faults.push(`a button or link has no name: ${start(each)}`);
  for (const each of all("input:not([type=hidden]):not([type=submit]), select, textarea"))
    if (![...(each.labels || [])].some(text)
        && !["aria-label", "aria-labelledby", "title", "placeholder"].some(name => each.getAttribute(name)))
      faults.push(`a field has no label: ${start(each)}`);
  for (const each of all("img")) if (!each.hasAttribute("alt")) faults.push(`an image has no text: ${start(each)}`);
  for (const each of all("table"))
    if (!each.querySelector("th")) faults.push(`a table has no headings: ${start(each)}`);

  // Colours are drawn, because the style of a page can name them in any notation.
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const drawn = (...colours) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = rgb => rgb.map(each => each / 255)
    .map(each => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4)
    .reduce((sum, each, place) => sum + each * [0.2126, 0.7152, 0.0722][place], 0);
  const behind = each => {
    const colours = [];
    for (let one = each; one; one = one.parentElement) colours.unshift(getComputedStyle(one).backgroundColor);
    return ["white", ...colours];
  };
  // A text of a drawing stands on each colour that is drawn before it and below it; a pattern has several.
  const grounds = each => {
    const box = each.getBoundingClientRect(), style = getComputedStyle(each);
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    const root = [...document.querySelectorAll("svg")].find(one => !one.ownerSVGElement && one.contains(each));
    let stacks = [behind(root)];
    for (const rect of root.querySelectorAll("rect")) {
      const around = rect.getBoundingClientRect(), fill = getComputedStyle(rect).fill;
      const isBefore = rect.compareDocumentPosition(each) & Node.DOCUMENT_POSITION_FOLLOWING;
      const isBelow = around.left <= x && x <= around.right && around.top <= y && y <= around.bottom;
      if (!isBefore || !isBelow || rect.closest("defs") || fill === "none") continue;
      const pattern = fill.match(/url\("?#([^")]+)/);
      const parts = pattern ? [...document.getElementById(pattern[1]).querySelectorAll("rect")] : [];
      const colours = pattern ? ["transparent", ...parts.map(part => getComputedStyle(part).fill)] : [fill];
      stacks = stacks.flatMap(stack => colours.map(colour => [...stack, colour]));
    }
    const isOutlined = style.paintOrder.startsWith("stroke") && style.stroke !== "none";
    return isOutlined ? [[...behind(root), style.stroke]] : stacks;
  };
  for (const each of all("body *")) {
    const own = [...each.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    const style = getComputedStyle(each), box = each.getBoundingClientRect(), isDrawn = each.tagName === "text";
    const icon = style.fontFamily.includes("Material Symbols"), hidden = box.width < 2 || box.height < 2;
    if (!own || icon || hidden || each.closest(":disabled, option, title")) continue;
    if (style.backgroundImage !== "none" || (!isDrawn && each.closest("svg"))) continue;
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    for (const ground of isDrawn ? grounds(each) : [behind(each)]) {
      const [one, other] = [light(drawn(...ground)), light(drawn(...ground, isDrawn ? style.fill : style.color))];
      const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
      if (contrast < (large ? 3 : 4.5) - 0.005)
        faults.push(`the contrast is ${contrast.toFixed(2)}: “${text(each).slice(0, 40)}” in ${start(each)}`);
    }
  }
  return faults;
}"""
_AXE: Final = """async () => (await axe.run()).violations
  .filter(each => ["serious", "critical"].includes(each.impact))
  .flatMap(each => each.nodes.map(node => `axe, ${each.impact}, ${each.id}: ${node.html.slice(0, 200)}`))"""


def faults(page: "Page") -> list[str]:
    """Returns a sentence for each fault of the page as it is shown now."""
    found: list[str] = page.evaluate(_SEARCH)
    if script := os.environ.get("AXE"):
        page.evaluate(Path(script).read_text(encoding="utf-8"))
        found += page.evaluate(_AXE)
    return found
