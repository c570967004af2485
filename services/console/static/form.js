// The form that was made from a model's schema: values of the right type, errors at their fields.
import { announce, tell } from "./page.js";
import { show } from "./live.js";
import { Refused, newKey, submit } from "./submit.js";
import { clear, fieldError } from "./field_errors.js";
import { start as uploads, uploaded } from "./uploads.js";

let pending = null; // the body and its idempotency key, while it is not known whether the API has it

function valueOf(control) {
  const text = control.value;
  switch (control.dataset.kind) {
    case "boolean":
      return control.checked;
    case "integer":
    case "number":
      return text === "" ? undefined : Number(text);
    case "choice":
      return JSON.parse(text);
    case "file":
      return control.dataset.reference || undefined;
    case "json":
      return text.trim() === "" ? undefined : JSON.parse(text);
    default:
      return text === "" && !control.required ? undefined : text;
  }
}

/** The input object. Throws SyntaxError with `.field` when a JSON field is none. */
function inputOf(form) {
  const input = {};
  for (const control of form.querySelectorAll("[data-kind]")) {
    try {
      const value = valueOf(control);
      if (value !== undefined) input[control.name] = value;
    } catch (error) {
      throw Object.assign(error, { field: control.name });
    }
  }
  return input;
}

function formError(form, message, again) {
  const place = form.querySelector("[data-form-error]");
  place.querySelector("p").textContent = message;
  place.querySelector("[data-try-again]").hidden = !again;
  place.hidden = false;
}

function focusFirstError(form) {
  form.querySelector("[aria-invalid]")?.focus();
}

/** On a phone the job is below the form. */
function bringIntoSight(place) {
  if (place.getBoundingClientRect().top < window.innerHeight * 0.6) return;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  place.closest(".stage").scrollIntoView({ behavior: still ? "auto" : "smooth", block: "start" });
}

/** The browser's own words for what the schema's limits forbid. */
function valid(form) {
  for (const control of form.querySelectorAll("[data-kind]")) {
    if (!control.checkValidity()) fieldError(form, control.name, control.validationMessage);
  }
  focusFirstError(form);
  return !form.querySelector("[aria-invalid]");
}

function refused(form, problem) {
  const left = (problem.errors ?? []).filter(({ field, message }) => {
    const name = field.replace(/^input\./, "").split(".")[0];
    return !fieldError(form, name, message.charAt(0).toUpperCase() + message.slice(1) + ".");
  });
  const said = left.map(({ field, message }) => `${field}: ${message}`).join(" ") || problem.detail || problem.title;
  const again = problem.status >= 500 || problem.status === 429;
  if (left.length || !problem.errors?.length) formError(form, `${said} (${problem.code})`, again);
  focusFirstError(form);
  announce("The request was refused.");
}

async function send(form) {
  const button = form.querySelector("[type=submit]");
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  try {
    const job = await submit(pending.body, pending.key);
    pending = null;
    announce("Accepted.");
    await show(job.id);
    bringIntoSight(document.getElementById("current"));
    tell("jobs");
  } catch (error) {
    if (error instanceof Refused) refused(form, error.problem);
    else formError(form, "The API did not answer, so it may have the request or not. Trying again is safe: it is made once.", true);
  } finally {
    button.removeAttribute("aria-disabled");
  }
}

async function submitted(form) {
  clear(form);
  await uploaded(form);
  if (!valid(form)) return announce("Some fields need another value.");
  try {
    const body = { model: form.dataset.model, input: inputOf(form) };
    const same = pending && JSON.stringify(pending.body) === JSON.stringify(body);
    pending = same ? pending : { body, key: newKey() };
  } catch (error) {
    fieldError(form, error.field, "This is not JSON.");
    return focusFirstError(form);
  }
  return send(form);
}

export function start() {
  uploads();
  document.body.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-make]")) return;
    event.preventDefault();
    submitted(event.target);
  });
  document.body.addEventListener("keydown", (event) => {
    const form = event.target.closest("[data-make]");
    if (form && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  document.body.addEventListener("click", (event) => {
    const chip = event.target.closest("[data-example-for]");
    if (chip) {
      const control = document.getElementById(chip.dataset.exampleFor);
      control.value = chip.dataset.example;
      control.focus();
    }
    const again = event.target.closest("[data-try-again]");
    if (again) submitted(again.closest("form"));
  });
  document.body.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id === "form") document.getElementById("model")?.focus();
  });
}
