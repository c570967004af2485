// An API key, where the API asks for one. It lives in this tab's sessionStorage and nowhere else.
import { tell } from "./page.js";

const NAME = "evoke.key";
let forPageOnly = "";

export function key() {
  try {
    return sessionStorage.getItem(NAME) ?? forPageOnly;
  } catch {
    return forPageOnly;
  }
}

function keep(value) {
  forPageOnly = value;
  try {
    if (value) sessionStorage.setItem(NAME, value);
    else sessionStorage.removeItem(NAME);
  } catch {
    // Storage may be forbidden: then the key lasts for this page.
  }
  show();
}

function show() {
  for (const button of document.querySelectorAll(".top [data-open-key]")) button.hidden = !key();
}

/** Headers that tell who asks. */
export function credentials() {
  return key() ? { Authorization: `Bearer ${key()}` } : {};
}

/** Ask the person for a key, once at a time. */
export function askForKey() {
  const dialog = document.querySelector("[data-key-dialog]");
  if (dialog.open) return;
  dialog.querySelector("[data-key-error]").hidden = !key();
  dialog.querySelector("input").value = "";
  dialog.showModal();
}

export function start() {
  const dialog = document.querySelector("[data-key-dialog]");
  dialog.addEventListener("close", () => {
    if (!dialog.returnValue) return;
    keep(dialog.returnValue === "use" ? dialog.querySelector("input").value.trim() : "");
    dialog.querySelector("input").value = "";
    dialog.returnValue = "";
    tell("key");
    tell("refresh");
  });
  document.body.addEventListener("click", (event) => {
    if (event.target.closest("[data-open-key]")) askForKey();
  });
  document.body.addEventListener("htmx:configRequest", (event) => Object.assign(event.detail.headers, credentials()));
  document.body.addEventListener("htmx:afterSwap", (event) => {
    if (key() && event.detail.target.querySelector("[data-needs-key]")) askForKey();
  });
  show();
  // A page comes without the key, since a browser sends none by itself: its parts are asked for again with it.
  if (document.querySelector("[data-needs-key]")) {
    if (key()) setTimeout(() => [tell("key"), tell("refresh")]);
    else askForKey();
  }
}
