// Follows the job in sight: progress, preview and log as they come, and a fresh panel whenever its status changes.
import { Gone, lifeOf } from "./events.js";
import { announce, localTimes, tell } from "./page.js";
import { addEntry } from "./timeline.js";

const SETTLE_MS = 40;
const PICTURES = new Set(["image/png", "image/jpeg", "image/webp", "image/gif"]);
let followed = { job: null, stop: new AbortController(), last: {} };

function panelOf(job) {
  return document.querySelector(`.panel[data-job="${CSS.escape(job)}"]`);
}

/** Show a job in the stage, rendered by the server. */
export async function show(job) {
  await window.htmx.ajax("GET", `/console/jobs/${encodeURIComponent(job)}`, { target: "#current", swap: "innerHTML" });
}

/** After parts were swapped: follow the job that is in the stage, if it lives or if its life is on the page. */
export function afterSwap(root) {
  const panel = document.querySelector(".stage .panel");
  if (!panel) return;
  const job = panel.dataset.job;
  if (followed.job === job) {
    if (root.contains(panel)) redraw(panel);
  } else if (panel.hasAttribute("data-live") || document.querySelector("[data-timeline]")) {
    follow(job);
  }
}

async function follow(job) {
  followed.stop.abort();
  const mine = { job, stop: new AbortController(), last: {} };
  followed = mine;
  try {
    for await (const { event, data } of lifeOf(job, mine.stop.signal)) {
      if (mine !== followed) return;
      take(mine, event, data);
    }
  } catch (error) {
    if (!(error instanceof Gone)) throw error;
  }
}

function take(mine, event, data) {
  if (event === "progress" || event === "preview" || event === "log") {
    mine.last[event] = data;
    const panel = panelOf(mine.job);
    if (panel) redraw(panel);
    return;
  }
  if (event === "attempt_started") mine.last = {};
  addEntry(event, data);
  mine.status = data.status;
  clearTimeout(mine.settling);
  mine.settling = setTimeout(settled, SETTLE_MS, mine);
}

/** The past comes in one go: only what it ends with counts, and an end that is shown already stays. */
function settled(mine) {
  const panel = panelOf(mine.job);
  if (mine !== followed || !panel?.hasAttribute("data-live") || panel.dataset.status === mine.status) return;
  announce(`${panel.dataset.label}: ${mine.status}`);
  show(mine.job);
  tell("jobs");
}

function redraw(panel) {
  if (!panel.hasAttribute("data-live")) return;
  const { progress, preview, log } = followed.last;
  if (progress) drawProgress(panel, progress);
  if (preview && PICTURES.has(preview.media_type)) {
    const canvas = panel.querySelector("[data-preview]");
    canvas.hidden = false;
    canvas.firstElementChild.src = `data:${preview.media_type};base64,${preview.data}`;
  }
  if (log) {
    const line = panel.querySelector("[data-log]");
    line.hidden = false;
    line.textContent = String(log.text).slice(0, 500);
  }
}

function drawProgress(panel, { step, total, unit }) {
  const place = panel.querySelector("[data-progress]");
  const bar = place.querySelector("progress");
  place.hidden = false;
  if (total > 0) {
    bar.max = total;
    bar.value = Math.min(step, total);
  } else {
    bar.removeAttribute("value");
  }
  place.querySelector("[data-progress-text]").textContent = total > 0 ? `${step} of ${total} ${unit}` : `${step} ${unit}`;
}

export function start() {
  window.addEventListener("pagehide", () => followed.stop.abort());
  window.addEventListener("pageshow", (event) => event.persisted && afterSwap(document));
  localTimes(document);
}
