// What is wrong with a form, said at its fields.
/** Say what is wrong at a field. False when the form has no such field. */
export function fieldError(form, name, message) {
  const place = form.querySelector(`[data-error-for="${CSS.escape(name)}"]`);
  const control = form.querySelector(`[data-kind][name="${CSS.escape(name)}"]`);
  if (!place || !control) return false;
  place.hidden = false;
  place.textContent = place.textContent ? `${place.textContent} ${message}` : message;
  control.setAttribute("aria-invalid", "true");
  const settings = control.closest("details");
  if (settings) settings.open = true;
  return true;
}

export function clear(form) {
  for (const place of form.querySelectorAll("[data-error-for]")) Object.assign(place, { hidden: true, textContent: "" });
  for (const control of form.querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");
  form.querySelector("[data-form-error]").hidden = true;
}
