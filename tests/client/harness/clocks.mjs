// The two clocks that client.js reads, each moved by itself. Timers are real.

export function clocks(t) {
  const moved = { wall: 0, steady: 0 };
  const now = { wall: Date.now.bind(Date), steady: performance.now.bind(performance) };
  t.mock.method(Date, 'now', () => now.wall() + moved.wall);
  t.mock.method(performance, 'now', () => now.steady() + moved.steady);
  return {
    /** Both, by seconds. */
    pass: (seconds) => {
      moved.wall += seconds * 1000;
      moved.steady += seconds * 1000;
    },
    /** One of them, by seconds: `wall` is set, `steady` stands still in some sleeps. */
    move: (clock, seconds) => (moved[clock] += seconds * 1000),
  };
}
