// The figures in docs/propagation.md: two tables between two comments, made of what was measured.

import { seconds, summary } from './statistics.mjs';

const BEGIN = '<!-- figures: make propagation writes what is between these lines -->';
const END = '<!-- end of figures -->';

/** Cloudflare's prices of the paid plan, in dollars a million beyond what a month includes: reads and writes of KV, calls. */
const PRICES = {
  kv_reads: { perMillion: 0.5, included: 10_000_000 },
  kv_writes: { perMillion: 5, included: 1_000_000 },
  registry_calls: { perMillion: 0.15, included: 1_000_000 },
};
const DAYS_A_MONTH = 30;

/** `page` with the tables of these runs and costs in place of those that it had. */
export function withFigures(page, { runs, costs }) {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`the page lacks the lines ${BEGIN} and ${END}`);
  return `${page.slice(0, from + BEGIN.length)}\n\n${timesTable(runs)}\n\n${costTable(costs)}\n\n${page.slice(to)}`;
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
    // Each write to KV is made by an alarm, and an alarm is billed as a call.
    const registry_calls = cost.registry_lists + cost.registry_reports + cost.kv_writes;
    const dollars = Object.entries({ kv_reads, kv_writes: cost.kv_writes, registry_calls }).reduce(
      (sum, [what, perDay]) => {
        const { perMillion, included } = PRICES[what];
        return sum + (Math.max(0, perDay * DAYS_A_MONTH - included) / 1_000_000) * perMillion;
      },
      0,
    );
    return [
      `${cost.bound} s`,
      grouped(cost.per_second),
      grouped(cost.isolates_per_location),
      grouped(cost.kv_list_reads),
      grouped(cost.kv_record_reads),
      grouped(cost.kv_writes),
      grouped(cost.registry_lists),
      grouped(cost.registry_reports),
      `$${dollars.toFixed(2)}`,
    ];
  });
  const head = [
    'B',
    'requests/s',
    'isolates a location',
    'KV reads, lists',
    'KV reads, records',
    'KV writes',
    'registry calls, lists',
    'registry calls, reports',
    'a month',
  ];
  return table(head, rows);
}

function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((name) => (name === 'from' ? '---' : '--:'))), ...rows.map(line)].join(
    '\n',
  );
}

function grouped(number) {
  return Math.round(number).toLocaleString('en-US');
}
