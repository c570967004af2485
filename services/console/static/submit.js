// One way to submit: the public API, with an idempotency key, so that trying again never makes two jobs of one.
import { ask, problemOf } from "./connection.js";

/** What the API refused. */
export class Refused extends Error {
  constructor(problem) {
    super(problem.detail || problem.title);
    this.problem = problem;
  }
}

export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return "console-" + Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Submit and return the job. Throws Refused, or Away when there was no answer: the same key is safe to use again. */
export async function submit(body, idempotencyKey) {
  const response = await ask("/v1/jobs", {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": idempotencyKey },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Refused(await problemOf(response));
  return response.json();
}
