// Names for screen readers that Django's own widgets lack: fields with a search, and the hints of double lists.
"use strict";
(() => {
  function nameFields() {
    for (const select of document.querySelectorAll("select.select2-hidden-accessible")) {
      const [label] = select.labels, box = select.nextElementSibling;
      if (!label || !box) continue;
      label.id = label.id || `${select.id}-label`;
      for (const each of box.querySelectorAll("[role=combobox]")) {
        const shown = box.querySelector("[role=textbox]");
        each.setAttribute("aria-labelledby", shown ? `${label.id} ${shown.id}` : label.id);
      }
      for (const each of box.querySelectorAll("[role=textbox], [role=searchbox]"))
        each.setAttribute("aria-labelledby", label.id);
    }
    for (const hint of document.querySelectorAll(".help-tooltip[aria-label]")) hint.setAttribute("role", "img");
  }
  // Django builds its widgets when the page is loaded; this runs after it.
  addEventListener("load", () => setTimeout(nameFields));
  document.addEventListener("formset:added", () => setTimeout(nameFields));
})();
