// Whether the API answers: one place that notices that it went, says so, and brings everything back when it returns.
import { askForKey, credentials } from "./key.js";
import { announce, tell } from "./page.js";

const FIRST_MS = 500;
const LONGEST_MS = 5000;
let away = false;
let waiting = [];

/** The API cannot be reached. */
export class Away extends Error {}

/** What the API says of a refusal: {status, code, title, detail, errors}. */
export async function problemOf(response) {
  try {
    const problem = await response.json();
    return { status: response.status, code: "error", title: response.statusText, detail: "", errors: [], ...problem };
  } catch {
    return { status: response.status, code: "error", title: response.statusText, detail: "", errors: [] };
  }
}

/** fetch with the key. Throws Away when there is no answer; asks for a key on 401. */
export async function ask(address, options = {}) {
  let response;
  try {
    response = await fetch(address, { ...options, headers: { ...credentials(), ...options.headers } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    lost();
    throw new Away("The API does not answer.");
  }
  if (response.status === 401) askForKey();
  return response;
}

/** Resolves once the API answers; at once when it is not known to be away. */
export function back() {
  return away ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve();
}

function banner(text, kind) {
  const place = document.querySelector("[data-banner]");
  place.replaceChildren();
  place.className = `banner ${kind}`;
  if (text) place.append(Object.assign(document.createElement("p"), { textContent: text }));
}

function lost() {
  if (away) return;
  away = true;
  document.documentElement.dataset.api = "away";
  banner("The API does not answer. Trying again until it is back; nothing that was accepted is lost.", "lost");
  probe(FIRST_MS);
}

async function probe(delay) {
  await new Promise((resolve) => setTimeout(resolve, delay));
  try {
    const response = await fetch("/readyz", { cache: "no-store", signal: AbortSignal.timeout(5000) });
    if (response.ok) return returned();
  } catch {
    // Still away: that is what this loop waits for.
  }
  return probe(Math.min(delay * 1.6, LONGEST_MS));
}

function returned() {
  away = false;
  delete document.documentElement.dataset.api;
  banner("The API is back.", "returned");
  setTimeout(() => away || banner("", ""), 4000);
  announce("The API is back.");
  for (const resolve of waiting.splice(0)) resolve();
  tell("refresh");
}

export function start() {
  for (const name of ["htmx:sendError", "htmx:timeout"]) document.body.addEventListener(name, lost);
  window.addEventListener("offline", lost);
}
