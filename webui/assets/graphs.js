// Draws the values of the table, one picture for each unit, with uPlot. Without this script the table says the same.
"use strict";

(() => {
  const table = document.querySelector("table[data-step]");
  if (!table) return;
  const [step, from, to] = ["step", "from", "to"].map((name) => Number(table.dataset[name]));
  const heads = [...table.querySelectorAll("thead th")];
  // Oldest first, and a hole where nothing was measured: no line is drawn across it.
  const rows = [];
  for (const row of [...table.tBodies[0].rows].reverse()) {
    const at = Number(row.dataset.at);
    const last = rows.at(-1);
    if (last && at - last[0] > 1.5 * step) rows.push([last[0] + step, ...heads.slice(1).map(() => null)]);
    const values = [...row.cells].slice(1).map((cell) => ("value" in cell.dataset ? Number(cell.dataset.value) : null));
    rows.push([at, ...values]);
  }
  const columns = heads.map((_, at) => rows.map((row) => row[at]));
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
  const HEIGHT = 220;
  let plots = [];

  function draw() {
    for (const plot of plots) plot.destroy();
    plots = [];
    const axis = { stroke: color("--soft"), grid: { stroke: color("--line"), width: 1 }, ticks: { stroke: color("--line"), width: 1 } };
    const strokes = ["--accent", "--warn", "--bad"].map(color);
    const shown = [];
    for (const figure of document.querySelectorAll("[data-graph]")) {
      const own = heads.map((_, at) => at).filter((at) => heads[at].dataset.chart === figure.dataset.graph);
      if (!own.some((at) => columns[at].some((value) => value !== null))) continue;
      figure.hidden = false;
      shown.push([figure, own]);
    }
    // All of them have their places before the first one's width is read.
    for (const [figure, own] of shown) {
      const place = figure.querySelector(".plot");
      const series = own.map((at, number) => ({
        label: heads[at].textContent,
        stroke: strokes[number % strokes.length],
        dash: number > 0 ? [6, 4] : undefined,
        width: 2,
        value: (_, value) => (value === null || value === undefined ? "–" : short.format(value)),
      }));
      const options = {
        width: place.clientWidth,
        height: HEIGHT,
        scales: { x: { range: () => [from, to] }, y: { range: (_, low, high) => [0, high > 0 ? high * 1.1 : 1] } },
        axes: [axis, { ...axis, size: 56, values: (_, ticks) => ticks.map((tick) => short.format(tick)) }],
        series: [{ label: heads[0].textContent }, ...series],
        tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"),
      };
      plots.push(new uPlot(options, [columns[0], ...own.map((at) => columns[at])], place));
    }
  }

  document.getElementById("values").open = false;
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    draw();
  });
})();
