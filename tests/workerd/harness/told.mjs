// What a caller can tell of an answer, for tests that compare answers.

/** Differ from one answer to the next. `x-path` is set by the main module of a test. */
const UNSTEADY = ['date', 'x-path', 'connection', 'keep-alive'];

export function told({ status, rawHeaders, bytes }) {
  const fields = rawHeaders.filter(([name]) => !UNSTEADY.includes(name));
  return { status, fields, body: bytes.toString('latin1') };
}
