// Shows below the choice of a crontab what the chosen one means.
"use strict";

(() => {
  const choice = document.getElementById("id_crontab");
  const meanings = document.getElementById("readable-crontabs");
  if (!choice || !meanings) return;
  const inWords = JSON.parse(meanings.textContent);
  const shown = document.createElement("p");
  shown.className = "rb-hint";
  choice.closest(".field-crontab").append(shown);
  const show = () => {
    shown.textContent = inWords[choice.value] ?? "";
  };
  choice.addEventListener("change", show);
  show();
})();
