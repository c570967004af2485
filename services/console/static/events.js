// The life of a job as server-sent events, read by fetch: EventSource cannot send a key.
import { ask, back } from "./connection.js";

const SILENCE_MS = 45_000; // the API sends a sign of life every 15 s
const LONGEST_PAUSE_MS = 8000;
const TERMINAL = new Set(["succeeded", "failed", "cancelled"]);

/** Messages {event, id, data} of a job from its beginning to its end, over every break of the line. */
export async function* lifeOf(job, signal) {
  let last = "";
  let pause = 500;
  while (!signal.aborted) {
    try {
      const response = await connect(job, last, signal);
      if (!response) return;
      for await (const message of messages(response, signal)) {
        last = message.id || last;
        pause = 500;
        yield message;
        if (TERMINAL.has(message.event)) return;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Gone) throw error;
    }
    await back();
    await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random())));
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
}

/** The API knows no such job, or says that this key may not see it: no use in trying again. */
export class Gone extends Error {}

async function connect(job, last, signal) {
  const headers = { Accept: "text/event-stream", ...(last && { "Last-Event-ID": last }) };
  const response = await ask(`/v1/jobs/${encodeURIComponent(job)}/events`, { headers, signal, cache: "no-store" });
  if (response.status === 204) return null;
  if (response.status >= 400 && response.status < 500 && response.status !== 429) throw new Gone(String(response.status));
  if (!response.ok) throw new Error(String(response.status));
  return response;
}

async function* messages(response, signal) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  try {
    while (true) {
      const { value, done } = await withinSilence(reader.read(), signal);
      if (done) return;
      buffer += value;
      const blocks = buffer.split(/\r?\n\r?\n/);
      buffer = blocks.pop();
      for (const block of blocks) {
        const message = parse(block);
        if (message) yield message;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function withinSilence(reading) {
  let timer;
  const silence = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("silence")), SILENCE_MS);
  });
  return Promise.race([reading, silence]).finally(() => clearTimeout(timer));
}

/** One block of the stream (WHATWG HTML, section 9.2.6); null when it carries no data. */
function parse(block) {
  const message = { event: "message", id: "", data: [] };
  for (const line of block.split(/\r?\n/)) {
    const [, name, value] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    if (name === "data") message.data.push(value);
    else if (name === "event" || name === "id") message[name] = value;
  }
  return message.data.length ? { ...message, data: JSON.parse(message.data.join("\n")) } : null;
}
