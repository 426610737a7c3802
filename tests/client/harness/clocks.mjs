// The two clocks that client.js reads. Tests move each one separately; timers are real.

export function clocks(t) {
  const moved = { wall: 0, steady: 0 };
  const now = { wall: Date.now.bind(Date), steady: performance.now.bind(performance) };
  t.mock.method(Date, 'now', () => now.wall() + moved.wall);
  t.mock.method(performance, 'now', () => now.steady() + moved.steady);
  return {
    /** Moves both clocks forward, by seconds. */
    pass: (seconds) => {
      moved.wall += seconds * 1000;
      moved.steady += seconds * 1000;
    },
    /**
     * Moves one clock, by seconds: the wall clock can be set, and `steady` stops during sleep on some
     * machines.
     */
    move: (clock, seconds) => (moved[clock] += seconds * 1000),
  };
}
