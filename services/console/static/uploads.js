// Files of a form: each is sent by the public API as soon as it is chosen, and the form's input names it.
import { ask, problemOf } from "./connection.js";
import { fieldError } from "./field_errors.js";
import { announce } from "./page.js";

const underWay = new WeakMap(); // a control → the upload of what was chosen last

/** Resolves when no file of the form is on its way any more. */
export async function uploaded(form) {
  for (const control of files(form)) await underWay.get(control);
}

function files(form) {
  return form.querySelectorAll('[data-kind="file"]');
}

async function send(file) {
  const headers = { "Content-Type": file.type || "application/octet-stream" };
  const response = await ask("/v1/files", { method: "POST", headers, body: file });
  if (!response.ok) {
    const problem = await problemOf(response);
    throw new Error(problem.detail || problem.title);
  }
  return response.json();
}

function known(control, { media_type: type }) {
  if (!control.accept || control.accept.split(",").includes(type)) return;
  throw new Error(`This file is ${type}, which does not go here.`);
}

function element(control, file) {
  const tag = { picture: "img", sound: "audio" }[control.dataset.shownAs];
  if (!tag) return null;
  const shown = document.createElement(tag);
  shown.src = URL.createObjectURL(file);
  if (tag === "img") {
    shown.alt = control.dataset.title;
    shown.addEventListener("load", () => URL.revokeObjectURL(shown.src), { once: true });
  } else {
    shown.controls = true;
    shown.setAttribute("aria-label", control.dataset.title);
  }
  return shown;
}

function place(control) {
  return control.form.querySelector(`[data-given-for="${CSS.escape(control.name)}"]`);
}

function forget(control) {
  control.dataset.reference = "";
  control.setCustomValidity("");
  needed(control);
  place(control).hidden = true;
  place(control).querySelector("[data-given-shown]").replaceChildren();
}

/** A file that an earlier job had is there without having been chosen, which the browser does not know. */
function needed(control) {
  control.required = "needed" in control.dataset && !control.dataset.reference;
}

function show(control, file, said) {
  const given = place(control);
  const shown = element(control, file);
  given.querySelector("[data-given-shown]").replaceChildren(...(shown ? [shown] : []));
  given.querySelector("[data-given-name]").textContent = said;
  given.hidden = false;
}

async function take(control) {
  const [file] = control.files;
  const error = control.form.querySelector(`[data-error-for="${CSS.escape(control.name)}"]`);
  Object.assign(error, { hidden: true, textContent: "" });
  control.removeAttribute("aria-invalid");
  forget(control);
  if (!file) return;
  const current = () => control.isConnected && control.files[0] === file;
  show(control, file, `Sending ${file.name} …`);
  try {
    const stored = await send(file);
    if (!current()) return;
    known(control, stored);
    control.dataset.reference = stored.reference;
    needed(control);
    show(control, file, file.name);
    announce(`${file.name} is uploaded.`);
  } catch (problem) {
    if (!current()) return;
    forget(control);
    const said = `${file.name} was not taken: ${problem.message}`;
    control.setCustomValidity(said);
    fieldError(control.form, control.name, said);
  }
}

export function start() {
  document.body.addEventListener("change", ({ target: control }) => {
    if (control.dataset.kind === "file") underWay.set(control, take(control));
  });
  document.body.addEventListener("click", (event) => {
    const button = event.target.closest("[data-take-away]");
    if (!button) return;
    const control = document.getElementById(button.dataset.takeAway);
    control.value = "";
    underWay.set(control, take(control));
    control.focus();
  });
}
