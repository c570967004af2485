// Buttons that change something. Each goes to the public API and says at its place what the API refused.
import { Away, ask, problemOf } from "./connection.js";
import { announce, tell } from "./page.js";
import { show } from "./live.js";
import { Refused, newKey, submit } from "./submit.js";

function fail(button, message) {
  const place = (button.closest(".panel") ?? document).querySelector("[data-panel-error]");
  if (place) Object.assign(place, { hidden: false, textContent: message });
  else announce(message);
}

async function post(method, address, body) {
  const headers = body ? { "Content-Type": "application/json" } : {};
  const response = await ask(address, { method, headers, body });
  if (!response.ok) throw new Refused(await problemOf(response));
  return response;
}

async function cancel(button) {
  await post("POST", `/v1/jobs/${button.dataset.cancel}/cancel`);
  await show(button.dataset.cancel);
  tell("jobs");
}

/** Submit a job's input again; with `seedMaximum`, with a seed that it did not have. */
async function repeat(button) {
  const response = await ask(`/v1/jobs/${button.dataset.repeat}`);
  if (!response.ok) throw new Refused(await problemOf(response));
  const { model, input, metadata, seed } = await response.json();
  if (button.dataset.seedMaximum) input.seed = anotherSeed(Number(button.dataset.seedMaximum), seed);
  button.dataset.idempotencyKey ??= newKey();
  const job = await submit({ model, input, metadata }, button.dataset.idempotencyKey);
  delete button.dataset.idempotencyKey;
  if (document.querySelector("[data-job-page]")) {
    window.location.assign(`/jobs/${job.id}`);
    return;
  }
  await show(job.id);
  document.querySelector(".panel h3")?.focus();
  tell("jobs");
}

function anotherSeed(maximum, old) {
  const seed = Math.floor(Math.random() * (maximum + 1));
  return seed === old ? (seed + 1) % (maximum + 1) : seed;
}

async function act(button) {
  const [method, address] = button.dataset.act.split(" ");
  if (button.dataset.confirm && !window.confirm(button.dataset.confirm)) return;
  const response = await post(method, address, button.dataset.body);
  announce("Done.");
  tell("jobs");
  if (response.status === 202 && response.headers.has("Location")) {
    const { job_id: job } = await response.json();
    announce(`The new job is ${job}.`);
  }
}

async function copy(button) {
  const text = button.closest(".snippet").querySelector("pre").textContent;
  try {
    await navigator.clipboard.writeText(text);
    announce("Copied.");
    button.dataset.done = "";
    setTimeout(() => delete button.dataset.done, 1500);
  } catch {
    // No clipboard here (an insecure origin, or no permission): select the text so that a key press copies it.
    window.getSelection().selectAllChildren(button.closest(".snippet").querySelector("pre"));
    announce("Selected. Press Control C to copy.");
  }
}

const DOES = { cancel, repeat, act, copy, refresh: async () => tell("refresh") };

async function run(button, name) {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  try {
    await DOES[name](button);
  } catch (error) {
    if (error instanceof Refused) fail(button, `${error.message} (${error.problem.code})`);
    else if (error instanceof Away) fail(button, "The API did not answer. Try again once it is back.");
    else throw error;
  } finally {
    button.removeAttribute("aria-disabled");
  }
}

export function start() {
  document.body.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    const name = button && Object.keys(DOES).find((each) => each in button.dataset);
    if (name) run(button, name);
  });
}
