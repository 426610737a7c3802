// Quantiles of measured times.

/** The smallest sample that at least the share `part` of all samples does not exceed (nearest rank). */
export function quantile(samples, part) {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)];
}

/** Returns { samples, p50_ms, p99_ms, max_ms }. */
export function summary(samples) {
  return {
    samples: samples.length,
    p50_ms: quantile(samples, 0.5),
    p99_ms: quantile(samples, 0.99),
    max_ms: quantile(samples, 1),
  };
}

export const seconds = (ms) => (ms / 1_000).toFixed(ms < 10_000 ? 2 : 1);
