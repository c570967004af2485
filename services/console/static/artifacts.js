// Outputs that a tag alone cannot show: text as text, and everything when a key is needed to fetch it.
import { ask } from "./connection.js";

const MOST_TEXT = 65_536;
const SMALL = 160;

async function readText(place) {
  const size = Number(place.dataset.size);
  try {
    const headers = size > MOST_TEXT ? { Range: `bytes=0-${MOST_TEXT - 1}` } : {};
    const response = await ask(place.dataset.text, { headers });
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
    place.textContent = (await response.text()).slice(0, MOST_TEXT);
    if (size > MOST_TEXT) place.append(`\n… the first ${MOST_TEXT / 1024} KiB; save it for the rest.`);
  } catch (error) {
    place.textContent = `It could not be read: ${error.message}`;
  }
}

async function fetched(address) {
  const response = await ask(address);
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
  return URL.createObjectURL(await response.blob());
}

async function fill(place) {
  try {
    place.src = await fetched(place.dataset.source);
    place.addEventListener("load", () => place.tagName === "IMG" && URL.revokeObjectURL(place.src), { once: true });
  } catch (error) {
    place.replaceWith(Object.assign(document.createElement("p"), { textContent: `It could not be read: ${error.message}` }));
  }
}

async function save(link) {
  const address = await fetched(link.dataset.save);
  Object.assign(document.createElement("a"), { href: address, download: link.download }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("[data-save]");
  if (!link) return;
  event.preventDefault();
  save(link).catch(() => {}); // `ask` has already said what is wrong with the connection or the key
});

/** A picture of few pixels is shown with its pixels, not blurred. */
document.addEventListener(
  "load",
  ({ target: image }) => {
    if (image.matches?.("img.picture") && image.naturalWidth <= SMALL) image.classList.add("small");
  },
  true,
);

export function afterSwap(root) {
  for (const image of root.querySelectorAll("img.picture")) {
    if (image.complete && image.naturalWidth > 0 && image.naturalWidth <= SMALL) image.classList.add("small");
  }
  root.querySelectorAll("[data-text]:not([data-done])").forEach((place) => {
    place.dataset.done = "";
    readText(place);
  });
  root.querySelectorAll("[data-source]:not([data-done])").forEach((place) => {
    place.dataset.done = "";
    fill(place);
  });
}
