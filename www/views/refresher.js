// Asks again and again while a view is open and visible, and stops when it is left.

/**
 * Calls `ask` after `waitMs()` milliseconds, again and again, until `signal` aborts or `waitMs` gives null. A
 * page in the background asks nothing, and asks at once when it is seen again.
 * @param {() => Promise<void>} ask
 * @param {() => number | null} waitMs
 * @param {AbortSignal} signal
 */
export function refresh(ask, waitMs, signal) {
  /** @type {number | undefined} */
  let timer;
  let asking = false;
  const next = () => {
    clearTimeout(timer);
    const wait = waitMs();
    if (wait !== null && !signal.aborted) timer = setTimeout(go, wait);
  };
  async function go() {
    if (asking || document.hidden || signal.aborted) return;
    asking = true;
    await ask();
    asking = false;
    next();
  }
  document.addEventListener('visibilitychange', () => document.hidden || waitMs() === null || go(), {
    signal,
  });
  signal.addEventListener('abort', () => clearTimeout(timer));
  next();
  return { next };
}
