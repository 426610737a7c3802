// A bad network between page and Worker: the Worker acts but its response is lost, or a call takes long.

const API = '**/_wayleave/api';

/**
 * Loses the response to the next call of this method below this path; returns a counter of all such calls.
 */
export async function loseAnswer(page, method, path) {
  const calls = { sent: 0 };
  const browser = await page.context().newCDPSession(page);
  await browser.send('Fetch.enable', {
    patterns: [{ urlPattern: `*/_wayleave/api${path}`, requestStage: 'Response' }],
  });
  browser.on('Fetch.requestPaused', ({ requestId, request }) => {
    const isLost = request.method === method && calls.sent === 0;
    if (request.method === method) calls.sent += 1;
    return isLost
      ? browser.send('Fetch.failRequest', { requestId, errorReason: 'ConnectionReset' })
      : browser.send('Fetch.continueResponse', { requestId });
  });
  return calls;
}

/** Holds back the next call of a path until `letGo` is called. Later calls pass. */
export async function holdBack(page, path) {
  let letGo;
  const gone = new Promise((resolve) => (letGo = resolve));
  const held = { calls: 0, letGo };
  await page.route(`${API}${path}`, async (route) => {
    held.calls += 1;
    if (held.calls === 1) await gone;
    // The page may have aborted the call meanwhile.
    await route.continue().catch(() => {});
  });
  return held;
}

/** Answers every call of this path with this response, in place of the Worker's; not before `gone`. */
export async function answerWith(page, path, { status = 200, json, body, contentType, gone }) {
  await page.route(`${API}${path}`, async (route) => {
    await gone;
    await route.fulfill({ status, json, body, contentType });
  });
}
