// Fetches the files of the task that will probably come next while this one is judged, so that they
// are in the browser's cache when it comes. Bound by data-ahead on the form: where to ask for them.
(() => {
  "use strict";
  // What is on the screen comes first; after so many milliseconds it is not waited for any longer.
  const PATIENCE = 5000;

  const isHere = (medium) => (medium.tagName === "IMG" ? medium.complete : medium.readyState === 4);
  const media = () => [...document.querySelectorAll("#main audio, #main video, #main img")];
  const isLoading = () =>
    !media().every(isHere) || document.querySelector("[data-loading]:not([hidden])") !== null;
  const pause = (milliseconds) => new Promise((done) => { setTimeout(done, milliseconds); });

  const fetchAhead = async () => {
    const form = document.querySelector("[data-ahead]");
    if (!form) return;
    const isOn = () => document.querySelector("[data-ahead]") === form;
    const end = performance.now() + PATIENCE;
    while (isOn() && isLoading() && performance.now() < end) await pause(200);
    if (!isOn()) return;
    const answer = await fetch(form.dataset.ahead);
    if (!answer.ok || answer.redirected) return;
    for (const file of (await answer.json()).files) {
      if (!isOn()) return;
      await (await fetch(file)).arrayBuffer();
    }
  };

  // Whatever fails here is only a file that is fetched later.
  const begin = () => { fetchAhead().catch(() => {}); };
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.id === "turn") begin();
  });
  begin();
})();
