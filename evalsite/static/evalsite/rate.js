// Keys, time, focus and lost connections on a rater's pages. Bound by data- attributes:
// data-key on what a key presses, data-seconds on the field for the time, data-countdown on what
// is left of the paid time, data-retry, data-open. Forms of several parts have their keys in
// parts.js.
(() => {
  "use strict";
  let shownAt = performance.now();
  // Seconds on screen before an answer came back because something was missing.
  let soFar = 0;

  const typing = (element) =>
    element.closest("textarea, select, [contenteditable], input:not([type=radio], [type=range])");

  // Time on screen, without the time that the page was hidden.
  let hiddenAt = null;
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      hiddenAt = performance.now();
    } else if (hiddenAt !== null) {
      shownAt += performance.now() - hiddenAt;
      hiddenAt = null;
    }
  });
  const seconds = () => ((hiddenAt ?? performance.now()) - shownAt) / 1000;

  setInterval(() => {
    const left = document.querySelector("[data-countdown]");
    if (left) left.textContent = Math.max(0, Math.ceil((left.dataset.countdown - seconds()) / 60));
  }, 5000);

  document.addEventListener("submit", (event) => {
    const field = event.target.querySelector("[data-seconds]");
    if (field) field.value = (soFar + seconds()).toFixed(2);
  }, true);

  document.addEventListener("keydown", (event) => {
    // A held key must not answer task after task.
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && typing(event.target)) {
      document.getElementById("main").focus();
      return;
    }
    if (typing(event.target) || document.querySelector("dialog[open]")) return;
    if (event.key === "?") return open("keys");
    const pressed = [...document.querySelectorAll("[data-key]")].find(
      (element) => element.dataset.key === event.key.toLowerCase()
    );
    if (!pressed) return;
    event.preventDefault();
    pressed.click();
    if (pressed.tagName === "SUMMARY") {
      pressed.parentElement.open = true;
      pressed.parentElement.querySelector("textarea, select").focus();
    }
  });

  const open = (id) => document.getElementById(id)?.showModal();

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-open]");
    if (opener) open(opener.dataset.open);
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.id !== "turn") return;
    shownAt = performance.now();
    hiddenAt = document.hidden ? shownAt : null;
    soFar = Number(document.querySelector("[data-seconds]")?.value) || 0;
    window.scrollTo(0, 0);
    const main = document.getElementById("main");
    // The focus goes to the task, not to a choice: none of them is the default.
    main.focus({ preventScroll: true });
    document.getElementById("announce").textContent =
      main.getAttribute("aria-label") || main.querySelector("h1").textContent;
  });
})();
