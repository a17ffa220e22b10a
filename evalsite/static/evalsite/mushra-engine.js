// Several sounds on one clock: all of them run, one of them is heard. Switching fades from one gain
// to another over 5 ms, and the two always add up to one, so that there is neither a gap nor a jump
// in time. Works over any BaseAudioContext, at whatever rate it has.
(() => {
  "use strict";
  const FADE = 0.005;
  const LEAST_LOOP = 0.5;
  // Graph changes take effect in the future, or a part of a ramp would be over before it begins.
  const LEAD = 0.02;

  // The first and the last moments of a loop fade, so that its seam does not click. One period.
  const envelope = (context, frames) => {
    const buffer = context.createBuffer(1, frames, context.sampleRate);
    const gains = buffer.getChannelData(0).fill(1);
    const fade = Math.min(Math.round(FADE * context.sampleRate), frames >> 1);
    for (let i = 0; i < fade; i++) gains[i] = gains[frames - 1 - i] = i / fade;
    return buffer;
  };

  // All sounds as long as the longest: a shorter one would turn round earlier than the others.
  const padded = (context, buffers) => {
    const frames = Math.max(...buffers.map((buffer) => buffer.length));
    return buffers.map((buffer) => {
      if (buffer.length === frames) return buffer;
      const { numberOfChannels, sampleRate } = buffer;
      const longer = context.createBuffer(numberOfChannels, frames, sampleRate);
      for (let i = 0; i < numberOfChannels; i++) {
        longer.copyToChannel(buffer.getChannelData(i), i);
      }
      return longer;
    });
  };

  class MushraEngine {
    #context;
    #buffers;
    // Begin and end of the loop, in frames.
    #loop;
    #heard = null;
    // What runs now: sources, when they began, and where in the sound.
    #run = null;
    // The next change waits for a ramp that is going on.
    #busyUntil = 0;
    #rest = 0;

    constructor(context, buffers) {
      this.#context = context;
      this.#buffers = padded(context, buffers);
      this.#loop = [0, this.#buffers[0].length];
    }

    get duration() {
      return this.#buffers[0].duration;
    }

    // What is heard: a number, or null.
    get heard() {
      return this.#heard;
    }

    get loop() {
      return this.#loop.map((frame) => frame / this.#context.sampleRate);
    }

    // Where in the sound we are, in seconds.
    position(time = this.#context.currentTime) {
      const rate = this.#context.sampleRate;
      if (!this.#run) return this.#rest / rate;
      const { begun, from, loop } = this.#run;
      const length = loop[1] - loop[0];
      const gone = Math.max(0, time - begun) * rate + from - loop[0];
      return (loop[0] + (gone % length)) / rate;
    }

    // Begin with a sound, or switch to it.
    hear(number, at = this.#soon()) {
      const time = Math.max(at, this.#busyUntil);
      if (!this.#run) {
        this.#start(number, this.#rest, time);
      } else if (number !== this.#heard) {
        this.#ramp(this.#run.gains[this.#heard].gain, 1, 0, time);
        this.#ramp(this.#run.gains[number].gain, 0, 1, time);
      }
      this.#heard = number;
    }

    // Stop; the next sound goes on from here.
    rest(at = this.#soon()) {
      if (!this.#run) return;
      const time = Math.max(at, this.#busyUntil);
      this.#rest = Math.round(this.position(time) * this.#context.sampleRate);
      this.#end(time);
      this.#heard = null;
    }

    // Repeat from `begin` to `end` seconds, at least half a second; return what is repeated now.
    setLoop(begin, end, at = this.#soon()) {
      const rate = this.#context.sampleRate;
      const last = this.#buffers[0].length;
      const least = Math.min(Math.ceil(LEAST_LOOP * rate), last);
      const first = Math.min(Math.max(0, Math.round(begin * rate)), last - least);
      this.#loop = [first, Math.min(last, Math.max(first + least, Math.round(end * rate)))];
      const time = Math.max(at, this.#busyUntil);
      const here = Math.round(this.position(time) * rate);
      const from = here >= first && here < this.#loop[1] ? here : first;
      if (this.#run) {
        this.#end(time);
        this.#start(this.#heard, from, time);
      } else {
        this.#rest = from;
      }
      return this.loop;
    }

    #soon() {
      return this.#context.currentTime + LEAD;
    }

    #ramp(param, before, after, time) {
      param.setValueAtTime(before, time);
      param.linearRampToValueAtTime(after, time + FADE);
      this.#busyUntil = time + FADE;
    }

    #start(heard, from, time) {
      const context = this.#context;
      const rate = context.sampleRate;
      const loop = [...this.#loop];
      const whole = this.#gain(0);
      const seam = this.#gain(0);
      const gains = this.#buffers.map((_, i) => this.#gain(i === heard ? 1 : 0));
      const sources = this.#buffers.map((buffer, i) => {
        const source = this.#source(buffer, loop[0] / rate, loop[1] / rate);
        source.connect(gains[i]).connect(seam);
        source.start(time, from / rate);
        return source;
      });
      const frames = loop[1] - loop[0];
      const edges = this.#source(envelope(context, frames), 0, frames / rate);
      edges.connect(seam.gain);
      edges.start(time, (from - loop[0]) / rate);
      seam.connect(whole).connect(context.destination);
      this.#ramp(whole.gain, 0, 1, time);
      this.#run = { sources: [...sources, edges], gains, whole, begun: time, from, loop };
    }

    #gain(value) {
      const gain = this.#context.createGain();
      gain.gain.value = value;
      return gain;
    }

    #source(buffer, begin, end) {
      const source = this.#context.createBufferSource();
      source.buffer = buffer;
      source.loop = true;
      source.loopStart = begin;
      source.loopEnd = end;
      return source;
    }

    #end(time) {
      const { sources, whole } = this.#run;
      this.#ramp(whole.gain, 1, 0, time);
      for (const source of sources) source.stop(time + FADE);
      sources[0].onended = () => whole.disconnect();
      this.#run = null;
    }
  }

  globalThis.MushraEngine = MushraEngine;
})();
