// Reads the text in which monitoring systems get their figures, as far as this page draws them.

/** Samples by name: each has its labels and its value. */
export function parse(text) {
  const samples = new Map();
  for (const line of text.split('\n')) {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? ([^ #]+)/.exec(line);
    if (!match) continue;
    const [, name, labels = '', value] = match;
    if (!samples.has(name)) samples.set(name, []);
    samples.get(name).push({ labels: labelled(labels), value: Number(value) });
  }
  return samples;
}

function labelled(text) {
  const labels = {};
  for (const [, name, value] of text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
    labels[name] = value.replace(/\\(.)/g, (_, char) => (char === 'n' ? '\n' : char));
  }
  return labels;
}

const TOOK = 'crmgate_exchange_duration_seconds';

/** Latencies by flow and SOAP operation: buckets from the smallest bound up, sum and count. */
export function operations(samples) {
  const all = new Map();
  const of = ({ flow, operation }) => {
    const name = `${flow} ${operation}`;
    if (!all.has(name)) all.set(name, { flow, operation, buckets: new Map(), sum: 0, count: 0 });
    return all.get(name);
  };
  for (const { labels, value } of samples.get(`${TOOK}_bucket`) ?? []) {
    const { buckets } = of(labels);
    const bound = labels.le === '+Inf' ? Infinity : Number(labels.le);
    buckets.set(bound, (buckets.get(bound) ?? 0) + value);
  }
  for (const { labels, value } of samples.get(`${TOOK}_sum`) ?? []) of(labels).sum += value;
  for (const { labels, value } of samples.get(`${TOOK}_count`) ?? []) of(labels).count += value;
  return all;
}

/** What came between two readings of an operation. */
export function since(before, after) {
  if (!before || before.count > after.count) return after;
  const buckets = new Map([...after.buckets].map(([bound, count]) => [bound, count - (before.buckets.get(bound) ?? 0)]));
  return { ...after, buckets, sum: after.sum - before.sum, count: after.count - before.count };
}

/** The duration that so large a part stays below, read between the bounds of its bucket. */
export function quantile(part, { buckets, count }) {
  if (count === 0) return undefined;
  const bounds = [...buckets].sort(([a], [b]) => a - b);
  const wanted = part * count;
  let [low, below] = [0, 0];
  for (const [bound, upTo] of bounds) {
    if (upTo >= wanted) {
      if (bound === Infinity) return low;
      return low + (bound - low) * ((wanted - below) / Math.max(1, upTo - below));
    }
    [low, below] = [bound, upTo];
  }
  return low;
}

/** Exchanges of each system and side that ended so far, by flow; `failed` ones had no answer. */
export function exchanges(samples) {
  const systems = new Map();
  for (const { labels, value } of samples.get('crmgate_exchanges_total') ?? []) {
    if (!systems.has(labels.system)) systems.set(labels.system, { request: 0, requestFailed: 0, event: 0, eventFailed: 0, bySide: {} });
    const own = systems.get(labels.system);
    const hasFailed = labels.outcome !== 'answered';
    if (labels.flow === 'request') {
      own[hasFailed ? 'requestFailed' : 'request'] += value;
      own.bySide[labels.side] = (own.bySide[labels.side] ?? 0) + value;
    } else if (labels.flow === 'event') {
      own[hasFailed ? 'eventFailed' : 'event'] += value;
    }
  }
  return systems;
}
