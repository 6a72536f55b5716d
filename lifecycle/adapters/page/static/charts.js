// Draws each figure from the table that is its alternative. Without this file the tables are all there is, and enough.
"use strict";

(() => {
  const HEIGHT = 210;
  const number = new Intl.NumberFormat("en", { notation: "compact" });

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function read(table) {
    const rows = [...table.tBodies[0].rows];
    const names = [...table.tHead.rows[0].cells].slice(1).map((cell) => cell.textContent);
    const labels = rows.map((row) => row.cells[0].textContent);
    const columns = names.map((_, at) =>
      rows.map((row) => (row.cells[at + 1].dataset.v === "" ? null : Number(row.cells[at + 1].dataset.v))),
    );
    const shown = rows.map((row) => names.map((_, at) => row.cells[at + 1].textContent));
    return { names, labels, columns, shown };
  }

  function series(kind, place, count) {
    const stroke = colour(place === 0 ? "--s1" : "--s2");
    if (kind === "bars") {
      const bars = uPlot.paths.bars({ size: [count === 1 ? 0.7 : 0.35, 48], align: count === 1 ? 0 : place === 0 ? -1 : 1 });
      return { stroke, fill: place === 0 ? stroke : colour("--panel"), width: 1.5, paths: bars, points: { show: false } };
    }
    const plain = { stroke, width: 2, points: { show: false } };
    return place === 0 ? { ...plain, fill: colour("--fill") } : { ...plain, dash: [6, 4] };
  }

  function short(label) {
    return /^\d{4}-\d{2}-\d{2}$/.test(label) ? label.slice(5) : label.replace(/^up to /, "≤ ").replace(/ (second|minute|hour|day)s?$/, (all, unit) => " " + unit[0]);
  }

  function options(figure, plot, data) {
    const kind = figure.dataset.chart;
    const last = data.labels.length;
    const font = "12px system-ui, sans-serif";
    const axis = { stroke: colour("--soft"), font, grid: { stroke: colour("--grid"), width: 1 }, ticks: { show: false } };
    const hover = figure.querySelector(".hover");
    return {
      width: plot.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { show: kind !== "bars" } },
      scales: {
        x: { time: false, range: () => (kind === "bars" ? [-0.6, last - 0.4] : [0, Math.max(last - 1, 1)]) },
        y: { range: (_, __, most) => [0, most > 0 ? most * 1.1 : 1] },
      },
      axes: [
        { ...axis, grid: { show: false }, incrs: [1, 2, 5, 7, 10, 14, 30, 60], size: 30, space: 16 + 7 * Math.max(...data.labels.map((label) => short(label).length)), values: (_, at) => at.map((x) => (Number.isInteger(x) && data.labels[x] !== undefined ? short(data.labels[x]) : "")) },
        { ...axis, size: 46, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6], values: (_, at) => at.map((y) => number.format(y)) },
      ],
      series: [{}, ...data.columns.map((_, place) => series(kind, place, data.columns.length))],
      hooks: {
        setCursor: [
          (u) => {
            const at = u.cursor.idx;
            hover.textContent = at === null || at === undefined ? "" : data.labels[at] + ": " + data.names.map((name, place) => name + " " + data.shown[at][place]).join(", ");
          },
        ],
      },
    };
  }

  function draw(figure) {
    const plot = figure.querySelector(".plot");
    const data = read(figure.querySelector("table"));
    figure.classList.add("drawn");
    const title = figure.querySelector("h3").textContent;
    plot.setAttribute("role", "img");
    plot.setAttribute("aria-label", "Chart: " + title + ". Its numbers are in the table below it.");
    plot.replaceChildren();
    return new uPlot(options(figure, plot, data), [data.labels.map((_, at) => at), ...data.columns], plot);
  }

  const figures = [...document.querySelectorAll("figure[data-chart]")];
  let charts = figures.map(draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    charts.forEach((chart) => chart.destroy());
    charts = figures.map(draw);
  });
  addEventListener("resize", () => {
    charts.forEach((chart, at) => chart.setSize({ width: figures[at].querySelector(".plot").clientWidth, height: HEIGHT }));
  });
})();
