// A rival: Hono and jose, an HMAC-signed JWT, and a deny list in KV.

import { Hono } from 'hono';
import { cors } from 'hono/cors';
import { jwtVerify } from 'jose';

const app = new Hono();
app.use('*', (context, next) =>
  cors({ origin: (origin) => origin, exposeHeaders: ['WWW-Authenticate', 'Retry-After'] })(context, next),
);
app.all('*', async (context) => {
  const token = context.req.header('authorization')?.slice('Bearer '.length) ?? '';
  const key = new TextEncoder().encode(context.env.SECRET);
  let claims;
  try {
    claims = (await jwtVerify(token, key)).payload;
  } catch {
    return context.text('Unauthorized', 401);
  }
  const isAllowed = claims.origins.includes(context.req.header('origin'));
  if (!isAllowed || (await context.env.KV.get(`revoked/${claims.jti}`)) !== null) {
    return context.text('Unauthorized', 401);
  }
  const url = new URL(context.req.url);
  const onward = new Request(context.env.UPSTREAM + url.pathname + url.search, context.req.raw);
  onward.headers.delete('authorization');
  const answer = await fetch(onward);
  return new Response(answer.body, answer);
});

export default app;
