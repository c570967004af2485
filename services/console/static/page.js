// Small manners of the page: announcements, local times, the colours, a heartbeat for parts that renew themselves.
const BEAT_MS = 3000;
const THEMES = ["system", "light", "dark"];
const WORDS = { system: "as the system", light: "light", dark: "dark" };

/** Say something to screen readers, politely. */
export function announce(text) {
  const line = document.createElement("p");
  line.textContent = text;
  const announcer = document.querySelector("[data-announcer]");
  announcer.append(line);
  while (announcer.childElementCount > 5) announcer.firstElementChild.remove();
}

/** Tell all parts that listen: evoke:refresh (all is stale), evoke:jobs (a job changed), evoke:key, evoke:beat. */
export function tell(name) {
  window.htmx?.trigger(document.body, `evoke:${name}`);
}

export function localTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]:not([data-local])")) {
    const when = new Date(time.dateTime);
    if (Number.isNaN(when.getTime())) continue;
    time.dataset.local = "";
    time.title = when.toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" });
    const today = when.toDateString() === new Date().toDateString();
    time.textContent = when.toLocaleString(undefined, today ? { timeStyle: "medium" } : { dateStyle: "medium", timeStyle: "short" });
  }
}

function currentTheme() {
  return document.documentElement.dataset.theme ?? "system";
}

function setTheme(theme, button) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem("evoke.theme", theme);
  } catch {
    // Storage may be forbidden: then the choice lasts for this page.
  }
  label(button);
}

function label(button) {
  button.setAttribute("aria-label", `Colours: ${WORDS[currentTheme()]}`);
  button.title = `Colours: ${WORDS[currentTheme()]}`;
}

export function start() {
  const button = document.querySelector("[data-theme-toggle]");
  label(button);
  button.addEventListener("click", () => {
    setTheme(THEMES[(THEMES.indexOf(currentTheme()) + 1) % THEMES.length], button);
    announce(`Colours: ${WORDS[currentTheme()]}`);
  });
  setInterval(() => document.hidden || tell("beat"), BEAT_MS);
}
