// A rival: @tsndr/cloudflare-worker-jwt, an HMAC-signed JWT, and a deny list in KV, without a framework.

import jwt from '@tsndr/cloudflare-worker-jwt';

export default {
  async fetch(request, env) {
    const token = request.headers.get('authorization')?.slice('Bearer '.length) ?? '';
    const verified = await jwt.verify(token, env.SECRET);
    const origin = request.headers.get('origin');
    const claims = verified?.payload;
    const isAllowed = claims?.origins.includes(origin);
    if (!isAllowed || (await env.KV.get(`revoked/${claims.jti}`)) !== null) {
      return new Response('Unauthorized', { status: 401 });
    }
    const url = new URL(request.url);
    const onward = new Request(env.UPSTREAM + url.pathname + url.search, request);
    onward.headers.delete('authorization');
    const upstream = await fetch(onward);
    const answer = new Response(upstream.body, upstream);
    answer.headers.set('Access-Control-Allow-Origin', origin);
    answer.headers.append('Vary', 'Origin');
    return answer;
  },
};
