// Suggests rows while a name is typed. A field with data-rb-names has the address of the suggestions. In a textarea,
// the line with the cursor is the name. Without this script the fields accept the same texts.
"use strict";

(() => {
  const PAUSE = 150; // milliseconds after the last key
  const BAR = 80; // pixels, of the bar with the buttons at the bottom of the screen
  const list = document.createElement("ul");
  list.id = "rb-names";
  list.className = "rb-names";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Suggestions");
  list.hidden = true;
  let field = null;
  let request = null;
  let timer = 0;

  const lineOf = (target) => {
    if (target.tagName !== "TEXTAREA") return { start: 0, end: target.value.length };
    const start = target.value.lastIndexOf("\n", target.selectionStart - 1) + 1;
    const end = target.value.indexOf("\n", start);
    return { start, end: end < 0 ? target.value.length : end };
  };
  const options = () => [...list.querySelectorAll("[role=option]")];
  const active = () => list.querySelector("[aria-selected=true]");

  const close = () => {
    clearTimeout(timer);
    request?.abort();
    list.hidden = true;
    list.replaceChildren();
    field?.setAttribute("aria-expanded", "false");
    field?.removeAttribute("aria-activedescendant");
  };

  const mark = (option) => {
    for (const each of options()) each.setAttribute("aria-selected", String(each === option));
    field.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  };

  const choose = (option) => {
    const target = field;
    const { start, end } = lineOf(target);
    target.setRangeText(option.dataset.text, start, end, "end");
    close();
    target.dispatchEvent(new Event("change", { bubbles: true }));
    target.focus();
  };

  const show = (results) => {
    list.replaceChildren();
    results.forEach(({ text, note }, number) => {
      const option = document.createElement("li");
      option.id = `rb-names-${number}`;
      option.dataset.text = text;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      option.append(text);
      if (note) {
        const small = document.createElement("span");
        small.className = "rb-hint";
        small.textContent = note;
        option.append(small);
      }
      list.append(option);
    });
    if (!results.length) {
      const none = document.createElement("li");
      none.className = "rb-hint";
      none.textContent = "Nothing with this name.";
      list.append(none);
    }
    // The list follows its field, but not inside a table, which would cut it off.
    const box = field.getBoundingClientRect();
    const width = Math.min(Math.max(box.width, 256), document.documentElement.clientWidth - 16);
    list.style.width = `${width}px`;
    list.style.left = `${Math.max(8, Math.min(box.left, document.documentElement.clientWidth - width - 8)) + scrollX}px`;
    list.hidden = false;
    const below = box.bottom + list.offsetHeight + BAR < innerHeight || box.top < list.offsetHeight;
    list.style.top = `${scrollY + (below ? box.bottom + 4 : box.top - list.offsetHeight - 4)}px`;
    field.setAttribute("aria-expanded", String(results.length > 0));
  };

  const suggest = async () => {
    request?.abort();
    request = new AbortController();
    const { start, end } = lineOf(field);
    const term = encodeURIComponent(field.value.slice(start, end));
    try {
      const answer = await fetch(`${field.dataset.rbNames}&term=${term}`, { signal: request.signal });
      if (answer.ok && !answer.redirected) show((await answer.json()).results);
    } catch (failed) {
      if (failed.name !== "AbortError") close(); // without a network, the text itself is the name
    }
  };

  const enhance = (target) => {
    if (field !== target) close();
    field = target;
    if (field.hasAttribute("aria-controls")) return;
    if (field.tagName !== "TEXTAREA") field.setAttribute("role", "combobox");
    field.setAttribute("aria-autocomplete", "list");
    field.setAttribute("aria-haspopup", "listbox");
    field.setAttribute("aria-expanded", "false");
    field.setAttribute("aria-controls", list.id);
  };

  const isField = (target) => target instanceof HTMLElement && target.matches("[data-rb-names]");

  document.addEventListener("focusin", ({ target }) => {
    if (isField(target)) enhance(target);
    else close();
  });
  document.addEventListener("input", ({ target }) => {
    if (!isField(target)) return;
    enhance(target);
    clearTimeout(timer);
    timer = setTimeout(suggest, PAUSE);
  });
  document.addEventListener("keydown", (event) => {
    if (!isField(event.target)) return;
    const all = options();
    const at = all.indexOf(active());
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (list.hidden && event.target.tagName === "TEXTAREA") return; // moves the cursor
      event.preventDefault();
      if (list.hidden) suggest();
      else if (all.length) mark(all.at((at + (event.key === "ArrowDown" ? 1 : at < 0 ? 0 : -1)) % all.length));
    } else if (event.key === "Enter" && active()) {
      event.preventDefault();
      choose(active());
    } else if (event.key === "Escape" && !list.hidden) {
      event.preventDefault();
      close();
    } else if (event.key === "Tab") {
      close();
    }
  });
  list.addEventListener("mousedown", (event) => {
    event.preventDefault(); // keeps the focus in the field
    const option = event.target.closest("[role=option]");
    if (option) choose(option);
  });
  document.addEventListener("DOMContentLoaded", () => document.body.append(list));
})();
