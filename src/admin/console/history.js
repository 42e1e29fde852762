// What the figures were in the last minutes, and what happened meanwhile.

/** So far back figures are kept, in milliseconds. */
export const SPAN = 5 * 60 * 1000;

export class History {
  samples = [];
  marks = [];

  /** Takes in the figures of a moment. */
  add(figures, at = Date.now()) {
    const last = this.samples.at(-1);
    // Steps of the gateway come between the ticks; a rate needs some time to be one.
    if (last && at - last.at < 300) this.samples.pop();
    this.samples.push({ at, figures });
    const isOld = (entry) => entry.at < at - SPAN - 5000;
    while (this.samples.length > 2 && isOld(this.samples[0])) this.samples.shift();
    this.marks = this.marks.filter((mark) => !isOld(mark));
  }

  /** The figures of another process begin at zero. */
  beginAnew() {
    this.samples = [];
  }

  /** How far back a chart goes: as far as there is something to see, in round steps. */
  reach(now) {
    const seen = now - (this.samples[0]?.at ?? now);
    return [60_000, 120_000].find((step) => seen <= step) ?? SPAN;
  }

  /** Notes that something happened that a reader of a chart should know. */
  mark(sign, text, at = Date.now()) {
    this.marks.push({ sign, text, at });
  }

  /** How fast a figure grew, at each moment: pairs of time and growth in a second. */
  rates(of) {
    const points = [];
    for (let index = 1; index < this.samples.length; index += 1) {
      const [before, after] = [this.samples[index - 1], this.samples[index]];
      const seconds = (after.at - before.at) / 1000;
      points.push([after.at, Math.max(0, (of(after.figures) - of(before.figures)) / seconds)]);
    }
    return points;
  }

  /** A figure that is no counter, at each moment. */
  levels(of) {
    return this.samples.map((sample) => [sample.at, of(sample.figures)]);
  }

  /** How fast a figure grows now: over the last few seconds. */
  now(of) {
    const last = this.samples.at(-1);
    const first = this.samples.find((sample) => sample.at >= last.at - NOW);
    const seconds = last ? (last.at - first.at) / 1000 : 0;
    return seconds > 0 ? Math.max(0, (of(last.figures) - of(first.figures)) / seconds) : 0;
  }
}

// Short enough to show a standstill at once, long enough not to flicker.
const NOW = 3500;
