// Before anything is painted: the colours that were chosen here, else the system's.
(function () {
  "use strict";
  let chosen = null;
  try {
    chosen = localStorage.getItem("evoke.theme");
  } catch {
    // Storage may be forbidden: then the system's colours it is.
  }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
