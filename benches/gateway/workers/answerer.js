// The least that a refusal can cost: it reads nothing and answers 401 with the headers and a body as long
// as Wayleave's.

const BODY = JSON.stringify({
  type: 'https://gateway.example/_wayleave/problems#token_malformed',
  title: 'The credential is not a token of this service.',
  status: 401,
  code: 'token_malformed',
  detail: 'What to do next is written here, in a sentence or two of about this length, for whoever reads it.',
});

export default {
  fetch(request) {
    return new Response(BODY, {
      status: 401,
      headers: {
        'Content-Type': 'application/problem+json',
        'Cache-Control': 'no-store',
        'X-Content-Type-Options': 'nosniff',
        'WWW-Authenticate': 'Bearer error="invalid_token"',
        Vary: 'Origin',
        'Access-Control-Allow-Origin': request.headers.get('origin') ?? '*',
        'Access-Control-Expose-Headers': 'WWW-Authenticate, Retry-After, Sunset, Deprecation',
      },
    });
  },
};
