// Sounds and videos on a rater's pages: one at a time, by key, and counted. Bound by data-
// attributes: data-play and data-play-key on what plays, data-plays on the field that the counts
// are sent in, data-must-play on a form that is only sent once all was heard to its end,
// data-play-status on the line that says what is missing, data-broken on what says that it fails.
(() => {
  "use strict";
  // Of a file: so much must have been heard for its end to count.
  const WHOLE = 0.95;
  let counts = {};

  const players = () => [...document.querySelectorAll("[data-play]")];
  const field = () => document.querySelector("[data-plays]");
  const form = () => document.querySelector("[data-must-play]");
  const isHeard = (player) => (counts[player.dataset.play]?.[1] ?? 0) > 0;
  const missing = () => players().filter((player) => !isHeard(player));

  // The seconds of it that were heard, whatever was skipped or repeated.
  const heard = (player) => {
    let sum = 0;
    for (let i = 0; i < player.played.length; i += 1) {
      sum += player.played.end(i) - player.played.start(i);
    }
    return sum;
  };

  const note = (player, starts, ends) => {
    const before = counts[player.dataset.play] ?? [0, 0, 0];
    counts[player.dataset.play] = [
      Math.min(before[0] + starts, 1000),
      Math.min(before[1] + ends, 1000),
      Number(Math.max(before[2], heard(player)).toFixed(2)),
    ];
    if (field()) field().value = JSON.stringify(counts);
  };

  const show = () => {
    if (!form()) return;
    const names = missing().map((player) => player.getAttribute("aria-label"));
    for (const button of document.querySelectorAll("#answer button, [data-send]")) {
      button.disabled = names.length > 0;
    }
    const line = document.querySelector("[data-play-status]");
    line.textContent = names.length ? `To answer, play to the end: ${names.join(", ")}` : "";
    line.hidden = names.length === 0;
  };

  const say = (player) => {
    player.closest(".played").querySelector("[data-broken]").hidden = false;
  };

  const bind = () => {
    try {
      counts = JSON.parse(field()?.value || "{}");
    } catch {
      counts = {};
    }
    for (const player of players()) {
      player.addEventListener("play", () => {
        for (const other of players()) if (other !== player) other.pause();
        note(player, 1, 0);
      });
      player.addEventListener("pause", () => note(player, 0, 0));
      player.addEventListener("ended", () => {
        note(player, 0, heard(player) >= WHOLE * player.duration ? 1 : 0);
        show();
      });
      player.addEventListener("error", () => say(player));
      // It may have failed before this file was there.
      if (player.error) say(player);
    }
    show();
  };

  document.addEventListener("keydown", (event) => {
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("textarea, select, input:not([type=radio], [type=range])")) return;
    if (document.querySelector("dialog[open]")) return;
    const player = players().find((each) => each.dataset.playKey === event.key.toLowerCase());
    if (!player) return;
    event.preventDefault();
    if (!player.paused) player.pause();
    // Refused, or broken: the player itself shows it.
    else player.play().catch(() => {});
  });

  document.addEventListener("submit", (event) => {
    if (event.target === form() && missing().length) {
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    for (const player of players()) if (!player.paused) player.pause();
  }, true);

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.id === "turn") bind();
  });
  bind();
})();
