// The least that a proxy can do: it sends every request on, and checks and edits nothing.

export default {
  fetch(request, env) {
    const url = new URL(request.url);
    return fetch(new Request(env.UPSTREAM + url.pathname + url.search, request));
  },
};
