// Writes the measured figures into docs/propagation.md: two tables between two marker comments.

import { seconds, summary } from './statistics.mjs';

const BEGIN = '<!-- figures: make propagation writes what is between these lines -->';
const END = '<!-- end of figures -->';

/**
 * Cloudflare's prices of the paid plan, in dollars per million beyond the monthly allowance: KV reads, KV
 * writes, calls.
 */
const PRICES = {
  kv_reads: { perMillion: 0.5, included: 10_000_000 },
  kv_writes: { perMillion: 5, included: 1_000_000 },
  object_calls: { perMillion: 0.15, included: 1_000_000 },
};
const DAYS_A_MONTH = 30;

/** `page` with its tables replaced by those of these runs and costs. */
export function withFigures(page, { runs, costs }) {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`the page lacks the lines ${BEGIN} and ${END}`);
  const parts = [page.slice(0, from + BEGIN.length), timesTable(runs), costTable(costs), page.slice(to)];
  return parts.join('\n\n');
}

function timesTable(runs) {
  const rows = [...runs]
    .sort((a, b) => b.bound - a.bound || a.source.localeCompare(b.source))
    .map(({ bound, source, samples_ms }) => {
      const { samples, p50_ms, p99_ms, max_ms } = summary(samples_ms);
      return [
        `${bound} s`,
        source,
        ...[p50_ms, p99_ms, max_ms].map((ms) => `${seconds(ms)} s`),
        grouped(samples),
      ];
    });
  return table(['B', 'from', 'p50', 'p99', 'max', 'revocations'], rows);
}

function costTable(costs) {
  const rows = costs.map((cost) => {
    const kv_reads = cost.kv_list_reads + cost.kv_record_reads;
    // An alarm makes each write to KV, and an alarm is billed as a call.
    const object_calls =
      cost.registry_lists + cost.registry_reports + cost.registry_waits + cost.usage_calls + cost.kv_writes;
    const dollars = Object.entries({ kv_reads, kv_writes: cost.kv_writes, object_calls }).reduce(
      (sum, [what, perDay]) => {
        const { perMillion, included } = PRICES[what];
        return sum + (Math.max(0, perDay * DAYS_A_MONTH - included) / 1_000_000) * perMillion;
      },
      0,
    );
    return [
      `${cost.bound} s`,
      cost.push === 0 ? 'no' : 'yes',
      grouped(cost.per_second),
      grouped(cost.isolates_per_location),
      grouped(cost.kv_list_reads),
      grouped(cost.kv_record_reads),
      grouped(cost.kv_writes),
      grouped(cost.registry_waits),
      grouped(cost.registry_lists + cost.registry_reports),
      grouped(cost.usage_calls),
      `$${dollars.toFixed(2)}`,
    ];
  });
  const head = [
    'B',
    'push',
    'requests/s',
    'isolates a location',
    'KV reads, lists',
    'KV reads, records',
    'KV writes',
    'registry: calls that wait',
    'registry: other calls',
    'usage calls',
    'a month',
  ];
  return table(head, rows);
}

function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const isText = (name) => name === 'from' || name === 'push';
  const rule = head.map((name) => (isText(name) ? '---' : '--:'));
  return [head, rule, ...rows].map(line).join('\n');
}

function grouped(number) {
  return Math.round(number).toLocaleString('en-US');
}
