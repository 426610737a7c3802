// What a gateway costs in JavaScript without a decision: it reads the same headers as Wayleave, makes the
// same edits of request and answer, has the same time limit, and checks nothing.

const READ = [
  'origin',
  'referer',
  'sec-fetch-site',
  'access-control-request-method',
  'access-control-request-headers',
  'cookie',
  'authorization',
  'x-api-key',
  'cf-connecting-ip',
];
const LOOKED_AT = [
  'vary',
  'cache-control',
  'access-control-expose-headers',
  'sec-websocket-protocol',
  'set-cookie',
  'location',
  'refresh',
  'content-location',
  'link',
];
const WITHHELD = new Set([
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'forwarded',
  'x-real-ip',
]);
const ANSWER_REMOVE = ['Wayleave-Token-Expires', 'Alt-Svc', 'NEL', 'Access-Control-Allow-Credentials'];
const TIMEOUT_MS = 30_000;

export default {
  async fetch(request, env) {
    const read = {};
    const withheld = [];
    request.headers.forEach((value, name) => {
      if (READ.includes(name)) read[name] = value;
      if (WITHHELD.has(name)) withheld.push(name);
    });
    const url = new URL(request.url);
    const headers = new Headers(request.headers);
    for (const name of withheld) headers.delete(name);
    headers.delete('authorization');
    headers.set('X-Forwarded-Host', url.host);
    headers.set('X-Forwarded-Proto', 'http');
    headers.set('Wayleave-Token-Id', 'tok_1');
    headers.set('Wayleave-Family', 'fam_0000000000000000');
    headers.set('Wayleave-Audience', 'api');
    const { method, body } = request;
    const sent = fetch(env.UPSTREAM + url.pathname + url.search, {
      method,
      headers,
      body,
      redirect: 'manual',
    });
    const upstream = await within(sent, TIMEOUT_MS);
    if (upstream === null || LOOKED_AT.some((name) => upstream.headers.has(name))) {
      return new Response('the bench has no such upstream', { status: 500 });
    }
    const answer = new Response(upstream.body, upstream);
    for (const name of ANSWER_REMOVE) if (answer.headers.has(name)) answer.headers.delete(name);
    answer.headers.set('Access-Control-Allow-Origin', read.origin ?? '*');
    answer.headers.set('Access-Control-Expose-Headers', 'WWW-Authenticate, Retry-After, Sunset, Deprecation');
    answer.headers.set('Cross-Origin-Resource-Policy', 'cross-origin');
    answer.headers.set('Vary', 'Origin, authorization');
    answer.headers.set('Cache-Control', 'private');
    answer.headers.set('Wayleave-Token-Expires', '2027-11-27T00:00:00Z');
    return answer;
  },
};

function within(promise, ms) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms, null);
    promise.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}
