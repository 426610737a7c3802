// A rival: an opaque token, looked up in KV by its SHA-256. A deleted key is a revoked token, for as long
// as KV's copies last.

export default {
  async fetch(request, env) {
    const token = request.headers.get('authorization')?.slice('Bearer '.length) ?? '';
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token));
    const name = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    const record = await env.KV.get(name, 'json');
    const origin = request.headers.get('origin');
    if (record === null || !record.origins.includes(origin)) return new Response(null, { status: 401 });
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
