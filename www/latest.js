// Of several questions in one place only the latest counts: an earlier answer may come after it.

/**
 * Returns a function that ends the question before, and gives the signal of the next one.
 * @param {AbortSignal} signal ends all of them
 */
export function latest(signal) {
  let asking = new AbortController();
  return () => {
    asking.abort(new DOMException('superseded', 'AbortError'));
    asking = new AbortController();
    return AbortSignal.any([asking.signal, signal]);
  };
}
