// Where the console begins. Parts are rendered by the server; what moves is here.
import { afterSwap as artifacts } from "./artifacts.js";
import { start as actions } from "./actions.js";
import { start as connection } from "./connection.js";
import { start as key } from "./key.js";
import { start as live, afterSwap as watch } from "./live.js";
import { start as form } from "./form.js";
import { localTimes, start as page } from "./page.js";

function afterSwap(root) {
  localTimes(root);
  artifacts(root);
  watch(root);
}

for (const begin of [key, connection, page, form, actions, live]) begin();
document.body.addEventListener("htmx:afterSwap", (event) => afterSwap(event.detail.target));
afterSwap(document);
