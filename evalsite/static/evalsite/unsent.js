// An answer that could not be sent is kept, in this tab also over a reload, and sent again: with
// growing pauses, when the connection is back, or when the rater says so. The server stores an
// answer once, however often it comes.
(() => {
  "use strict";
  const KEY = "evalsite.unsent";
  const LONGEST = 60_000;
  let pause = 1000;
  let timer = null;
  let isSending = false;

  const box = () => document.getElementById("connection");

  // sessionStorage may be forbidden; then the answer lives as long as the page.
  let memory = null;
  const keep = (answer) => {
    memory = answer;
    try {
      if (answer) sessionStorage.setItem(KEY, JSON.stringify(answer));
      else sessionStorage.removeItem(KEY);
    } catch { /* kept in memory */ }
  };
  const kept = () => {
    try {
      memory ??= JSON.parse(sessionStorage.getItem(KEY));
    } catch { /* nothing is kept */ }
    return memory;
  };

  const show = () => {
    for (const button of document.querySelectorAll("#answer button")) button.disabled = true;
    if (!box().hidden) return;
    box().hidden = false;
    box().querySelector("button").focus();
  };

  const forget = () => {
    clearTimeout(timer);
    pause = 1000;
    keep(null);
    box().hidden = true;
  };

  const sendLater = () => {
    clearTimeout(timer);
    timer = setTimeout(send, pause);
    pause = Math.min(2 * pause, LONGEST);
  };

  const send = () => {
    const answer = kept();
    if (!answer || isSending) return;
    isSending = true;
    const values = new FormData();
    for (const [name, value] of answer.fields) values.append(name, value);
    htmx.ajax("POST", answer.path, { source: "#turn", target: "#turn", values }).catch(() => {});
  };

  // What is skipped, flagged or undone is still on the screen, to be clicked again.
  const isAnswer = (event) => isSending || event.detail.elt.id === "answer";

  const hold = (event) => {
    if (!isAnswer(event)) return;
    if (!isSending) {
      const { path, formData } = event.detail.requestConfig;
      // The page that sends it again has a token of its own against forgery.
      const fields = [...formData.entries()].filter(([name]) => name !== "csrfmiddlewaretoken");
      keep({ path, fields });
    }
    isSending = false;
    show();
    sendLater();
  };

  document.addEventListener("htmx:sendError", hold);
  document.addEventListener("htmx:timeout", hold);
  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.xhr.status >= 500) hold(event);
    isSending = false;
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    isSending = false;
    if (event.target.id === "turn") forget();
  });
  window.addEventListener("online", send);
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-retry]")) send();
  });
  document.addEventListener("DOMContentLoaded", () => {
    if (!kept()) return;
    show();
    send();
  });
})();
