// Draws the map of a substrate, and tells of the position under the pointer or the cursor.
"use strict";
(() => {
  const canvas = document.getElementById("map");
  const context = canvas.getContext("2d");
  const map = JSON.parse(canvas.dataset.map);
  const words = JSON.parse(canvas.dataset.words);
  const told = document.getElementById("told");
  const unit = document.getElementById("open");
  const take = document.getElementById("take");
  const legend = new Map(
    [...document.querySelectorAll("#legend tr[data-code]")].map((row) => [Number(row.dataset.code), row]),
  );
  const states = new Map(
    [...document.querySelectorAll("#states li")].map((item) => [Number(item.dataset.code), item.textContent]),
  );
  const { rows, columns, aspect } = map; // a position is 1 wide and `aspect` high
  const MOST_ZOOM = Math.max(1, columns / 3, rows / 3);
  const MARK_PX = 13; // of a position that is large enough for its mark
  const GRID_PX = 5;
  const image = Object.assign(document.createElement("canvas"), { width: columns, height: rows });
  const view = { zoom: 1, x: columns / 2, y: (rows * aspect) / 2 };
  let codes = null; // one for each position, row by row from the top left
  let stands = null; // what became of each
  let kept = null; // 1 where the unit is reserved, 2 where a hold masks it
  let outline = null; // left, top, width and height of all that is drawn
  let cursor = null;
  let only = null; // the one code that is shown, if not all
  let colours = new Map();
  let drawing = 0;

  // --- colours ------------------------------------------------------------------------------------------------

  function colour(name) {
    const hex = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    return [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  }

  function mix(from, to, share) {
    return from.map((part, i) => Math.round(part + (to[i] - part) * share));
  }

  function ink([r, g, b]) {
    return 0.3 * r + 0.59 * g + 0.11 * b > 140 ? "#000000" : "#ffffff";
  }

  function paint() {
    const ground = colour("--map-ground");
    colours = new Map();
    for (const [code, row] of legend) {
      const { tone, shade } = row.dataset;
      const plain = mix(colour(`--map-${tone}-from`), colour(`--map-${tone}-to`), Number(shade));
      const swatch = row.querySelector(".swatch");
      swatch.style.backgroundColor = `rgb(${plain.join()})`;
      swatch.style.color = ink(plain);
      colours.set(code, only === null || only === code ? plain : mix(plain, ground, 0.85));
    }
    const packed = new Uint32Array(65536); // where no colour is, the ground shows
    const bytes = new Uint8Array(packed.buffer);
    for (const [code, rgb] of colours) bytes.set([...rgb, 255], 4 * code);
    const pixels = new ImageData(columns, rows);
    const target = new Uint32Array(pixels.data.buffer);
    for (let i = 0; i < target.length; i++) target[i] = packed[codes[i]];
    image.getContext("2d").putImageData(pixels, 0, 0);
  }

  // --- where things are ---------------------------------------------------------------------------------------

  function reach() {
    if (!map.round) {
      const edge = 0.03 * Math.max(columns, rows * aspect);
      return { left: -edge, top: -edge, width: columns + 2 * edge, height: rows * aspect + 2 * edge };
    }
    let far = 0;
    for (let i = 0; i < codes.length; i++) {
      if (!legend.has(codes[i]) && !states.has(stands[i])) continue;
      const x = Math.abs((i % columns) + 0.5 - columns / 2) + 0.5;
      const y = (Math.abs(Math.floor(i / columns) + 0.5 - rows / 2) + 0.5) * aspect;
      far = Math.max(far, x * x + y * y);
    }
    const radius = 1.05 * Math.sqrt(far || columns * columns / 4);
    return { left: columns / 2 - radius, top: (rows * aspect) / 2 - radius, width: 2 * radius, height: 2 * radius };
  }

  function scale() {
    return 0.96 * Math.min(canvas.width / outline.width, canvas.height / outline.height) * view.zoom;
  }

  function place() {
    const size = scale();
    return { size, left: canvas.width / 2 - view.x * size, top: canvas.height / 2 - view.y * size };
  }

  function under(event) {
    const { size, left, top } = place();
    const box = canvas.getBoundingClientRect();
    const x = Math.floor((((event.clientX - box.left) * canvas.width) / box.width - left) / size);
    const y = Math.floor((((event.clientY - box.top) * canvas.height) / box.height - top) / (size * aspect));
    return x >= 0 && y >= 0 && x < columns && y < rows ? { x, y } : null;
  }

  function keepInside() {
    if (view.zoom === 1) {
      view.x = outline.left + outline.width / 2;
      view.y = outline.top + outline.height / 2;
    }
    view.x = Math.min(Math.max(view.x, outline.left), outline.left + outline.width);
    view.y = Math.min(Math.max(view.y, outline.top), outline.top + outline.height);
    canvas.classList.toggle("moved", view.zoom > 1);
  }

  // --- drawing ------------------------------------------------------------------------------------------------

  function draw() {
    drawing = 0;
    const begin = performance.now();
    const { size, left, top } = place();
    const high = size * aspect;
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingEnabled = size < 1; // no position is left out
    context.drawImage(image, left, top, columns * size, rows * high);
    const first = { x: Math.max(0, Math.floor(-left / size)), y: Math.max(0, Math.floor(-top / high)) };
    const last = {
      x: Math.min(columns, Math.ceil((canvas.width - left) / size)),
      y: Math.min(rows, Math.ceil((canvas.height - top) / high)),
    };
    if (Math.min(size, high) >= GRID_PX * devicePixelRatio) drawGrid(first, last, size, left, top);
    if (kept && !map.stack) drawMasked(first, last, size, left, top);
    if (Math.min(size, high) >= MARK_PX * devicePixelRatio) drawMarks(first, last, size, left, top);
    drawOutline(size, left, top);
    if (cursor) drawCursor(size, left, top);
    canvas.dataset.drawn = [left, top, size, high].join(" ");
    performance.measure("map", { start: begin, end: performance.now() });
  }

  function drawOutline(size, left, top) {
    const x = left + outline.left * size;
    const y = top + outline.top * size;
    const [width, height] = [outline.width * size, outline.height * size];
    const notch = 0.013 * width;
    context.strokeStyle = `rgb(${colour("--map-edge").join()})`;
    context.lineWidth = 1.5 * devicePixelRatio;
    context.beginPath();
    if (map.round) {
      const open = Math.asin(notch / (width / 2));
      context.arc(x + width / 2, y + height / 2, width / 2, Math.PI / 2 + open, Math.PI / 2 - open);
      context.lineTo(x + width / 2, y + height - 1.6 * notch);
    } else {
      context.moveTo(x, y + 2 * notch); // the corner of the origin is cut
      for (const at of [[x + 2 * notch, y], [x + width, y], [x + width, y + height], [x, y + height]]) context.lineTo(...at);
    }
    context.closePath();
    context.stroke();
  }

  function drawGrid(first, last, size, left, top) {
    const high = size * aspect;
    const [from, until] = [Math.max(left, 0), Math.min(left + columns * size, canvas.width)];
    const [above, below] = [Math.max(top, 0), Math.min(top + rows * high, canvas.height)];
    context.fillStyle = `rgb(${colour("--map-ground").join()})`;
    for (let x = first.x; x <= last.x; x++) context.fillRect(Math.round(left + x * size), above, devicePixelRatio, below - above);
    for (let y = first.y; y <= last.y; y++) context.fillRect(from, Math.round(top + y * high), until - from, devicePixelRatio);
  }

  function drawMarks(first, last, size, left, top) {
    const high = size * aspect;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.font = `${Math.min(0.6 * Math.min(size, high), 28 * devicePixelRatio)}px sans-serif`;
    for (let y = first.y; y < last.y; y++) {
      for (let x = first.x; x < last.x; x++) {
        const code = codes[y * columns + x];
        const mark = legend.get(code)?.dataset.mark;
        if (!mark || (only !== null && only !== code)) continue;
        context.fillStyle = ink(colours.get(code));
        context.fillText(mark, left + (x + 0.5) * size, top + (y + 0.5) * high, 0.9 * size);
      }
    }
  }

  function drawMasked(first, last, size, left, top) {
    const high = size * aspect;
    context.lineWidth = Math.min(Math.max(0.06 * Math.min(size, high), 1), 2 * devicePixelRatio);
    for (let y = first.y; y < last.y; y++) {
      for (let x = first.x; x < last.x; x++) {
        const code = codes[y * columns + x];
        if (!(kept[y * columns + x] & 2) || (only !== null && only !== code)) continue;
        context.strokeStyle = ink(colours.get(code) ?? colour("--map-ground"));
        context.beginPath();
        for (const share of [0.5, 1, 1.5]) { // hatched, so that it shows in grey, too
          const [from, to] = [Math.max(0, share - 1), Math.min(1, share)];
          context.moveTo(left + (x + from) * size, top + (y + to) * high);
          context.lineTo(left + (x + to) * size, top + (y + from) * high);
        }
        context.stroke();
      }
    }
  }

  function drawCursor(size, left, top) {
    const high = size * aspect;
    const wide = Math.max(size, 9 * devicePixelRatio);
    const tall = Math.max(high, 9 * devicePixelRatio);
    const x = left + (cursor.x + 0.5) * size - wide / 2;
    const y = top + (cursor.y + 0.5) * high - tall / 2;
    for (const [name, width] of [["--map-ground", 5], ["--map-ink", 2]]) {
      context.strokeStyle = `rgb(${colour(name).join()})`;
      context.lineWidth = width * devicePixelRatio;
      context.strokeRect(x, y, wide, tall);
    }
  }

  function redraw() {
    if (codes && !drawing) drawing = requestAnimationFrame(draw);
  }

  // --- telling ------------------------------------------------------------------------------------------------

  function fill(text, given) {
    return text.replace(/\{(\w+)\}/g, (_, name) => given[name]);
  }

  function tell(at) {
    if (!at) return;
    const i = at.y * columns + at.x;
    const row = legend.get(codes[i]);
    const parts = [fill(words.at, at)];
    const meaning = row && [...row.querySelector("th").children].map((part) => part.textContent).join(", ");
    if (map.stack) parts.push(meaning ?? words.nothing);
    else if (codes !== stands) parts.push(row ? `${fill(words.bin, { code: codes[i] })} ${meaning}` : words.untested);
    if (!map.stack) parts.push(states.get(stands[i]) ?? words.nothing);
    if (kept?.[i] & 1 && !map.stack) parts.push(words.kept);
    if (kept?.[i] & 2 && !map.stack) parts.push(words.masked);
    told.textContent = parts.join(" · ");
  }

  function choose(at) {
    cursor = at;
    tell(at);
    unit.hidden = !states.has(stands[at.y * columns + at.x]);
    unit.href = `${map.unit}${at.x}/${at.y}`;
    unit.textContent = fill(words.open, at);
    if (take) {
      take.hidden = false;
      take.textContent = fill(words.take, at);
    }
    for (const link of [location, ...document.querySelectorAll(".layers a")]) {
      const address = new URL(link.href);
      address.searchParams.set("x", at.x);
      address.searchParams.set("y", at.y);
      if (link === location) history.replaceState(null, "", address);
      else link.href = address;
    }
    redraw();
  }

  // --- moving -------------------------------------------------------------------------------------------------

  function zoom(factor, event) {
    const before = place();
    const box = canvas.getBoundingClientRect();
    const at = event
      ? { x: (event.clientX - box.left) * (canvas.width / box.width), y: (event.clientY - box.top) * (canvas.height / box.height) }
      : cursor
        ? { x: before.left + (cursor.x + 0.5) * before.size, y: before.top + (cursor.y + 0.5) * before.size * aspect }
        : { x: canvas.width / 2, y: canvas.height / 2 };
    const [x, y] = [(at.x - before.left) / before.size, (at.y - before.top) / before.size];
    view.zoom = Math.min(Math.max(view.zoom * factor, 1), MOST_ZOOM);
    const size = scale();
    view.x = x - (at.x - canvas.width / 2) / size;
    view.y = y - (at.y - canvas.height / 2) / size;
    keepInside();
    redraw();
  }

  function showAll() {
    view.zoom = 1;
    keepInside();
    redraw();
  }

  function follow() {
    const { size, left, top } = place();
    const x = left + (cursor.x + 0.5) * size;
    const y = top + (cursor.y + 0.5) * size * aspect;
    if (x < size || x > canvas.width - size) view.x = cursor.x + 0.5;
    if (y < size * aspect || y > canvas.height - size * aspect) view.y = (cursor.y + 0.5) * aspect;
    keepInside();
  }

  const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const ENDS = { Home: [-columns, 0], End: [columns, 0], PageUp: [0, -rows], PageDown: [0, rows] };
  const ZOOMS = { "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5), 0: showAll };

  function key(event) {
    if (!codes || event.ctrlKey || event.altKey || event.metaKey) return;
    const step = STEPS[event.key] ?? ENDS[event.key];
    if (step) {
      const many = event.shiftKey && STEPS[event.key] ? 10 : 1;
      const from = cursor ?? { x: Math.floor(columns / 2), y: Math.floor(rows / 2) };
      const by = cursor ? many : 0; // the first key shows where the cursor is
      choose({
        x: Math.min(Math.max(from.x + by * step[0], 0), columns - 1),
        y: Math.min(Math.max(from.y + by * step[1], 0), rows - 1),
      });
      follow();
    } else if (ZOOMS[event.key]) ZOOMS[event.key]();
    else if (event.key === "Enter" && !unit.hidden) unit.click();
    else return;
    event.preventDefault();
  }

  let held = null; // where the pointer went down

  canvas.addEventListener("keydown", key);
  canvas.addEventListener("wheel", (event) => {
    if (!codes || (view.zoom === 1 && event.deltaY > 0)) return; // the page may scroll on
    event.preventDefault();
    zoom(event.deltaY < 0 ? 1.25 : 0.8, event);
  }, { passive: false });
  canvas.addEventListener("pointerdown", (event) => {
    held = { x: event.clientX, y: event.clientY, moved: false };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!codes) return;
    if (!held) return tell(under(event));
    const [x, y] = [event.clientX - held.x, event.clientY - held.y];
    if (!held.moved && Math.hypot(x, y) < 4) return;
    const size = scale() / (canvas.width / canvas.clientWidth);
    view.x -= x / size;
    view.y -= y / size;
    held = { x: event.clientX, y: event.clientY, moved: true };
    keepInside();
    redraw();
  });
  canvas.addEventListener("pointerup", (event) => {
    const at = codes && held && !held.moved && under(event);
    held = null;
    if (at) choose(at);
  });
  canvas.addEventListener("pointercancel", () => { held = null; });
  canvas.addEventListener("pointerleave", () => codes && tell(cursor));
  canvas.addEventListener("dblclick", () => unit.hidden || unit.click());
  take?.addEventListener("click", () => {
    for (const input of document.querySelectorAll("form.command input[name=at]")) {
      const taken = new Set(input.value.split(/\s+/).filter(Boolean));
      input.value = [...taken.add(`${cursor.x},${cursor.y}`)].join(" ");
    }
  });
  document.getElementById("zoom-in").addEventListener("click", () => codes && zoom(1.5));
  document.getElementById("zoom-out").addEventListener("click", () => codes && zoom(1 / 1.5));
  document.getElementById("zoom-all").addEventListener("click", () => codes && showAll());
  for (const [code, row] of legend) {
    row.querySelector("button").addEventListener("click", () => {
      only = only === code ? null : code;
      for (const [other, line] of legend) line.querySelector("button").setAttribute("aria-pressed", other === only);
      if (!codes) return;
      paint();
      redraw();
    });
  }

  // --- beginning ----------------------------------------------------------------------------------------------

  async function positions(address) {
    const answer = await fetch(address, { headers: { accept: "application/octet-stream" } });
    if (answer.status === 401) location.reload(); // the sign-in has expired
    if (!answer.ok) throw new Error(`${answer.status}`);
    const body = await answer.arrayBuffer();
    return answer.headers.get("map-bytes") === "2" ? new Uint16Array(body) : new Uint8Array(body);
  }

  function fit() {
    const width = canvas.clientWidth;
    const height = Math.min((width * outline.height) / outline.width, Math.max(innerHeight * 0.58, 240));
    canvas.style.height = `${Math.round(height)}px`;
    canvas.width = Math.round(width * devicePixelRatio);
    canvas.height = Math.round(height * devicePixelRatio);
    redraw();
  }

  async function begin() {
    try {
      const asked = [map.codes, map.states, map.kept].map((address) => address && positions(address));
      [codes, stands, kept] = await Promise.all(asked);
    } catch {
      told.textContent = words.failed;
      told.classList.add("abnormal");
      return;
    }
    stands ??= codes;
    outline = reach();
    paint();
    showAll();
    fit();
    const asked = new URLSearchParams(location.search);
    const [x, y] = [Number(asked.get("x") ?? NaN), Number(asked.get("y") ?? NaN)];
    if (Number.isInteger(x) && Number.isInteger(y) && x >= 0 && y >= 0 && x < columns && y < rows) choose({ x, y });
    new ResizeObserver(() => canvas.clientWidth * devicePixelRatio !== canvas.width && fit()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { paint(); redraw(); });
  }

  begin();
})();
