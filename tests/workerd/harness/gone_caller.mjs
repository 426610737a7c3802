// Tests end workerd while it talks to the servers of the harness. The request that is cut off then is no
// failure of the server that was reading it.

/** A listener for `createServer` that ends quietly when the caller is gone before its request is complete. */
export const unlessGone = (serve) => async (request, response) => {
  try {
    await serve(request, response);
  } catch (error) {
    if (error.code !== 'ECONNRESET') throw error;
  }
};
