// Counts plant time on between two messages, and says when none come.
"use strict";
(() => {
  const UNHEARD_MS = 25000; // the server sends a beat every 10 s
  const RETRY_MS = 4000;
  const wallAhead = Number(document.documentElement.dataset.nowMs) - Date.now();
  const words = JSON.parse(document.getElementById("live").dataset.words);
  const stream = document.getElementById("live");
  const unheard = document.getElementById("unheard");
  let heardAt = performance.now();

  function plantNow() {
    const clock = document.getElementById("plant-clock").dataset;
    return (Date.now() + wallAhead) * Number(clock.speed) + Number(clock.offsetMs);
  }

  function length(ms) {
    const minutes = Math.floor(Math.abs(ms) / 60000);
    const parts = [[Math.floor(minutes / 1440), words.d], [Math.floor(minutes / 60) % 24, words.h], [minutes % 60, words.min]];
    const first = parts.findIndex(([n]) => n > 0);
    if (first < 0) return words.short;
    return parts.slice(first, first + 2).filter(([n]) => n > 0).map(([n, unit]) => `${n} ${unit}`).join(" ");
  }

  function write(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  function tick() {
    const now = plantNow();
    const zone = document.getElementById("plant-clock").dataset.zone;
    for (const element of document.querySelectorAll("[data-plant-now]")) {
      write(element, new Date(now).toLocaleString("sv-SE", { timeZone: zone }));
    }
    for (const element of document.querySelectorAll("time[data-since]")) {
      write(element, length(now - Date.parse(element.dateTime)));
    }
    for (const element of document.querySelectorAll("time[data-until]")) {
      const left = Date.parse(element.dateTime) - now;
      const near = left < 0 ? "over" : now > Date.parse(element.dataset.warning) ? "warning" : "";
      write(element, (words[near] ?? "%s").replace("%s", length(left)));
      if ((element.dataset.near || "") !== near) element.dataset.near = near;
    }
    unheard.hidden = performance.now() - heardAt < UNHEARD_MS;
  }

  function heard() {
    heardAt = performance.now();
    tick();
  }

  function failed(event) {
    heardAt = -UNHEARD_MS;
    tick();
    if (event.detail?.status === 401) location.reload(); // the sign-in has expired
  }

  for (const name of ["beat", "htmx:sse:after:message", "htmx:sse:after:connection"]) {
    stream.addEventListener(name, heard);
  }
  stream.addEventListener("htmx:sse:error", failed);
  for (const name of ["htmx:error", "htmx:response:error"]) {
    stream.addEventListener(name, (event) => {
      failed(event);
      setTimeout(() => htmx.trigger(stream, "retry"), RETRY_MS);
    });
  }
  setInterval(tick, 1000);
  tick();
})();
