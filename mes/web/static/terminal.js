// What a scanner sends goes to its field, wherever the focus was; only who types in a field of a form keeps it.
"use strict";
(() => {
  const field = document.getElementById("scan");

  document.addEventListener("keydown", (event) => {
    if (event.target.closest("input, textarea, select, dialog") || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key.length === 1 && event.key !== " ") field.focus(); // the key itself then lands there
  });
})();
