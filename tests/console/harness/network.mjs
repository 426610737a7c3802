// A bad network between a page and the Worker: the Worker has done what was asked, and the answer is lost; or a call takes long.

const API = '**/_wayleave/api';

/** The answer to the next call of this method below this path is lost; gives a count of all such calls. */
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

/** The next call of a path is held back until `letGo` is called; those after it are not. */
export async function holdBack(page, path) {
  let letGo;
  const gone = new Promise((resolve) => (letGo = resolve));
  const held = { calls: 0, letGo };
  await page.route(`${API}${path}`, async (route) => {
    held.calls += 1;
    if (held.calls === 1) await gone;
    // The page may have given it up meanwhile.
    await route.continue().catch(() => {});
  });
  return held;
}

/** Calls of this path are answered so, whatever the Worker would say. */
export async function answerWith(page, path, { status = 200, json, body, contentType }) {
  await page.route(`${API}${path}`, (route) => route.fulfill({ status, json, body, contentType }));
}
