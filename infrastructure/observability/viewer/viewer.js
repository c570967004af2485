/* Draws one of Grafana's dashboards from its own JSON, asking the Prometheus that serves this page. */
"use strict";

const COLOURS = ["#3274d9", "#299c46", "#e0752d", "#a352cc", "#e02f44", "#0aa2a8", "#b59a00", "#7a828c"];
const HEIGHT = 170, LEFT = 52, BOTTOM = 18, POINTS = 200, REFRESH_MS = 10000;
const chosen = {};

async function ask(path, parameters) {
  const answer = await fetch("/api/v1/" + path + "?" + new URLSearchParams(parameters));
  const told = await answer.json();
  if (told.status !== "success") throw new Error(told.error);
  return told.data;
}

function element(kind, attributes, ...children) {
  const space = ["svg", "path", "line", "text", "circle", "title"].includes(kind) ? "http://www.w3.org/2000/svg" : "http://www.w3.org/1999/xhtml";
  const made = document.createElementNS(space, kind);
  for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/* A value as Grafana's units have it. */
function shown(value, unit) {
  if (unit === "percentunit") return +(value * 100).toPrecision(3) + " %";
  if (unit === "s" && value !== 0) {
    if (value < 1) return +(value * 1000).toPrecision(3) + " ms";
    if (value >= 7200) return +(value / 3600).toPrecision(3) + " h";
    if (value >= 120) return +(value / 60).toPrecision(3) + " min";
    return +value.toPrecision(3) + " s";
  }
  if (unit === "bytes") {
    const power = value > 0 ? Math.min(4, Math.floor(Math.log(value) / Math.log(1024))) : 0;
    return +(value / 1024 ** power).toPrecision(3) + " " + ["B", "KiB", "MiB", "GiB", "TiB"][power];
  }
  return +value.toPrecision(3) + ({ reqps: "/s", ops: "/s" }[unit] || "");
}

function expression(query, step) {
  const rate = Math.max(60, 4 * step) + "s";
  let text = query.split("$__rate_interval").join(rate);
  for (const [name, value] of Object.entries(chosen)) text = text.split("$" + name).join(value);
  return text;
}

function named(format, labels) {
  if (!format) return Object.entries(labels).map(([name, value]) => name + "=" + value).join(" ");
  return format.replace(/\u007b\u007b\s*(\w+)\s*\u007d\u007d/g, (whole, name) => labels[name] || "");
}

async function series(panel, start, end, step) {
  const found = [];
  for (const target of panel.targets) {
    const query = expression(target.expr, step);
    const told = target.instant ? await ask("query", { query }) : await ask("query_range", { query, start, end, step });
    for (const each of told.result) {
      const values = (each.values || [each.value]).map(([time, value]) => [time, parseFloat(value)]);
      found.push({ name: named(target.legendFormat, each.metric), values: values.filter(([, value]) => isFinite(value)) });
    }
  }
  return found.filter((each) => each.values.length > 0);
}

async function exemplars(panel, start, end, step) {
  const found = [];
  for (const target of panel.targets.filter((each) => each.exemplar)) {
    for (const each of await ask("query_exemplars", { query: expression(target.expr, step), start, end })) found.push(...each.exemplars);
  }
  const last = new Map(found.map((each) => [each.labels.trace_id + each.timestamp, each]));
  return [...last.values()];
}

function picture(lines, dots, unit, start, end, width) {
  const values = lines.flatMap((line) => line.values.map(([, value]) => value)).concat(dots.map((dot) => parseFloat(dot.value)));
  const low = Math.min(0, ...values), high = Math.max(...values) > low ? Math.max(...values) * 1.05 : low + 1;
  const x = (time) => LEFT + ((time - start) / (end - start)) * (width - LEFT - 6);
  const y = (value) => HEIGHT - BOTTOM - ((value - low) / (high - low)) * (HEIGHT - BOTTOM - 8);
  const drawn = element("svg", { viewBox: "0 0 " + width + " " + HEIGHT });
  for (const share of [0, 0.5, 1]) {
    const value = low + share * (high - low);
    drawn.append(element("line", { x1: LEFT, x2: width, y1: y(value), y2: y(value), stroke: "var(--line)" }));
    drawn.append(element("text", { x: LEFT - 5, y: y(value) + 4, "text-anchor": "end" }, shown(value, unit)));
    const time = start + share * (end - start);
    const clock = new Date(time * 1000).toTimeString().slice(0, 5);
    drawn.append(element("text", { x: x(time), y: HEIGHT - 3, "text-anchor": ["start", "middle", "end"][share * 2] }, clock));
  }
  lines.forEach((line, index) => {
    const step = line.values.length > 1 ? (end - start) / POINTS : 0;
    const path = line.values.map(([time, value], place) => {
      const gap = place === 0 || time - line.values[place - 1][0] > 1.5 * step;
      return (gap ? "M" : "L") + x(time).toFixed(1) + " " + y(value).toFixed(1);
    });
    drawn.append(element("path", { d: path.join(""), fill: "none", stroke: COLOURS[index % COLOURS.length], "stroke-width": 1.5 }));
  });
  for (const dot of dots) {
    const told = element("title", {}, shown(parseFloat(dot.value), unit) + ", trace " + dot.labels.trace_id);
    drawn.append(element("circle", { cx: x(dot.timestamp), cy: y(parseFloat(dot.value)), r: 3, fill: "#e0752d", "fill-opacity": 0.7, class: "exemplar" }, told));
  }
  return drawn;
}

function legend(lines, unit) {
  const told = element("div", { class: "legend" });
  lines.forEach((line, index) => {
    const mark = element("b", { style: "color:" + COLOURS[index % COLOURS.length] }, "● ");
    told.append(element("span", {}, mark, (line.name || "all") + " " + shown(line.values[line.values.length - 1][1], unit)));
  });
  return told;
}

async function draw(panel, place) {
  const unit = panel.fieldConfig.defaults.unit, range = parseInt(document.getElementById("range").value, 10);
  const step = range / POINTS, end = Math.floor(Date.now() / 1000 / step) * step, start = end - range;
  try {
    const lines = await series(panel, start, end, step);
    if (lines.length === 0) return place.replaceChildren(element("p", { class: "nothing" }, "Nothing there."));
    if (panel.type === "stat") return place.replaceChildren(...lines.map((line) => element("div", { class: "number" }, shown(line.values[line.values.length - 1][1], unit))));
    const dots = await exemplars(panel, start, end, step);
    return place.replaceChildren(picture(lines, dots, unit, start, end, Math.max(240, place.clientWidth)), legend(lines, unit));
  } catch (error) {
    return place.replaceChildren(element("p", { class: "wrong" }, String(error.message)));
  }
}

/* The little Markdown that the dashboards' notes have. */
function note(text) {
  for (const name of Object.keys(chosen)) text = text.split("$" + name).join(chosen[name] || "ID");
  return element("div", {}, ...marked(text));
}

function marked(text) {
  return text.split(/(\*\*.+?\*\*|`.+?`)/s).map((part) => {
    if (part.startsWith("**")) return element("b", {}, ...marked(part.slice(2, -2)));
    return part.startsWith("`") ? element("code", {}, part.slice(1, -1)) : part;
  });
}

async function choices(variable) {
  const [, metric, label] = /^label_values\((\w+), (\w+)\)$/.exec(variable.query);
  return ask("label/" + label + "/values", { "match[]": metric });
}

async function choose() {
  const place = document.getElementById("variables");
  for (const variable of DASHBOARD.templating.list.filter((each) => each.type !== "datasource")) {
    const all = variable.allValue || "";
    chosen[variable.name] = all;
    const field = variable.type === "textbox" ? element("input", { size: 36 }) : element("select", {}, element("option", { value: all }, "All"));
    if (variable.type === "query") field.append(...(await choices(variable)).map((value) => element("option", { value }, value)));
    field.addEventListener("change", () => { chosen[variable.name] = field.value || all; show(); });
    place.append(element("label", {}, variable.label + " ", field));
  }
}

let tasks = [];

function show() {
  const panels = document.getElementById("panels");
  panels.replaceChildren();
  tasks = [];
  for (const panel of DASHBOARD.panels) {
    if (panel.type === "row") {
      panels.append(element("h2", {}, panel.title));
      continue;
    }
    const place = element("div", {});
    const card = element("section", { style: "grid-column: span " + panel.gridPos.w, "data-title": panel.title });
    if (panel.type === "text") card.append(note(panel.options.content));
    else {
      card.append(element("h3", {}, panel.title), element("p", {}, panel.description), place);
      tasks.push(() => draw(panel, place));
    }
    panels.append(card);
  }
  return refresh();
}

async function refresh() {
  await Promise.all(tasks.map((task) => task()));
  document.body.dataset.drawn = Date.now();
}

async function begin() {
  document.getElementById("title").textContent = DASHBOARD.title;
  document.getElementById("said").textContent = DASHBOARD.description;
  document.getElementById("range").addEventListener("change", show);
  document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  await choose();
  await show();
  setInterval(refresh, REFRESH_MS);
}

begin();
