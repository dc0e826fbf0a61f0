// Draws the yields of the report's points: a ring for the first pass, a square for the operation.
"use strict";
(() => {
  const box = document.querySelector(".chart");
  const words = JSON.parse(box.dataset.words);
  const labels = JSON.parse(box.dataset.labels);
  const data = [labels.map((_, i) => i), JSON.parse(box.dataset.firstPass), JSON.parse(box.dataset.yield)];
  const joined = box.dataset.joined === "yes"; // days follow one another, operations of several routes do not
  const percent = (_, share) => (share == null ? "–" : `${(100 * share).toFixed(2)} %`);

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function mark(shape) {
    return (u, series, from, to) => {
      const size = 5 * devicePixelRatio;
      u.ctx.save();
      u.ctx.setLineDash([]);
      u.ctx.lineWidth = 2 * devicePixelRatio;
      u.ctx.strokeStyle = u.ctx.fillStyle = u.series[series].stroke();
      for (let i = from; i <= to; i++) {
        if (u.data[series][i] == null) continue;
        const x = u.valToPos(u.data[0][i], "x", true);
        const y = u.valToPos(u.data[series][i], "y", true);
        u.ctx.beginPath();
        if (shape === "ring") u.ctx.arc(x, y, size * 1.3, 0, 2 * Math.PI);
        else u.ctx.rect(x - size * 0.7, y - size * 0.7, size * 1.4, size * 1.4);
        if (shape === "ring") u.ctx.stroke();
        else u.ctx.fill();
      }
      u.ctx.restore();
    };
  }

  function range() {
    const shares = [...data[1], ...data[2]].filter((share) => share != null);
    const lowest = Math.min(...shares, 0.99);
    return [Math.max(0, lowest - (1 - lowest) * 0.2 - 0.001), 1 + (1 - lowest) * 0.05 + 0.0005];
  }

  function draw() {
    box.replaceChildren();
    const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--edge"), width: 1 }, ticks: { show: false } };
    // a label takes 14 px of the axis at this slope; where there is less, only every second or third point has one
    const every = Math.ceil((14 * labels.length) / Math.max(box.clientWidth - 70, 1));
    box.dataset.every = every;
    const splits = () => data[0].filter((i) => i % every === 0);
    const series = (label, name, shape, dash) => ({
      label, dash, stroke: colour(name), width: 1, value: percent, ...(joined ? {} : { paths: () => null }),
      points: { show: mark(shape) },
    });
    new uPlot({
      width: box.clientWidth,
      height: 340,
      scales: { x: { time: false, range: [-0.5, labels.length - 0.5] }, y: { range: range() } },
      axes: [
        { ...axis, splits, values: (_, at) => at.map((i) => labels[i] ?? ""), rotate: -55, size: 110 },
        { ...axis, size: 60, values: (_, at) => at.map((share) => `${+(100 * share).toFixed(2)} %`) },
      ],
      series: [
        { label: words.at, value: (_, i) => labels[i] ?? "–" },
        series(words.first_pass, "--first-pass", "ring", [6, 4]),
        series(words.yield, "--accent", "square"),
      ],
    }, data, box);
    box.dataset.drawn = "yes";
  }

  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  let width = box.clientWidth;
  new ResizeObserver(() => {
    if (box.clientWidth === width) return;
    width = box.clientWidth;
    draw();
  }).observe(box);
})();
