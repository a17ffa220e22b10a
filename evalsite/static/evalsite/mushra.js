// The desk of a MUSHRA task with sound: one button a sound, one slider a sound, a loop. Only the
// sound that is heard can be rated. Bound by data- attributes: data-console and what is in it. The
// clock and the fades are in mushra-engine.js.
(() => {
  "use strict";
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  // One for the page: browsers allow only a few. It wakes up with the first press.
  let context = null;
  let desk = null;

  class Desk {
    constructor(root) {
      this.root = root;
      this.signals = [...root.querySelectorAll("[data-signal]")];
      this.plays = this.said();
      this.closed = false;
      root.addEventListener("click", (event) => this.press(event));
      for (const edge of root.querySelectorAll("[data-edge]")) {
        edge.addEventListener("input", () => this.showEdges());
        edge.addEventListener("change", () => this.repeat(this.edge("begin"), this.edge("end")));
      }
      this.lock();
      this.load();
    }

    one(selector) {
      return this.root.querySelector(selector);
    }

    part(signal) {
      return signal.parentElement.querySelector("[data-slider]");
    }

    // What was played before an answer came back: starts, ends and seconds by place.
    said() {
      try {
        return JSON.parse(document.querySelector("[data-plays]").value || "{}");
      } catch {
        return {};
      }
    }

    // Loading

    async load() {
      context ??= new AudioContext();
      const bar = this.one("progress");
      let done = 0;
      this.one("[data-loading]").hidden = false;
      this.one("[data-failed]").hidden = true;
      const sound = async (signal) => {
        const response = await fetch(signal.dataset.signal);
        if (!response.ok) throw new Error(response.statusText);
        const buffer = await context.decodeAudioData(await response.arrayBuffer());
        bar.value = ++done / this.signals.length;
        return buffer;
      };
      try {
        const buffers = await Promise.all(this.signals.map(sound));
        if (!this.closed) this.begin(new MushraEngine(context, buffers));
      } catch {
        this.one("[data-failed]").hidden = false;
      }
      this.one("[data-loading]").hidden = true;
    }

    begin(engine) {
      this.engine = engine;
      for (const edge of this.root.querySelectorAll("[data-edge]")) {
        edge.max = Math.ceil(engine.duration / 0.05) * 0.05;
      }
      for (const part of this.root.querySelectorAll("[data-signal], [data-edge], [data-mark]")) {
        part.disabled = false;
      }
      this.showLoop();
      this.show();
    }

    // What is pressed

    press(event) {
      const button = event.target.closest("button");
      if (!button || button.disabled) return;
      if ("reload" in button.dataset) this.load();
      else if ("signal" in button.dataset) this.hear(this.signals.indexOf(button));
      else if ("rest" in button.dataset) this.rest();
      else if (button.dataset.mark) this.mark(button.dataset.mark);
    }

    hear(number) {
      context.resume();
      for (const player of document.querySelectorAll("[data-play]")) player.pause();
      if (this.engine.heard !== number) {
        this.note(0);
        this.engine.hear(number);
        this.note(1);
      }
      this.lock();
      const part = this.part(this.signals[number]);
      if (part) part.querySelector("input[type=range]").focus();
    }

    rest() {
      this.note(0);
      this.engine.rest();
      this.lock();
    }

    // Add to what is heard now the time since the last note, and perhaps a start.
    note(starts) {
      const time = context.currentTime;
      const signal = this.signals[this.engine?.heard ?? -1];
      if (signal) {
        const [begun, , seconds] = this.plays[signal.dataset.place] ?? [0, 0, 0];
        const more = Math.min(seconds + (starts ? 0 : time - this.notedAt), 86_400);
        const ends = Math.min(Math.floor(more / this.engine.duration), 1000);
        this.plays[signal.dataset.place] = [Math.min(begun + starts, 1000), ends, more];
      }
      this.notedAt = time;
      // A player of the prompt, if there is one, writes its counts there too.
      const plays = { ...this.said(), ...this.plays };
      document.querySelector("[data-plays]").value = JSON.stringify(plays, (_, value) =>
        typeof value === "number" ? Number(value.toFixed(2)) : value
      );
    }

    mark(which) {
      const [begin, end] = this.engine.loop;
      const here = this.engine.position();
      if (which === "begin") this.repeat(here, end);
      else if (which === "end") this.repeat(Math.min(begin, here - 0.5), here);
      else this.repeat(0, this.engine.duration);
    }

    repeat(begin, end) {
      this.engine.setLoop(begin, end);
      this.showLoop();
    }

    // What is shown

    // Only what is heard may be rated. A number that may not be changed is still sent.
    lock() {
      const heard = this.engine?.heard ?? null;
      this.one("[data-rest]").disabled = heard === null;
      this.signals.forEach((signal, number) => {
        const isHeard = number === heard;
        signal.setAttribute("aria-pressed", isHeard);
        signal.parentElement.classList.toggle("heard-now", isHeard);
        const part = this.part(signal);
        if (!part) return;
        part.querySelector("input[type=range]").disabled = !isHeard;
        part.querySelector("input[type=number]").readOnly = !isHeard;
      });
    }

    edge(name) {
      return Number(this.one(`[data-edge=${name}]`).value);
    }

    showLoop() {
      const [begin, end] = this.engine.loop;
      this.one("[data-edge=begin]").value = begin;
      this.one("[data-edge=end]").value = end;
      this.showEdges();
    }

    showEdges() {
      const width = (seconds) => (1000 * seconds) / this.engine.duration;
      const [begin, end] = [this.edge("begin"), this.edge("end")];
      this.one("[data-region]").setAttribute("x", width(begin));
      this.one("[data-region]").setAttribute("width", Math.max(0, width(end) - width(begin)));
      for (const edge of this.root.querySelectorAll("[data-edge]")) {
        edge.setAttribute("aria-valuetext", `${Number(edge.value).toFixed(2)} s`);
      }
    }

    show() {
      if (this.closed) return;
      const here = this.engine.position();
      this.one("[data-position]").textContent =
        `${here.toFixed(1)} / ${this.engine.duration.toFixed(1)} s`;
      this.one("[data-head]").setAttribute("x", (996 * here) / this.engine.duration);
      if (still.matches) setTimeout(() => this.show(), 1000);
      else requestAnimationFrame(() => this.show());
    }

    close() {
      this.closed = true;
      this.engine?.rest();
    }
  }

  const bind = () => {
    desk?.close();
    const root = document.querySelector("[data-console]");
    desk = root ? new Desk(root) : null;
  };

  document.addEventListener("play", () => {
    if (desk?.engine) desk.rest();
  }, true);

  // Before anything is read from the form.
  document.addEventListener("submit", () => {
    if (desk?.engine) desk.note(0);
  }, true);

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.id === "turn") bind();
  });
  bind();
})();
