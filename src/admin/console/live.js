// How the gateway stands, once a second: from the stream, and by asking where that does not work.

const QUIET_TOO_LONG = 4000;
const ASK_EVERY = 2000;

/** Calls `show` with each status, and `tell` with how the connection is: live, asked or lost. */
export function follow(show, tell) {
  let heard = Date.now();
  let asked = 0;
  let source = open();

  function open() {
    const stream = new EventSource('/api/v1/stream');
    stream.addEventListener('status', (event) => {
      heard = Date.now();
      tell('live', heard);
      show(JSON.parse(event.data));
    });
    stream.addEventListener('error', ask);
    return stream;
  }

  async function ask() {
    try {
      const answer = await fetch('/api/v1/status', { cache: 'no-store', signal: AbortSignal.timeout(ASK_EVERY) });
      if (!answer.ok) throw new Error(answer.statusText);
      const status = await answer.json();
      heard = Date.now();
      asked = heard;
      tell('asked', heard);
      show(status);
    } catch {
      tell('lost', heard);
    }
  }

  setInterval(() => {
    // A browser tries a broken stream again by itself, but not one that was refused.
    if (source.readyState === EventSource.CLOSED) source = open();
    const isQuiet = Date.now() - heard > QUIET_TOO_LONG;
    const wasAsked = asked > 0 && asked === heard;
    if (isQuiet || wasAsked) ask();
  }, ASK_EVERY);
}

/** What stands at a path; `undefined` where it cannot be had now. */
export async function fetched(path, kind = 'json') {
  try {
    const answer = await fetch(path, { cache: 'no-store' });
    return answer.ok ? await answer[kind]() : undefined;
  } catch {
    return undefined;
  }
}
