"use strict";
// Light or dark, before anything is drawn: as the system says, until the reader has chosen.
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => { try { return localStorage.getItem("notifier.theme"); } catch { return null; } };
  const show = () => { document.documentElement.dataset.theme = chosen() || (dark.matches ? "dark" : "light"); };
  show();
  dark.addEventListener("change", show);
})();
