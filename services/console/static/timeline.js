// A job's life, event by event, as the log tells it.
const NAMES = {
  requested: "Accepted",
  attempt_started: "Started",
  attempt_failed: "Attempt failed",
  attempt_yielded: "Given back",
  succeeded: "Succeeded",
  failed: "Failed",
  cancelled: "Cancelled",
};
let attempts = 0;
let seen = new Set();

const sentence = (text) => (/[.!?…]$/.test(text) ? text : `${text}.`);
const duration = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`);

function told(event, data) {
  switch (event) {
    case "requested":
      return `Written to the log of ${data.queue}, ${data.lane ?? "interactive"} lane.`;
    case "attempt_started":
      return `Attempt ${(attempts += 1)} by ${data.worker}.`;
    case "attempt_failed":
      return sentence(`${data.error}: ${data.message}`) + (data.retry_at_ms ? ` Tried again at ${clock(data.retry_at_ms)}.` : "");
    case "attempt_yielded":
      return data.reason === "cancelled" ? "The worker let go of it." : data.reason;
    case "succeeded":
      return [
        `${data.artifacts?.length ?? 0} output${data.artifacts?.length === 1 ? "" : "s"}.`,
        ...Object.entries(data.timings_ms ?? {}).map(([name, ms]) => `${name} ${duration(ms)}`),
      ].join(" · ");
    case "failed":
      return sentence(`${data.error}: ${data.message}`);
    case "cancelled":
      return data.superseded_by ? `Superseded by ${data.superseded_by}.` : "On request.";
    default:
      return "";
  }
}

const clock = (ms) => new Date(ms).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 });

/** Add an event to the timeline, if there is one on this page; each once. */
export function addEntry(event, data) {
  const list = document.querySelector("[data-timeline]");
  if (!list || !(event in NAMES)) return;
  const name = `${event} ${data.attempt_id ?? ""} ${data.time_ms}`;
  if (seen.has(name)) return;
  seen.add(name);
  const entry = document.querySelector("[data-timeline-entry]").content.cloneNode(true);
  entry.querySelector("li").className = event;
  entry.querySelector("strong").textContent = event === "attempt_yielded" && data.reason === "cancelled" ? "Stopped" : NAMES[event];
  entry.querySelector("time").textContent = clock(data.time_ms);
  entry.querySelector("time").dateTime = new Date(data.time_ms).toISOString();
  entry.querySelector("time").dataset.local = "";
  entry.querySelector("p").textContent = told(event, data);
  list.append(entry);
  document.querySelector("[data-timeline-empty]").hidden = true;
}
